select l.*, i.total from {{ ref('stg_loads') }} l join {{ ref('stg_invoices') }} i using (load_id)
