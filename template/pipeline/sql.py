"""Names and texts as SQL writes them, whatever somebody put into them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol


def identifier(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def digest(text: str) -> str:
    """SHA-256 of a text, as the engines write it: in small hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def scan(files: Iterable[Path]) -> str:
    """DuckDB's SQL for the rows of Parquet files that have the same columns."""
    return f"read_parquet([{', '.join(literal(str(file)) for file in files)}], hive_partitioning = false)"


class Answered(Protocol):
    """What a query answers: a connection of DuckDB or a cursor of PostgreSQL."""

    def fetchone(self) -> tuple[Any, ...] | None: ...


def only_row(answered: Answered) -> tuple[Any, ...]:
    """Return the row of a query that always answers with one, such as a count."""
    row = answered.fetchone()
    assert row is not None
    return row


def form(metadata: Mapping[str, str]) -> str:
    """DuckDB's options of `copy` for a Parquet file that says where it comes from."""
    about = ", ".join(f"{identifier(key)}: {literal(value)}" for key, value in metadata.items())
    return f"format parquet, compression zstd, kv_metadata {{{about}}}"
