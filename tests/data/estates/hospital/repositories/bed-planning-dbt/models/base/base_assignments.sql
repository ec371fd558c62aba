select a.*, b.ward_id from {{ source('his', 'bed_assignments') }} a join {{ source('his', 'beds') }} b on b.id = a.bed_id
