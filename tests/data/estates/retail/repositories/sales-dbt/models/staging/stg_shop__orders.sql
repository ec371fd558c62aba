select * from {{ source('shop', 'shop_orders') }}
