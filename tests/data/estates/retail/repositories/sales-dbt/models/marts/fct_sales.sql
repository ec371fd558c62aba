select l.order_id || '-' || l.line_no as sale_key, l.order_id, l.line_no, o.placed_at::date as date_day,
       c.customer_key, p.product_key, l.quantity, l.quantity * l.unit_price as revenue, l.discount
from {{ ref('stg_shop__order_lines') }} l
join {{ ref('stg_shop__orders') }} o using (order_id)
join {{ ref('dim_customer') }} c using (customer_id)
join {{ ref('dim_product') }} p using (product_id)
