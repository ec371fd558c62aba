"""What columns of MySQL and MariaDB hold, beyond the type that the server gives them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

import sqlalchemy as sa

from meshwright.inspection.model import Table

_SHAPES = ("geometry", "point", "linestring", "polygon", "geometrycollection", "geomcollection")
SHAPES = frozenset({*_SHAPES, "multipoint", "multilinestring", "multipolygon"})
"""Types that are geometries."""
TRUTHS = frozenset({"tinyint(1)", "bit(1)"})
"""Types that a boolean has: BOOLEAN is an alias of the first one."""
_IS_JSON = re.compile(r"json_valid\(`([^`]+)`\)")


def without_shapes(described: Table, table: sa.Table) -> tuple[Table, sa.Table, tuple[str, ...]]:
    """Return a table without the columns of geometries, which MySQL does not cast, and their names."""
    left = tuple(column.name for column in described.columns if column.native_type.lower() in SHAPES)
    if not left:
        return described, table, ()
    kept = [sa.Column(column.name, column.type) for column in table.columns if column.name not in left]
    columns = tuple(column for column in described.columns if column.name not in left)
    return (
        replace(described, columns=columns),
        sa.Table(table.name, sa.MetaData(), *kept, schema=table.schema),
        left,
    )


def as_meant(described: Table, json: Collection[str] = ()) -> Table:
    """Return a table whose booleans and JSON have types of their own. `json`: columns that hold JSON."""
    return replace(
        described,
        columns=tuple(
            replace(column, type="BOOLEAN")
            if column.native_type.lower() in TRUTHS
            else replace(column, type="JSON")
            if column.name in json
            else column
            for column in described.columns
        ),
    )


def json_columns(engine: sa.Engine, tables: Sequence[sa.Table]) -> dict[str, set[str]]:
    """Return the columns of each table that hold JSON: in MariaDB, texts with a check that it makes itself."""
    if not getattr(engine.dialect, "is_mariadb", False):
        return {}
    found: dict[str, set[str]] = {}
    query = sa.text(
        "select table_name, check_clause from information_schema.check_constraints where constraint_schema = :schema"
    )
    for schema in {table.schema or engine.url.database for table in tables}:
        with engine.connect() as connection:
            for name, clause in connection.execute(query, {"schema": schema}):
                if match := _IS_JSON.fullmatch(clause):
                    found.setdefault(name, set()).add(match[1])
    return found
