select id as ticket_id, order_id, performance_id, price from {{ source('ticketing', 'tickets') }}
