select d::date as date_day, extract(year from d)::int as year, extract(quarter from d)::int as quarter,
       extract(month from d)::int as month, extract(week from d)::int as iso_week, extract(isodow from d) > 5 as is_weekend
from generate_series('2019-01-01'::date, '2029-12-31'::date, interval '1 day') d
