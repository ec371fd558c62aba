select date_trunc('month', s.date_day)::date as month, c.segment, p.category, null as country, count(distinct s.order_id) as orders,
       sum(s.quantity) as units, sum(s.revenue) as revenue, sum(s.discount) as discount, sum(r.refunded) as refunds, 0 as margin
from {{ source('sales', 'fct_sales') }} s
join {{ source('sales', 'dim_customer') }} c using (customer_key)
join {{ source('sales', 'dim_product') }} p using (product_key)
left join {{ source('sales', 'fct_returns') }} r using (customer_key, product_key, date_day)
group by 1, 2, 3, 4
