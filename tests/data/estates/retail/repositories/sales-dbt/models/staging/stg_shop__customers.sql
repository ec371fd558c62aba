select * from {{ source('shop', 'shop_customers') }}
