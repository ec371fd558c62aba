select * from {{ source('his', 'procedures') }}
