"""A transaction on a port's database, as the applier and with our own settings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode

import psycopg
from psycopg import IsolationLevel, errors

from meshwright.access.grants import Port, Refused
from meshwright.access.targets.postgres.names import Names, display_text
from meshwright.core.sql.postgres import identifier

OLDEST = 150000
LOCK_SECONDS = 10
"""How long to wait for somebody who uses what must change."""
STATEMENT_SECONDS = 60

# A role or a database can bring settings of its own (ALTER ROLE … SET). These decide what a statement means or
# how long it may take; with pg_temp last, nothing that somebody else created is ever found by a short name.
_SETTINGS = """
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL standard_conforming_strings = on;
SET LOCAL quote_all_identifiers = off;
SET LOCAL transform_null_equals = off;
SET LOCAL row_security = on;
SET LOCAL datestyle = 'ISO, YMD';
SET LOCAL timezone = 'UTC';
SET LOCAL check_function_bodies = on;
SET LOCAL jit = off;
SET LOCAL client_min_messages = warning;
"""


class Overlap(Refused):
    """Another process has just changed the same objects; the same run may succeed now."""


class LockTimeout(Refused):
    """Somebody uses what must change, for longer than this waits."""


@contextmanager
def session(port: Port, names: Names, isolation: IsolationLevel) -> Iterator[psycopg.Connection[Any]]:
    """Yield a transaction as `S_access`: committed at the end, rolled back by whatever is raised.

    Every error of the database becomes a Refused that has neither a password nor a value of the data.
    """
    address = _address(port)
    try:
        connection = psycopg.connect(
            **address,
            client_encoding="utf8",
            connect_timeout=15,
            application_name="meshwright access",
            prepare_threshold=None,
        )
    except psycopg.Error as error:
        raise Refused(
            f"The database of port {port.name} cannot be reached: {_without(str(error), address)}",
            "Fix the port's url, or the credentials that libpq finds (PGPASSWORD, ~/.pgpass).",
        ) from None
    try:
        with connection:
            connection.isolation_level = isolation
            connection.read_only = False
            connection.execute(_SETTINGS)
            connection.execute(
                f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'; SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'; "
                f"SET LOCAL idle_in_transaction_session_timeout = '{STATEMENT_SECONDS}s'".encode()
            )
            _as_applier(connection, port, names)
            yield connection
    except errors.LockNotAvailable:
        raise _lock_refusal(address, port, names) from None
    except psycopg.Error as error:
        raise _refused(error, port) from None


def _as_applier(connection: psycopg.Connection[Any], port: Port, names: Names) -> None:
    if connection.info.server_version < OLDEST:
        raise Refused(f"The server of port {port.name} is older than PostgreSQL 15.", "Use a newer server.")
    try:
        connection.execute(f"SET LOCAL ROLE {identifier(names.access)}")
    except (errors.InsufficientPrivilege, errors.InvalidParameterValue) as error:
        raise Refused(
            f"Port {port.name} cannot be changed as {names.access}: {_first_line(error)}",
            f"Connect as {names.access}. Where there is no such role yet, an administrator of the database runs, once, "
            f"what `meshwright access bootstrap --port {port.name}` prints.",
        ) from None


_HOLDERS = """
SELECT DISTINCT a.pid, a.usename::pg_catalog.text FROM pg_catalog.pg_locks l
JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) l.relation
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
JOIN pg_catalog.pg_stat_activity a ON a.pid OPERATOR(pg_catalog.=) l.pid AND a.datid OPERATOR(pg_catalog.=) l.database
WHERE n.nspname OPERATOR(pg_catalog.=) ANY (%s) AND l.granted
  AND a.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid()
