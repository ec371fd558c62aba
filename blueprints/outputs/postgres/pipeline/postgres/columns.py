"""Map types of columns to PostgreSQL, and convert values to text that DuckDB and PostgreSQL read the same."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from pipeline.errors import UnreadableInput
from pipeline.port_types import Kind, kinds
from pipeline.sql import identifier, literal

POSTGRES = {
    "BOOLEAN": "boolean",
    "TINYINT": "smallint",
    "UTINYINT": "smallint",
    "SMALLINT": "smallint",
    "USMALLINT": "integer",
    "INTEGER": "integer",
    "UINTEGER": "bigint",
    "BIGINT": "bigint",
    "UBIGINT": "numeric(20,0)",
    "HUGEINT": "numeric(39,0)",
    "UHUGEINT": "numeric(39,0)",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "VARCHAR": "text",
    "JSON": "jsonb",
    "BLOB": "bytea",
    "UUID": "uuid",
    "DATE": "date",
    "TIME": "time without time zone",
    "TIME WITH TIME ZONE": "time with time zone",
    "TIMESTAMP": "timestamp without time zone",
    "TIMESTAMP_S": "timestamp without time zone",
    "TIMESTAMP_MS": "timestamp without time zone",
    "TIMESTAMP_NS": "timestamp without time zone",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "INTERVAL": "interval",
}
"""DuckDB's name of a type -> PostgreSQL's. `_postgres` handles decimals and nested types."""

TO_TEXT = {
    "BLOB": r"'\x' || hex({0})",
    # PostgreSQL would round it.
    "TIMESTAMP_NS": "case when {0}::timestamp::timestamp_ns is distinct from {0}"
    " then error('column ' || {1} || ' has nanoseconds, but PostgreSQL stores microseconds: round it in the model')"
    " else {0}::timestamp end",
}
"""DuckDB's type -> the expression for the text that PostgreSQL reads, of the column {0} and its name {1}.

None: PostgreSQL reads DuckDB's own text.
"""

DUCKDB = {
    "boolean": "boolean",
    "smallint": "smallint",
    "integer": "integer",
    "bigint": "bigint",
    "real": "float",
    "double precision": "double",
    "bytea": "blob",
    "uuid": "uuid",
    "json": "json",
    "jsonb": "json",
    "date": "date",
    "time without time zone": "time",
    "time with time zone": "timetz",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "interval": "interval",
}
"""PostgreSQL's name of a type -> DuckDB's. `counterpart` handles decimals; every other type is text."""

BEFORE_CHRIST = r"regexp_replace({0}, '^([^ ]+)(.*) BC$', '\1 (BC)\2')"
LIST = re.compile(r"([^\[]+?)\[\d*\]")
PRECISION = re.compile(r"\(.*?\)")
FROM_TEXT = {
    "bytea": "unhex(substr({0}, 3))",
    "date": BEFORE_CHRIST,
    "timestamp without time zone": BEFORE_CHRIST,
    "timestamp with time zone": BEFORE_CHRIST,
}
"""PostgreSQL's type -> the expression that parses its text; missing: DuckDB reads the text directly."""


@dataclass(frozen=True)
class Column:
    """A column of the file to publish."""

    name: str
    type: str
    """PostgreSQL's name of the type."""
    text: str
    """DuckDB's expression for the text of its values."""


def columns(scan: str, *, arrays: bool = False) -> list[Column]:
    """Return the columns of `scan`, in order. Raises UnreadableInput for a type without a counterpart.

    `arrays`: store a list of plain values as an array, not as `jsonb`.
    """
    return [
        (_array(name, kind.text) if arrays else None) or _column(name, kind.text, kind)
        for name, kind in kinds(scan).items()
    ]


def counterpart(type_: str) -> str:
    """Return DuckDB's type for one of PostgreSQL's; text if it has no counterpart."""
    plain = PRECISION.sub("", type_)
    return DUCKDB.get(plain, type_ if plain == "numeric" and plain != type_ else "varchar")


def from_text(name: str, type_: str) -> str:
    """Return DuckDB's expression for a value that PostgreSQL wrote as text."""
    value = FROM_TEXT.get(PRECISION.sub("", type_), "{0}").format(identifier(name))
    return f"cast({value} as {counterpart(type_)})"


def _array(name: str, type_: str) -> Column | None:
    """Return a list of plain values as an array for PostgreSQL; None for any other column."""
    listed = LIST.fullmatch(type_)
    if not listed or (listed[1] not in POSTGRES and not listed[1].startswith("DECIMAL")):
        return None
    element = _column("element", listed[1])
    escaped = f"replace(replace(cast({element.text} as varchar), '\\', '\\\\'), '\"', '\\\"')"
    texts = f"""list_transform(cast({identifier(name)} as {type_}), lambda element: coalesce('"' || {escaped} || '"', 'NULL'))"""
    return Column(name, f"{element.type}[]", "'{' || array_to_string(" + texts + ", ',') || '}'")


def _document(kind: Kind, value: str, depth: int = 0) -> str:
    """Return DuckDB's expression for a value of this type as JSON text.

    `to_json` would convert numbers within JSON documents to floating point.
    """
    if kind.name == "JSON":
        return f"cast({value} as varchar)"
    if "JSON" not in kind or kind.name not in ("LIST", "STRUCT", "MAP"):
        return f"cast(to_json({value}) as varchar)"
    one = f"x{depth}"
    if kind.name == "STRUCT":
        fields = []
        for name, part in kind.parts:
            inner = _document(part, f"struct_extract({value}, {literal(name)})", depth)
            fields.append(
                f"{literal(json.dumps(name, ensure_ascii=False) + ':')} || coalesce({inner}, 'null')"
            )
        text = "'{' || " + " || ',' || ".join(fields) + " || '}'"
    elif kind.name == "LIST":
        inner = f"coalesce({_document(kind.parts[0][1], one, depth + 1)}, 'null')"
        text = f"'[' || array_to_string(list_transform({value}, lambda {one}: {inner}), ',') || ']'"
    else:
        inner = f"coalesce({_document(kind.parts[1][1], f'{one}.value', depth + 1)}, 'null')"
        entry = f"cast(to_json(cast({one}.key as varchar)) as varchar) || ':' || {inner}"
        text = (
            "'{' || array_to_string(list_transform(map_entries("
            + value
            + f"), lambda {one}: {entry}), ',') || '}}'"
        )
    return f"case when {value} is not null then {text} end"


def _column(name: str, type_: str, kind: Kind | None = None) -> Column:
    quoted = identifier(name)
    if kind is not None and kind.parts:
        return Column(name, "jsonb", _document(kind, quoted))
    if decimal := re.fullmatch(r"DECIMAL(\(\d+,\d+\))", type_):
        return Column(name, f"numeric{decimal[1]}", quoted)
    if type_ not in POSTGRES:
        raise UnreadableInput(
            f"column {name} has the type {type_}, which postgres@1 does not support.",
            fix="Cast it in the model.",
        )
    return Column(name, POSTGRES[type_], TO_TEXT.get(type_, "{0}").format(quoted, literal(name)))
