select * from {{ source('shop', 'shop_products') }}
