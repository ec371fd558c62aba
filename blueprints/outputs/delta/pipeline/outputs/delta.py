"""`delta@1`: a Delta table, overwritten in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.dataset import Dataset
from pipeline.spec import Capability, Product

KEPT_HOURS = 7 * 24


def location(port: Capability, product: Product) -> str:
    """Where readers find the data."""
    path = port.properties["path"]
    return (
        f"{path.rstrip('/')}/{product.dataset}"
        if "://" in path
        else str(product.root / path / product.dataset)
    )


def read(port: Capability, product: Product) -> pa.Table:
    """What readers find there now."""
    return deltalake.DeltaTable(location(port, product)).to_pyarrow_table()


def publish(port: Capability, product: Product, dataset: Dataset) -> Iterator[None]:
    """Makes ready up to the `yield`, and replaces what readers see after it."""
    rows = pq.ParquetFile(dataset.file)
    target = location(port, product)
    deltalake.Schema.from_arrow(rows.schema_arrow)  # a type that Delta does not know stops the run here
    if "://" not in target:
        product.make_folder(Path(target).parent)
        Path(target).mkdir(exist_ok=True)
    yield
    # The commit is the last thing that happens: one new file in the table's log.
    deltalake.write_deltalake(
        target,
        pa.RecordBatchReader.from_batches(rows.schema_arrow, rows.iter_batches()),
        mode="overwrite",
        schema_mode="overwrite",
        commit_properties=deltalake.CommitProperties(custom_metadata=dataset.metadata),
    )
    deltalake.DeltaTable(target).vacuum(retention_hours=KEPT_HOURS, dry_run=False)
