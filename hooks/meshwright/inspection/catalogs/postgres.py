"""Read the catalog of PostgreSQL.

SQLAlchemy's inspector casts names to regclass, which fails in a schema that the account may not use.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from meshwright.core.errors import Error
from meshwright.inspection.catalogs.parts import Found, Parts, described, utc
from meshwright.inspection.catalogs.sql_definitions import listed_values
from meshwright.inspection.model import Activity, ForeignKey

_KINDS = "c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition"
_TABLES = """
select c.oid, n.nspname, c.relname, c.relkind in ('v', 'm'),
  case when c.relkind in ('r', 'm', 'p') and c.reltuples >= 0 then c.reltuples::bigint end,
  pg_catalog.obj_description(c.oid, 'pg_class'), pg_catalog.pg_get_userbyid(c.relowner),
  array(select distinct coalesce(r.rolname, 'PUBLIC')::text
    from pg_catalog.aclexplode(coalesce(c.relacl, pg_catalog.acldefault('r', c.relowner))) a
    left join pg_catalog.pg_roles r on r.oid = a.grantee
    where a.privilege_type = 'SELECT' and {others}),
  array(select distinct coalesce(r.rolname, 'PUBLIC')::text
    from pg_catalog.aclexplode(coalesce(c.relacl, pg_catalog.acldefault('r', c.relowner))) a
    left join pg_catalog.pg_roles r on r.oid = a.grantee
    where a.privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE') and {others}),
  coalesce(s.seq_scan, 0) + coalesce(s.idx_scan, 0), s.n_tup_ins + s.n_tup_upd + s.n_tup_del,
  (select d.stats_reset from pg_catalog.pg_stat_database d where d.datname = pg_catalog.current_database()),
  {last_read}, s.relid is not null,
  array(select distinct (dn.nspname || '.' || dc.relname)::text
    from pg_catalog.pg_rewrite w
    join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and d.objid = w.oid
      and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjid <> c.oid
    join pg_catalog.pg_class dc on dc.oid = d.refobjid and dc.relkind in ('r', 'p', 'v', 'm', 'f')
    join pg_catalog.pg_namespace dn on dn.oid = dc.relnamespace
    where w.ev_class = c.oid and c.relkind in ('v', 'm')),
  pg_catalog.has_schema_privilege(n.oid, 'USAGE'), pg_catalog.has_table_privilege(c.oid, 'SELECT')
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_stat_all_tables s on s.relid = c.oid and c.relkind <> 'v'
where {kinds} and n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'
  and (:schema = '' or n.nspname = :schema) and (:only = '' or c.relname = :only)
  and (:only <> '' or not exists (select from pg_catalog.pg_inherits i where i.inhrelid = c.oid))
"""
_OTHERS = "a.grantee <> c.relowner and r.rolsuper is not true and r.rolname is distinct from current_user"
"""Who is neither owner nor superuser, nor this account."""
_COLUMNS = """
select a.attrelid, a.attnum, a.attname, a.atttypid, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull,
  pg_catalog.col_description(a.attrelid, a.attnum), t.typcategory = 'A'
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid
join pg_catalog.pg_type t on t.oid = a.atttypid
where a.attnum > 0 and not a.attisdropped and {kinds} and (:only = '' or c.relname = :only)
order by a.attrelid, a.attnum
"""
_DOMAINS = """
select t.oid, t.typbasetype, pg_catalog.format_type(t.typbasetype, t.typtypmod), t.typnotnull, b.typcategory = 'A'
from pg_catalog.pg_type t join pg_catalog.pg_type b on b.oid = t.typbasetype where t.typtype = 'd'
"""
_ENUMS = "select enumtypid, enumlabel from pg_catalog.pg_enum order by enumtypid, enumsortorder"
_KEYS = """
select i.indrelid, i.indisprimary, i.indnkeyatts, i.indkey::int2[]
from pg_catalog.pg_index i
where i.indisunique and i.indisvalid and i.indimmediate and i.indpred is null and i.indexprs is null
"""
_REFERENCES = """
select k.conrelid, k.conkey, k.confrelid, k.confkey, fn.nspname, fc.relname
from pg_catalog.pg_constraint k
join pg_catalog.pg_class fc on fc.oid = k.confrelid
join pg_catalog.pg_namespace fn on fn.oid = fc.relnamespace
where k.contype = 'f' and k.conparentid = 0
order by k.conname
"""
_CHECKS = """
select k.conrelid, pg_catalog.pg_get_expr(k.conbin, k.conrelid)
from pg_catalog.pg_constraint k where k.contype = 'c' and k.convalidated and k.conrelid <> 0
"""
_VERSION_16 = 160000
"""The first version that knows when a table was last read."""


def read(engine: sa.Engine, schema: str, only: str) -> Found:
    with engine.connect() as connection:
        if only and not schema:
            schema = _schema_of(connection, only)
        version = connection.exec_driver_sql(
            "select pg_catalog.current_setting('server_version_num')::int"
        ).scalar_one()
        account = connection.exec_driver_sql("select current_user").scalar_one()
        last_read = (
            "greatest(s.last_seq_scan, s.last_idx_scan)" if version >= _VERSION_16 else "null::timestamptz"
        )

        def rows(sql: str) -> list[Any]:
            given = {
                name: value for name, value in (("schema", schema), ("only", only)) if f":{name} " in sql
            }
            statement = sa.text(re.sub(r"(?<!:)::(?!:)", r"\:\:", sql))
            return list(connection.execute(statement, given).fetchall())

        found: dict[int, tuple[str, str, Parts]] = {}
        for row in rows(_TABLES.format(last_read=last_read, kinds=_KINDS, others=_OTHERS)):
            table, of, name, is_view, count, comment, owner, readers, writers, reads, writes, since, last = (
                row[:13]
            )
            counted, below, may_use, may_read = row[13:]
            activity = Activity(
                owner,
                tuple(sorted(readers)),
                tuple(sorted(writers)),
                last_read=utc(last),
                reads=reads if counted else None,
                writes=writes if counted else None,
                since=utc(since),
            )
            found[table] = (
                of,
                name,
                Parts(
                    comment=comment or "",
                    is_view=is_view,
                    rows=count,
                    reads_from=tuple(sorted(below)),
                    activity=activity,
                    grants=_grants(engine, account, of, name, may_use, may_read),
                ),
            )
        names = _columns(rows, {table: parts for table, (_, _, parts) in found.items()})
        for table, is_primary, count, numbers in rows(_KEYS):
            if table in found:
                key = tuple(names[table, number] for number in numbers[:count])
                if is_primary:
                    found[table][2].primary_key = key
                else:
                    found[table][2].unique_keys.append(key)
        if only:  # the columns of the other tables are needed
            names |= _names(rows)
        for table, numbers, other, others, of, name in rows(_REFERENCES):
            if table in found:
                found[table][2].foreign_keys.append(
                    ForeignKey(
                        tuple(names[table, number] for number in numbers),
                        f"{of}.{name}",
                        tuple(names.get((other, number), "") for number in others),
                    )
                )
    return {(of, name): parts for of, name, parts in found.values()}


def _grants(
    engine: sa.Engine, account: str, schema: str, table: str, may_use: bool, may_read: bool
) -> tuple[str, ...]:
    """Return the statements that let an account read a table."""
    quote = engine.dialect.identifier_preparer.quote
    of, to = quote(schema), quote(account)
    use, read = f"GRANT USAGE ON SCHEMA {of} TO {to};", f"GRANT SELECT ON {of}.{quote(table)} TO {to};"
    return (use,) * (not may_use) + (read,) * (not may_read)


def _names(rows: Callable[[str], list[Any]]) -> dict[tuple[int, int], str]:
    listed = rows("select attrelid, attnum, attname from pg_catalog.pg_attribute where attnum > 0")
    return {(table, number): name for table, number, name in listed}


def _columns(rows: Callable[[str], list[Any]], found: Mapping[int, Parts]) -> dict[tuple[int, int], str]:
    """Add the columns to their tables; return the name of each, by table and number."""
    domains = {row[0]: row[1:] for row in rows(_DOMAINS)}
    enums: dict[int, list[str]] = defaultdict(list)
    for kind, label in rows(_ENUMS):
        enums[kind].append(label)
    checks: dict[int, list[str]] = defaultdict(list)
    for table, text in rows(_CHECKS):
        if table in found:
            checks[table].append(text)
    allowed = {table: listed_values(texts, "postgres") for table, texts in checks.items()}
    names = {}
    for table, number, name, kind, native, required, comment, is_array in rows(_COLUMNS.format(kinds=_KINDS)):
        if table not in found:
            continue
        names[table, number] = name
        spelling = native
        while kind in domains:
            kind, spelling, refuses, is_array = domains[kind]
            required = required or refuses
        kind_of = _type(spelling, enums.get(kind, ()), is_array)
        found[table].add(
            described(
                name,
                kind_of,
                native=native,
                required=required,
                comment=comment or "",
                values=allowed.get(table, {}).get(name, ()),
            ),
            kind_of,
        )
    return names


_FORM = re.compile(r"(?P<name>[^()]+?)(\((?P<numbers>[-0-9, ]+)\))?(?P<rest> with(out)? time zone)?")


def _type(spelling: str, values: Sequence[str], is_array: bool) -> Any:
    """Return SQLAlchemy's type for a spelling of PostgreSQL's format_type."""
    if is_array:
        return postgresql.ARRAY(sa.Text())
    if values:
        return sa.Enum(*values)
    match = _FORM.fullmatch(spelling)
    name = f"{match['name']}{match['rest'] or ''}" if match else spelling
    numbers = [int(number) for number in (match["numbers"] or "").split(",") if number] if match else []
    kind: Any = postgresql.base.ischema_names.get(name)
    if kind is None:
        return sa.types.NULLTYPE
    if name == "numeric":
        return kind(*numbers)
    if name.startswith(("timestamp", "time ")) or name == "time":
        return kind(timezone=name.endswith(" with time zone"))
    if issubclass(kind, sa.String) and numbers:
        return kind(numbers[0])
    return kind()


def _schema_of(connection: sa.Connection, table: str) -> str:
    """Return the schema that a table's name alone means, by the account's search path.

    Raises Error if it is in several others.
    """
    named = sa.text(
        "select n.nspname, pg_catalog.pg_table_is_visible(c.oid)"
        " from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
        f" where c.relname = :name and {_KINDS} and n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'"
        " order by 2 desc, 1"
    )
    rows = connection.execute(named, {"name": table}).fetchall()
    schemas = [of for of, _ in rows]
    if len(schemas) > 1 and not rows[0][1]:
        raise Error(
            f"Several schemas have a table {table}: {', '.join(schemas)}.",
            f"Write which one, such as {schemas[0]}.{table}.",
        )
    return schemas[0] if schemas else ""
