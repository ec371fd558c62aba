"""The data set as files: written once, verified, and then published unchanged."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import PromiseBroken
from pipeline.platforms import Platform
from pipeline.spec import Product
from pipeline.sql import identifier, literal, only_row, scan

QUOTED = re.compile(r"""\"(?:[^"]|"")*\"|'(?:[^']|'')*'""")
NOT_WHOLE = re.compile(
    r"^interval|^time(\(\d\))? with time zone|\bINTERVAL\b|\bTIME WITH TIME ZONE\b|\bUNION\("
)
"""Types, in the spelling of DuckDB, PostgreSQL and Spark, that lose information in Parquet."""
LONGEST_FOLDER = 240
"""Bytes of a folder's name; file systems take 255, and a store may add some of its own."""
FOLDERS = {
    "VARCHAR",
    "BOOLEAN",
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"),
    *("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"),
}
"""DuckDB's types by which delta-rs and pyiceberg can partition without changing a value."""


@dataclass(frozen=True)
class Changes:
    """The part of a data set that changed since it was last published."""

    column: str
    """The partition column."""
    values: frozenset[str]
    """Partition values whose rows changed or are gone, as texts in the engine's spelling."""
    since: str
    """The publication that has all other rows; a port with another one takes the whole data set."""
    type: str = "VARCHAR"
    """DuckDB's type of the column."""

    @property
    def rows(self) -> str:
        """The condition, in DuckDB's SQL, for the rows with these values."""
        if not self.values:
            return "false"
        values = (literal(value) for value in sorted(self.values))
        if self.type != "VARCHAR":
            values = (f"cast({value} as {self.type})" for value in values)
        return f"{identifier(self.column)} in ({', '.join(values)})"

    def typed(self) -> pa.Array:
        """The values in the column's type."""
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            query = f"select cast(unnest(?) as {self.type}) as value"
            found = connection.sql(query, params=[sorted(self.values)]).to_arrow_table()
            return found["value"].combine_chunks()

    def texts(self) -> list[str]:
        """The values as DuckDB's texts, whichever engine they come from."""
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            query = f"select cast(cast(unnest(?) as {self.type}) as varchar)"
            return [text for (text,) in connection.execute(query, [sorted(self.values)]).fetchall()]


@dataclass(frozen=True)
class Dataset:
    """The product's one data set, as the files that are verified and then published."""

    parts: tuple[Path, ...]
    """Parquet files with the same columns."""
    rows: int
    metadata: dict[str, str]
    """Stored with the data: product, version, when its inputs were read, and the publication."""
    changes: Changes | None = None
    """None: all rows may be new."""
    partition: str = ""
    """The partition column: each of its values has its own files; empty: none."""
    changed: tuple[Path, ...] = ()
    """The parts with the rows of `changes`; all parts if there are no `changes`."""

    @property
    def scan(self) -> str:
        """SQL of DuckDB for the rows."""
        return scan(self.parts)

    def partition_column(self, types: Collection[str]) -> str:
        """Return the column that a port can partition its folders by; empty if its type or a value does not allow that.

        Hive and its successors read an empty text as null, a folder's name has at most 255 bytes, and delta-rs cannot
        partition by a column whose name has a character such as a tab.
        """
        if not self.partition or described(self.parts)[self.partition] not in types:
            return ""
        if not self.partition.isprintable():
            return ""
        # A folder's name is encoded twice: once for Hive's `name=value`, and once as a part of a path.
        folder = f"url_encode(url_encode({literal(self.partition)} || cast({identifier(self.partition)} as varchar)))"
        query = f"select max(strlen({folder})), bool_or(cast({identifier(self.partition)} as varchar) = '') from {self.scan}"
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            longest, empty = only_row(connection.execute(query))
        return "" if empty or (longest or 0) > LONGEST_FOLDER else self.partition

    @property
    def schema(self) -> pa.Schema:
        """The columns as Arrow types, all nullable: platforms differ in what they know about null."""
        return pa.schema([field.with_nullable(True) for field in pq.read_schema(self.parts[0])])


def metadata(product: Product, started: datetime) -> dict[str, str]:
    """Return the metadata for the data of a run that read its inputs at `started`."""
    return {
        "product": f"{product.domain}/{product.name}",
        "productVersion": product.version,
        "ingestedAt": started.isoformat(timespec="seconds"),
    }


def promised(product: Product, platform: Platform, columns: Iterable[str]) -> list[str]:
    """Return the model's columns in the contract's order. Raises PromiseBroken for a column that is not in the contract."""
    made = platform.columns(product.dataset)
    if not made:
        raise PromiseBroken(
            f"There is no model {product.dataset}, which is the data set in data-product.yaml.",
            fix=f"Add {product.model_file}, or fix spec.dataset.name.",
        )
    columns = list(columns)
    # A column that is not in the contract has no meaning and no classification: it stays private.
    if extra := [name for name in made if name not in columns]:
        raise PromiseBroken(
            "\n".join(
                f"column {name} ({made[name]}) is in the model, but not in the contract" for name in extra
            ),
            fix=f"Describe it in {product.contract.name}, or remove it from {product.model_file}.",
        )
    if not made.keys() & set(columns):
        raise PromiseBroken(
            f"The model {product.dataset} has no columns.",
            fix=f"Select some in {product.model_file}.",
        )
    if lossy := [(name, kind) for name, kind in made.items() if NOT_WHOLE.search(QUOTED.sub("", kind))]:
        raise PromiseBroken(
            "\n".join(
                f"column {name} is of the type {kind}, of which a Parquet file cannot hold every value"
                for name, kind in lossy
            ),
            fix=f"In {product.model_file}: "
            + "; ".join(f"cast({name} as {{{{ dbt.type_string() }}}})" for name, _ in lossy)
            + ", and make it a string in the contract.",
        )
    return [name for name in columns if name in made]


def described(parts: Iterable[Path]) -> dict[str, str]:
    """Return the columns of Parquet files, with DuckDB's names of their types."""
    with duckdb.connect() as connection:
        return {
            name: kind for name, kind, *_ in connection.execute(f"describe from {scan(parts)}").fetchall()
        }


def files(*folders: Path) -> tuple[Path, ...]:
    """Return the Parquet files below some folders."""
    return tuple(sorted(file for folder in folders for file in folder.rglob("*.parquet")))


def count(parts: Iterable[Path]) -> int:
    """Return the number of rows of Parquet files."""
    return sum(pq.read_metadata(part).num_rows for part in parts)
