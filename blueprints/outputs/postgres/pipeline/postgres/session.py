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
from pipeline.sql import identifier, literal, only_row

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

MARK = "meshwright ([{].*[}])$"
"""The regular expression of the mark in a role's comment: JSON that says whose product, in which database, it is."""

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

    Without the roles of readers, which come from the access policy. Raises UnreadableInput if they are another product's.
    """
    _refuse_another(connection, layout)
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
    for role in (layout.pipeline, layout.access):
        _mark(connection, layout, role)


def _refuse_another(connection: psycopg.Connection[Any], layout: DatabaseLayout) -> None:
    """Raise UnreadableInput for a schema of somebody else, or a role of another product or another database."""
    owners = {layout.schema: layout.access, layout.private: layout.pipeline, layout.audit: layout.access}
    owned = connection.execute(
        "select nspname, pg_catalog.pg_get_userbyid(nspowner) from pg_catalog.pg_namespace where nspname = any(%s)",
        [list(owners)],
    ).fetchall()
    for schema, owner in owned:
        if owner != owners[schema]:
            raise UnreadableInput(
                f"The schema {schema} of the database is {owner}'s, and not {owners[schema]}'s.",
                fix="Give the port another property `schema` in data-product.yaml.",
            )
    _refuse_another_mark(connection, layout)


def _refuse_another_mark(connection: psycopg.Connection[Any], layout: DatabaseLayout) -> None:
    """Raise UnreadableInput if an administrator has prepared the product's roles for another product or database."""
    (database,) = only_row(connection.execute("select pg_catalog.current_database()"))
    for role in (layout.pipeline, layout.access):
        for product, where in _marks(connection, role):
            if layout.product and (product, where) != (layout.product, database):
                raise UnreadableInput(
                    f"{role} was prepared for the product {product} in the database {where}, and this is {layout.product}"
                    f" in {database}.",
                    fix="Give the port another property `schema` in data-product.yaml: no two products of a server have the"
                    f" same. If it was renamed, an administrator first runs: comment on role {identifier(layout.pipeline)}"
                    f" is null; comment on role {identifier(layout.access)} is null;",
                )


def _marks(connection: psycopg.Connection[Any], role: str) -> list[tuple[str, str]]:
    """Return the product and the database that a role was made for, if it says so."""
    return connection.execute(
        "select mark ->> 'product', mark ->> 'database' from pg_catalog.pg_roles cross join lateral (select"
        " pg_catalog.substring(pg_catalog.shobj_description(oid, 'pg_authid'), %s)::json as mark) as comment"
        " where rolname = %s and mark is not null",
        [MARK, role],
    ).fetchall()


def _mark(connection: psycopg.Connection[Any], layout: DatabaseLayout, role: str) -> None:
    """Write on a role whose it is, as `meshwright access bootstrap` does: `access` compares it."""
    if layout.product and not _marks(connection, role):
        product = literal(layout.product)
        comment = only_row(
            connection.execute(
                "select pg_catalog.concat_ws(' ', pg_catalog.shobj_description(oid, 'pg_authid'), 'meshwright ' ||"
                f" pg_catalog.json_build_object('product', {product}, 'database', pg_catalog.current_database())::text)"
                " from pg_catalog.pg_roles where rolname = %s",
                [role],
            )
        )
        connection.execute(f"comment on role {identifier(role)} is {literal(comment[0])}")


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
    _refuse_another_mark(connection, layout)
    may = "select bool_and(has_schema_privilege(oid, 'create')) from pg_namespace where nspname = %s"
    (may_create,) = only_row(connection.execute(may, [layout.private]))
    if not may_create:
        problem = (
            f"The schema {layout.private} does not exist."
            if may_create is None
            else f"{layout.pipeline} may not create tables in the schema {layout.private}."
        )
        raise UnreadableInput(problem, fix=BOOTSTRAP)
