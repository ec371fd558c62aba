"""Access to a data set in PostgreSQL: a view for each role of the policy, and nothing else that anybody can read.

The published data is in `S_private`, where only the pipeline writes and only the applier reads. `S` has one view
for each role; who reads as a role is a member of the PostgreSQL role `S:<role>`. `S_audit` holds the audit records.
No state is kept: each run compares the database's own catalogs with what is desired.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

import psycopg
from psycopg import IsolationLevel

from meshwright.access.grants import (
    Address,
    AuditRecord,
    ChainCheck,
    Change,
    Desired,
    Port,
    PortPlan,
    Refused,
    unchecked,
)
from meshwright.access.targets.postgres import audit_table
from meshwright.access.targets.postgres import names as naming
from meshwright.access.targets.postgres.actual import Actual, SchemaRelation
from meshwright.access.targets.postgres.bootstrap import bootstrap
from meshwright.access.targets.postgres.database_plan import DatabasePlan
from meshwright.access.targets.postgres.desired import desired_ends
from meshwright.access.targets.postgres.difference import difference
from meshwright.access.targets.postgres.matrix import (
    RightsDifference,
    actual_matrix,
    desired_matrix,
    differences,
    sentences,
)
from meshwright.access.targets.postgres.names import Names
from meshwright.access.targets.postgres.preparation import missing_marks, private_refusal, refuse_unprepared
from meshwright.access.targets.postgres.published import (
    PublishedIssue,
    issues_behind_roles,
    publication_kept,
    published_issues,
)
from meshwright.access.targets.postgres.session import (
    LockTimeout,
    Overlap,
    session,
    shown_database,
    storage_address,
)
from meshwright.access.targets.postgres.system_catalog import read_actual, read_relations
from meshwright.access.targets.postgres.view_changes import closed_queries, definition
from meshwright.access.targets.postgres.view_query import view_query
from meshwright.core.sql.postgres import identifier

__all__ = ["address", "apply", "audit_records", "bootstrap", "location", "plan", "schema", "verify"]


Result = TypeVar("Result")
LOOKS = 3
"""How often a run looks before it refuses because of what another process changes meanwhile."""


class Unproven(Refused):
    """Somebody can do what they should not, or cannot what they should, and nothing explains it."""


def schema(port: Port, dataset: str = "") -> str:
    """Return the port's schema. Raises Refused if that is no name for one."""
    return naming.of(port.properties, dataset).schema


def plan(port: Port, desired: Desired, check: ChainCheck = unchecked) -> PortPlan:
    """Return what would change. Changes nothing. Raises Refused."""
    return _beside_publications(lambda: _plan(port, desired, check))


def _beside_publications(work: Callable[[], Result]) -> Result:
    """Return what the work returns, done again if something that it looks at was changed meanwhile. Raises Refused."""
    for _ in range(LOOKS - 1):
        with suppress(Overlap):
            return work()
    return work()


def _plan(port: Port, desired: Desired, check: ChainCheck) -> PortPlan:
    names = naming.of(port.properties, desired.dataset)
    with session(port, names, IsolationLevel.REPEATABLE_READ) as connection:
        database_plan, _ = _compare(connection, port, desired, names)
        check(audit_table.read(connection, names))
        connection.rollback()
    return _port_plan(port, database_plan, database_plan.changes)


def apply(port: Port, desired: Desired, record: AuditRecord) -> PortPlan:
    """Change it, all or nothing, prove it, write the audit record; return what was changed. Raises Refused."""
    return _beside_publications(lambda: _apply_beside_readers(port, desired, record))


def _apply_beside_readers(port: Port, desired: Desired, record: AuditRecord) -> PortPlan:
    try:
        return _apply(port, desired, record, None)
    except LockTimeout as lock_timeout:
        # A reader in an endless transaction keeps a view from changing, but nobody in a role that they have lost.
        return _apply(port, desired, record, lock_timeout)


