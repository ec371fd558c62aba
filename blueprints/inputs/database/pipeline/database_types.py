"""The types that the columns of databases land as, and the SQL that reads them without changing their values."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql

NUMERIC = "DECIMAL(38,9)"
"""The type that a decimal number without a precision lands as."""
SQLITE_TYPES = {
    "BOOLEAN": "BOOLEAN",
    "BOOL": "BOOLEAN",
    "DATE": "DATE",
    "DATETIME": "TIMESTAMP",
    "TIMESTAMP": "TIMESTAMP WITH TIME ZONE",
    "TIME": "TIME",
    "JSON": "JSON",
    "NUMERIC": NUMERIC,
    "DECIMAL": NUMERIC,
    "DEC": NUMERIC,
    "NUMBER": NUMERIC,
}
"""Declared types of SQLite with the affinity NUMERIC by its own rules -> the type that they land as.

A declared type that is neither here nor in the rules, such as uuid or string, lands as text: SQLite accepts any name.
"""
SQLITE_AFFINITIES = (
    (("INT",), "BIGINT"),
    (("CHAR", "CLOB", "TEXT"), "VARCHAR"),
    (("BLOB",), "BLOB"),
    (("REAL", "FLOA", "DOUB"), "DOUBLE"),
)
"""SQLite's rules, in order: text in a declared type -> the type that it lands as."""


def sqlite_types(engine: sa.Engine, table: sa.Table) -> dict[str, str]:
    """Return the declared types of the columns; SQLAlchemy only has its own interpretation of them."""
    name = engine.dialect.identifier_preparer.quote(table.name)
    schema = f"{engine.dialect.identifier_preparer.quote(table.schema)}." if table.schema else ""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(f"pragma {schema}table_xinfo({name})").fetchall()
    return {row[1]: row[2] for row in rows}


def sqlite_type(declared: str) -> tuple[str, bool]:
    """Return the type that a declared type of SQLite lands as, and whether its times are in UTC: https://sqlite.org/datatype3.html."""
    if kind := sqlite_affinity(declared):
        return kind, False
    plain = " ".join(declared.upper().partition("(")[0].split())
    kind = SQLITE_TYPES.get(plain, "VARCHAR")
    if kind == NUMERIC and (match := re.search(r"\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)", declared)):
        kind = decimal(int(match[1]), int(match[2] or 0))
    return kind, kind == "TIMESTAMP WITH TIME ZONE"


def sqlite_affinity(declared: str) -> str:
    """Return the type that a declared type lands as by SQLite's rules; empty for one that they make NUMERIC."""
    plain = declared.upper().partition("(")[0]
    return next(
        (kind for parts, kind in SQLITE_AFFINITIES if any(part in plain for part in parts)),
        "",
    )


def decimal(precision: int, scale: int) -> str:
    """Return the type of a decimal number; text if no type has that many digits."""
    precision, scale = max(precision - min(scale, 0), scale, 1), max(scale, 0)
    return f"DECIMAL({precision},{scale})" if precision <= 38 else "VARCHAR"


def expression(column: sa.Column[Any]) -> tuple[sa.ColumnElement[Any], str, bool]:
    """Return how to read a column without changing its values, the type that it lands as, and whether its times are in UTC.

    Values without an equivalent are converted to text by the database.
    """
    kind = base_type(column)
    as_text = sa.cast(column, sa.Text)
    match kind:
        case postgresql.ARRAY():
            return sa.cast(sa.func.to_json(column), sa.Text), "JSON", False
        case sa.JSON():
            return as_text, "JSON", False
        case mysql.TIMESTAMP():
            return column, "TIMESTAMP WITH TIME ZONE", True
        case mysql.FLOAT():  # rounded to six digits, unless it is part of an expression
            return column.op("+")(sa.literal_column("0e0")), "DOUBLE", False
        case mysql.BIT():
            number = column.op("+")(sa.literal_column("0"))
            return number, "BIGINT" if (kind.length or 1) < 64 else "DECIMAL(20,0)", False
        case mysql.BIGINT(unsigned=True):
            return column, "DECIMAL(20,0)", False
        case mysql.TIME() | mysql.SET() | mysql.YEAR() | sa.Time(timezone=True):
            return as_text, "VARCHAR", False
        case sa.Float():
            return column, "DOUBLE", False
        case sa.Numeric():
            if kind.precision is None:
                return column, NUMERIC, False
            landed = decimal(kind.precision, kind.scale or 0)
            return (as_text if landed == "VARCHAR" else column), landed, False
        case sa.Integer():
            return column, "BIGINT", False
        case sa.Boolean():
            return column, "BOOLEAN", False
        case sa.String():
            return column, "VARCHAR", False
        case sa.types._Binary():
            return column, "BLOB", False
        case sa.DateTime():
            zoned = kind.timezone or type(kind) is sa.TIMESTAMP
            return column, "TIMESTAMP WITH TIME ZONE" if zoned else "TIMESTAMP", bool(zoned)
        case sa.Date():
            return column, "DATE", False
        case sa.Time():
            return column, "TIME", False
    return as_text, "VARCHAR", False


def base_type(column: sa.Column[Any]) -> Any:
    """Return the type of a column; for a domain, the type that it is made of."""
    kind: Any = column.type
    while isinstance(kind, postgresql.DOMAIN):
        kind = kind.data_type
    return kind
