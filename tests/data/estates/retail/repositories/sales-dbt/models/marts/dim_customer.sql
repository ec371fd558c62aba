select customer_id as customer_key, customer_id, first_name || ' ' || last_name as full_name, segment_code as segment,
       min(o.placed_at)::date as first_order_on
from {{ ref('stg_shop__customers') }} c
left join {{ ref('stg_shop__orders') }} o using (customer_id)
group by 1, 2, 3, 4
