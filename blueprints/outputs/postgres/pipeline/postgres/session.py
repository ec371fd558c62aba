"""Connect as the role that publishes, and set up what a database needs before that."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
from psycopg import errors
from psycopg.types.json import Jsonb

from pipeline.connections import explained
from pipeline.errors import UnreadableInput
from pipeline.postgres import server
from pipeline.postgres.database_layout import DatabaseLayout
from pipeline.sql import identifier, only_row

SETTINGS = {
    "search_path": "pg_catalog, pg_temp",  # no functions and operators of others
    "standard_conforming_strings": "on",  # what literal() relies on
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "transaction_timeout": "0",
    "idle_session_timeout": "0",
    # Release the lock soon after the machine of a run has died, not after hours.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
"""Override settings of roles and databases. Settings that a server does not know are skipped."""

BOOTSTRAP = "Have an administrator of the database run, once, what `meshwright access bootstrap` prints."


@contextlib.contextmanager
def connected(layout: DatabaseLayout, *, make: bool) -> Iterator[psycopg.Connection[Any]]:
    """Yield a connection, not in a transaction. `make`: create a missing embedded server.

    Database errors within the context become UnreadableInput, without values of the data.
    """
    with database_errors(), contextlib.ExitStack() as stack:
        address: dict[str, Any] = {"conninfo": layout.url}
        if not layout.url:
            address = stack.enter_context(embedded(layout, make=make)) | {"user": layout.pipeline}
        connection = stack.enter_context(contextlib.closing(connect(address)))
        _become(connection, layout)
        yield connection


@contextlib.contextmanager
def database_errors() -> Iterator[None]:
    """Convert database errors within the context to UnreadableInput, without values of the data."""
    try:
        yield
    except psycopg.Error as error:
        raise _explained(error) from error


def _explained(error: psycopg.Error) -> UnreadableInput:
    """Return the error with a cause and a fix, if the server's message is known."""
    text = server_message(error)
    cause, fix = explained(f"{error.sqlstate or ''} {text}")
    return UnreadableInput(
        f"PostgreSQL: {cause}: {text}" if cause else f"PostgreSQL: {text}",
        fix=fix or "Correct what PostgreSQL reports, and run again.",
    )


def connect(address: Mapping[str, Any]) -> psycopg.Connection[Any]:
    """Return a connection, not in a transaction, with settings that give texts the same meaning on both sides."""
    connection = psycopg.connect(**address, autocommit=True, client_encoding="UTF8")
    connection.execute("set statement_timeout = 0")
    connection.execute(
        "select pg_catalog.set_config(known.name, wanted.value, false) from pg_catalog.pg_settings as known"
        " join pg_catalog.jsonb_each_text(%s) as wanted (name, value) on wanted.name = pg_catalog.lower(known.name)",
        [Jsonb(SETTINGS)],
    )
    return connection


@contextlib.contextmanager
def embedded(layout: DatabaseLayout, *, make: bool) -> Iterator[dict[str, Any]]:
    """Yield the embedded server, with the product's roles and schemas."""
    with server.running(layout.folder, make=make) as address:
        with psycopg.connect(**address, user="postgres") as connection:
            prepare(connection, layout)
        yield address


def prepare(connection: psycopg.Connection[Any], layout: DatabaseLayout) -> None:
    """Create in a database what a product needs to publish: as printed by `meshwright access bootstrap`.

    Without the roles of readers, which come from the access policy.
    """
    there = {name for (name,) in connection.execute("select rolname from pg_catalog.pg_roles")}
    for role in {layout.pipeline, layout.access} - there:
        connection.execute(f"create role {identifier(role)} login")
    pipeline, access = identifier(layout.pipeline), identifier(layout.access)
    private, audit = identifier(layout.private), identifier(layout.audit)
    for schema, owner in ((identifier(layout.schema), access), (private, pipeline), (audit, access)):
        connection.execute(f"create schema if not exists {schema} authorization {owner}")
    by_default = f"alter default privileges for role {pipeline}"
    connection.execute(f"grant usage on schema {private} to {access}")
    connection.execute(f"{by_default} in schema {private} grant select on tables to {access}")
    for role in (pipeline, access):
        connection.execute(
            f"alter default privileges for role {role} revoke execute on functions from public"
        )
    connection.execute(
        f"create table if not exists {audit}.record (number bigint primary key, content json not null)"
    )
    connection.execute(f"alter table {audit}.record owner to {access}")


def server_message(error: psycopg.Error) -> str:
    """Return the server's message, without the value that it may end with."""
    return (error.diag.message_primary or str(error)).partition(': "')[0].strip()


def _become(connection: psycopg.Connection[Any], layout: DatabaseLayout) -> None:
    """Switch to the role that publishes."""
    (user,) = only_row(connection.execute("select current_user"))
    if user != layout.pipeline:
        try:
            connection.execute(f"set role {identifier(layout.pipeline)}")
        except (errors.InvalidParameterValue, errors.InsufficientPrivilege) as error:
            raise UnreadableInput(
                f"{user} is neither {layout.pipeline} nor a member of that role.", fix=BOOTSTRAP
            ) from error
    may = "select bool_and(has_schema_privilege(oid, 'create')) from pg_namespace where nspname = %s"
    (may_create,) = only_row(connection.execute(may, [layout.private]))
    if not may_create:
        problem = (
            f"The schema {layout.private} does not exist."
            if may_create is None
            else f"{layout.pipeline} may not create tables in the schema {layout.private}."
        )
        raise UnreadableInput(problem, fix=BOOTSTRAP)
