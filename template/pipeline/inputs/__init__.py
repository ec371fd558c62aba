"""The inputs that this product can use: one module a capability.

A module has either `files(source, product)`, the rows as Parquet files that have the same columns (a list of them, or
Files, which says more), or, for what dlt loads, `resource(source, product)`. A resource can have an attribute
`reading`, a Reading, for the run to report.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.spec import Capability, Product


@dataclass(frozen=True)
class Files:
    """Parquet files that have the same columns, and what is known of these."""

    paths: list[Path]
    columns: dict[str, str]
    """Column -> canonical type, as pipeline/column_types.py has them."""
    described: bool = True
    """Whether the files that were read say themselves what their columns are; otherwise they should be declared."""
    absent: tuple[str, ...] = ()
    """Columns that are declared, and in none of the rows that were read."""
    notes: tuple[str, ...] = ()
    """Sentences for the report."""


@dataclass
class Reading:
    """What an input has noticed while it was read."""

    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    columns: dict[str, str] = field(default_factory=dict)
    """Column, as it lands -> canonical type: those that the source has now."""
    described: bool = False
    """Whether the source says itself what its columns are."""
    undeclared: list[str] = field(default_factory=list)
    """Columns whose types were taken because they are certain, and which nothing declares."""
    gone: list[str] = field(default_factory=list)
    """Columns of earlier runs that the source does not have any more, and that stay, empty in new rows."""
    rows_at_source: int | None = None
    """How many rows the source has, where only those were read that are new."""
    beyond: int = 0
    """Rows whose cursor is beyond its ceiling."""
    furthest: Any = None
    """The highest cursor of those."""
    newest: tuple[str, str] | None = None
    """The cursor's column, and its highest value."""
    notes: list[str] = field(default_factory=list)
    """Sentences for the report, which begin with a small letter."""


def column_name(name: str) -> str:
    """What a column lands as, so that SQL can write it without quotes: `Flight No.` becomes `flight_no`."""
    return re.sub(r"\W+", "_", name).strip("_").lower() or "unnamed"


def landing(source: Capability, product: Product) -> Path:
    """A new folder for what an input has read."""
    folder = product.scratch / "landed" / source.name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def held(files: Iterable[Path], folder: Path) -> list[Path]:
    """The same files below `folder`, without a copy: whoever replaces one meanwhile changes nothing for this run.

    Where the file system cannot do that, the files themselves.
    """
    names = [(file, folder / f"{number:06}.parquet") for number, file in enumerate(files)]
    try:
        for file, name in names:
            os.link(file.resolve(), name)
    except OSError:
        return [file for file, _ in names]
    return [name for _, name in names]


def damage(file: Path) -> str:
    """Return what is wrong with the pages of a Parquet file, and where; empty if all of them can be read.

    Its footer says nothing of them, and DuckDB does not look at their checksums.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(file, page_checksum_verification=True) as opened:
        row = 0
        for group in range(opened.num_row_groups):
            try:
                for batch in opened.iter_batches(row_groups=[group], use_threads=False):
                    batch.validate(full=True)  # texts are UTF-8
            except pa.ArrowNotImplementedError:  # of Arrow's, and not of the file's
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
