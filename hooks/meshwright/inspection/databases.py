"""Read the catalog of a database: tables and views with columns, keys, comments, size, activity and rights.

Nothing here selects from a table: an account without SELECT on any table is enough.
"""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import sqlalchemy as sa
import sqlglot
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.mysql.reflection import MySQLTableDefinitionParser

from meshwright.core.errors import Error
from meshwright.inspection import database_address
from meshwright.inspection.database_address import DatabaseAddress, readable
from meshwright.inspection.model import Activity, Column, ForeignKey, Table
from meshwright.inspection.reading.database_types import base_type, expression, sqlite_type

SYSTEM = ("information_schema", "mysql", "performance_schema", "sys")
"""Databases of a MySQL or MariaDB server itself."""


def catalog(url: str, root: Path = Path()) -> list[Table]:
    """Return all tables and views that the account sees, without selecting from any.

    `url` is an address as database_address.parse takes it: of a database, of a schema (`?schema=crm`), or of one table.
    A MySQL or MariaDB address without a database means all databases. `root`: folder that a SQLite path starts at.
    Raises Error.
    """
    address = database_address.parse("catalog", url, root)
    engine = address.engine()
    with readable(address, ": its catalog"):
        return tables(engine, address)


def tables(engine: sa.Engine, address: DatabaseAddress) -> list[Table]:
    """Return the tables that the address means; all of the database if it has none."""
    read = READERS[engine.dialect.name]
    only = "" if address.table == database_address.ANY else address.table
    with warnings.catch_warnings(
        category=sa.exc.SAWarning, action="ignore"
    ):  # types that SQLAlchemy does not know
        return sorted(read(engine, address.schema, only), key=lambda table: (table.schema, table.name))


@dataclass
class Parts:
    """What is known of a table while it is read."""

    columns: list[Column] = field(default_factory=list)
    primary_key: tuple[str, ...] = ()
    unique_keys: list[tuple[str, ...]] = field(default_factory=list)
    foreign_keys: list[ForeignKey] = field(default_factory=list)
    comment: str = ""
    is_view: bool = False
    rows: int | None = None
    reads_from: tuple[str, ...] = ()
    activity: Activity | None = None

    def table(self, name: str, schema: str) -> Table:
        return Table(
            name,
            tuple(self.columns),
            schema,
            self.primary_key,
            tuple(key for key in dict.fromkeys(self.unique_keys) if key != self.primary_key),
            tuple(self.foreign_keys),
            self.rows,
            self.comment,
            self.is_view,
            self.reads_from,
            self.activity,
        )


def described(
    column: sa.Column[Any], *, native: str = "", required: bool, comment: str, landed: str = ""
) -> Column:
    """Return a column as `database@1` lands it."""
    kind = base_type(column)
    values = tuple(map(str, getattr(kind, "enums", ()) or ())) if isinstance(kind, sa.Enum) else ()
    length = kind.length if isinstance(kind, sa.String) and not isinstance(kind, sa.Enum) else None
    return Column(
        name=str(column.name),
        type=landed or expression(column)[1],
        native_type=native,
        required=required,
        max_length=length or None,
        description=comment or "",
        values=values,
    )


# PostgreSQL ---------------------------------------------------------------------------------------------------------
#
# SQLAlchemy's inspector casts names to regclass, which fails in a schema that the account may not use.

