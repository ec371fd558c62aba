"""The data set as files: written once, verified, and then published as it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import PromiseBroken
from pipeline.platforms import Platform
from pipeline.spec import Product
from pipeline.sql import identifier, literal, scan


@dataclass(frozen=True)
class Changes:
    """What of a data set is not as it was when it was last published."""

    column: str
    """Its values part the data set."""
    values: frozenset[str]
    """Those whose rows are others now, or gone."""
    since: str
    """The publication that knows all the others; a port that holds another one takes the whole data set."""

    @property
    def rows(self) -> str:
        """The condition, in SQL, for the rows with these values."""
        if not self.values:
            return "false"
        return f"{identifier(self.column)} in ({', '.join(map(literal, sorted(self.values)))})"


@dataclass(frozen=True)
class Dataset:
    """The one data set of the product, as the files that are verified and then published."""

    parts: tuple[Path, ...]
    """Parquet files of the same columns."""
    rows: int
    metadata: dict[str, str]
    """Travels with the data: which product, which version, when its inputs were read, which publication it is."""
    changes: Changes | None = None
    """None: all of it may be new."""
    partition: str = ""
    """The column whose values have files of their own, if one has."""
    changed: tuple[Path, ...] = ()
    """Of the parts, those that hold what `changes` says; all of them, where it says nothing."""

    @property
    def scan(self) -> str:
        """DuckDB's SQL for its rows."""
        return scan(self.parts)

    @property
    def schema(self) -> pa.Schema:
        """The columns, as Arrow types. All may be null: what an engine knows of that is not the same on every platform."""
        return pa.schema([field.with_nullable(True) for field in pq.read_schema(self.parts[0])])


def metadata(product: Product, started: datetime) -> dict[str, str]:
    """What travels with the data of a run that read its inputs at `started`."""
    return {
        "product": f"{product.domain}/{product.name}",
        "productVersion": product.version,
        "ingestedAt": started.isoformat(timespec="seconds"),
    }


def promised(product: Product, platform: Platform, columns: Iterable[str]) -> list[str]:
    """The model's columns in the contract's order. Raises PromiseBroken for one that nobody promised."""
    made = platform.columns(product.dataset)
    if not made:
        raise PromiseBroken(
            f"There is no model {product.dataset}, and that is the data set that data-product.yaml promises.",
            mend=f"Add models/{product.dataset}.sql, or mend spec.dataset.name.",
        )
    columns = list(columns)
    # A column that nobody promised has no meaning and no classification: it stays private.
    if extra := [name for name in made if name not in columns]:
        raise PromiseBroken(
            "\n".join(
                f"column {name} ({made[name]}) is in the model, but not in the contract" for name in extra
            ),
            mend=f"Describe it in {product.contract.name}, or leave it out of models/{product.dataset}.sql.",
        )
    return [name for name in columns if name in made]


def files(*folders: Path) -> tuple[Path, ...]:
    """The Parquet files below some folders."""
    return tuple(sorted(file for folder in folders for file in folder.rglob("*.parquet")))


def count(parts: Iterable[Path]) -> int:
    """The rows of Parquet files."""
    return sum(pq.read_metadata(part).num_rows for part in parts)
