"""Files with the same columns, as `file@1` reads them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import duckdb
import pyarrow as pa

from meshwright.core.errors import Error
from meshwright.core.text import printable
from meshwright.inspection import csv_format, workspace
from meshwright.inspection.file_address import argument
from meshwright.inspection.model import Table, TableProfile
from meshwright.inspection.profile import profile
from meshwright.inspection.reading.csv_files import FileFormatError
from meshwright.inspection.workspace import Workspace

FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
}
COMPRESSIONS = {".gz", ".zst"}


class FileSource:
    """Files with the same columns. Everything is read when it is asked for, and once."""

    uses = "file@1"
    _differ = False
    """True if not all files have all columns, once a file with types of its own has been read."""

    def __init__(self, name: str, path: str, files: list[Path], root: Path, given: Mapping[str, Any]) -> None:
        self.name = name
        self.path = path
        self.files = files
        self.root = root
        self.given = given
        self.workspace = Workspace()
        self.notes: list[str] = []

    @property
    @abstractmethod
    def properties(self) -> Mapping[str, Any]:
        """See model.Source."""

    @abstractmethod
    def _typed(self) -> tuple[Table, list[Path], dict[str, str]]:
        """Return the table, Parquet files with its rows, and the SQL of each column's value."""

    def _with_missing(self, found: dict[str, Any]) -> dict[str, Any]:
        """Return properties with the one that allows columns to be missing, if any are."""
        _ = self.typed
        return found | ({"missing_columns": "allowed"} if self._differ else {})

    @cached_property
    def typed(self) -> tuple[Table, list[Path], dict[str, str]]:
        try:
            return self._typed()
        except FileFormatError as error:
            raise csv_format.refusal(self.path, error) from error
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise Error(
                f"{self.path} cannot be read: {printable(' '.join(str(error).split()))}",
                f"Correct the file, or say what it is: {argument(self.path, format='csv')}, json or parquet.",
            ) from error

    def table(self) -> Table:
        """See model.Source."""
        return self.typed[0]

    def width(self) -> int:
        """Return the number of columns, without looking at rows where the format allows it."""
        return len(self.table().columns)

    @cached_property
    def _profile(self) -> TableProfile:
        table, files, values = self.typed
        relation = workspace.relation(self.workspace, table, files, values, self.notes)
        return profile(relation)

    def profile(self) -> TableProfile:
        """See model.Source."""
        return self._profile

    def rows(self, limit: int, among: Mapping[str, Collection[Any]] | None = None) -> Iterator[Sequence[Any]]:
        """See model.Source."""
        table, files, values = self.typed
        key = next(iter(self._profile.keys), ())
        yield from workspace.rows(self.workspace, table, files, values, key, limit, among)

    def distinct(
        self, columns: Sequence[str], limit: int, among: Mapping[str, Collection[Any]] | None = None
    ) -> Iterator[tuple[Any, ...]]:
        """See model.Source."""
        _, files, values = self.typed
        yield from workspace.distinct(self.workspace, files, values, columns, limit, among)

    def shown(self, file: Path) -> str:
        """Return a file's name for messages."""
        try:
            return file.relative_to(self.root).as_posix()
        except ValueError:
            return str(file)


def suffixes(file: Path) -> set[str]:
    """Return the endings of a file's name, in lower case."""
    return {suffix.lower() for suffix in PurePosixPath(file.name).suffixes}


def format_of(file: Path) -> str:
    """Return the format that a file's name tells, as `file@1` sees it; empty if it tells none."""
    suffixes = [suffix for suffix in PurePosixPath(file.name.lower()).suffixes if suffix not in COMPRESSIONS]
    return FORMATS.get(suffixes[-1] if suffixes else "", "")
