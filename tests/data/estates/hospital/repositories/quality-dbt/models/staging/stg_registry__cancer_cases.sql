select * from {{ source('registry', 'cancer_cases') }}
