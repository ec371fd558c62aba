"""Files read with DuckDB: not the library that pipelines write with, and able to open these very files and no other."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from meshwright.assess.storage import Allowed, Corrupt, Field, Unseen
from meshwright.core.sql.duckdb import identifier, kinds, literal

MEMORY = "512MB"
DECODED = 10_000
"""Rows that are read with all their columns, to see whether that can be done."""
LOOKED_THROUGH = 2_000_000
"""Values of a column that are looked through; of a longer one, those of every so many rows."""
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "memory_limit": MEMORY,
    "temp_directory": "",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
}


class Files:
    """Rows that a query gets out of files. What it raises never holds a value."""

    reader = "DuckDB"

    def __init__(
        self, query: str, paths: Sequence[Path], allowed: Allowed, metadata: Mapping[str, str] | None = None
    ) -> None:
        """`query`: reads `paths`, which are all that can be opened."""
        self.query, self.paths, self.allowed = query, paths, allowed
        self._metadata = metadata

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(":memory:", config=CONFIG)
        connection.execute("set timezone = 'UTC'")
        connection.execute("set allowed_paths = ?", [[str(path) for path in self.paths]])
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        return connection

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a statement's result. Raises Unseen where it takes too long, Corrupt where it cannot be done."""
        with self._limited():
            return self._connection.execute(sql).fetchall()

    @contextlib.contextmanager
    def _limited(self) -> Iterator[None]:
        connection, late = self._connection, threading.Event()

        def stop() -> None:
            late.set()
            connection.interrupt()

        timer = threading.Timer(self.allowed.seconds, stop)
        timer.daemon = True
        timer.start()
        try:
            yield
        except (duckdb.Error, RuntimeError, OverflowError, ValueError) as error:
            if late.is_set():
                raise Unseen(f"Reading it took longer than {self.allowed.seconds:g} s.") from None
            if isinstance(error, duckdb.OutOfMemoryException):
                raise Unseen(f"Reading it takes more than {MEMORY} of memory.") from None
            # What a reader says of broken bytes may quote them.
            kind = type(error).__name__.removesuffix("Exception")
            raise Corrupt(f"DuckDB, an independent reader, cannot read it ({kind}).") from None
        finally:
            timer.cancel()

    @cached_property
    def fields(self) -> Sequence[Field]:
        described = self.ask(f"describe {self.query}")
        return tuple(Field(name, type_, kinds(type_)) for name, type_, *_ in described)

    @cached_property
    def metadata(self) -> Mapping[str, str]:
        if self._metadata is not None:
            return self._metadata
        found = self.ask(
            f"select key::varchar, value::varchar from parquet_kv_metadata({literal(str(self.paths[0]))})"
            " where key::varchar in ('product', 'productVersion', 'ingestedAt')"
        )
        return dict(found)

    @cached_property
    def _rows(self) -> int:
        return int(self.ask(f"select count(*) from ({self.query})")[0][0])

    def count(self) -> int:
        return self._rows

    def filled(self, column: str) -> int:
        name = identifier(column)
        floats = {field.name for field in self.fields if field.type in ("FLOAT", "DOUBLE")}
        value = f"nullif(isnan({name}), true)" if column in floats else name  # NaN is no value
        return int(self.ask(f"select count({value}) from ({self.query})")[0][0])

    def newest(self, column: str) -> datetime | None:
        types = {field.name: field.logical for field in self.fields}
        if not types.get(column, frozenset()) & {"date", "timestamp"}:
            raise Unseen(f"The column {column} has no moments in time.")
        # Seconds, because Python has no moment for each that DuckDB has; without a time zone it is UTC, as the
        # pipeline takes it.
        name = identifier(column)
        (seconds,) = self.ask(f"select epoch(max({name})) from ({self.query}) where isfinite({name})")[0]
        return None if seconds is None else moment(seconds)

    def texts(self, column: str, limit: int) -> Sequence[str]:
        sample = ""
        if self._rows > LOOKED_THROUGH:
            sample = f" using sample {100 * LOOKED_THROUGH / self._rows:.6f} percent (bernoulli)"
        found = self.ask(
            f"select distinct {identifier(column)}::varchar from"
            f" (select {identifier(column)} from ({self.query}){sample})"
            f" where {identifier(column)} is not null limit {int(limit)}"
        )
        return [text for (text,) in found]

    def decoded(self) -> int:
        # A hash needs every value, and none of them has to become one of Python's.
        rows = f"(select * from ({self.query}) limit {DECODED})"
        return int(self.ask(f"select count(*), bit_xor(hash(whole)) from {rows} as whole")[0][0])


def moment(seconds: float) -> datetime:
    """Seconds since 1970 as a moment. Raises Unseen for one that no calendar of ours has."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise Unseen("Its newest moment is beyond the calendar.") from None
