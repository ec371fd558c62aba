select e.id as encounter_id, e.patient_id, n.id as readmitted_as, n.admitted_at - e.discharged_at as after
from {{ ref('stg_his__encounters') }} e
join {{ ref('stg_his__encounters') }} n on n.patient_id = e.patient_id and n.admitted_at between e.discharged_at and e.discharged_at + interval '30 days'
