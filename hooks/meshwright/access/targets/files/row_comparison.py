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
    names = [f"c{number}" for number in range(len(projection.schema))]
    counted = 0

    def desired() -> Iterator[pa.RecordBatch]:
        nonlocal counted
        for batch in variant.rows(projection, source):
            counted += batch.num_rows
            yield batch.rename_columns(names)

    read = actual.scanner(
        columns={own: ds.field(name) for own, name in zip(names, projection.schema.names, strict=True)},
        **variant.SCAN,
    )
    fields = [field.with_name(own) for own, field in zip(names, projection.schema, strict=True)]
    with tempfile.TemporaryDirectory(prefix="meshwright-") as folder, duckdb.connect() as connection:
        connection.execute("set temp_directory = ?", [folder])
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
