"""`parquet@1`: one Parquet file, replaced as a whole."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq

from pipeline.dataset import Dataset
from pipeline.spec import Capability, Product


def location(port: Capability, product: Product) -> str:
    """Where readers find the data."""
    path, name = port.properties["path"], f"{product.dataset}.parquet"
    return f"{path.rstrip('/')}/{name}" if "://" in path else str(product.root / path / name)


def read(port: Capability, product: Product) -> pa.Table:
    """What readers find there now."""
    return pq.read_table(location(port, product))


def publish(port: Capability, product: Product, dataset: Dataset) -> Iterator[None]:
    """Makes ready up to the `yield`, and replaces what readers see after it."""
    target = location(port, product)
    if "://" in target:
        storage, path = pyarrow.fs.FileSystem.from_uri(target)
        yield
        # An object store shows an object when its upload is complete, not before.
        with dataset.file.open("rb") as source, storage.open_output_stream(path) as sink:
            shutil.copyfileobj(source, sink, 8 * 1024 * 1024)
        return

    folder = Path(target).parent
    product.make_folder(folder)
    for left_over in folder.glob(f".{product.dataset}.*.partial"):
        left_over.unlink()
    partial = folder / f".{product.dataset}.{os.getpid()}.partial"
    with dataset.file.open("rb") as source, partial.open("wb") as sink:
        shutil.copyfileobj(source, sink, 8 * 1024 * 1024)
        sink.flush()
        os.fsync(sink.fileno())
    yield
    os.replace(partial, target)
    with contextlib.suppress(OSError):  # Some file systems cannot sync a folder.
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
