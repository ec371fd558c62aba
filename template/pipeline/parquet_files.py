"""Parquet files that DuckDB reads as something else than what they hold, or not at all: found before they are trusted."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.column_types import from_arrow

INT96 = pa.field("", pa.timestamp("us"), metadata={"stored": "INT96"})
"""The type of old files. DuckDB reads it in microseconds, Arrow in nanoseconds, which cannot represent the year 9999."""


def schema_of(path: str) -> pa.Schema:
    """Return the columns of a Parquet file as DuckDB reads them."""
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow.remove_metadata()
        for place, one in enumerate(schema):
            leaves = [
                leaf for leaf in map(file.schema.column, range(len(file.schema))) if leaf.path == one.name
            ]
            old = bool(leaves) and leaves[0].physical_type == "INT96"
            schema = schema.set(place, INT96.with_name(one.name) if old else one.remove_metadata())
    return schema


def unreadable(path: str, schema: pa.Schema) -> tuple[str, str] | None:
    """Return what of a file with this schema DuckDB does not read as it is, and the fix; None if it reads all of it.

    The first begins with what follows the file's name in a message: ` has …`, or `: row 5: column …`.
    """
    twice = sorted({column for column in schema.names if schema.names.count(column) > 1})
    if twice or not schema.names or "" in schema.names:
        what = (
            f"several columns called {', '.join(twice)}" if twice else "a column without a name, or no column"
        )
        return f" has {what}", "Correct it in the file."
    for one in schema:
        if too_long := next((kind for kind in _leaves(one.type) if _is_too_long(kind)), None):
            return (
                f": column {one.name} is {from_arrow(too_long)}: more than 38 digits",
                "Deliver it as a DECIMAL of 38 digits at most, or as a text.",
            )
        if any(map(is_finer, _leaves(one.type))) or one.metadata:
            row = _finer_row(path, one)
            if row is not None:
                return (
                    f":{f' row {row}:' if row else ''} column {one.name} has nanoseconds, and {from_arrow(one.type)} has none",
                    "Deliver it to the microsecond, or as a text.",
                )
    return None


def _finer_row(path: str, column: pa.Field) -> int | None:
    """Return the first row with a value that is more precise than a microsecond; 0 for nested types, which are not searched."""
    if not column.metadata and not is_finer(column.type):
        return 0
    number = pa.int64()
    fine, coarse = (
        pq.ParquetFile(path, coerce_int96_timestamp_unit=unit).iter_batches(columns=[column.name])
        for unit in ("ns", "us")
    )
    row = 1
    for one, other in zip(fine, coarse if column.metadata else itertools.repeat(None), strict=False):
        values = one.column(0).cast(number)
        if other is None:
            whole = pc.equal(pc.multiply(pc.divide(values, 1000), 1000), values)
        else:
            rough = other.column(0).cast(number)
            beyond = pc.greater(pc.abs(rough), 2**63 // 1000 - 1)
            whole = pc.or_(beyond, pc.equal(pc.multiply(rough, 1000), values))
        if pc.all(whole).as_py() is False:
            return row + int(pc.index(whole, False).as_py())
        row += one.num_rows
    return None


def _leaves(kind: pa.DataType) -> Iterator[pa.DataType]:
    yield kind
    for number in range(kind.num_fields):
        yield from _leaves(kind.field(number).type)


def _is_too_long(kind: pa.DataType) -> bool:
    return bool(pa.types.is_decimal(kind)) and kind.precision > 38


def is_finer(kind: pa.DataType) -> bool:
    """Return True for nanoseconds that no type here has: DuckDB truncates them."""
    zoned = pa.types.is_timestamp(kind) and kind.tz is not None
    return (zoned or bool(pa.types.is_time(kind))) and kind.unit == "ns"
