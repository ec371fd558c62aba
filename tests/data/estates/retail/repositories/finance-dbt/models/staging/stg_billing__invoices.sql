select * from {{ source('billing', 'billing_invoices') }}
