"""The inputs that this product can use: one module a capability.

A module has either `files(source, product)`, the rows as Parquet files that have the same columns (a list of them, or
Files, which says more), or, for what dlt loads, `resource(source, product)`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline.spec import Capability, Product


@dataclass(frozen=True)
class Files:
    """Parquet files that have the same columns, and what is known of these."""

    paths: list[Path]
    columns: dict[str, str]
    """Column -> canonical type, as pipeline/column_types.py has them."""
    described: bool = True
    """Whether the files that were read say themselves what their columns are; otherwise they should be declared."""


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
