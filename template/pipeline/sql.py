"""Quote names and texts for SQL, whatever they contain."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol


def identifier(name: str) -> str:
    """Return a name, quoted for SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text, quoted for SQL."""
    return "'" + text.replace("'", "''") + "'"


def digest(text: str) -> str:
    """Return the SHA-256 of a text, as engines write it: in lower-case hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def scan(files: Iterable[Path]) -> str:
    """Return DuckDB's SQL for the rows of Parquet files with the same columns."""
    return f"read_parquet([{', '.join(literal(str(file)) for file in files)}], hive_partitioning = false)"


class Answered(Protocol):
    """A query's result: a connection of DuckDB or a cursor of PostgreSQL."""

    def fetchone(self) -> tuple[Any, ...] | None: ...


def only_row(answered: Answered) -> tuple[Any, ...]:
    """Return the row of a query that always returns one, such as a count."""
    row = answered.fetchone()
    assert row is not None
    return row


def form(metadata: Mapping[str, str]) -> str:
    """Return DuckDB's options of `copy` for a Parquet file with metadata on its origin."""
    about = ", ".join(f"{identifier(key)}: {literal(value)}" for key, value in metadata.items())
    return f"format parquet, compression zstd, kv_metadata {{{about}}}"
