select c.id as patron_id, count(distinct o.order_id) as orders, sum(t.price) as spent, max(v.visited_at) as last_visit
from {{ source('ticketing', 'patrons') }} as c
left join {{ ref('stg_orders') }} as o on o.patron_id = c.id
left join {{ ref('stg_tickets') }} as t on t.order_id = o.order_id
left join {{ ref('stg_web_visits') }} as v on v.visitor_id = c.id
group by 1
