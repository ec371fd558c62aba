"""One database: reading, and writing in an order that is the same for everybody.

Every write takes the one row of `state` first. That puts writes in an order on both databases, and gives each change
a revision, by which readers know that what they hold in memory is out of date.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import CursorResult, insert, select, update
from sqlalchemy import text as sql
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import DBAPIError, OperationalError, TimeoutError

from meshwright.core.yaml import Unreadable
from meshwright.serve import RequestProblem
from meshwright.serve.catalog_store.database_engine import PATIENCE, address, engine
from meshwright.serve.catalog_store.tables import FORMAT, STATE, TABLES


@dataclass
class Write:
    """A transaction that no other one runs beside."""

    connection: Connection

    def revision(self) -> int:
        """Return the next revision; asked for by whoever changes something."""
        self.connection.execute(update(STATE).values(revision=STATE.c.revision + 1))
        return int(self.connection.execute(select(STATE.c.revision)).scalar_one())


class CatalogDatabase:
    """One database. Safe to be used by several threads, and by several processes at once."""

    def __init__(self, database: str) -> None:
        """Open the database, and make the tables if it is empty; raises Unreadable."""
        url = address(database)
        self.kind = url.get_backend_name()
        if self.kind == "sqlite":
            # A private catalog's file is nobody else's, either. What fails here fails below, with the reason.
            with contextlib.suppress(OSError):
                Path(url.database or "").touch(mode=0o600)
        self._engine = engine(url)
        driver = self._engine.dialect.dbapi
        assert driver is not None, "an engine that connects has one"
        self._failures = (driver.OperationalError,)
        self._turn = threading.Lock()  # threads queue here in order; a database only tells them to try again
        format = self._make_tables(url)
        if format != FORMAT:
            raise Unreadable(
                f"The database has format {format}, and this Meshwright knows {FORMAT}.",
                "Serve it with the Meshwright that made it.",
            )

    def _make_tables(self, url: URL) -> int:
        """Make the tables where they are missing, and return their format."""
        try:
            with self.alone() as connection:
                if self.kind == "postgresql":  # two that start at once
                    connection.execute(sql("select pg_advisory_xact_lock(6207153)"))
                TABLES.create_all(connection)
                format = connection.execute(select(STATE.c.format)).scalar()
                if format is None:
                    connection.execute(insert(STATE).values(one=1, format=FORMAT, revision=0))
        except DBAPIError as error:
            shown = url.render_as_string(hide_password=True)
            reason = str(error.orig).strip().splitlines()[:1]
            problem = f"{shown}: the database cannot be used: {''.join(reason)}"
            raise Unreadable(problem, "Is it there, and may this user write to it?") from error
        return FORMAT if format is None else int(format)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def revision(self) -> int:
        """Return a number that grows with each change of a product or an assessment."""
        with self.read() as connection:
            return int(connection.execute(select(STATE.c.revision)).scalar_one())

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading; raises RequestProblem where the database does not answer."""
        try:
            with self._engine.connect() as connection:
                yield connection
        except (OperationalError, TimeoutError) as error:
            raise unavailable() from error

    @contextlib.contextmanager
    def alone(self) -> Iterator[Connection]:
        """A transaction that changes nothing that readers hold in memory."""
        with self._engine.connect().execution_options(alone=True) as connection, connection.begin():
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Write]:
        """A transaction that no other one runs beside; undone where nothing was changed. Raises RequestProblem."""
        if not self._turn.acquire(timeout=PATIENCE):
            raise busy()
        try:
            with self.alone() as connection:
                connection.execute(select(STATE.c.one).with_for_update())
                yield Write(connection)
        except OperationalError as error:
            raise (busy() if is_locked(error) else unavailable()) from error
        except TimeoutError as error:
            raise busy() from error
        finally:
            self._turn.release()


def number_of(inserted: CursorResult[Any]) -> int:
    """Return the number that the one inserted row was given."""
    assert inserted.inserted_primary_key is not None
    return int(inserted.inserted_primary_key[0])


def is_locked(error: OperationalError) -> bool:
    """Return True if somebody else's transaction is in the way."""
    return getattr(error.orig, "sqlstate", None) in ("55P03", "40P01", "40001") or "locked" in str(error.orig)


def busy() -> RequestProblem:
    """Return the answer to a write that waited too long for its turn."""
    return RequestProblem(
        409, "busy", "Other writes are in progress, and this one timed out.", "Send it again."
    )


def unavailable() -> RequestProblem:
    """Return the answer to a request where the database does not answer."""
    return RequestProblem(
        503, "unavailable", "The catalog's database does not answer.", "Try again in a moment."
    )
