select ward_id, date_trunc('hour', from_time) as hour, count(*) as busy from {{ ref('base_assignments') }} group by 1, 2
