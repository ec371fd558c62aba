select * from {{ source('ar', 'invoice') }}
