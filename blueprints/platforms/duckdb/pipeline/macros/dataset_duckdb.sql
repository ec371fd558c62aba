{% raw %}{#- The data set's model, written once: straight into the file that is verified and published, and read from there.
    Only a plain table is made like this, see pipeline/transforms/dbt.py: what asks dbt for more is dbt-duckdb's table. -#}
{% materialization dataset, adapter='duckdb' %}
  {%- set relation = this.incorporate(type='view') -%}

  {#- Parquet has no integer that is wider than a bigint, and DuckDB would write a sum as a floating-point number. -#}
  {%- set wide = [] -%}
  {%- for column in run_query('describe from (' ~ compiled_code ~ '\n)') if 'HUGEINT' in column[1] -%}
    {%- set name = adapter.quote(column[0]) -%}
    {%- set type = modules.re.sub('(?<!")\\bU?HUGEINT\\b(?!")', 'BIGINT', column[1]) -%}
    {%- do wide.append('cast(' ~ name ~ ' as ' ~ type ~ ') as ' ~ name) -%}
  {%- endfor %}
  {% call statement('main') -%}
    copy (
      select *{% if wide %} replace ({{ wide | join(', ') }}){% endif %} from (
        {{ compiled_code }}
      )
    ) to {{ env_var('PIPELINE_FILE') }} ({{ env_var('PIPELINE_FORM') }})
  {%- endcall %}
  {{ drop_relation_if_exists(load_cached_relation(this)) }}
  {% call statement('view') -%}
    create view {{ relation }} as from read_parquet({{ env_var('PIPELINE_FILE') }})
  {%- endcall %}
  {{ adapter.commit() }}

  {{ return({'relations': [relation]}) }}
{% endmaterialization %}{% endraw %}
