"""What Parquet files and Delta tables have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow.dataset as ds

METADATA = ("product", "productVersion", "ingestedAt")
"""What travels with the data: the pipeline wrote it, and nothing of it is data."""


@dataclass(frozen=True)
class PortTable:
    """A data set at a port, at one moment."""

    identity: str
    """Identifies all of its content."""
    rows: ds.Dataset
    metadata: Mapping[str, str]
