"""Access to a data set in PostgreSQL: a view for each role of the policy, and nothing else that anybody can read.

The published data lie in `S_private`, where only the pipeline writes and only the applier reads. In `S` lies one view
for each role; who reads as a role is a member of the PostgreSQL role `S:<role>`. `S_audit` holds the audit records.
Nothing is remembered: what has to change is found by comparing the catalog with what is desired, every time.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import IsolationLevel

from meshwright.access import audit
from meshwright.access.grants import Change, Desired, Port, PortPlan, Record, Refused
from meshwright.access.targets.postgres import names as naming
from meshwright.access.targets.postgres.bootstrap import AUDIT, bootstrap
from meshwright.access.targets.postgres.change import Plan, definition, difference
from meshwright.access.targets.postgres.found import Found, Relation, found, relations_of
from meshwright.access.targets.postgres.matrix import Difference, differences, matrix, sentences, wanted
from meshwright.access.targets.postgres.names import Names, quoted
from meshwright.access.targets.postgres.session import Held, session
from meshwright.access.targets.postgres.wanted import query

__all__ = ["apply", "bootstrap", "last", "plan", "records", "schema", "verify"]


def schema(port: Port, dataset: str = "") -> str:
    """The port's schema. Raises Refused if that is no name for one."""
    return naming.of(port.properties, dataset).schema


def plan(port: Port, desired: Desired) -> PortPlan:
    """What would change. Changes nothing. Raises Refused."""
    names = naming.of(port.properties, desired.dataset)
    with session(port, names, IsolationLevel.REPEATABLE_READ) as connection:
        made, _ = _planned(connection, port, desired, names)
        connection.rollback()
    return _port_plan(port, made, made.changes)


def apply(port: Port, desired: Desired, record: Record) -> PortPlan:
    """Changes it, all or nothing, proves it, writes the audit record; returns what was changed. Raises Refused."""
    try:
        return _applied(port, desired, record, None)
    except Held as held:
        # A reader in an endless transaction keeps a view from changing, but nobody in a role that they have lost.
        return _applied(port, desired, record, held)


def _applied(port: Port, desired: Desired, record: Record, held: Held | None) -> PortPlan:
    names = naming.of(port.properties, desired.dataset)
    with session(port, names, IsolationLevel.READ_COMMITTED) as connection:
        _alone(connection, port, desired, names)
        audit.follow(_newest(connection, names), record)
        first, there = _planned(connection, port, desired, names)
        changes = [change for change in first.changes if held is None or _ends_membership(change)]
        if held and not changes:
            raise held
        for change in changes:
            connection.execute(change.statement.encode())
        second, there = _planned(connection, port, desired, names) if changes else (first, there)
        if held:
            second.changes = [change for change in second.changes if _ends_membership(change)]
            second.blocker(str(held), held.fix)
        _prove(connection, port, second, there, whole=held is None)
        done = _port_plan(port, second, changes)
        _write(connection, names, record, done)
    return done


def _ends_membership(change: Change) -> bool:
    return change.action == "revoke" and bool(change.role)


def verify(port: Port, desired: Desired) -> Sequence[str]:
    """Each difference between what everybody can read now and what is desired, as a sentence. Raises Refused."""
    names = naming.of(port.properties, desired.dataset)
    with session(port, names, IsolationLevel.REPEATABLE_READ) as connection:
        made, there = _planned(connection, port, desired, names)
        off = _compared(connection, port, made, there)
        connection.rollback()
    return [
        *sentences(off),
        *(blocker.manual_action.sentence for blocker in made.blockers),
        *(f"To be done: {change.sentence}" for change in made.changes),
    ]


def last(port: Port) -> Mapping[str, Any] | None:
    """The last audit record next to the port, or None before the first. Raises Refused."""
    found_ = _records(port, "ORDER BY number DESC LIMIT 1")
    return found_[0] if found_ else None


def records(port: Port) -> list[Mapping[str, Any]]:
    """All audit records, the first one first (see `audit.broken`). Raises Refused."""
    return _records(port, "ORDER BY number")


def _records(port: Port, which: str) -> list[Mapping[str, Any]]:
    names = naming.of(port.properties, "")
    with session(port, names, IsolationLevel.READ_COMMITTED) as connection:
        return _read(connection, names, which)


def _read(connection: psycopg.Connection[Any], names: Names, which: str) -> list[Mapping[str, Any]]:
    table = quoted(names.audit, "record")
    there = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [table]).fetchone()
    if not there or not there[0]:
        return []
    return [
        json.loads(row[0])
        for row in connection.execute(f"SELECT content::text FROM {table} {which}".encode())
    ]


def _newest(connection: psycopg.Connection[Any], names: Names) -> Mapping[str, Any] | None:
    return next(iter(_read(connection, names, "ORDER BY number DESC LIMIT 1")), None)


