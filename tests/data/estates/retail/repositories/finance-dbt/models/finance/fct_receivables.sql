select invoice_id, customer_id, net_amount, case when paid_at is null then net_amount else 0 end as open_amount,
       greatest(0, current_date - due_on) as days_overdue, current_date as as_of
from {{ ref('stg_billing__invoices') }}
