"""Files read with DuckDB: not the library that pipelines write with, and able to open these very files and no other."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from meshwright.assess.storage import SPREAD, Allowed, Corrupt, Field, Moments, TooSlow, Unseen
from meshwright.core.sql.duckdb import identifier, kinds, literal

if TYPE_CHECKING:
    from meshwright.inspection.reading.comparisons import Type

MEMORY = "512MB"
DECODED = 10_000
"""Rows that are read with all their columns, if reading all takes too long."""
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
        self,
        query: str,
        paths: Sequence[Path],
        allowed: Allowed,
        metadata: Mapping[str, str] | None = None,
        typed: bool = True,
    ) -> None:
        """`query`: reads `paths`, which are all that can be opened. `typed`: the format says the types of its columns."""
        self.query, self.paths, self.allowed, self.typed = query, paths, allowed, typed
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
                raise TooSlow(f"Reading it took longer than {self.allowed.seconds:g} s.") from None
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

    def moments(self, column: str, since: datetime) -> Moments:
        types = {field.name: field.logical for field in self.fields}
        if not types.get(column, frozenset()) & {"date", "timestamp"}:
            raise Unseen(f"The column {column} has no moments in time.")
        name = identifier(column)
        spread = SPREAD.format(f"epoch({name})", f"{since.timestamp():.3f}")
        return Moments(*self.ask(f"select {spread} from ({self.query}) where isfinite({name})")[0])

    def unlike(self, column: str, pattern: str) -> int:
        condition = f"not regexp_full_match({identifier(column)}::varchar, {literal(pattern)})"
        return int(self.ask(f"select count(*) filter ({condition}) from ({self.query})")[0][0])

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
        try:
            return self._hashed(f"({self.query})")
        except Unseen:
            return self._hashed(f"(select * from ({self.query}) limit {DECODED})")

    def _hashed(self, rows: str) -> int:
        return int(self.ask(f"select count(*), bit_xor(hash(whole)) from {rows} as whole")[0][0])

    @cached_property
    def types(self) -> Mapping[str, Type]:
        """The columns as the modules that verify a run see them."""
        from meshwright.inspection.reading.conformance import types

        with self._limited():
            return types(self._connection, f"({self.query})")

    def fingerprint(self, columns: Sequence[str]) -> int:
        logical = {field.name: field.logical for field in self.fields}
        texts = (f"coalesce('=' || {_spelled(identifier(name), logical[name])}, '-')" for name in columns)
        row = f"md5(concat_ws(chr(31), {', '.join(texts)}))"
        return int(
            self.ask(f"select coalesce(sum(('0x' || left({row}, 13))::bigint), 0) from ({self.query})")[0][0]
        )


def _spelled(value: str, logical: frozenset[str]) -> str:
    """Return SQL for the text of a value, the same in each storage."""
    if "timestamp" in logical:
        return f"case when isfinite({value}) then epoch_us({value})::varchar else {value}::varchar end"
    if "date" in logical:
        return f"case when isfinite({value}) then ({value} - date '1970-01-01')::varchar else {value}::varchar end"
    return f"{value}::varchar"


def moment(seconds: float) -> datetime:
    """Seconds since 1970 as a moment. Raises Unseen for one that no calendar of ours has."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise Unseen("Its newest moment is beyond the calendar.") from None