_KINDS = "c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition"
_POSTGRES_TABLES = """
select c.oid, n.nspname, c.relname, c.relkind in ('v', 'm'),
  case when c.relkind in ('r', 'm', 'p') and c.reltuples >= 0 then c.reltuples::bigint end,
  pg_catalog.obj_description(c.oid, 'pg_class'), pg_catalog.pg_get_userbyid(c.relowner),
  array(select distinct coalesce(r.rolname, 'PUBLIC')::text
    from pg_catalog.aclexplode(coalesce(c.relacl, pg_catalog.acldefault('r', c.relowner))) a
    left join pg_catalog.pg_roles r on r.oid = a.grantee
    where a.privilege_type = 'SELECT' and a.grantee <> c.relowner),
  array(select distinct coalesce(r.rolname, 'PUBLIC')::text
    from pg_catalog.aclexplode(coalesce(c.relacl, pg_catalog.acldefault('r', c.relowner))) a
    left join pg_catalog.pg_roles r on r.oid = a.grantee
    where a.privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE') and a.grantee <> c.relowner),
  coalesce(s.seq_scan, 0) + coalesce(s.idx_scan, 0), s.n_tup_ins + s.n_tup_upd + s.n_tup_del,
  (select d.stats_reset from pg_catalog.pg_stat_database d where d.datname = pg_catalog.current_database()),
  {last_read}, s.relid is not null,
  array(select distinct (dn.nspname || '.' || dc.relname)::text
    from pg_catalog.pg_rewrite w
    join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and d.objid = w.oid
      and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjid <> c.oid
    join pg_catalog.pg_class dc on dc.oid = d.refobjid and dc.relkind in ('r', 'p', 'v', 'm', 'f')
    join pg_catalog.pg_namespace dn on dn.oid = dc.relnamespace
    where w.ev_class = c.oid and c.relkind in ('v', 'm'))
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_stat_all_tables s on s.relid = c.oid and c.relkind <> 'v'
where {kinds} and n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'
  and (:schema = '' or n.nspname = :schema) and (:only = '' or c.relname = :only)
"""
_POSTGRES_COLUMNS = """
select a.attrelid, a.attnum, a.attname, a.atttypid, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull,
  pg_catalog.col_description(a.attrelid, a.attnum), t.typcategory = 'A'
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid
join pg_catalog.pg_type t on t.oid = a.atttypid
where a.attnum > 0 and not a.attisdropped and {kinds} and (:only = '' or c.relname = :only)
order by a.attrelid, a.attnum
"""
_POSTGRES_DOMAINS = """
select t.oid, t.typbasetype, pg_catalog.format_type(t.typbasetype, t.typtypmod), t.typnotnull, b.typcategory = 'A'
from pg_catalog.pg_type t join pg_catalog.pg_type b on b.oid = t.typbasetype where t.typtype = 'd'
"""
_POSTGRES_ENUMS = "select enumtypid, enumlabel from pg_catalog.pg_enum order by enumtypid, enumsortorder"
_POSTGRES_KEYS = """
select i.indrelid, i.indisprimary, i.indnkeyatts, i.indkey::int2[]
from pg_catalog.pg_index i
where i.indisunique and i.indisvalid and i.indimmediate and i.indpred is null and i.indexprs is null
"""
_POSTGRES_REFERENCES = """
select k.conrelid, k.conkey, k.confrelid, k.confkey, fn.nspname, fc.relname
from pg_catalog.pg_constraint k
join pg_catalog.pg_class fc on fc.oid = k.confrelid
join pg_catalog.pg_namespace fn on fn.oid = fc.relnamespace
where k.contype = 'f' and k.conparentid = 0
order by k.conname
"""
_POSTGRES_CHECKS = """
select k.conrelid, pg_catalog.pg_get_expr(k.conbin, k.conrelid)
from pg_catalog.pg_constraint k where k.contype = 'c' and k.convalidated and k.conrelid <> 0
"""
_VERSION_16 = 160000
"""The first version that knows when a table was last read."""


