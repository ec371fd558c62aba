"""Write sample rows as files of the kind that the real source is: CSV in its own dialect, JSON, Parquet, SQLite."""

from __future__ import annotations

import io
import json
import sqlite3
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any

from meshwright.core.sql.standard import identifier
from meshwright.draft.columns import Field
from meshwright.product.column_types import ColumnType, to_arrow

Rows = Sequence[Sequence[Any]]
SUFFIXES = {"csv": ".csv", "json": ".json", "parquet": ".parquet"}


def suffix(properties: Mapping[str, Any]) -> str:
    """Return the suffix of the sample of a file input: that of the real file, without compression."""
    parts = PurePosixPath(str(properties.get("path", "")).lower().partition("?")[0]).suffixes
    known = [
        part for part in parts if part in (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet")
    ]
    return known[-1] if known else SUFFIXES.get(str(properties.get("format")), ".csv")


def file(properties: Mapping[str, Any], fields: Sequence[Field], rows: Rows) -> bytes:
    """Return the content of a sample file."""
    format_ = properties.get("format") or suffix(properties).lstrip(".")
    match format_:
        case "parquet":
            return parquet(fields, rows)
        case "json" | "jsonl" | "ndjson":
            return _json(properties, fields, rows)
        case _:
            return _csv(properties, fields, rows)


def _csv(properties: Mapping[str, Any], fields: Sequence[Field], rows: Rows) -> bytes:
    delimiter = str(properties.get("delimiter", "\t" if suffix(properties) == ".tsv" else ","))
    quote = str(properties.get("quote", '"'))
    escape = str(properties.get("escape") or quote)
    nulls = {"", *(str(null) for null in properties.get("nulls", ()))}
    comment = str(properties.get("comment") or "")

    def line(cells: Sequence[str | None]) -> str:
        """Return a line; a text that would be read as something else is put in quotes."""
        written = []
        for place, cell in enumerate(cells):
            if cell is None:
                written.append(sorted(nulls)[-1] if len(cells) == 1 else "")
                continue
            special = {delimiter, quote, escape, "\n", "\r"} - {""}
            if quote and (
                cell in nulls
                or any(sign in cell for sign in special)
                or (comment and place == 0 and cell.startswith(comment))
            ):
                cell = (
                    cell.replace(escape, escape * 2)
                    if escape == quote
                    else cell.replace(escape, escape * 2).replace(quote, escape + quote)
                )
                cell = f"{quote}{cell}{quote}"
            elif not quote:
                cell = "".join(" " if sign in (delimiter, "\n", "\r") else sign for sign in cell)
            written.append(cell)
        return delimiter.join(written) + "\n"

    text = "Sample\n" * int(properties.get("skip", 0))
    if properties.get("header", True):
        text += line([field.column.name for field in fields])
    text += "".join(
        line([_cell(value, field, properties) for value, field in zip(row, fields, strict=True)])
        for row in rows
    )
    return text.encode(str(properties.get("encoding", "utf-8")), "replace")


def _cell(value: Any, field: Field, properties: Mapping[str, Any]) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case datetime():
            pattern = _pattern(properties.get("timestamp_format"), field)
            return value.strftime(pattern) if pattern else value.isoformat(sep=" ")
        case date():
            pattern = _pattern(properties.get("date_format"), field)
            return value.strftime(pattern) if pattern else value.isoformat()
        case time():
            return value.isoformat()
        case Decimal() | float() | int():
            text = format(value, "f") if isinstance(value, Decimal) else repr(value)
            return text.replace(".", str(properties.get("decimal", ".")))
        case bytes():
            return "".join(
                chr(byte) if 32 <= byte < 127 and byte != 92 else f"\\x{byte:02X}" for byte in value
            )
        case str():
            return value
    return json.dumps(_plain(value), ensure_ascii=False)


def _pattern(setting: Any, field: Field) -> str:
    if isinstance(setting, Mapping):
        return str(setting.get(field.column.name) or setting.get(field.landed) or "")
    return str(setting or "")


def _json(properties: Mapping[str, Any], fields: Sequence[Field], rows: Rows) -> bytes:
    objects = [
        json.dumps(
            {
                field.column.name: _json_value(value, field.type)
                for field, value in zip(fields, row, strict=True)
            },
            ensure_ascii=False,
        )
        for row in rows
    ]
    lines = properties.get("lines", suffix(properties) in (".jsonl", ".ndjson"))
    text = "\n".join(objects) + "\n" if lines else "[\n  " + ",\n  ".join(objects) + "\n]\n"
    return text.encode(str(properties.get("encoding", "utf-8")), "replace")


def _json_value(value: Any, type_: ColumnType) -> Any:
    if type_.name == "JSON" and isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return _plain(value)


def _plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    match value:
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case datetime() | date() | time():
            return value.isoformat()
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case bytes():
            return value.decode("latin-1")
    return value


def parquet(fields: Sequence[Field], rows: Rows) -> bytes:
    """Return a Parquet file with the columns' types."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = [
        pa.array([_arrow_value(row[place], field.type) for row in rows], to_arrow(field.type))
        for place, field in enumerate(fields)
    ]
    sink = io.BytesIO()
    pq.write_table(pa.table(arrays, names=[field.column.name for field in fields]), sink)
    return sink.getvalue()


def _arrow_value(value: Any, type_: ColumnType) -> Any:
    if type_.name == "MAP" and isinstance(value, Mapping):
        return list(value.items())
    return value


def sqlite(tables: Mapping[str, tuple[Sequence[Field], Rows]]) -> bytes:
    """Return a SQLite database with these tables, whose columns have types that SQLAlchemy reads back."""
    with tempfile.TemporaryDirectory(prefix="meshwright-") as folder:
        path = Path(folder) / "sample.sqlite"
        connection = sqlite3.connect(path)
        for name, (fields, rows) in tables.items():
            as_texts = [not all(_is_exact(row[place]) for row in rows) for place in range(len(fields))]
            columns = ", ".join(
                f"{identifier(field.column.name)} {'VARCHAR' if as_text else _sqlite_type(field.type)}"
                for field, as_text in zip(fields, as_texts, strict=True)
            )
            connection.execute(f"create table {identifier(name)} ({columns})")
            places = ", ".join("?" for _ in fields)
            connection.executemany(
                f"insert into {identifier(name)} values ({places})",
                [
                    [_sqlite_value(value, as_text) for value, as_text in zip(row, as_texts, strict=True)]
                    for row in rows
                ],
            )
        connection.commit()
        connection.execute("vacuum")
        connection.close()
        return path.read_bytes()


def _sqlite_type(type_: ColumnType) -> str:
    match type_.name:
        case (
            "TINYINT" | "SMALLINT" | "INTEGER" | "BIGINT" | "UTINYINT" | "USMALLINT" | "UINTEGER" | "UBIGINT"
        ):
            return "BIGINT"
        case "DECIMAL" | "VARCHAR":
            return str(type_)
        case "FLOAT" | "DOUBLE" | "BOOLEAN" | "DATE" | "TIME" | "BLOB":
            return type_.name
        case "TIMESTAMP" | "TIMESTAMP_NS":
            return "TIMESTAMP"
    return "VARCHAR"


def _is_exact(value: Any) -> bool:
    """Return False for a number that SQLite would round: models/sources.yml has its type, and SQLite its text."""
    if isinstance(value, Decimal) and value.is_finite() and value != value.to_integral_value():
        return Decimal(repr(float(value))) == value
    is_whole = isinstance(value, int) or (isinstance(value, Decimal) and value.is_finite())
    return not is_whole or -(2**63) <= value < 2**63


def _sqlite_value(value: Any, as_text: bool) -> Any:
    match value:
        case int() | Decimal() if as_text:
            return format(value, "f") if isinstance(value, Decimal) else str(value)
        case bool():
            return int(value)
        case datetime():
            return value.isoformat(sep=" ") if value.tzinfo is None else value.isoformat()
        case date() | time():
            return value.isoformat()
        case Decimal():
            return float(value) if value != value.to_integral_value() else int(value)
        case dict() | list() | tuple():
            return json.dumps(_plain(value), ensure_ascii=False)
    return value