def _trusted(port: Port) -> set[str]:
    return {str(login) for login in port.properties.get("administrators", ["postgres"])}


def _planned(
    connection: psycopg.Connection[Any], port: Port, desired: Desired, names: Names
) -> tuple[Plan, Found]:
    there = found(connection, names)
    _ready(there, port, desired)
    queries = {view.role: query(view, there.types, names, there.version) for view in desired.views}
    twins = _twins(connection, names, queries)
    return difference(desired, there, twins, queries, _trusted(port)), there


def _ready(there: Found, port: Port, desired: Desired) -> None:
    """Raises Refused where there is nothing yet that could be granted."""
    names = there.names
    owner = there.by_name[names.access].oid
    right = (
        set(there.schemas) == set(names.schemas)
        and all(there.schemas[name] == owner for name in (names.schema, names.audit))
        and (there.entered or not there.published)
        and all(
            (relation.kind, relation.owner) == ("r", owner)
            for relation in there.relations.values()
            if (relation.schema, relation.name) == (names.audit, "record")
        )
    )
    if not right:
        script = bootstrap(names.schema, [view.role for view in desired.views])
        raise Refused(
            f"The database of port {port.name} is not prepared: one of the schemas {', '.join(names.schemas)} is missing, "
            f"or {names.access} does not own or may not enter what it should.",
            f"An administrator of the database runs, once:\n{script}",
        )
    if not there.published:
        raise Refused(
            f"There is no {names.private}.{naming.shown(names.dataset)} yet.",
            "Run the pipeline, so that it publishes.",
        )


def _twins(
    connection: psycopg.Connection[Any], names: Names, queries: Mapping[str, str]
) -> dict[str, Relation]:
    """The views as they should be, made next to those that are there and undone: only PostgreSQL knows for certain
    how it keeps and prints a view."""
    start = f"~{secrets.token_hex(8)}~"
    called = {role: f"{start}{number}" for number, role in enumerate(queries)}
    with connection.transaction(force_rollback=True):
        for role, text in queries.items():
            connection.execute(
                f"CREATE VIEW {quoted(names.schema, called[role])} {definition(text)}".encode()
            )
        made = {relation.name: relation for relation in relations_of(connection, names, start).values()}
    return {role: made[name] for role, name in called.items()}


def _alone(connection: psycopg.Connection[Any], port: Port, desired: Desired, names: Names) -> None:
    """Waits for other runs. A lock that everybody could take, such as an advisory one, would let anybody stop this."""
    _ready(found(connection, names), port, desired)
    table = quoted(names.audit, "record")
    connection.execute(f"CREATE TABLE IF NOT EXISTS {table} {AUDIT}".encode())
    connection.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE".encode())


def _compared(connection: psycopg.Connection[Any], port: Port, made: Plan, there: Found) -> list[Difference]:
    trusted = _trusted(port)
    return differences(matrix(connection, there, trusted), wanted(made.members, there), there, trusted)


def _prove(connection: psycopg.Connection[Any], port: Port, second: Plan, there: Found, whole: bool) -> None:
    """After the changes there is nothing left to change, and nobody can do what no manual_action explains."""
    if second.changes:
        raise Refused(
            f"Port {port.name} was left as it was, because the changes did not hold: {second.changes[0].sentence}",
            "Somebody else may be changing the same: run this again. If it stays, this is a defect of meshwright.",
        )
    if not whole:
        return
    logins = {login for blocker in second.blockers for login in blocker.logins}
    objects = {object_ for blocker in second.blockers for object_ in blocker.objects}
    unexplained = [
        off
        for off in _compared(connection, port, second, there)
        if off.can.login not in logins and off.can.object not in objects
    ]
    if unexplained:
        raise Refused(
            f"Port {port.name} was left as it was, because this would not be right after it: "
            f"{' '.join(sentences(unexplained))}",
            "Let an administrator of the database see to it; `verify` says the same.",
        )


def _port_plan(port: Port, state: Plan, changes: Sequence[Change]) -> PortPlan:
    manual_actions = dict.fromkeys(blocker.manual_action for blocker in state.blockers)
    return PortPlan(port.name, port.uses, tuple(changes), tuple(manual_actions))


def _write(connection: psycopg.Connection[Any], names: Names, record: Record, done: PortPlan) -> None:
    content = audit.linked(
        _newest(connection, names),
        {
            **record.content,
            "port": done.port,
            "statements": [change.statement for change in done.changes],
            "manualActions": [action.sentence for action in done.manual_actions],
            "residuals": [action.sentence for action in done.manual_actions],  # as before 0.3.0
        },
    )
    connection.execute(
        f"INSERT INTO {quoted(names.audit, 'record')} (number, content) VALUES (%s, %s)".encode(),
        [content["number"], json.dumps(content)],
    )