def _postgres(engine: sa.Engine, schema: str, only: str) -> Iterable[Table]:
    with engine.connect() as connection:
        if only and not schema:
            schema = _schema_of(connection, only)
        version = connection.exec_driver_sql(
            "select pg_catalog.current_setting('server_version_num')::int"
        ).scalar_one()
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
        for row in rows(_POSTGRES_TABLES.format(last_read=last_read, kinds=_KINDS)):
            table, of, name, is_view, count, comment, owner, readers, writers, reads, writes, since, last = (
                row[:13]
            )
            counted, below = row[13:]
            activity = Activity(
                owner,
                tuple(sorted(readers)),
                tuple(sorted(writers)),
                last_read=_utc(last),
                reads=reads if counted else None,
                writes=writes if counted else None,
                since=_utc(since),
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
                ),
            )
        names = _postgres_columns(rows, {table: parts for table, (_, _, parts) in found.items()})
        for table, is_primary, count, numbers in rows(_POSTGRES_KEYS):
            if table in found:
                key = tuple(names[table, number] for number in numbers[:count])
                if is_primary:
                    found[table][2].primary_key = key
                else:
                    found[table][2].unique_keys.append(key)
        if only:  # the columns of the other tables are needed
            names |= _postgres_names(rows)
        for table, numbers, other, others, of, name in rows(_POSTGRES_REFERENCES):
            if table in found:
                found[table][2].foreign_keys.append(
                    ForeignKey(
                        tuple(names[table, number] for number in numbers),
                        f"{of}.{name}",
                        tuple(names.get((other, number), "") for number in others),
                    )
                )
    return [parts.table(name, of) for of, name, parts in found.values()]


def _postgres_names(rows: Callable[[str], list[Any]]) -> dict[tuple[int, int], str]:
    listed = rows("select attrelid, attnum, attname from pg_catalog.pg_attribute where attnum > 0")
    return {(table, number): name for table, number, name in listed}


def _postgres_columns(
    rows: Callable[[str], list[Any]], found: Mapping[int, Parts]
) -> dict[tuple[int, int], str]:
    """Add the columns to their tables; return the name of each, by table and number."""
    domains = {row[0]: row[1:] for row in rows(_POSTGRES_DOMAINS)}
    enums: dict[int, list[str]] = defaultdict(list)
    for kind, label in rows(_POSTGRES_ENUMS):
        enums[kind].append(label)
    checks: dict[int, list[str]] = defaultdict(list)
    for table, text in rows(_POSTGRES_CHECKS):
        if table in found:
            checks[table].append(text)
    allowed = {table: listed_values(texts, "postgres") for table, texts in checks.items()}
    names = {}
    for table, number, name, kind, native, required, comment, is_array in rows(
        _POSTGRES_COLUMNS.format(kinds=_KINDS)
    ):
        if table not in found:
            continue
        names[table, number] = name
        spelling = native
        while kind in domains:
            kind, spelling, refuses, is_array = domains[kind]
            required = required or refuses
        column = described(
            sa.Column(name, _postgres_type(spelling, enums.get(kind, ()), is_array)),
            native=native,
            required=required,
            comment=comment or "",
        )
        values = column.values or allowed.get(table, {}).get(name, ())
        found[table].columns.append(replace(column, values=values))
    return names


_POSTGRES_FORM = re.compile(r"(?P<name>[^()]+?)(\((?P<numbers>[-0-9, ]+)\))?(?P<rest> with(out)? time zone)?")


def _postgres_type(spelling: str, values: Sequence[str], is_array: bool) -> Any:
    """Return SQLAlchemy's type for a spelling of PostgreSQL's format_type."""
    if is_array:
        return postgresql.ARRAY(sa.Text())
    if values:
        return sa.Enum(*values)
    match = _POSTGRES_FORM.fullmatch(spelling)
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


def _utc(moment: Any) -> datetime | None:
    if not isinstance(moment, datetime):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def listed_values(checks: Iterable[str], dialect: str) -> dict[str, tuple[str, ...]]:
    """Return the texts that check constraints allow in a column: `status in ('new', 'paid')`."""
    found: dict[str, tuple[str, ...]] = {}
    for text in checks:
        try:
            parsed: Any = sqlglot.parse_one(text, read=dialect)
        except sqlglot.errors.SqlglotError:
            continue
        parsed = parsed.unnest()
        column, values = _in_list(parsed)
        if column and values:
            found[column] = tuple(values)
    return found


