"""Connect to a database for reading only: no setting of a server, a role or a driver changes the values that are read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from pipeline import values

CONNECT_SECONDS = 30

DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
}
CONNECT: dict[str, dict[str, Any]] = {
    "psycopg": {"client_encoding": "UTF8"},
    "pymysql": {"charset": "utf8mb4", "sql_mode": ""},
    "mysqldb": {"charset": "utf8mb4", "sql_mode": ""},
}
"""Arguments for a driver. They override `url` and the server's settings: no character is replaced, no text padded."""
SETTINGS = {
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "3",  # all digits, also before PostgreSQL 12
    "quote_all_identifiers": "off",
    "standard_conforming_strings": "on",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "transaction_timeout": "0",
}
"""Override settings of PostgreSQL's roles and databases, like pg_dump: the same value is always the same text."""
SESSION = {
    "postgresql": ["set session characteristics as transaction read only"],
    "mysql": [
        "set time_zone = '+00:00'",
        "set session transaction read only",
        "set session sql_select_limit = 18446744073709551615",  # its default is the server's own limit
        "set session group_concat_max_len = 1073741824",
        "set session sql_big_selects = 1",
    ],
}
"""Statements for a read-only session. SQLite is opened read-only instead; other databases rely on the account's permissions."""
ROW_SECURITY = {"refuse": "off", "apply": "on"}
"""The property `row_security` -> the setting of PostgreSQL."""


def read_only_engine(url: sa.URL, root: Path, row_security: str = "refuse") -> sa.Engine:
    """Return connections that only read, each in one snapshot.

    `root`: the folder that a relative path of a SQLite file starts at. `row_security`: a key of ROW_SECURITY.
    """
    drivername = re.sub(r"^mariadb\+", "mysql+", url.drivername)  # one dialect, and one session, for both
    url = url.set(drivername=DRIVERS.get(drivername, drivername))
    backend = url.get_backend_name()
    options: dict[str, Any] = {}
    if backend == "sqlite":
        file = quote(str(root / (url.database or "")))
        url = url.set(database=f"file:{file}", query={"mode": "ro", "uri": "true"})
    elif backend in SESSION:
        options["isolation_level"] = "REPEATABLE READ"
        timeout = {} if "connect_timeout" in url.query else {"connect_timeout": CONNECT_SECONDS}
        options["connect_args"] = timeout | CONNECT.get(url.get_driver_name(), {})
    engine = sa.create_engine(url, poolclass=sa.NullPool, hide_parameters=True, **options)

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        if backend == "sqlite":
            # Text that is not UTF-8 is reported where its row is known: see pipeline.values.
            connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
        if backend == "postgresql":
            _guard(connection)
        cursor = connection.cursor()
        for statement in SESSION.get(backend, ()):
            cursor.execute(statement)
        if backend == "postgresql":
            cursor.execute(_override(SETTINGS | {"row_security": ROW_SECURITY[row_security]}))
        cursor.close()
        connection.commit()

    return engine


def _override(settings: dict[str, str]) -> str:
    """Return the statement that sets those of the settings that the server knows."""
    given = ", ".join(f"('{name}', '{value}')" for name, value in settings.items())
    return (
        "select pg_catalog.set_config(known.name, given.value, false) from pg_catalog.pg_settings as known"
        f" join (values {given}) as given (name, value) on given.name = pg_catalog.lower(known.name)"
    )


def unquoted(_: Any, __: Any, column: Any) -> None:
    """Correct the name of a column with a backtick, which SQLAlchemy leaves doubled."""
    column["name"] = column["name"].replace("``", "`")


def _guard(connection: Any) -> None:
    """Make psycopg return text for values that Python cannot represent: `infinity`, a year before Christ, 24:00."""
    from psycopg import DataError
    from psycopg.adapt import Loader
    from psycopg.pq import Format

    for name in ("date", "time", "timestamp", "timestamptz"):
        oid = connection.adapters.types[name].oid
        original = connection.adapters.get_loader(oid, Format.TEXT)

        class Guarded(Loader):
            kind: Any = original

            def __init__(self, oid: int, context: Any = None) -> None:
                super().__init__(oid, context)
                self.inner = self.kind(oid, context)

            def load(self, data: Any) -> Any:
                try:
                    return self.inner.load(data)
                except DataError:
                    return values.Broken(bytes(data).decode())

        connection.adapters.register_loader(oid, Guarded)
