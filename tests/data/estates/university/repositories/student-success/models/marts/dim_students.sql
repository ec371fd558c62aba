select id as student_key, nationality from {{ ref('stg_campus__students') }}
