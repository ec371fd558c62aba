select * from {{ source('campus', 'enrolments') }}
