select * from {{ source('tms', 'Loads') }}
