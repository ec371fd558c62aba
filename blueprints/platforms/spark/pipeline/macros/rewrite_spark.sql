{% raw %}{#- Spark's own tables are Parquet files, which only grow. An incremental model and a snapshot also replace rows: here
    that is a new table, of the rows that stay and the new ones, which takes the old one's place when it is whole. -#}
{% macro spark_rewritten(target) %}
  {{ return(target.incorporate(path={'identifier': target.identifier ~ '__rewritten'})) }}
{% endmacro %}

{#- What fills the new table, which is there when this returns. -#}
{% macro spark_rewrite(target, rows) %}
  {% do run_query('create table ' ~ spark_rewritten(target) ~ ' like ' ~ target) %}
  {{ return('insert into ' ~ spark_rewritten(target) ~ ' ' ~ rows) }}
{% endmacro %}

{% macro dbt_spark_validate_get_incremental_strategy(raw_strategy, file_format) %}
  {#- dbt's word where a model names none: with a unique key its rows replace others. -#}
  {%- set strategy = config.get('incremental_strategy') or ('delete+insert' if config.get('unique_key') else 'append') -%}
  {%- if strategy not in ['append', 'delete+insert', 'merge', 'insert_overwrite', 'microbatch'] -%}
    {% do exceptions.raise_compiler_error('spark@1 has no incremental strategy ' ~ strategy ~ ': choose append or delete+insert.') %}
  {%- elif config.get('merge_update_columns') or config.get('merge_exclude_columns') -%}
    {% do exceptions.raise_compiler_error('spark@1 replaces whole rows: leave out merge_update_columns and merge_exclude_columns.') %}
  {%- endif -%}
  {{ return(strategy) }}
{% endmacro %}

{% macro dbt_spark_get_incremental_sql(strategy, source, target, existing, unique_key, incremental_predicates) %}
  {%- if strategy in ['insert_overwrite', 'microbatch'] -%}
    {{ return(get_insert_overwrite_sql(source, target, existing)) }}
  {%- elif strategy == 'append' or not unique_key -%}
    {{ return(get_insert_into_sql(source, target)) }}
  {%- endif -%}
  {%- set columns = adapter.get_columns_in_relation(target) | map(attribute='quoted') | join(', ') -%}
  {%- set same = [] -%}
  {%- for key in ([unique_key] if unique_key is string else unique_key) -%}
    {% do same.append('DBT_INTERNAL_SOURCE.' ~ key ~ ' = DBT_INTERNAL_DEST.' ~ key) %}
  {%- endfor -%}
  {% set rows %}
    select {{ columns }} from {{ target }} as DBT_INTERNAL_DEST where not exists (
      select 1 from {{ source }} as DBT_INTERNAL_SOURCE where {{ (same + (incremental_predicates or [])) | join(' and ') }}
    )
    union all select {{ columns }} from {{ source }}
  {% endset %}
  {% do run_query(spark_rewrite(target, rows)) %}
  {% do run_query('drop table ' ~ target) %}
  {{ return('alter table ' ~ spark_rewritten(target) ~ ' rename to ' ~ target) }}
{% endmacro %}

{% materialization snapshot, adapter='spark' %}
  {%- set target = load_relation(this) -%}
  {%- set made = materialization_snapshot_default() -%}
  {#- Until here dbt reads the old one. -#}
  {% if target %}
    {% do run_query('drop table ' ~ target) %}
    {% do run_query('alter table ' ~ spark_rewritten(target) ~ ' rename to ' ~ target) %}
  {% endif %}
  {{ return(made) }}
{% endmaterialization %}

{% macro spark__snapshot_merge_sql(target, source, insert_cols) %}
  {%- set names = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() -%}
  {%- set until, id = names.dbt_valid_to, names.dbt_scd_id -%}
  {%- set current = config.get('dbt_valid_to_current') -%}
  {%- set columns = adapter.get_columns_in_relation(target) | map(attribute='name') | list -%}
  {% set rows %}
    select
      {%- for name in columns %}
      {% if name == until -%}
      case when ended.{{ id }} is null then kept.{{ until }} else ended.{{ until }} end as {{ until }}
      {%- else -%}
      kept.{{ adapter.quote(name) }}
      {%- endif -%}
      {{ ',' if not loop.last }}
      {%- endfor %}
    from {{ target }} as kept
    left join (select * from {{ source }} where dbt_change_type in ('update', 'delete')) as ended
      on ended.{{ id }} = kept.{{ id }} and (kept.{{ until }} is null{% if current %} or kept.{{ until }} = {{ current }}{% endif %})
    union all
    select
      {%- for name in columns %} {{ adapter.quote(name) if adapter.quote(name) in insert_cols else 'null' }}{{ ',' if not loop.last }}{% endfor %}
    from {{ source }} where dbt_change_type = 'insert'
  {% endset %}
  {{ return(spark_rewrite(target, rows)) }}
{% endmacro %}

{% macro spark__snapshot_get_time() %}
  cast(current_timestamp() as timestamp_ntz)
{% endmacro %}

{% macro spark__escape_single_quotes(expression) -%}
  {{ return(expression | replace("'", "''")) }}
{%- endmacro %}{% endraw %}
