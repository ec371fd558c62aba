"""A data set as one Parquet file."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs
import pyarrow.parquet as pq

from meshwright.access.grants import Refused
from meshwright.access.targets.files.storage import Storage
from meshwright.access.targets.files.table import METADATA, PortTable

SUFFIX = ".parquet"
"""What a data set's name ends with there."""
FORMAT = ds.ParquetFileFormat(
    default_fragment_scan_options=ds.ParquetFragmentScanOptions(arrow_extensions_enabled=True)
)
"""With UUID and JSON as such, so that a variant has them as such."""
MAGIC = b"PAR1"
FOOTER = 64 * 1024 * 1024
"""Most bytes of the description at the end of a file."""


def named(path: str) -> str:
    """Return the file's name. `path`: without the suffix."""
    return f"{path}{SUFFIX}"


def identity(storage: Storage, path: str) -> str | None:
    """Return what identifies the content; None if there is none."""
    return storage.identity(named(path))


@contextlib.contextmanager
def opened(storage: Storage, path: str) -> Iterator[PortTable]:
    """Yield the data set; it can be read until the block ends. Raises Refused."""
    with storage.fetched(named(path)) as (file, identity):
        about = pq.read_metadata(file)
        for number in range(about.num_columns):
            column = about.schema.column(number)
            if column.converted_type == "INTERVAL":
                raise Refused(
                    f"The column {json.dumps(column.path, ensure_ascii=False)} is an interval, which would lose its type.",
                    "Publish it as a number of seconds, or as two timestamps.",
                )
        kept = {key: (about.metadata or {}).get(key.encode()) for key in METADATA}
        yield PortTable(
            identity,
            ds.dataset(str(file), format=FORMAT, filesystem=pyarrow.fs.LocalFileSystem()),
            {key: value.decode() for key, value in kept.items() if value is not None},
        )


def data_files(storage: Storage, path: str) -> dict[str, int]:
    """Return the name of the one file -> its size in bytes. Raises Blocker."""
    with storage.opened(named(path)) as content:
        return {named(path): content.size}


def schema(storage: Storage, path: str) -> pa.Schema:
    """Return the columns, from the end of the file alone. Raises Blocker, Refused."""
    about: pa.Schema = pq.read_schema(pa.BufferReader(_footer(storage, named(path))))
    return about


def _footer(storage: Storage, name: str) -> bytes:
    """Return a Parquet file without its rows."""
    end = storage.tail(name, 8)
    size = int.from_bytes(end[:4], "little") + 8
    if end[4:] != MAGIC or size > FOOTER:
        raise Refused(f"{storage.address(name)} is no Parquet file.", "Apply again.")
    return MAGIC + storage.tail(name, size)


def write(
    storage: Storage, path: str, rows: pa.RecordBatchReader, metadata: Mapping[str, str], keep: bool
) -> None:
    """Replace the whole file. Its old content is gone, even where `keep` would allow to keep it."""
    # Statistics and dictionaries are made of these rows; of the schema only names and types go in.
    with (
        storage.replacing(named(path)) as file,
        pq.ParquetWriter(file, rows.schema, compression="zstd") as sink,
    ):
        for batch in rows:
            sink.write_batch(batch)
        sink.add_key_value_metadata(dict(metadata))
