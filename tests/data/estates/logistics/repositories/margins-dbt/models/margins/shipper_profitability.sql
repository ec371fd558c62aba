select shipper_id, sum(total) as total from {{ ref('load_margins') }} group by 1
