{{ config(materialized='view') }}
select c.customer_key, c.full_name, c.segment, count(distinct s.order_id) as orders, sum(s.revenue) as revenue,
       max(s.date_day) as last_order_on, sum(r.refunded) as refunded
from {{ ref('dim_customer') }} c
left join {{ ref('fct_sales') }} s using (customer_key)
left join {{ ref('fct_returns') }} r using (customer_key)
group by 1, 2, 3