def _apply(port: Port, desired: Desired, record: AuditRecord, lock_timeout: LockTimeout | None) -> PortPlan:
    """`lock_timeout`: somebody uses a view, so only memberships end, and the rest becomes a blocker."""
    names = naming.of(port.properties, desired.dataset)
    with session(port, names, IsolationLevel.READ_COMMITTED) as connection:
        with connection.transaction(force_rollback=True):
            # Reading a view's definition locks the view: given up again, or two runs would wait for each other.
            refuse_unprepared(read_actual(connection, names), port, desired)
        audit_table.lock(connection, names)
        chain = audit_table.read(connection, names)
        content = {**record.content, **record.check(chain)}
        before, actual = _compare(connection, port, desired, names)
        changes = [
            change for change in before.changes if lock_timeout is None or _ends_at_once(before, change)
        ]
        if lock_timeout and not changes:
            raise lock_timeout
        for change in changes:
            connection.execute(change.statement.encode())
        after = before
        if changes:
            after, actual = _compare(connection, port, desired, names, before.issues)
        if lock_timeout:
            after.changes = [change for change in after.changes if _ends_at_once(after, change)]
            after.blocker(str(lock_timeout), lock_timeout.fix)
        for left in reversed(range(LOOKS)):
            try:
                _prove(connection, port, after, actual, whole=lock_timeout is None)
                break
            except Unproven:  # a publication can add and drop generations between two statements
                if not left:
                    raise
                after, actual = _compare(connection, port, desired, names, before.issues)
        done = _port_plan(port, after, changes)
        newest = chain[-1] if chain else None
        done = replace(done, record=audit_table.append(connection, names, newest, content, done))
    return done


def _ends_at_once(database_plan: DatabasePlan, change: Change) -> bool:
    """Return True if the change ends a right, and needs no lock on a view that is in use."""
    return change.action == "revoke" and (bool(change.role) or database_plan.closed)


def verify(port: Port, desired: Desired, check: ChainCheck = unchecked) -> Sequence[str]:
    """Return each difference between what everybody can read now and what is desired, as a sentence. Raises Refused."""
    return _beside_publications(lambda: _verify(port, desired, check))


def _verify(port: Port, desired: Desired, check: ChainCheck) -> Sequence[str]:
    names = naming.of(port.properties, desired.dataset)
    with session(port, names, IsolationLevel.REPEATABLE_READ) as connection:
        with publication_kept(connection, names):
            database_plan, actual = _compare(connection, port, desired, names)
            different = _different_rights(connection, port, database_plan, actual)
        check(audit_table.read(connection, names))
        connection.rollback()
    return [
        *sentences(different),
        *dict.fromkeys(blocker.manual_action.sentence for blocker in database_plan.blockers),
        *(f"To be done: {change.sentence}" for change in database_plan.changes),
    ]


def location(port: Port, dataset: str, role: str) -> Mapping[str, str]:
    """Return the database, without a login, and the view of a role. Raises Refused."""
    names = naming.of(port.properties, dataset)
    table = {"table": f"{names.schema}.{names.view(role)}"} if role else {}
    return {"location": shown_database(port, names), **table}


def audit_records(port: Port) -> list[Mapping[str, Any]]:
    """Return all audit records, the first one first (see `audit.broken`). Raises Refused."""
    names = naming.of(port.properties, "")
    with session(port, names, IsolationLevel.READ_COMMITTED) as connection:
        return audit_table.read(connection, names)


def address(port: Port) -> Address:
    """Return where the database is, and the port's schema in it. Raises Refused."""
    where, in_clone = storage_address(port)
    return Address(f"{where}#{schema(port)}", in_clone)


def _trusted(port: Port) -> set[str]:
    return {str(login) for login in port.properties.get("administrators", ["postgres"])}


def _compare(
    connection: psycopg.Connection[Any],
    port: Port,
    desired: Desired,
    names: Names,
    closing: Sequence[PublishedIssue] = (),
) -> tuple[DatabasePlan, Actual]:
    """Return what has to change, and the actual state that says so. `closing`: see `_queries`. Raises Refused."""
    with publication_kept(connection, names):
        actual = read_actual(connection, names)
        refuse_unprepared(actual, port, desired)
        queries, issues = _queries(connection, actual, port, desired, closing)
        twins = _twins(connection, names, queries)
    database_plan = difference(desired, actual, twins, queries, _trusted(port), issues)
    for action in missing_marks(actual, desired):
        if actual.marks:  # Somebody took one away.
            database_plan.blocker(action.sentence, action.statement)
        else:
            database_plan.advice.append(action)
    return database_plan, actual


