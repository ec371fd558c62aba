select p.id as procedure_id, p.ops_code, p.outcome, e.discharge_disposition, c.icd_code as cancer
from {{ ref('stg_his__procedures') }} p
join {{ ref('stg_his__encounters') }} e on e.id = p.encounter_id
left join {{ ref('stg_registry__cancer_cases') }} c on c.mrn = e.patient_id::text
