"""The platforms that this product can run on: one module for each capability, with an `opened(product, metadata)`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from pipeline.sql import digest

INPUTS = "inputs"
"""The schema of the inputs on every platform: models read `source('inputs', …)`."""
PART = "__part"
"""The column that engines partition by: the digest of another column's text. It is in no file."""


def part(text: str) -> str:
    """Return the folder of the files whose rows have a value with this text."""
    return f"{PART}={digest(text)}"


class Platform(Protocol):
    """An engine, for the length of one run. Its SQL takes names and texts as quoted by `pipeline.sql`."""

    @property
    def own_table(self) -> str:
        """The materialization of pipeline/macros that makes a plain table of the data set; empty: dbt's own."""

    def attach(self, name: str, files: Sequence[Path]) -> None:
        """Make Parquet files with the same columns the table `inputs.<name>`."""

    def landing(self) -> tuple[Any, dict[str, Any]]:
        """Return the destination for dlt where the engine can read it, and options of dlt's `run`."""

    def landed(self, name: str) -> None:
        """Make the data loaded by dlt the table `inputs.<name>`, if it is not yet."""

    def rows(self, name: str) -> int:
        """Return the number of rows of the table `inputs.<name>`."""

    def profile(self) -> dict[str, Any]:
        """Return how dbt connects to the engine: one output of its profile."""

    def release(self) -> None:
        """Release what dbt holds, once it has ended."""

    def input(self, name: str) -> str:
        """Return the name of an input's table in the engine's SQL."""

    def relation(self, model: str) -> str:
        """Return the name of a model in the engine's SQL."""

    def columns(self, model: str) -> dict[str, str]:
        """Return the columns of a model, with their types in the engine's spelling; empty if there is no such model."""

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Return a few rows as Python values."""

    def text(self, model: str, column: str) -> str:
        """A column's value as a text, in SQL: one text for each value, which DuckDB can cast back."""

    def fingerprint(self, model: str, columns: Sequence[str]) -> str:
        """Return an SQL aggregate over some rows of a model: a number that changes if any of their values does."""

    def write(self, model: str, columns: Sequence[str], folder: Path, rows: str = "", by: str = "") -> None:
        """Write a model's columns, in this order, as Parquet files below a new folder, with the engine's bulk write.

        `rows` is an SQL condition for the rows. `by` is a column: each of its values then gets its own files,
        in a folder that `part` names by the value's `text`. The value itself could be too long for a name, or
        equal to another one on systems that ignore case.
        """

    def delete(self, model: str, rows: str) -> None:
        """Delete the matching rows of an incremental model; other models are left alone, because they are rebuilt."""
