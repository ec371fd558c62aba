"""Read the catalog of SQLite."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import sqlalchemy as sa

from meshwright.inspection.catalogs.parts import Found, Parts
from meshwright.inspection.catalogs.sql_definitions import listed_values, tables_read
from meshwright.inspection.model import Activity, Column, ForeignKey
from meshwright.inspection.reading.database_types import sqlite_type

Rows = Callable[..., list[Any]]
"""Runs a statement with values, and returns its rows."""


def read(engine: sa.Engine, schema: str, only: str) -> Found:
    inspector = sa.inspect(engine)
    found: dict[str, Parts] = {}
    changed = _file_time(engine)
    with engine.connect() as connection:

        def rows(sql: str, *given: str) -> list[Any]:
            return list(connection.exec_driver_sql(sql, given).fetchall())

        estimates = dict(_estimates(connection))
        shadows = _shadows(connection)
        for name, kind, sql in rows(
            "select name, type, sql from sqlite_master where type in ('table', 'view')"
        ):
            if name.startswith("sqlite_") or name in shadows or (only and name.lower() != only.lower()):
                continue
            parts = found[name] = Parts(is_view=kind == "view", rows=estimates.get(name))
            parts.activity = Activity(last_write=changed)
            try:
                _describe(rows, inspector, name, sql or "", parts)
            except (
                sa.exc.DatabaseError
            ) as error:  # a view of a table that is gone, a module that is not there
                found[name] = Parts(is_view=parts.is_view, problem=f"{error.orig}")
    return {(schema, name): parts for name, parts in found.items()}


def _describe(rows: Rows, inspector: sa.Inspector, name: str, sql: str, parts: Parts) -> None:
    """Add columns, keys and references of a table, or what a view reads."""
    checks = [] if parts.is_view else _checks(inspector, name)
    allowed = listed_values([check["sqltext"] for check in checks], "sqlite")
    key = {}
    for column, native, required, position in rows(
        'select name, type, "notnull", pk from pragma_table_xinfo(?) where hidden in (0, 2, 3)', name
    ):
        key[position] = column
        parts.add(
            Column(
                column,
                sqlite_type(native)[0],
                native,
                bool(required) or (position > 0 and native.upper() == "INTEGER"),
                None,  # SQLite does not hold a declared length
                values=allowed.get(column, ()),
            ),
            sa.types.NULLTYPE,
        )
    key.pop(0, None)
    parts.primary_key = tuple(key[position] for position in sorted(key))
    for (index,) in rows(
        "select name from pragma_index_list(?) where \"unique\" and not partial and origin <> 'pk'",
        name,
    ):
        columns = [row[0] for row in rows("select name from pragma_index_info(?) order by seqno", index)]
        if all(columns):
            parts.unique_keys.append(tuple(columns))
    references: dict[int, list[Any]] = defaultdict(list)
    for row in rows(
        'select id, "table", "from", "to" from pragma_foreign_key_list(?) order by id, seq', name
    ):
        references[row[0]].append(row)
    for pairs in references.values():
        names, other = tuple(row[2] for row in pairs), pairs[0][1]
        others = tuple(row[3] for row in pairs)
        if not all(others):  # the other table's primary key is meant
            key_of = rows("select name from pragma_table_info(?) where pk > 0 order by pk", other)
            others = tuple(row[0] for row in key_of)
        parts.foreign_keys.append(ForeignKey(names, other, others))
    if parts.is_view:
        parts.reads_from = tables_read(sql, "sqlite", "", but=name)


def _shadows(connection: sa.Connection) -> set[str]:
    """Return the tables in which virtual tables, such as indexes of full texts, keep their data."""
    try:
        listed = connection.exec_driver_sql("select name from pragma_table_list where type = 'shadow'")
        return {name for (name,) in listed.fetchall()}
    except sa.exc.DatabaseError:  # SQLite before 3.37
        return set()


def _checks(inspector: sa.Inspector, name: str) -> Iterable[Mapping[str, Any]]:
    try:
        return inspector.get_check_constraints(name)
    except (sa.exc.SQLAlchemyError, NotImplementedError):
        return []


def _estimates(connection: sa.Connection) -> Iterable[tuple[str, int]]:
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