def _queries(
    connection: psycopg.Connection[Any],
    actual: Actual,
    port: Port,
    desired: Desired,
    closing: Sequence[PublishedIssue],
) -> tuple[dict[str, str], Sequence[PublishedIssue]]:
    """Return role -> the query of its view, and the issues by which these are closed. Raises Refused.

    `closing`: the issues by which this run has closed them; where no view can be made, they stay so.
    """
    names = actual.names
    if refused := private_refusal(actual, port, desired):
        # Views that are there could read whatever somebody put behind them, and nobody could see it.
        sentence = f"{refused} Until then, the views of the roles are closed."
        return closed_queries(actual, desired), [PublishedIssue(sentence, refused.fix.partition("\n")[2])]
    issues = published_issues(connection, actual)
    if not issues:
        try:
            if not actual.published:
                raise Refused(
                    f"There is no {names.private}.{naming.display_text(names.dataset)} yet.",
                    "Run the pipeline, so that it publishes.",
                )
            queries = {
                view.role: view_query(
                    view, actual.types, names, actual.version, desired_ends(desired, view.role)
                )
                for view in desired.views
            }
            return queries, []
        except Refused:
            # The views stay as they are, if it is safe to read them.
            issues = issues_behind_roles(connection, actual) or list(closing)
            if not issues:
                raise
    return closed_queries(actual, desired), issues


def _twins(
    connection: psycopg.Connection[Any], names: Names, queries: Mapping[str, str]
) -> dict[str, SchemaRelation]:
    """Return the views as they should be: created beside the existing ones, read, and rolled back.

    Only PostgreSQL knows for certain how it keeps and prints a view.
    """
    start = f"~{secrets.token_hex(8)}~"
    temporary = {role: f"{start}{number}" for number, role in enumerate(queries)}
    with connection.transaction(force_rollback=True):
        for role, text in queries.items():
            connection.execute(
                f"CREATE VIEW {identifier(names.schema, temporary[role])} {definition(text)}".encode()
            )
        relations = read_relations(connection, names, start)
        by_name = {relation.name: relation for relation in relations.values()}
    return {role: by_name[name] for role, name in temporary.items()}


def _different_rights(
    connection: psycopg.Connection[Any], port: Port, database_plan: DatabasePlan, actual: Actual
) -> list[RightsDifference]:
    trusted = _trusted(port)
    rights = actual_matrix(connection, actual, trusted)
    right = desired_matrix(database_plan.members, actual, database_plan.closed)
    return differences(rights, right, actual, trusted)


def _prove(
    connection: psycopg.Connection[Any], port: Port, after: DatabasePlan, actual: Actual, whole: bool
) -> None:
    """Raise Refused if anything is left to change, Unproven if somebody can do what no manual action explains.

    `whole`: everything was changed, and not only memberships.
    """
    if after.changes:
        raise Refused(
            f"Port {port.name} was left as it was, because the changes did not hold: {after.changes[0].sentence}",
            "Another process may be changing the same: run this again. If the error persists, it is a defect of meshwright.",
        )
    if not whole:
        return
    logins = {login for blocker in after.blockers for login in blocker.logins}
    objects = {object_ for blocker in after.blockers for object_ in blocker.objects}
    unexplained = [
        different
        for different in _different_rights(connection, port, after, actual)
        if different.can.login not in logins and different.can.object not in objects
    ]
    if unexplained:
        raise Unproven(
            f"Port {port.name} was left as it was, because afterwards this would still be wrong: "
            f"{' '.join(sentences(unexplained))}",
            "Let an administrator of the database fix it; `verify` reports the same.",
        )


def _port_plan(port: Port, database_plan: DatabasePlan, changes: Sequence[Change]) -> PortPlan:
    manual_actions = dict.fromkeys(blocker.manual_action for blocker in database_plan.blockers)
    advice = tuple(database_plan.advice)
    return PortPlan(port.name, port.uses, tuple(changes), tuple(manual_actions), advice=advice)