def _in_list(parsed: Any) -> tuple[str, list[str]]:
    """Return column and texts of `column in (…)` or `column = any (array[…])`; empty for any other condition."""
    exp = sqlglot.exp
    if isinstance(parsed, exp.In):
        values = parsed.expressions
    elif isinstance(parsed, exp.EQ) and isinstance(parsed.expression, exp.Any):
        arrays = list(parsed.expression.find_all(exp.Array))
        values = arrays[0].expressions if len(arrays) == 1 else []
    else:
        return "", []
    columns = {column.name for column in parsed.this.find_all(exp.Column)}
    texts = [literal for value in values for literal in value.find_all(exp.Literal)]
    if len(columns) != 1 or len(texts) != len(values) or not all(text.is_string for text in texts):
        return "", []
    return columns.pop(), [str(text.this) for text in texts]


# MySQL and MariaDB --------------------------------------------------------------------------------------------------


def _mysql(engine: sa.Engine, schema: str, only: str) -> Iterable[Table]:
    database = schema or engine.url.database or ""
    where = "table_schema = :database" if database else "table_schema not in :system"
    if only:
        where += " and table_name = :only"
    given: dict[str, Any] = {"database": database, "only": only}
    found: dict[tuple[str, str], Parts] = defaultdict(Parts)
    with engine.connect() as connection:

        def rows(sql: str) -> list[Any]:
            statement = sa.text(f"{sql} where {where}")
            if not database:
                statement = statement.bindparams(sa.bindparam("system", list(SYSTEM), expanding=True))
            used = {key: value for key, value in given.items() if f":{key}" in where}
            return list(connection.execute(statement, used).fetchall())

        for of, name, kind, count, comment, changed in rows(
            "select table_schema, table_name, table_type, table_rows, table_comment, update_time"
            " from information_schema.tables"
        ):
            parts = found[of, name]
            parts.is_view = "VIEW" in kind
            parts.rows = None if parts.is_view else count
            parts.comment = "" if parts.is_view else comment or ""
            parts.activity = Activity(last_write=_utc(changed))
        _mysql_columns(engine, rows, found)
        _mysql_keys(rows, found)
        for of, name, text in rows(
            "select table_schema, table_name, view_definition from information_schema.views"
        ):
            found[of, name].reads_from = tables_read(text or "", "mysql", of)
        _mysql_rights(connection, found)
    return [parts.table(name, _shown_schema(of, engine, schema)) for (of, name), parts in found.items()]


def _shown_schema(of: str, engine: sa.Engine, schema: str) -> str:
    """Return the database of a table, unless it is the one that the URL names."""
    return "" if of == engine.url.database and not schema else of


def _mysql_columns(
    engine: sa.Engine, rows: Callable[[str], list[Any]], found: Mapping[tuple[str, str], Parts]
) -> None:
    dialect: Any = engine.dialect
    parser = MySQLTableDefinitionParser(dialect, dialect.identifier_preparer)
    listed = rows(
        "select table_schema, table_name, ordinal_position, column_name, column_type, is_nullable, column_comment"
        " from information_schema.columns"
    )
    for of, name, _, column, native, nullable, comment in sorted(listed, key=lambda row: tuple(row[:3])):
        kind = _mysql_type(parser, native)
        found[of, name].columns.append(
            described(
                sa.Column(column, kind), native=native, required=nullable == "NO", comment=comment or ""
            )
        )


def _mysql_type(parser: Any, native: str) -> Any:
    """Return SQLAlchemy's type for the spelling in information_schema, parsed as in the output of SHOW CREATE TABLE."""
    state = parser.parse(f"CREATE TABLE `t` (\n  `c` {native}\n)", "utf8mb4")
    return state.columns[0]["type"] if state.columns else sa.types.NULLTYPE


