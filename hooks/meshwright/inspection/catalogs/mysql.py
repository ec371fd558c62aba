"""Read the catalog of MySQL and MariaDB."""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.mysql.reflection import MySQLTableDefinitionParser

from meshwright.inspection.catalogs.parts import Found, Parts, described, utc
from meshwright.inspection.catalogs.sql_definitions import tables_read
from meshwright.inspection.model import Activity, ForeignKey

SYSTEM = ("information_schema", "mysql", "performance_schema", "sys")
"""Databases of a MySQL or MariaDB server itself."""
SERVERS_OWN = re.compile(r"root|mysql|(mysql|mariadb)\.\w+")
"""Accounts of a server itself."""


def read(engine: sa.Engine, schema: str, only: str) -> Found:
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
            parts.activity = Activity(last_write=utc(changed))
        account = connection.exec_driver_sql("select current_user()").scalar_one()
        _columns(engine, rows, found, account)
        _keys(rows, found)
        for of, name, text in rows(
            "select table_schema, table_name, view_definition from information_schema.views"
        ):
            found[of, name].reads_from = tables_read(text or "", "mysql", of)
        for (of, _), parts in found.items():
            if not parts.columns:
                grant = _grant(engine, account, of, "", "REFERENCES").rstrip(";")
                parts.problem = f"this account sees no column; {grant} shows them"
                if parts.is_view:
                    parts.problem += ", unless the view reads a table that is gone"
        _rights(connection, found, account)
    return {(_shown_schema(of, engine, schema), name): parts for (of, name), parts in found.items()}


def _shown_schema(of: str, engine: sa.Engine, schema: str) -> str:
    """Return the database of a table, unless it is the one that the URL names."""
    return "" if of == engine.url.database and not schema else of


def _columns(
    engine: sa.Engine, rows: Callable[[str], list[Any]], found: Mapping[tuple[str, str], Parts], account: str
) -> None:
    dialect: Any = engine.dialect
    parser = MySQLTableDefinitionParser(dialect, dialect.identifier_preparer)
    listed = rows(
        "select table_schema, table_name, ordinal_position, column_name, column_type, is_nullable, column_comment, privileges"
        " from information_schema.columns"
    )
    for of, name, _, column, native, nullable, comment, rights in sorted(
        listed, key=lambda row: tuple(row[:3])
    ):
        if "select" not in (rights or "").lower().split(","):
            found[of, name].grants = (_grant(engine, account, of, name),)
        kind = _type(parser, native)
        found[of, name].add(
            described(column, kind, native=native, required=nullable == "NO", comment=comment or ""), kind
        )


def _grant(engine: sa.Engine, account: str, database: str, table: str, right: str = "SELECT") -> str:
    """Return the statement that lets an account, `user@host`, read a table, or all if none is named."""
    quote = engine.dialect.identifier_preparer.quote_identifier
    user, _, host = account.rpartition("@")
    what = f"{quote(database)}.{quote(table) if table else '*'}"
    return f"GRANT {right} ON {what} TO {quote(user)}@{quote(host)};"


def _type(parser: Any, native: str) -> Any:
    """Return SQLAlchemy's type for the spelling in information_schema, parsed as in the output of SHOW CREATE TABLE."""
    with warnings.catch_warnings():  # of a type that it does not know, such as inet6
        warnings.simplefilter("ignore", sa.exc.SAWarning)
        state = parser.parse(f"CREATE TABLE `t` (\n  `c` {native}\n)", "utf8mb4")
    return state.columns[0]["type"] if state.columns else sa.types.NULLTYPE


def _keys(rows: Callable[[str], list[Any]], found: Mapping[tuple[str, str], Parts]) -> None:
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


def _rights(connection: sa.Connection, found: Mapping[tuple[str, str], Parts], account: str) -> None:
    """Add who may read and write, as far as this account may see it, without itself and those who administer the server."""
    listed: list[tuple[str, str, str, str]] = []
    for sql in (
        "select grantee, privilege_type, '', '' from information_schema.user_privileges",
        "select grantee, privilege_type, table_schema, '' from information_schema.schema_privileges",
        "select grantee, privilege_type, table_schema, table_name from information_schema.table_privileges",
    ):
        listed += [(row[0], row[1], row[2], row[3]) for row in connection.exec_driver_sql(sql).fetchall()]
    left_out = {grantee for grantee, privilege, schema, _ in listed if privilege == "SUPER" and not schema}
    left_out |= {grantee for grantee, *_ in listed if SERVERS_OWN.fullmatch(_account(grantee))}
    left_out.add("@".join(f"'{part}'" for part in account.rsplit("@", 1)))
    for (of, name), parts in found.items():
        here = [
            (grantee, privilege)
            for grantee, privilege, schema, table in listed
            if schema in ("", of, of.replace("_", "\\_")) and table in ("", name) and grantee not in left_out
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
