select visit_id, visitor_id, page, visited_at from {{ source('landing', 'web_visits') }}
