"""Compares what a role reads with what its view gives of the data set, row by row."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from meshwright.access.targets.files import variant

MEMORY = "1GB"
"""For comparing; what does not fit goes to a temporary folder."""


def row_difference(projection: variant.Projection, source: ds.Dataset, actual: ds.Dataset) -> str:
    """Return how what a role reads differs from what it should, as the end of a sentence; empty if it does not."""
    if [(field.name, field.type) for field in actual.schema] != [
        (field.name, field.type) for field in projection.schema
    ]:
        return "has other columns than it should"
    return "" if _same_in_order(projection, source, actual) else _difference(projection, source, actual)


def _same_in_order(projection: variant.Projection, source: ds.Dataset, actual: ds.Dataset) -> bool:
    """Return True if both have the same rows in the same order, which is how a variant is written: one pass, no memory.

    Whatever else is equal, such as NaN or rows in another order, is for the comparison that counts them.
    """
    batches = _scanner(projection, actual).to_batches()
    left = pa.table({})
    for batch in filter(len, variant.rows(projection, source)):
        desired = pa.Table.from_batches([batch])
        while left.num_rows < desired.num_rows:
            more = next(batches, None)
            if more is None:
                return False
            left = pa.Table.from_batches([*left.to_batches(), more])
        both = zip(left.slice(0, desired.num_rows).columns, desired.columns, strict=True)
        if not all(one.equals(other) for one, other in both):
            return False
        left = left.slice(desired.num_rows)
    return not left.num_rows and not any(more.num_rows for more in batches)


def _scanner(projection: variant.Projection, actual: ds.Dataset) -> ds.Scanner:
    """Return what reads a role's variant, its columns by names of our own."""
    names = projection.schema.names
    columns = {f"c{number}": ds.field(name) for number, name in enumerate(names)}
    return actual.scanner(columns=columns, **variant.SCAN)


def _difference(projection: variant.Projection, source: ds.Dataset, actual: ds.Dataset) -> str:
    """Return which rows are missing or too many, whatever their order; empty if none are."""
    names = [f"c{number}" for number in range(len(projection.schema))]
    counted = 0

    def desired() -> Iterator[pa.RecordBatch]:
        nonlocal counted
        for batch in variant.rows(projection, source):
            counted += batch.num_rows
            yield batch.rename_columns(names)

    read = _scanner(projection, actual)
    fields = [field.with_name(own) for own, field in zip(names, projection.schema, strict=True)]
    with tempfile.TemporaryDirectory(prefix="meshwright-") as folder, duckdb.connect() as connection:
        connection.execute("set temp_directory = ?", [folder])
        connection.execute("set enable_progress_bar = false")
        connection.execute(f"set memory_limit = '{MEMORY}'")
        connection.register("desired", pa.RecordBatchReader.from_batches(pa.schema(fields), desired()))
        connection.register("actual", read.to_reader())
        # As many rows, and none too few of any: then there is none too many either.
        missing = connection.execute(
            "select count(*) from (select * from desired except all select * from actual)"
        ).fetchone()
    rows = actual.count_rows()
    if missing == (0,) and rows == counted:
        return ""
    return f"is not what its view gives: {rows} rows instead of {counted}, {missing[0] if missing else 0} of them missing"
