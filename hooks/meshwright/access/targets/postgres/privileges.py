"""Privileges on schemas, tables, columns and functions: what is revoked, and what readers are granted."""

from __future__ import annotations

from collections.abc import Collection

from meshwright.access.grants import Change, Desired
from meshwright.access.targets.postgres.actual import PUBLIC, Actual, Grant
from meshwright.access.targets.postgres.database_plan import DatabasePlan
from meshwright.access.targets.postgres.desired import desired_grants
from meshwright.access.targets.postgres.names import display_text
from meshwright.core.sql.postgres import identifier


def display_grantee(actual: Actual, grantee: int) -> str:
    """Return a grantee's name for a sentence."""
    return "Everybody" if grantee == PUBLIC else display_text(actual.role(grantee))


def grantee_quoted(actual: Actual, grantee: int) -> str:
    """Return a grantee as SQL writes it."""
    return "PUBLIC" if grantee == PUBLIC else identifier(actual.role(grantee))


def _object(grant: Grant) -> str:
    """Return what a privilege is on, as SQL writes it."""
    if grant.kind == "SCHEMA":
        return identifier(grant.schema)
    if grant.kind == "FUNCTION":
        return grant.object
    return identifier(grant.schema, grant.object)


def revoke_privileges(desired: Desired, actual: Actual, ignored: set[int], plan: DatabasePlan) -> None:
    """Add a change for each privilege that nobody should have; a blocker where the applier cannot revoke it.

    `ignored`: oids of objects that are removed, or that belong to somebody else.
    """
    names = actual.names
    right = desired_grants(desired, actual, plan.closed)
    access = actual.by_name[names.access].oid
    passed_on = {(grant.oid, grant.grantee) for grant in actual.grants if grant.grantable}
    for grant in actual.grants:
        object_ = _object(grant)
        if grant.oid in ignored or (grant.kind == "FUNCTION" and grant.schema in (names.schema, names.audit)):
            continue  # The object is removed altogether.
        is_right = right.get((grant.kind, object_, grant.grantee)) == grant.privilege
        if is_right and not grant.grantable:
            continue
        if grant.grantor != grant.owner and (grant.oid, grant.grantor) in passed_on:
            continue  # It ends with the right of whoever passed it on.
        who, statement = (
            display_grantee(actual, grant.grantee),
            _revocation(actual, grant, only_option=is_right),
        )
        column = display_text(f" ({identifier(grant.column)})") if grant.column else ""
        what = f"{grant.privilege}{column} on {display_text(object_)}"
        if grant.owner == access:
            may = f"pass on {what}" if is_right else what
            plan.changes.append(Change("revoke", f"{who} no longer has {may}.", statement, principal=who))
        else:
            plan.blocker(
                f"{who} has {'the right to pass on ' if is_right else ''}{what}, which "
                f"{names.access} cannot revoke.",
                f"{statement};",
                objects=[object_],
            )


def _revocation(actual: Actual, grant: Grant, only_option: bool) -> str:
    kind = {"COLUMN": "TABLE", "FUNCTION": "ROUTINE"}.get(grant.kind, grant.kind)
    column = f" ({identifier(grant.column)})" if grant.column else ""
    option = "GRANT OPTION FOR " if only_option else ""
    return (
        f"REVOKE {option}{grant.privilege}{column} ON {kind} {_object(grant)} "
        f"FROM {grantee_quoted(actual, grant.grantee)} CASCADE"
    )


def grant_privileges(
    desired: Desired, actual: Actual, removed: set[int], created: Collection[str], plan: DatabasePlan
) -> None:
    """Add a change for each privilege that a reader role lacks.

    `removed`: oids of objects that are removed; `created`: the views that are created or replaced, as SQL writes them.
    """
    names = actual.names
    existing = {
        (grant.kind, _object(grant), grant.grantee, grant.privilege)
        for grant in actual.grants
        if grant.oid not in removed and grant.grantor == grant.owner
    }
    access = actual.by_name[names.access].oid
    views = {
        relation.identity
        for relation in actual.relations.values()
        if relation.oid not in removed and relation.kind == "v" and relation.owner == access
    }
    views |= set(created)
    for (kind, object_, grantee), privilege in desired_grants(desired, actual, plan.closed).items():
        if (kind, object_, grantee, privilege) in existing or object_.startswith(identifier(names.private)):
            continue
        if kind == "TABLE" and object_ not in views:
            continue
        role = actual.role(grantee).removeprefix(names.reader_prefix)
        plan.changes.append(
            Change(
                "grant",
                f"The role {role} may {'read' if kind == 'TABLE' else 'enter'} {display_text(object_)}.",
                f"GRANT {privilege} ON {kind} {object_} TO {identifier(actual.role(grantee))}",
                role=role,
            )
        )
