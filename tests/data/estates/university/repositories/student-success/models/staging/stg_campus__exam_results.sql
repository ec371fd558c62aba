select * from {{ source('campus', 'exam_results') }}
