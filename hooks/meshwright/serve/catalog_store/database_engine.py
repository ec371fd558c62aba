"""The two databases that a catalog can have, SQLite and PostgreSQL: their addresses, and how one connects to them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError

from meshwright.core.yaml import Unreadable

KINDS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}
"""Kind of database -> its driver."""
PATIENCE = 10.0
"""Seconds that a write waits for its turn."""


def address(database: str) -> URL:
    """Return a database's URL, from one or from the path of a file; raises Unreadable, without the password."""
    fix = "Give a file's path, sqlite:///catalog.db or postgresql://user@host/database."
    try:
        url = make_url(database if "://" in database else f"sqlite:///{database}")
        kind = url.get_backend_name()
    except (ArgumentError, ValueError) as error:
        raise Unreadable("That is no database's address.", fix) from error
    if kind not in KINDS:
        raise Unreadable(f"The catalog does not know the database {kind}.", fix)
    if kind == "sqlite" and url.database in (None, "", ":memory:"):
        raise Unreadable("A catalog in memory would forget what it acknowledged.", fix)
    return url.set(drivername=KINDS[kind])


def engine(url: URL) -> Engine:
    """Return how SQLAlchemy reaches the database at an address."""
    if url.get_backend_name() == "postgresql":
        options = f"-c lock_timeout={PATIENCE * 1000:.0f} -c client_min_messages=warning"
        arguments = {"options": options, "connect_timeout": 10}
        return create_engine(
            url,
            connect_args=arguments,
            pool_size=10,
            max_overflow=0,
            pool_timeout=PATIENCE,
            pool_pre_ping=True,
            hide_parameters=True,
        )
    made = create_engine(
        url,
        connect_args={"timeout": PATIENCE},
        hide_parameters=True,
        pool_size=10,
        max_overflow=0,
        pool_timeout=PATIENCE,
    )

    @event.listens_for(made, "connect")
    def _(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # so that the driver begins nothing by itself
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")  # in WAL the default loses commits with the power
        connection.execute("pragma foreign_keys = on")

    @event.listens_for(made, "begin")
    def _(connection: Connection) -> None:
        # Begun as a reader, it would be refused when it comes to write after somebody else has written.
        alone = connection.get_execution_options().get("alone")
        connection.exec_driver_sql("begin immediate" if alone else "begin")

    return made
