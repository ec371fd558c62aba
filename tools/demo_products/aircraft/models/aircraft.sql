-- One row for each aircraft; the maker's several names are one.
select
    tailnum as tail_number,
    year as built_in,
    type as aircraft_type,
    case
        when manufacturer like 'AIRBUS%' then 'AIRBUS'
        when manufacturer like 'MCDONNELL DOUGLAS%' then 'MCDONNELL DOUGLAS'
        else manufacturer
    end as manufacturer,
    model,
    engines,
    engine as engine_type,
    seats
from {{ source('inputs', 'planes') }}
