{{ config(materialized='incremental', unique_key='id') }}

select
    id,
    month,
    value,
    cast(changed_at as timestamp) as changed_at
from {{ source('inputs', 'readings') }}
{% if is_incremental() %}
where cast(changed_at as timestamp) > (select max(changed_at) from {{ this }})
{% endif %}
