select * from {{ source('shop', 'shop_order_lines') }}
