# Written by `make reference`: a copy of template/pipeline/parquet_files.py.
"""Parquet files that DuckDB reads as something else than what they hold, or not at all: found before they are trusted."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from meshwright.product.column_types import from_arrow

INT96 = {"stored": "INT96"}
"""Metadata of a column with timestamps as old files have them. DuckDB reads them in microseconds, Arrow in nanoseconds,
which cannot represent the year 9999."""


def schema_of(path: str) -> pa.Schema:
    """Return the columns of a Parquet file as DuckDB reads them."""
    with pq.ParquetFile(path, coerce_int96_timestamp_unit="us") as file:
        schema = file.schema_arrow.remove_metadata()
        old = {
            leaf.path
            for leaf in map(file.schema.column, range(len(file.schema)))
            if leaf.physical_type == "INT96"
        }
        for place, one in enumerate(schema):
            has_old = any(path == one.name or path.startswith(f"{one.name}.") for path in old)
            schema = schema.set(place, one.with_metadata(INT96) if has_old else one.remove_metadata())
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
        if twice := _fields_twice(one.type):
            return (
                f": column {one.name} has fields that differ in upper and lower case only: {', '.join(twice)}",
                "Rename one of them in the file.",
            )
        if any(map(_is_coarser, _leaves(one.type))) and (place := _row_beyond(path, one)):
            return (
                f": row {place}: column {one.name} has a time that is too far away for microseconds",
                "Correct the value, or deliver it as a text or a number.",
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
    """Return the first row with a time that is more precise than DuckDB reads it; 0 for nested types, None if there is none."""
    nested = pa.types.is_nested(column.type)
    if nested and any(map(is_finer, _leaves(column.type))):
        return 0
    fine, coarse = (
        pq.ParquetFile(path, coerce_int96_timestamp_unit=unit).iter_batches(columns=[column.name])
        for unit in ("ns", "us")
    )
    row = 1
    for one, other in zip(fine, coarse, strict=True):
        for values, rough in zip(_times(one.column(0)), _times(other.column(0)), strict=True):
            is_old = values.type.unit == "ns" and rough.type.unit == "us"
            if not is_old and not is_finer(values.type):
                continue
            numbers = values.cast(pa.int64())
            microseconds = rough.cast(pa.int64()) if is_old else pc.divide(numbers, 1000)
            whole = _is_whole(numbers, microseconds)
            if pc.all(whole).as_py() is False:
                return 0 if nested else row + int(pc.index(whole, False).as_py())
        row += one.num_rows
    return None


def _is_whole(nanoseconds: pa.Array, microseconds: pa.Array) -> pa.Array:
    """Return whether each pair is the same moment; those that nanoseconds cannot represent count as the same."""
    beyond = pc.greater(pc.abs(microseconds), 2**63 // 1000 - 1)
    return pc.or_(beyond, pc.equal(pc.multiply(microseconds, 1000), nanoseconds))


def _row_beyond(path: str, column: pa.Field) -> int:
    """Return the first row with a timestamp that has no microseconds in 64 bits, or the first of its rows; 0 if there is none."""
    row = 1
    for batch in pq.ParquetFile(path).iter_batches(columns=[column.name]):
        for values in _times(batch.column(0)):
            limit = {"s": 2**63 // 10**6 - 1, "ms": 2**63 // 10**3 - 1}.get(values.type.unit)
            numbers = values.cast(pa.int64())
            beyond = limit and pc.or_(pc.greater(numbers, limit), pc.less(numbers, -limit))
            if limit and pc.any(beyond).as_py():
                within = 0 if pa.types.is_nested(column.type) else int(pc.index(beyond, True).as_py())
                return row + within
        row += batch.num_rows
    return 0


def _times(array: pa.Array) -> Iterator[pa.Array]:
    """Yield the timestamps and times of day in an array, those of nested types too."""
    if pa.types.is_timestamp(array.type) or pa.types.is_time(array.type):
        yield array
    elif pa.types.is_map(array.type):
        yield from (*_times(array.keys), *_times(array.items))
    elif pa.types.is_struct(array.type):
        for part in array.flatten():
            yield from _times(part)
    elif pa.types.is_nested(array.type) and array.type.num_fields == 1:
        yield from _times(array.flatten())


def _fields_twice(kind: pa.DataType) -> list[str]:
    """Return the names of fields of one object that differ in case only; DuckDB would rename one."""
    for leaf in _leaves(kind):
        if pa.types.is_struct(leaf):
            names = [leaf.field(number).name for number in range(leaf.num_fields)]
            folded = [name.lower() for name in names]
            if twice := sorted(name for name in names if folded.count(name.lower()) > 1):
                return twice
    return []


def _is_coarser(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind)) and kind.unit in ("s", "ms")


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
