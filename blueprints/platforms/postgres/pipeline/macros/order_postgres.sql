{% raw %}{#- Text is ordered by its bytes, as on the other platforms, also in a database with another collation: what a model
    makes of a literal or a number has the database's, unless its column has one of its own. -#}
{% macro postgres__create_table_as(temporary, relation, sql) %}
  {{ dbt.postgres__create_table_as(temporary, relation, sql) }}
  {{ order_by_bytes(relation) }}
{% endmacro %}

{% macro postgres__create_csv_table(model, agate_table) %}
  {%- set made = default__create_csv_table(model, agate_table) -%}
  {%- if env_var('PIPELINE_COLLATION', '') %}{% do run_query(order_by_bytes(this)) %}{% endif -%}
  {{ return(made) }}
{% endmacro %}

{% macro postgres__create_view_as(relation, sql) %}
  {%- set collation = env_var('PIPELINE_COLLATION', '') -%}
  {%- if not collation -%}
    {{ return(default__create_view_as(relation, sql)) }}
  {%- endif -%}
  {#- The columns of a view cannot be changed: another one, which nobody sees, says which are text. -#}
  {%- set probe = '"' ~ relation.identifier[:50] ~ '__probe"' -%}
  {%- set columns = [] -%}
  {%- do run_query((config.get('sql_header') or '') ~ ' create temporary view ' ~ probe ~ ' as (' ~ sql ~ '\n)') -%}
  {%- set described = run_query("select attname, attcollation = 'pg_catalog.default'::regcollation from pg_attribute where attrelid = 'pg_temp." ~ probe ~ "'::regclass and attnum > 0 order by attnum") -%}
  {%- do run_query('drop view pg_temp.' ~ probe) -%}
  {%- for column in described -%}
    {%- set name = adapter.quote(column[0]) -%}
    {%- do columns.append(name ~ (' collate "' ~ collation ~ '" as ' ~ name if column[1] else '')) -%}
  {%- endfor -%}
  {{ return(default__create_view_as(relation, 'select ' ~ columns | join(', ') ~ ' from (' ~ sql ~ '\n) as made')) }}
{% endmacro %}

{% macro order_by_bytes(relation) -%}
  {%- set collation = env_var('PIPELINE_COLLATION', '') -%}
  {%- if collation -%}
  do $order$
  declare
    changes text := (
      select string_agg(format('alter column %I type %s collate "{{ collation }}"', attname, format_type(atttypid, atttypmod)), ', ')
      from pg_attribute
      where attrelid = '{{ relation | replace("'", "''") }}'::regclass and attnum > 0 and not attisdropped
        and attcollation = 'pg_catalog.default'::regcollation
    );
  begin
    if changes is not null then
      execute 'alter table {{ relation | replace("'", "''") }} ' || changes;
    end if;
  end $order$;
  {%- endif -%}
{%- endmacro %}{% endraw %}
