"""Verdicts that follow from a product's documents alone, kept by their content from one assessment to the next.

Nothing else is kept: what a function reads of storage, of a directory, of other products or of the clock is examined each time.
A file that is missing, damaged, locked or from another version of this package is as if there were none.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import meshwright
from meshwright.product import metamodel
from meshwright.product.record import Record

MOST = 200_000
"""Products whose verdicts are kept at most; those that were used last stay."""
AT_ONCE = 500
WAIT = 2.0
"""Seconds to wait for another process that writes."""
PARTS = {"state", "evidence", "fix", "mend", "place"}

Verdicts = dict[str, list[dict[str, str]]]
"""Function -> its verdicts of one product."""


def place() -> Path:
    """Return the file in the user's cache folder, or in the one that MESHWRIGHT_CACHE names."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("MESHWRIGHT_CACHE") or home / "meshwright") / "verdicts.sqlite"


class KeptVerdicts:
    """Verdicts in one file; two processes can use it at once."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def find(self, records: Mapping[int, Record]) -> dict[int, Verdicts]:
        """Return the verdicts that are kept for these records, as far as there are any."""
        keys = {key(record): number for number, record in records.items()}
        found: dict[int, Verdicts] = {}
        with contextlib.suppress(sqlite3.Error, OSError), self._opened() as connection:
            names = list(keys)
            for start in range(0, len(names), AT_ONCE):
                some = names[start : start + AT_ONCE]
                marks = ", ".join("?" * len(some))
                for name, value, check in connection.execute(f"select key, value, digest from verdicts where key in ({marks})", some):  # fmt: skip
                    verdicts = _sound(name, value, check)
                    if verdicts is not None:
                        found[keys[name]] = verdicts
        return found

    def keep(self, found: Sequence[tuple[Record, Verdicts]]) -> None:
        """Keep the verdicts of some records."""
        rows = []
        for record, verdicts in found:
            name, value = key(record), json.dumps(verdicts, ensure_ascii=False, separators=(",", ":"))
            rows.append((name, value, _digest(name, value), int(datetime.now(UTC).timestamp())))
        try:
            self._write(rows)
        except sqlite3.DatabaseError as error:
            if not isinstance(error, sqlite3.OperationalError):  # damaged: begin anew
                with contextlib.suppress(sqlite3.Error, OSError):
                    self.file.unlink(missing_ok=True)
                    self._write(rows)
        except OSError:
            pass  # without a cache, the next assessment takes longer

    def _write(self, rows: Sequence[tuple[str, str, str, int]]) -> None:
        with self._opened() as connection, connection:
            connection.executemany("insert or replace into verdicts values (?, ?, ?, ?)", rows)
            count = connection.execute("select count(*) from verdicts").fetchone()[0]
            if count > MOST:
                connection.execute("delete from verdicts where key in (select key from verdicts order by at limit ?)", (count - MOST,))  # fmt: skip

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        connection = sqlite3.connect(self.file, timeout=WAIT)
        try:
            connection.execute(
                "create table if not exists verdicts (key text primary key, value text, digest text, at integer)"
            )
            yield connection
        finally:
            connection.close()


def key(record: Record) -> str:
    """Return what decides the verdicts: the documents, and what examines them."""
    return hashlib.sha256(f"{_examiner()} {record.hash}".encode()).hexdigest()


@cache
def _examiner() -> str:
    """Return a digest of this package as it is installed, of what it asks, and of what the year and the day decide in rules."""
    folder = Path(meshwright.__file__).parent
    files = sorted(
        (str(file.relative_to(folder)), file.stat().st_size, file.stat().st_mtime_ns)
        for file in folder.rglob("*")
        if file.suffix in (".py", ".yaml")
    )
    installed = sorted(f"{one.name} {one.version}" for one in metadata.distributions())
    clock = date.today().year, metamodel.agreements_required(datetime.now(UTC).date())
    return hashlib.sha256(repr((files, installed, platform.python_version(), clock)).encode()).hexdigest()


def _digest(name: str, value: str) -> str:
    return hashlib.sha256(f"{name} {value}".encode("utf-8", "replace")).hexdigest()


def _sound(name: str, value: Any, check: Any) -> Verdicts | None:
    """Return verdicts as they were written; None if they are not."""
    if not isinstance(value, str) or _digest(name, value) != check:
        return None
    try:
        verdicts = json.loads(value)
    except ValueError:
        return None
    lists = verdicts.values() if isinstance(verdicts, dict) else [None]
    sound = all(
        isinstance(given, list)
        and given
        and all(isinstance(one, dict) and set(one) == PARTS for one in given)
        for given in lists
    )
    return verdicts if sound else None
