"""`delta@1`: a Delta table, changed in one transaction."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import deltalake
import pyarrow as pa
import pyarrow.dataset as ds

from pipeline.dataset import FOLDERS, Changes, Dataset
from pipeline.outputs import output_lock
from pipeline.port_types import FINITE, MICROSECONDS, YEARS, YEARS_UTC, Format, files, schema, written
from pipeline.spec import Capability, Product
from pipeline.sql import identifier, literal

KEPT_HOURS = 7 * 24
FORMAT = Format(
    "Delta",
    types={
        "BOOLEAN": "boolean",
        "TINYINT": "byte",
        "SMALLINT": "short",
        "INTEGER": "integer",
        "BIGINT": "long",
        "UTINYINT": "short",
        "USMALLINT": "integer",
        "UINTEGER": "long",
        "UBIGINT": "decimal(20,0)",
        "FLOAT": "float",
        "DOUBLE": "double",
        "DECIMAL": "decimal",
        "VARCHAR": "string",
        "JSON": "string",
        "UUID": "string",
        "BLOB": "binary",
        "DATE": "date",
        "TIMESTAMP": "timestamp_ntz",
        "TIMESTAMP_NS": "timestamp_ntz",
        "TIMESTAMP WITH TIME ZONE": "timestamp",
        "LIST": "array",
        "STRUCT": "struct",
        "MAP": "map",
    },
    casts={
        "UTINYINT": "SMALLINT",
        "USMALLINT": "INTEGER",
        "UINTEGER": "BIGINT",
        "UBIGINT": "DECIMAL(20,0)",
        "JSON": "VARCHAR",
        "UUID": "VARCHAR",
        "TIMESTAMP_NS": "TIMESTAMP",
    },
    limits={
        **dict.fromkeys(("DATE", "TIMESTAMP"), (YEARS,)),
        "TIMESTAMP WITH TIME ZONE": (YEARS_UTC,),
        "TIMESTAMP_NS": (FINITE, MICROSECONDS),
    },
    # A time without a zone needs a feature of the table, which delta-rs does not enable within maps.
    refused_kind=lambda kind: (
        "and delta-rs cannot write a time without a zone within a map"
        if kind.name == "MAP" and ("TIMESTAMP" in kind or "TIMESTAMP_NS" in kind)
        else ""
    ),
)


def location(port: Capability, product: Product) -> str:
    """Return where readers find the data."""
    path = port.properties["path"]
    return (
        f"{path.rstrip('/')}/{product.dataset}"
        if "://" in path
        else str(product.root / path / product.dataset)
    )


def read(port: Capability, product: Product) -> pa.Table:
    """Return the published data."""
    return deltalake.DeltaTable(location(port, product)).to_pyarrow_table()


def first_row(port: Capability, product: Product) -> pa.Table:
    """Return a row of the published data, if it has any."""
    return deltalake.DeltaTable(location(port, product)).to_pyarrow_dataset().head(1)


def published_schema(port: Capability, product: Product) -> pa.Schema:
    """Return the columns of the published data. Raises if nothing was published yet."""
    return deltalake.DeltaTable(location(port, product)).to_pyarrow_dataset().schema


def publish(port: Capability, product: Product, dataset: Dataset) -> Iterator[None]:
    """Prepare the new version up to the `yield`, and publish it afterwards."""
    target = location(port, product)
    selected = written(FORMAT, dataset)
    columns = schema(product, selected, dataset)
    with contextlib.ExitStack() as stack:
        if "://" not in target:
            product.make_folder(Path(target).parent)
            Path(target).mkdir(exist_ok=True)
            if stack.enter_context(output_lock(Path(target))):
                stack.callback(_sweep, target)
                _sweep(target)
        partition = dataset.partition_column(FOLDERS)
        changes = dataset.changes if _can_write_only_changes(target, dataset, columns, partition) else None
        parts = files(product, selected, dataset.changed if changes else dataset.parts)
        rows = ds.dataset([str(part) for part in parts], schema=columns, format="parquet")
        yield
        _write(target, dataset, rows, changes, partition)


def _write(target: str, dataset: Dataset, rows: ds.Dataset, changes: Changes | None, partition: str) -> None:
    # The commit comes last: one new file in the table's log.
    about = deltalake.CommitProperties(custom_metadata=dataset.metadata)
    if changes and not changes.values:  # only the time of reading is new
        table = deltalake.DeltaTable(target)
        table.create_write_transaction(
            [], "append", table.schema(), [changes.column], commit_properties=about
        )
        return
    how = (
        {"predicate": f"{identifier(changes.column)} in ({', '.join(map(literal, changes.texts()))})"}
        if changes
        else {"schema_mode": "overwrite", "partition_by": [partition] if partition else []}
    )
    deltalake.write_deltalake(
        target,
        pa.RecordBatchReader.from_batches(rows.schema, rows.to_batches()),
        mode="overwrite",
        commit_properties=about,
        **how,
    )
    deltalake.DeltaTable(target).vacuum(retention_hours=KEPT_HOURS, dry_run=False)


def _sweep(target: str) -> None:
    """Remove files of a run that did not commit: they are newer than the last commit, and in no version."""
    if not deltalake.DeltaTable.is_deltatable(target):
        return
    log = Path(target) / "_delta_log"
    last = max(file.stat().st_mtime_ns for file in log.glob("*.json"))
    for file in Path(target).rglob("*"):
        is_data = file.suffix == ".parquet" or "#" in file.suffix
        if log not in file.parents and is_data and file.stat().st_mtime_ns > last:
            file.unlink()


def _can_write_only_changes(target: str, dataset: Dataset, columns: pa.Schema, partition: str) -> bool:
    """Return True if the table is the last publication and has the same columns: then only changed rows are written."""
    if not dataset.changes or not partition or not deltalake.DeltaTable.is_deltatable(target):
        return False
    table = deltalake.DeltaTable(target)
    newest = next((entry for entry in table.history(20) if entry.get("operation") == "WRITE"), {})
    same = table.schema() == deltalake.Schema.from_arrow(columns)
    is_partitioned = table.metadata().partition_columns == [partition]
    return same and is_partitioned and newest.get("publication") == dataset.changes.since
