"""The page on logical and physical types: what each becomes on every platform and at every port."""

from __future__ import annotations

import re
from pathlib import Path

from meshwright.product.physical_types import FAMILIES, read

PORTS = "docs/reference/port-types.md"

WRITTEN = {
    "boolean": ("boolean",),
    "integer": ("smallint", "integer", "bigint"),
    "number": ("decimal(18,2)", "real", "double"),
    "string": ("varchar", "uuid", "json", "blob"),
    "date": ("date",),
    "time": ("time",),
    "timestamp": ("timestamp", "timestamp with time zone"),
    "object": ("struct(a integer)",),
    "array": ("integer[]",),
    "map": ("map(varchar, integer)",),
}
"""ODCS's logicalType -> physical types that contracts write for it."""

ENGINES = ("DuckDB", "PostgreSQL", "Spark, Databricks", "BigQuery", "Snowflake", "Redshift", "Trino")
IN_SQL = {
    "boolean": ("boolean", "boolean", "boolean", "bool", "boolean", "boolean", "boolean"),
    "smallint": ("smallint", "smallint", "smallint", "int64", "number(5,0)", "smallint", "smallint"),
    "integer": ("integer", "integer", "int", "int64", "number(10,0)", "integer", "integer"),
    "bigint": ("bigint", "bigint", "bigint", "int64", "number(19,0)", "bigint", "bigint"),
    "decimal(18,2)": ("decimal(18,2)", "numeric(18,2)", "decimal(18,2)", "numeric(18,2)", "number(18,2)", "decimal(18,2)", "decimal(18,2)"),
    "real": ("float", "real", "float", "float64", "float", "real", "real"),
    "double": ("double", "double precision", "double", "float64", "float", "double precision", "double"),
    "varchar": ("varchar", "text", "string", "string", "varchar", "varchar(65535)", "varchar"),
    "uuid": ("uuid", "uuid", "string", "string", "varchar", "varchar(36)", "uuid"),
    "json": ("json", "jsonb", "string", "json", "variant", "super", "json"),
    "blob": ("blob", "bytea", "binary", "bytes", "binary", "varbyte", "varbinary"),
    "date": ("date", "date", "date", "date", "date", "date", "date"),
    "time": ("time", "time", "string: it has no time of day", "time", "time", "time", "time"),
    "timestamp": ("timestamp", "timestamp", "timestamp_ntz", "datetime", "timestamp_ntz", "timestamp", "timestamp(6)"),
    "timestamp with time zone": ("timestamptz", "timestamptz", "timestamp", "timestamp", "timestamp_tz", "timestamptz", "timestamp(6) with time zone"),
    "struct(a integer)": ("struct(a integer)", "jsonb", "struct<a: int>", "struct<a int64>", "object", "super", "row(a integer)"),
    "integer[]": ("integer[]", "jsonb", "array<int>", "array<int64>", "array", "super", "array(integer)"),
    "map(varchar, integer)": ("map(varchar, integer)", "jsonb", "map<string, int>", "array<struct<key string, value int64>>", "object", "super", "map(varchar, integer)"),
}  # fmt: skip
"""Physical type -> the type that a model's SQL casts to on each engine."""


def page(root: Path, note: str) -> str:
    """Return the page. The types of ports come from the page on ports, which a test holds against their code."""
    ports, stored = _ports((root / PORTS).read_text("utf-8"))
    lines = [
        note,
        "# Logical and physical types",
        "",
        "A contract gives each column a `logicalType`, which is what it means to a reader, and may give a `physicalType`, which is",
        "how it is stored. [Models](types.md) make the column in the platform's own type; the run converts it to the physical type",
        "if [no value changes](promises.md#physical-types), and each port stores it in [the type that it has](port-types.md) for that.",
        "",
        "Without a `physicalType`, a port stores the type that the model gives the column. `map` is of ODCS 3.2: the contract needs",
        "`apiVersion: v3.2.0` for it.",
        "",
        "`integer` may be stored as any number type, if every value is whole; `string` as a text, UUID, JSON or binary.",
        "[All spellings](promises.md#physical-types) of a physical type mean the same: `int8`, `int64`, `long` and `bigint`.",
        "",
        "## At each port",
        "",
        f"| logicalType | physicalType | {' | '.join(ports)} |",
        "|---|---|" + "---|" * len(ports),
    ]
    for logical, written in WRITTEN.items():
        for text in written:
            lines.append(f"| `{logical}` | `{text}` | {' | '.join(stored[_name(logical, text)])} |")
    lines += [
        "",
        "## On each platform",
        "",
        "The type to cast to in a model's SQL. Where several platforms run a model, dbt's macros name the common ones:",
        "`{{ dbt.type_string() }}`, `{{ dbt.type_int() }}`, `{{ dbt.type_timestamp() }}`. Tests run DuckDB, PostgreSQL and Spark; the",
        "types of the warehouses are those of their documentation.",
        "",
        f"| physicalType | {' | '.join(ENGINES)} |",
        "|---|" + "---|" * len(ENGINES),
    ]
    for text, engines in IN_SQL.items():
        lines.append(f"| `{text}` | {' | '.join(_code(engine) for engine in engines)} |")
    lines += [
        "",
        "On PostgreSQL and Redshift, nested values are JSON in the platform: give them the physical type of their parts only if the",
        "model runs on an engine that has it, or `logicalType: string` and `physicalType: json`.",
    ]
    return "\n".join(lines) + "\n"


def _name(logical: str, text: str) -> str:
    """Return the row of the ports' table for a physical type. Raises ValueError if it does not fit the logical type."""
    parsed = read(text)
    name = "" if parsed is None else re.split(r"[(\[]", parsed.name)[0]
    if parsed is not None and parsed.name.endswith("]"):
        name = "LIST"
    allowed = FAMILIES["number" if logical == "integer" else logical]
    if name not in allowed:
        raise ValueError(f"{text} does not store {logical}")
    return "FLOAT" if name == "FLOAT or DOUBLE" else name


def _ports(text: str) -> tuple[list[str], dict[str, list[str]]]:
    """Return the ports, and the cells of each type, of the first table on the page on ports."""
    rows = [
        [cell.strip() for cell in line.strip("| ").split(" | ")]
        for line in text.splitlines()
        if line.startswith("| ")
    ]
    head, *others = rows
    stored = {row[0].strip("`"): row[1:] for row in others if len(row) == len(head)}
    return head[1:], stored


def _code(text: str) -> str:
    name, colon, more = text.partition(":")
    return f"`{text}`" if not colon or "<" in text else f"`{name}`:{more}"