def _mysql_keys(rows: Callable[[str], list[Any]], found: Mapping[tuple[str, str], Parts]) -> None:
    unique: dict[tuple[str, str, str], dict[int, str]] = defaultdict(dict)
    partial = set()
    for of, name, index, position, column, part, is_not_unique in rows(
        "select table_schema, table_name, index_name, seq_in_index, column_name, sub_part, non_unique"
        " from information_schema.statistics"
    ):
        if not is_not_unique:
            unique[of, name, index][position] = column
            if part is not None or column is None:
                partial.add((of, name, index))
    for (of, name, index), columns in unique.items():
        if (of, name, index) in partial:
            continue
        key = tuple(columns[position] for position in sorted(columns))
        if index == "PRIMARY":
            found[of, name].primary_key = key
        else:
            found[of, name].unique_keys.append(key)
    references: dict[tuple[str, str, str], list[Any]] = defaultdict(list)
    for row in rows(
        "select table_schema, table_name, constraint_name, ordinal_position, column_name, referenced_table_schema,"
        " referenced_table_name, referenced_column_name from information_schema.key_column_usage"
    ):
        if row[6] is not None:
            references[row[0], row[1], row[2]].append(row)
    for (of, name, _), pairs in references.items():
        pairs = sorted(pairs, key=lambda row: row[3])
        first = pairs[0]
        other = first[6] if first[5] == of else f"{first[5]}.{first[6]}"
        found[of, name].foreign_keys.append(
            ForeignKey(tuple(row[4] for row in pairs), other, tuple(row[7] for row in pairs))
        )


def _mysql_rights(connection: sa.Connection, found: Mapping[tuple[str, str], Parts]) -> None:
    """Add who may read and write, as far as this account may see it: all grants, or only its own."""
    listed: list[tuple[str, str, str, str]] = []
    for sql in (
        "select grantee, privilege_type, '', '' from information_schema.user_privileges",
        "select grantee, privilege_type, table_schema, '' from information_schema.schema_privileges",
        "select grantee, privilege_type, table_schema, table_name from information_schema.table_privileges",
    ):
        listed += [(row[0], row[1], row[2], row[3]) for row in connection.exec_driver_sql(sql).fetchall()]
    for (of, name), parts in found.items():
        here = [
            (grantee, privilege)
            for grantee, privilege, schema, table in listed
            if schema in ("", of, of.replace("_", "\\_")) and table in ("", name)
        ]
        readers = {_account(grantee) for grantee, privilege in here if privilege == "SELECT"}
        writers = {
            _account(grantee) for grantee, privilege in here if privilege in ("INSERT", "UPDATE", "DELETE")
        }
        if parts.activity:
            parts.activity = replace(
                parts.activity, readers=tuple(sorted(readers)), writers=tuple(sorted(writers))
            )


def _account(grantee: str) -> str:
    """Return the user of `'user'@'host'`."""
    return re.sub(r"^'(.*)'@'.*'$", r"\1", grantee)


def tables_read(sql: str, dialect: str, schema: str, but: str = "") -> tuple[str, ...]:
    """Return the tables that a statement reads, sorted, without the view `but`; those of the same schema without it."""
    try:
        parsed = sqlglot.parse_one(sql, read=dialect)
    except sqlglot.errors.SqlglotError:
        return ()
    within = {str(cte.alias) for cte in parsed.find_all(sqlglot.exp.CTE)}
    return tuple(
        sorted(
            {
                f"{table.db}.{table.name}" if table.db and table.db != schema else table.name
                for table in parsed.find_all(sqlglot.exp.Table)
                if table.name and table.name != but and (table.db or table.name not in within)
            }
        )
    )


# SQLite -------------------------------------------------------------------------------------------------------------


