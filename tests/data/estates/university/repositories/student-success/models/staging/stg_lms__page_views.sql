select * from {{ source('lms', 'page_views') }}
