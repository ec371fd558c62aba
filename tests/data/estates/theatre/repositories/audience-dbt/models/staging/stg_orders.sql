select id as order_id, patron_id, placed_at from {{ source('ticketing', 'orders') }} where state = 'paid'
