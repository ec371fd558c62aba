select * from {{ source('his', 'encounters') }}
