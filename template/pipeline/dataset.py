"""The data set as files: written once, verified, and then published as it is."""

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
"""Types, in the words of DuckDB, PostgreSQL and Spark, of which Parquet keeps milliseconds, no zone, or a struct."""
LONGEST_FOLDER = 240
FOLDERS = {
    "VARCHAR",
    "BOOLEAN",
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"),
    *("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"),
}
"""DuckDB's types by whose values delta-rs and pyiceberg partition without a value becoming another one."""


@dataclass(frozen=True)
class Changes:
    """What of a data set is not as it was when it was last published."""

    column: str
    """Its values part the data set."""
    values: frozenset[str]
    """Those whose rows are others now, or gone, as texts in the engine's spelling."""
    since: str
    """The publication that knows all the others; a port that holds another one takes the whole data set."""
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
        """The values, as what the column is."""
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            query = f"select cast(unnest(?) as {self.type}) as value"
            found = connection.sql(query, params=[sorted(self.values)]).to_arrow_table()
            return found["value"].combine_chunks()

    def texts(self) -> list[str]:
        """The values as DuckDB's texts, whichever engine has read them."""
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            query = f"select cast(cast(unnest(?) as {self.type}) as varchar)"
            return [text for (text,) in connection.execute(query, [sorted(self.values)]).fetchall()]


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

    def folders_by(self, types: Collection[str]) -> str:
        """The column that a port can partition its folders by; empty if its type is none of these, or it names no folder.

        An empty text is null to Hive and its heirs, no name of a folder has more than 255 bytes, and delta-rs makes none
        of a column whose name has a character such as a tab.
        """
        if not self.partition or described(self.parts)[self.partition] not in types:
            return ""
        if not self.partition.isprintable():
            return ""
        folder = f"url_encode(url_encode({literal(self.partition)} || cast({identifier(self.partition)} as varchar)))"
        query = f"select max(strlen({folder})), bool_or(cast({identifier(self.partition)} as varchar) = '') from {self.scan}"
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            longest, empty = only_row(connection.execute(query))
        return "" if empty or (longest or 0) > LONGEST_FOLDER else self.partition

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
            fix=f"Add models/{product.dataset}.sql, or fix spec.dataset.name.",
        )
    columns = list(columns)
    # A column that nobody promised has no meaning and no classification: it stays private.
    if extra := [name for name in made if name not in columns]:
        raise PromiseBroken(
            "\n".join(
                f"column {name} ({made[name]}) is in the model, but not in the contract" for name in extra
            ),
            fix=f"Describe it in {product.contract.name}, or leave it out of models/{product.dataset}.sql.",
        )
    if not made.keys() & set(columns):
        raise PromiseBroken(
            f"The model {product.dataset} has no column.",
            fix=f"Select some in models/{product.dataset}.sql.",
        )
    if lossy := [(name, kind) for name, kind in made.items() if NOT_WHOLE.search(QUOTED.sub("", kind))]:
        raise PromiseBroken(
            "\n".join(
                f"column {name} is of the type {kind}, of which a Parquet file cannot hold every value"
                for name, kind in lossy
            ),
            fix=f"In models/{product.dataset}.sql: "
            + "; ".join(f"cast({name} as {{{{ dbt.type_string() }}}})" for name, _ in lossy)
            + ", and promise a string in the contract.",
        )
    return [name for name in columns if name in made]


def described(parts: Iterable[Path]) -> dict[str, str]:
    """The columns of Parquet files, with their types as DuckDB names them."""
    with duckdb.connect() as connection:
        return {
            name: kind for name, kind, *_ in connection.execute(f"describe from {scan(parts)}").fetchall()
        }


def files(*folders: Path) -> tuple[Path, ...]:
    """The Parquet files below some folders."""
    return tuple(sorted(file for folder in folders for file in folder.rglob("*.parquet")))


def count(parts: Iterable[Path]) -> int:
    """The rows of Parquet files."""
    return sum(pq.read_metadata(part).num_rows for part in parts)
