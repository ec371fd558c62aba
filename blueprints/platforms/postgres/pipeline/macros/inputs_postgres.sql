{% raw %}{#- Several products share a database: each has its inputs in a schema of its own, beside that of its models. So
    `source('inputs', …)` is found there, and so are the columns of its rows in unit tests. -#}
{% macro source(source_name, table_name) %}
  {{ return(in_schema_of_inputs(builtins.source(source_name, table_name))) }}
{% endmacro %}

{% macro get_columns_in_relation(relation) %}
  {{ return(adapter.dispatch('get_columns_in_relation', 'dbt')(in_schema_of_inputs(relation))) }}
{% endmacro %}

{% macro in_schema_of_inputs(relation) %}
  {%- if target.type == 'postgres' and relation.schema == 'inputs' -%}
    {{ return(relation.incorporate(path={'schema': target.schema.removesuffix('_models') ~ '_inputs'})) }}
  {%- endif -%}
  {{ return(relation) }}
{% endmacro %}{% endraw %}
