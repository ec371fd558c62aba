select * from {{ source('campus', 'students') }}
