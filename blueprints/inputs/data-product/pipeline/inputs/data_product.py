"""`data-product@1`: another product's output port, found by its address in an address book."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import deltalake
import fsspec
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs
import pyarrow.parquet as pq
import yaml

from pipeline.errors import UnreadableInput
from pipeline.inputs import held, landing
from pipeline.spec import Capability, Product


def files(source: Capability, product: Product) -> list[Path]:
    """The rows that the port serves now, as Parquet files: its own, where they can be read as they are."""
    entry = _look_up(source, product)
    folder = landing(source, product)
    try:
        rows = OPEN[entry["uses"]](entry["location"])
        if own := _own_files(rows):
            return held(own, folder)
        landed = folder / "rows.parquet"
        with pq.ParquetWriter(landed, rows.schema) as writer:
            for batch in rows.to_batches():
                writer.write_batch(batch)
        return [landed]
    except (OSError, pa.ArrowException, deltalake.exceptions.DeltaError) as error:
        raise UnreadableInput(
            f"Input {source.name}: {source.source} lies at {entry['location']}, which cannot be read: {error}",
            mend="Ask the product's owner, or give another address book.",
        ) from error


def _own_files(rows: ds.Dataset) -> list[Path]:
    """The port's Parquet files, if they lie here and hold all that its rows do; otherwise none."""
    if not isinstance(rows, ds.FileSystemDataset) or not isinstance(
        rows.filesystem, pyarrow.fs.LocalFileSystem
    ):
        return []
    schema = rows.schema.remove_metadata()
    same = all(pq.read_schema(file).remove_metadata() == schema for file in rows.files)
    return [Path(file).absolute() for file in rows.files] if same else []


def _look_up(source: Capability, product: Product) -> dict[str, Any]:
    """Resolves the input's address to `{uses, location}`; a relative location is relative to the book."""
    book = source.properties["addresses"]
    if "://" not in book:
        book = str(product.root / book)
    try:
        with fsspec.open(book, "rt", encoding="utf-8") as file:
            entry = yaml.safe_load(file)[source.source]
        location, uses = str(entry["location"]), entry["uses"]
    except (
        Exception
    ) as error:  # Missing, no YAML, no such address: whatever it is, the address is not resolved.
        reason = "is not in" if isinstance(error, KeyError) else f"cannot be looked up ({error}) in"
        raise UnreadableInput(
            f"Input {source.name}: {source.source} {reason} the address book {book}.",
            mend=f"Give the input an address book that knows {source.source}.",
        ) from error
    if uses not in OPEN:
        raise UnreadableInput(
            f"Input {source.name}: {source.source} is served by {uses}, which {source.uses} cannot read."
        )
    if "://" not in location:
        location = f"{book.rpartition('/')[0]}/{location}" if not Path(location).is_absolute() else location
    return {"uses": uses, "location": location}


def _parquet(location: str) -> ds.Dataset:
    storage, path = pyarrow.fs.FileSystem.from_uri(location) if "://" in location else (None, location)
    return ds.dataset(path, filesystem=storage, format="parquet")


def _delta(location: str) -> ds.Dataset:
    return deltalake.DeltaTable(location).to_pyarrow_dataset()


OPEN = {"parquet@1": _parquet, "delta@1": _delta}
