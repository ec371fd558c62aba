"""The table for audit records in a product's database: created, locked, read and appended to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import psycopg

from meshwright.access import audit
from meshwright.access.grants import PortPlan
from meshwright.access.targets.postgres.names import Names
from meshwright.core.sql.postgres import identifier

COLUMNS = "(number bigint PRIMARY KEY, content json NOT NULL)"
"""Not jsonb, which would write numbers anew and so break the hash of a record."""


def lock(connection: psycopg.Connection[Any], names: Names) -> None:
    """Wait for other runs, and keep them waiting until the transaction ends.

    A lock that everybody could take, such as an advisory one, would let anybody stop a run.
    """
    table = identifier(names.audit, "record")
    connection.execute(f"CREATE TABLE IF NOT EXISTS {table} {COLUMNS}".encode())
    connection.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE".encode())


def read(connection: psycopg.Connection[Any], names: Names) -> list[Mapping[str, Any]]:
    """Return all audit records, the first one first."""
    table = identifier(names.audit, "record")
    exists = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [table]).fetchone()
    if not exists or not exists[0]:
        return []
    query = f"SELECT number, content::text FROM ONLY {table} ORDER BY number"
    is_forced = connection.execute(
        "SELECT relforcerowsecurity FROM pg_class WHERE oid = %s::regclass", [table]
    )
    if is_forced.fetchone() != (True,):
        return [_record(*row) for row in connection.execute(query.encode())]
    # Policies would hide records from the owner, too.
    with connection.transaction(force_rollback=True):
        connection.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY".encode())
        return [_record(*row) for row in connection.execute(query.encode())]


def _record(number: int, text: str | None) -> Mapping[str, Any]:
    """Return a record; with its row's number, whatever it says itself, so that another one does not fit its hash."""
    try:
        content = json.loads(text or "")
    except (ValueError, RecursionError):
        content = None
    return {**(content if isinstance(content, dict) else {}), "number": number}


def append(
    connection: psycopg.Connection[Any],
    names: Names,
    newest: Mapping[str, Any] | None,
    content: Mapping[str, Any],
    done: PortPlan,
) -> Mapping[str, Any]:
    """Write the audit record of a run: its content, and what was changed in this database. Return the record."""
    record = audit.linked(
        newest,
        {
            **content,
            "port": done.port,
            "statements": [change.statement for change in done.changes],
            "manualActions": [action.sentence for action in done.manual_actions],
            "residuals": [action.sentence for action in done.manual_actions],  # as before 0.3.0
        },
    )
    connection.execute(
        f"INSERT INTO {identifier(names.audit, 'record')} (number, content) VALUES (%s, %s)".encode(),
        [record["number"], json.dumps(record)],
    )
    return record
