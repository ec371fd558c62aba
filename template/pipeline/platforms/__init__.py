"""The platforms that this product can run on: one module a capability, each with an `opened(product, metadata)`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from pipeline.sql import digest

INPUTS = "inputs"
"""The schema of the inputs, whatever the platform: models read `source('inputs', …)`."""
PART = "__part"
"""The column that engines partition by: the digest of another one's text. It is in no file."""


def part(text: str) -> str:
    """The folder of the files whose rows have a value of this text."""
    return f"{PART}={digest(text)}"


class Platform(Protocol):
    """An engine, for the length of one run. Its SQL takes names and texts as `pipeline.sql` quotes them."""

    @property
    def own_table(self) -> str:
        """The materialization of pipeline/macros that makes a plain table of the data set; empty: dbt's own does."""

    def attach(self, name: str, files: Sequence[Path]) -> None:
        """Makes Parquet files, which have the same columns, the table `inputs.<name>`."""

    def landing(self) -> tuple[Any, dict[str, Any]]:
        """Where dlt loads to, so that the engine reads it there: a destination, and options of dlt's `run`."""

    def landed(self, name: str) -> None:
        """Makes what dlt has loaded the table `inputs.<name>`, where it is not one yet."""

    def rows(self, name: str) -> int:
        """How many rows the table `inputs.<name>` has."""

    def profile(self) -> dict[str, Any]:
        """How dbt reaches the engine: one output of its profile."""

    def release(self) -> None:
        """Lets go of what dbt holds, once it has ended."""

    def input(self, name: str) -> str:
        """An input's table, as the engine's SQL names it."""

    def relation(self, model: str) -> str:
        """A model, as the engine's SQL names it."""

    def columns(self, model: str) -> dict[str, str]:
        """The columns of a model, with their types in the engine's words; empty if there is no such model."""

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """A few rows, as Python has them."""

    def text(self, model: str, column: str) -> str:
        """A column's value as a text, in SQL: one text for each value, which DuckDB can cast back."""

    def fingerprint(self, model: str, columns: Sequence[str]) -> str:
        """An aggregate, in SQL: a number of some rows of a model that is another one if a value of theirs is."""

    def write(self, model: str, columns: Sequence[str], folder: Path, rows: str = "", by: str = "") -> None:
        """The engine's bulk write: a model's columns, in this order, as Parquet files below a new folder.

        `rows` is a condition in SQL that chooses the rows. `by` is a column: then each of its values has files of its
        own, in a folder that `part` names by the value's `text`. A name made of the value itself could be too long, or
        the same as another one where case does not count.
        """

    def delete(self, model: str, rows: str) -> None:
        """Deletes the rows that a condition chooses of an incremental model; one that is made anew is left alone."""
