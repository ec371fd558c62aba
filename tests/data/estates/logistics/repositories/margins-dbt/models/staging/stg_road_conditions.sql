select * from {{ source('weather', 'road_conditions') }}
