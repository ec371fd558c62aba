"""The inputs that this product can use: one module for each capability.

A module has either `files(source, product)`, which returns Parquet files with the same columns (a list, or
Files, with details), or, for dlt, `resource(source, product)`. A resource can have an attribute
`ingest_report`, an IngestReport, for the report of the run.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.column_names import column_name as column_name
from pipeline.spec import Capability, Product


@dataclass(frozen=True)
class Files:
    """Parquet files with the same columns, and details on these."""

    paths: list[Path]
    columns: dict[str, str]
    """Column -> canonical type, as in pipeline/column_types.py."""
    described: bool = True
    """True if the files themselves have types for their columns; otherwise the types should be declared."""
    absent: tuple[str, ...] = ()
    """Declared columns that none of the rows have."""
    notes: tuple[str, ...] = ()
    """Sentences for the report."""
    agreement: Mapping[str, Any] = field(default_factory=dict)
    """The agreement under which they were read; empty if none is needed."""
    location: str = ""
    """Where another product serves them; empty for other inputs."""


@dataclass
class IngestReport:
    """What an input reports about itself and the rows that were read."""

    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    columns: dict[str, str] = field(default_factory=dict)
    """Column, as it lands -> canonical type: those that the source has now."""
    described: bool = False
    """True if the source itself has types for its columns."""
    undeclared: list[str] = field(default_factory=list)
    """Columns without a declared type, which got the type that is certain."""
    gone: list[str] = field(default_factory=list)
    """Columns of earlier runs that the source no longer has; they stay, empty in new rows."""
    rows_at_source: int | None = None
    """Number of rows at the source, if only new ones were read."""
    beyond: int = 0
    """Rows whose cursor is above its ceiling."""
    furthest: Any = None
    """The highest cursor of those."""
    newest: tuple[str, str] | None = None
    """The cursor column and its highest value."""
    notes: list[str] = field(default_factory=list)
    """Sentences for the report, which begin with a lower-case letter."""


def landing(source: Capability, product: Product) -> Path:
    """Return a new folder for the files of an input."""
    folder = product.scratch / "landed" / source.name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def held(files: Iterable[Path], folder: Path) -> list[Path]:
    """Return the same files below `folder`, as hard links: if a file is replaced meanwhile, this run is not affected.

    Returns the files themselves if the file system has no hard links.
    """
    names = [(file, folder / f"{number:06}.parquet") for number, file in enumerate(files)]
    try:
        for file, name in names:
            os.link(file.resolve(), name)
    except OSError:
        return [file for file, _ in names]
    return [name for _, name in names]


def damage(file: Path) -> str:
    """Return which pages of a Parquet file are damaged, and how; empty if all can be read.

    The footer does not cover the pages, and DuckDB does not verify their checksums.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(file, page_checksum_verification=True) as opened:
        row = 0
        for group in range(opened.num_row_groups):
            try:
                for batch in opened.iter_batches(row_groups=[group], use_threads=False):
                    batch.validate(full=True)  # texts are UTF-8
            except pa.ArrowNotImplementedError:  # a limit of Arrow, not an error in the file
                return ""
            except (pa.ArrowException, OSError) as error:
                rows = f"rows {row + 1} to {row + opened.metadata.row_group(group).num_rows}"
                return f"{rows} cannot be read{_damaged_column(opened, group)}: {' '.join(str(error).split()).rstrip('.')}"
            row += opened.metadata.row_group(group).num_rows
    return ""


def _damaged_column(opened: Any, group: int) -> str:
    import pyarrow as pa

    for name in opened.schema_arrow.names:
        try:
            opened.read_row_group(group, columns=[name], use_threads=False).validate(full=True)
        except (pa.ArrowException, OSError):
            return f" in column {name}"
    return ""