def _sqlite(engine: sa.Engine, schema: str, only: str) -> Iterable[Table]:
    inspector = sa.inspect(engine)
    found: dict[str, Parts] = {}
    changed = _file_time(engine)
    with engine.connect() as connection:

        def rows(sql: str, *given: str) -> list[Any]:
            return list(connection.exec_driver_sql(sql, given).fetchall())

        estimates = dict(_sqlite_estimates(connection))
        for name, kind, sql in rows(
            "select name, type, sql from sqlite_master where type in ('table', 'view')"
        ):
            if name.startswith("sqlite_") or (only and name.lower() != only.lower()):
                continue
            parts = found[name] = Parts(is_view=kind == "view", rows=estimates.get(name))
            checks = [] if parts.is_view else _sqlite_checks(inspector, name)
            allowed = listed_values([check["sqltext"] for check in checks], "sqlite")
            key = {}
            for column, native, required, position in rows(
                'select name, type, "notnull", pk from pragma_table_xinfo(?) where hidden in (0, 2, 3)', name
            ):
                key[position] = column
                parts.columns.append(
                    Column(
                        column,
                        sqlite_type(native)[0],
                        native,
                        bool(required) or (position > 0 and native.upper() == "INTEGER"),
                        None,  # SQLite does not hold a declared length
                        values=allowed.get(column, ()),
                    )
                )
            key.pop(0, None)
            parts.primary_key = tuple(key[position] for position in sorted(key))
            for (index,) in rows(
                "select name from pragma_index_list(?) where \"unique\" and not partial and origin <> 'pk'",
                name,
            ):
                columns = [
                    row[0] for row in rows("select name from pragma_index_info(?) order by seqno", index)
                ]
                if all(columns):
                    parts.unique_keys.append(tuple(columns))
            references: dict[int, list[Any]] = defaultdict(list)
            for row in rows(
                'select id, "table", "from", "to" from pragma_foreign_key_list(?) order by id, seq', name
            ):
                references[row[0]].append(row)
            parts.foreign_keys += [
                ForeignKey(
                    tuple(row[2] for row in pairs),
                    pairs[0][1],
                    tuple(row[3] for row in pairs) if all(row[3] for row in pairs) else (),
                )
                for pairs in references.values()
            ]
            parts.activity = Activity(last_write=changed)
            if parts.is_view:
                parts.reads_from = tables_read(sql or "", "sqlite", "", but=name)
    return [_completed(parts, found).table(name, schema) for name, parts in found.items()]


def _completed(parts: Parts, tables: Mapping[str, Parts]) -> Parts:
    """Add the columns of the other table to foreign keys that leave them out: they mean its primary key."""
    parts.foreign_keys = [
        key
        if key.other_columns
        else replace(key, other_columns=tables[key.table].primary_key if key.table in tables else key.columns)
        for key in parts.foreign_keys
    ]
    return parts


def _sqlite_checks(inspector: sa.Inspector, name: str) -> Iterable[Mapping[str, Any]]:
    try:
        return inspector.get_check_constraints(name)
    except (sa.exc.SQLAlchemyError, NotImplementedError):
        return []


def _sqlite_estimates(connection: sa.Connection) -> Iterable[tuple[str, int]]:
    """Yield table and number of rows, as ANALYZE stored them."""
    try:
        rows = connection.exec_driver_sql("select tbl, stat from sqlite_stat1").fetchall()
    except sa.exc.SQLAlchemyError:
        return
    for name, stat in rows:
        if match := re.match(r"\d+", str(stat or "")):
            yield str(name), int(match[0])


def _file_time(engine: sa.Engine) -> datetime | None:
    """Return when the file last changed."""
    try:
        file = Path(unquote((engine.url.database or "").removeprefix("file:")))
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except OSError:
        return None


READERS: dict[str, Callable[[sa.Engine, str, str], Iterable[Table]]] = {
    "postgresql": _postgres,
    "mysql": _mysql,
    "sqlite": _sqlite,
}
"""Dialect of SQLAlchemy -> what reads its catalog."""
