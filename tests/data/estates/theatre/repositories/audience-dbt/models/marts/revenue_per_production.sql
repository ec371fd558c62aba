select r.title, date_trunc('month', p.starts_at) as month, sum(t.price) as revenue
from {{ ref('stg_tickets') }} as t
join {{ source('planning', 'performances') }} as p on p.id = t.performance_id
join {{ source('planning', 'productions') }} as r on r.id = p.production_id
group by 1, 2
