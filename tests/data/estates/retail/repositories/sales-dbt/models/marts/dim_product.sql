select product_id as product_key, product_id, sku, name, null as brand, null as category from {{ ref('stg_shop__products') }}