ORDER BY 1
"""


def _lock_refusal(address: dict[str, Any], port: Port, names: Names) -> Refused:
    """Return who uses what must change; `fix` is the statement that ends their sessions."""
    with suppress(psycopg.Error), psycopg.connect(**address, connect_timeout=15) as connection:
        holders = connection.execute(_HOLDERS, [list(names.schemas)]).fetchall()
        if holders:
            who = ", ".join(f"{display_text(login or 'somebody')} (process {pid})" for pid, login in holders)
            return LockTimeout(
                f"The views of port {port.name} were left as they were: {who} holds one for more than {LOCK_SECONDS} s.",
                "\n".join(f"SELECT pg_terminate_backend({pid});" for pid, _ in holders),
            )
    return Refused(
        f"The views of port {port.name} were not changed: one of them was in use.", "Run this again."
    )


def storage_address(port: Port) -> tuple[str, bool]:
    """Return the address of a port's database without user and secrets, and whether it is in the product's clone."""
    url = str(port.properties.get("url", ""))
    if not url.startswith(("postgresql://", "postgres://")):
        root = Path(port.root).resolve()
        folder = (root / url).resolve()
        in_clone = folder.is_relative_to(root)
        return (folder.relative_to(root) if in_clone else folder).as_posix(), in_clone
    try:
        parts = psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.Error:
        parts = {"host": "@"}
    if "@" in f"{parts.get('dbname', '')}{str(parts.get('host', ''))[1:]}" or parts.get("host") == "@":
        return (
            "postgresql://",
            False,
        )  # the end of an unquoted password, perhaps; connecting says what is wrong
    host, server_port, database = (
        str(parts.get(part) or os.environ.get(variable) or default)
        for part, variable, default in (
            ("host", "PGHOST", parts.get("hostaddr") or "localhost"),
            ("port", "PGPORT", "5432"),
            ("dbname", "PGDATABASE", parts.get("user") or ""),
        )
    )
    return f"postgresql://{host}:{server_port}/{database}", False


def _address(port: Port) -> dict[str, Any]:
    url = str(port.properties.get("url", ""))
    if url.startswith(("postgresql://", "postgres://")):
        return {"conninfo": url}
    folder = Path(port.root) / url
    if not url or "://" in url or "=" in url:
        raise Refused(
            f"The url of port {port.name} is neither a postgresql:// address nor a folder.",
            "Fix `url` in data-product.yaml, or the variable that it takes its value from.",
        )
    try:
        # Process id, data directory, start time, port, socket directory, …: the server writes it for its clients.
        lines = (folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        process, tcp, socket = int(lines[0]), int(lines[3]), lines[4]
        with suppress(PermissionError):  # It runs, as somebody else.
            os.kill(process, 0)
    except (OSError, ValueError, IndexError):
        raise Refused(
            f"The embedded server of port {port.name} is not running.",
            "Run `uv run python -m pipeline.outputs.postgres` in another terminal.",
        ) from None
    return {"host": socket, "port": tcp, "user": "postgres", "dbname": "postgres"}


def shown_database(port: Port, names: Names) -> str:
    """Return where readers find the database, without a login: a URL, or the folder of an embedded server.

    As the pipeline writes it to the address registry (`pipeline/postgres/database_layout.py`). Raises Refused.
    """
    url = str(port.properties.get("url", ""))
    if not url.startswith(("postgresql://", "postgres://")):
        return str(Path(port.root) / url)
    try:
        parts = psycopg.conninfo.conninfo_to_dict(url)
        if (
            "@" in f"{parts.get('dbname', '')}{str(parts.get('host', ''))[1:]}"
        ):  # the end of an unquoted password
            raise psycopg.ProgrammingError
    except psycopg.Error:
        raise Refused(
            f"The url of port {port.name} cannot be read; it is not shown, because it may hold a password.",
            "Fix `url` in data-product.yaml, or the variable that it takes its value from.",
        ) from None
    hosts, ports = (str(parts.get(key, "")).split(",") for key in ("host", "port"))
    ports = ports * len(hosts) if len(ports) == 1 else ports
    network = ",".join(
        quote(host, safe="") + (f":{number}" if number else "")
        for host, number in zip(hosts, ports, strict=True)
    )
    # An allowlist: any other part of a URL may be a secret.
    more: dict[str, str] = {key: str(parts[key]) for key in ("service", "sslmode") if key in parts}
    more["options"] = f"-csearch_path={names.schema}"
    database = quote(str(parts.get("dbname", "")), safe="")
    return f"postgresql://{network}/{database}?{urlencode(more, quote_via=quote)}"


def _without(message: str, address: dict[str, Any]) -> str:
    """Return libpq's message about a failed connection, on one line; nothing of it where it could repeat a secret."""
    line = " ".join(message.split())
    try:
        parts = psycopg.conninfo.conninfo_to_dict(address.get("conninfo", ""))
    except psycopg.Error:
        return "its url cannot be read"
    for secret in (parts.get("password"), os.environ.get("PGPASSWORD")):
        if secret and (str(secret) in line or unquote(str(secret)) in line):
            return "it does not let us in"
    return display_text(line)


def _first_line(error: psycopg.Error) -> str:
    return display_text(error.diag.message_primary or type(error).__name__)


_FIXES: tuple[tuple[type[psycopg.Error], str, str], ...] = (
    (errors.QueryCanceled, "it took too long.", "Run this again when the database is less busy."),
    (errors.OperationalError, "the connection was lost.", "Run this again: it finds out what was done."),
)


_OVERLAPS = (
    errors.SerializationFailure,
    errors.DeadlockDetected,
    errors.UndefinedTable,
    errors.InternalError_,
)
"""What the server reports where another process changed or dropped an object between two statements of this one."""


def _refused(error: psycopg.Error, port: Port) -> Refused:
    """Return the error without its detail, hint and context, which may have values of the data."""
    if isinstance(error, _OVERLAPS):
        return Overlap(
            f"Port {port.name} was left as it was: another process has just changed the same objects "
            f"({_first_line(error)}).",
            "Run this again.",
        )
    for kind, what, fix in _FIXES:
        if isinstance(error, kind):
            return Refused(f"Port {port.name} was left as it was: {what}", fix)
    return Refused(
        f"Port {port.name} was not changed; PostgreSQL reports: {_first_line(error)} ({error.sqlstate})",
        "Fix the cause, then run this again.",
    )
