-- One row for each airline, over all days and airports.
with

airlines as (
    select
        carrier,
        min(airline) as airline,
        sum(departures)::bigint as departures,
        round(100.0 * sum(on_time) / sum(departures), 1) as on_time_percent,
        round(100.0 * sum(cancelled) / sum(departures), 1) as cancelled_percent
    from {{ source('inputs', 'punctuality') }}
    group by carrier
)

select
    carrier,
    airline,
    departures,
    on_time_percent,
    cancelled_percent,
    rank() over (order by on_time_percent desc) as place
from airlines
