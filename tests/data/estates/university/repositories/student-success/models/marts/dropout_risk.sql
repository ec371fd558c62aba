select student_key, avg(grade) < 3 as at_risk from {{ ref('fct_course_outcomes') }} group by 1
