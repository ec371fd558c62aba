-- One row for each aircraft and day on which it was due to leave New York.
with

departures as (
    select * from {{ source('inputs', 'departures') }}
    where tail_number is not null
),

aircraft as (
    select * from {{ source('inputs', 'aircraft') }}
)

select
    cast(departures.scheduled_departure as date) as day,
    departures.tail_number,
    any_value(aircraft.manufacturer) as manufacturer,
    any_value(aircraft.model) as model,
    count(*) filter (where not departures.cancelled) as flights,
    count(*) filter (where departures.cancelled) as cancelled,
    coalesce(sum(departures.air_time_minutes), 0) as air_time_minutes,
    sum(aircraft.seats) filter (where not departures.cancelled) as seats_offered
from departures
left join aircraft on departures.tail_number = aircraft.tail_number
group by all
