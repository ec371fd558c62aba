select h.ward_id, w.name as ward, h.hour, avg(h.busy) over (partition by h.ward_id order by h.hour rows 168 preceding) as expected
from {{ ref('int_ward_hours') }} h join {{ source('his', 'wards') }} w on w.id = h.ward_id
