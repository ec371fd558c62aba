select o.order_id::text as return_key, o.placed_at::date as date_day, c.customer_key, p.product_key, l.unit_price as refunded
from {{ ref('stg_shop__orders') }} o
join {{ ref('stg_shop__order_lines') }} l using (order_id)
join {{ ref('dim_customer') }} c using (customer_id)
join {{ ref('dim_product') }} p using (product_id)
where o.status = 'returned'
