"""`parquet@1`: one Parquet file, replaced as a whole."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq

from pipeline.dataset import Dataset
from pipeline.outputs import replacing
from pipeline.port_types import ANY_READER, TYPES, Format
from pipeline.spec import Capability, Product
from pipeline.sql import form, literal

FORMAT = Format(
    "Parquet",
    types=dict.fromkeys(TYPES, "")
    | {
        "BOOLEAN": "BOOLEAN",
        **{
            name: f"INT({bits}, true)"
            for name, bits in (("TINYINT", 8), ("SMALLINT", 16), ("INTEGER", 32), ("BIGINT", 64))
        },
        **{
            name: f"INT({bits}, false)"
            for name, bits in (("UTINYINT", 8), ("USMALLINT", 16), ("UINTEGER", 32), ("UBIGINT", 64))
        },
        "FLOAT": "FLOAT",
        "DOUBLE": "DOUBLE",
        "DECIMAL": "DECIMAL",
        "VARCHAR": "STRING",
        "JSON": "JSON",
        "UUID": "UUID",
        "BLOB": "BYTE_ARRAY",
        "DATE": "DATE",
        "TIME": "TIME(MICROS)",
        "TIMESTAMP": "TIMESTAMP(MICROS)",
        "TIMESTAMP_NS": "TIMESTAMP(NANOS)",
        "TIMESTAMP WITH TIME ZONE": "TIMESTAMP(MICROS), UTC",
        "LIST": "LIST",
        "STRUCT": "group",
        "MAP": "MAP",
    },
    limits=ANY_READER,
)


def location(port: Capability, product: Product) -> str:
    """Return where readers find the data."""
    path, name = port.properties["path"], f"{product.dataset}.parquet"
    return f"{path.rstrip('/')}/{name}" if "://" in path else str(product.root / path / name)


def read(port: Capability, product: Product) -> pa.Table:
    """Return the published data."""
    return pq.read_table(location(port, product))


def first_row(port: Capability, product: Product) -> pa.Table:
    """Return a row of the published data, if it has any."""
    import pyarrow.dataset as ds  # milliseconds, which only a service level of availability costs

    return ds.dataset(location(port, product), format="parquet").head(1)


def published_schema(port: Capability, product: Product) -> pa.Schema:
    """Return the columns of the published data. Raises if nothing was published yet."""
    return pq.read_schema(location(port, product))


def publish(port: Capability, product: Product, dataset: Dataset) -> Iterator[None]:
    """Prepare the new version up to the `yield`, and publish it afterwards."""
    file, target = _one_file(dataset, product), location(port, product)
    if "://" in target:
        storage, path = pyarrow.fs.FileSystem.from_uri(target)
        yield
        # An object store shows an object only after its upload is complete.
        with file.open("rb") as source, storage.open_output_stream(path) as sink:
            shutil.copyfileobj(source, sink, 8 * 1024 * 1024)
        return

    product.make_folder(Path(target).parent)
    yield from replacing(file, Path(target))


def _one_file(dataset: Dataset, product: Product) -> Path:
    """Return the data set as one file, with metadata on its origin."""
    if len(dataset.parts) == 1:
        (part,) = dataset.parts
        known = pq.read_metadata(part).metadata or {}
        if all(known.get(key.encode()) == value.encode() for key, value in dataset.metadata.items()):
            return part
    file = product.scratch / "one-file" / f"{product.dataset}.parquet"
    if not file.exists():  # unless another port of this type has made it
        file.parent.mkdir()
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            connection.execute(
                f"copy (from {dataset.scan}) to {literal(str(file))} ({form(dataset.metadata)})"
            )
    return file
