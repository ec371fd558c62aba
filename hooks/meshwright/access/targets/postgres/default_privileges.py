"""Default privileges: what the product's roles create must be closed to everybody but its owner."""

from __future__ import annotations

from meshwright.access.grants import Change
from meshwright.access.targets.postgres.actual import PUBLIC, Actual, DefaultPrivilege
from meshwright.access.targets.postgres.database_plan import DatabasePlan
from meshwright.access.targets.postgres.names import display_text
from meshwright.core.sql.postgres import identifier

KINDS = {
    "r": "TABLES",
    "S": "SEQUENCES",
    "f": "FUNCTIONS",
    "T": "TYPES",
    "n": "SCHEMAS",
    "L": "LARGE OBJECTS",
}
"""As in pg_default_acl.defaclobjtype -> what ALTER DEFAULT PRIVILEGES calls it."""


def revoke_default_privileges(actual: Actual, plan: DatabasePlan) -> None:
    """Add a change for each default privilege that nobody should have; a blocker where the applier cannot revoke it."""
    for entry in actual.default_privileges:
        if _is_desired(actual, entry):
            continue
        creator, grantee = actual.role(entry.role), actual.role(entry.grantee)
        objects = KINDS.get(entry.kind, entry.kind)
        in_schema = f" IN SCHEMA {identifier(entry.schema)}" if entry.schema else ""
        to = "PUBLIC" if entry.grantee == PUBLIC else identifier(grantee)
        statement = (
            f"ALTER DEFAULT PRIVILEGES FOR ROLE {identifier(creator)}{in_schema} "
            f"REVOKE {entry.privilege} ON {objects} FROM {to} CASCADE"
        )
        who = "everybody" if entry.grantee == PUBLIC else display_text(grantee)
        if creator == actual.names.access:
            sentence = f"{who} no longer gets {entry.privilege} on {objects.lower()} that {display_text(creator)} creates."
            plan.changes.append(Change("revoke", sentence, statement, principal=display_text(who)))
        else:
            plan.blocker(
                f"{who} gets {entry.privilege} on {objects.lower()} that {display_text(creator)} will create"
                f"{' in ' + entry.schema if entry.schema else ''}.",
                f"{statement};",
            )


def _is_desired(actual: Actual, entry: DefaultPrivilege) -> bool:
    names = actual.names
    # What PostgreSQL itself gives to everybody; the schemas are closed.
    if not entry.schema and entry.grantee == PUBLIC and entry.kind == "T":
        return True
    return (
        actual.role(entry.role) == names.pipeline
        and entry.schema == names.private
        and actual.role(entry.grantee) == names.access
        and (entry.kind, entry.privilege) == ("r", "SELECT")
    )
