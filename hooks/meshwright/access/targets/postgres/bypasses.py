"""Ways around the grants: logins that need none, and objects elsewhere that lead to the product's data."""

from __future__ import annotations

from meshwright.access.targets.postgres.actual import PUBLIC, Actual, OutsideObject, Role
from meshwright.access.targets.postgres.database_plan import DatabasePlan
from meshwright.access.targets.postgres.memberships import revocations_between
from meshwright.access.targets.postgres.names import display_text
from meshwright.access.targets.postgres.privileges import display_grantee, grantee_quoted
from meshwright.core.sql.postgres import identifier

POWERFUL = (
    "pg_read_all_data",
    "pg_write_all_data",
    "pg_read_server_files",
    "pg_write_server_files",
    "pg_execute_server_program",
    "pg_maintain",
)
"""Predefined roles of PostgreSQL that can do something with every table, or become somebody who can."""
DROPPABLE = ("view", "materialized view", "function", "procedure")
CALLED = {
    "foreign-data wrapper": "FOREIGN DATA WRAPPER",
    "statistics object": "STATISTICS",
    **dict.fromkeys(("aggregate", "function", "procedure"), "ROUTINE"),
}
"""Kind of an object, as PostgreSQL calls it -> what ALTER and DROP call it, where that is not the same."""
GRANTED = {
    **dict.fromkeys(("table", "view", "materialized view", "foreign table"), "TABLE"),
    **dict.fromkeys(("function", "procedure", "aggregate"), "ROUTINE"),
    **{
        kind: kind.upper()
        for kind in ("schema", "database", "sequence", "type", "language", "large object", "tablespace")
    },
    "foreign-data wrapper": "FOREIGN DATA WRAPPER",
    "server": "FOREIGN SERVER",
    "parameter ACL": "PARAMETER",
}
"""Kind of an object, as PostgreSQL calls it -> what GRANT calls it."""


def check_powerful_logins(actual: Actual, trusted: set[str], plan: DatabasePlan) -> None:
    """Add a blocker for each login that needs no grant and is not among the administrators that the port names."""
    powerful = _powerful_roles(actual)
    product_logins = {
        actual.by_name[name].oid: f"can act as {name}"
        for name in (actual.names.access, actual.names.pipeline)
        if name in actual.by_name
    }
    for role in actual.roles.values():
        if not role.login or role.name in trusted:
            continue
        for target, why in powerful.items():
            if target in actual.reach[role.oid]:
                _needs_no_grant(actual, role, target, why, plan)
        for target, why in product_logins.items():
            if target in actual.reach[role.oid] and target != role.oid:
                _needs_no_grant(actual, role, target, why, plan)


def _powerful_roles(actual: Actual) -> dict[int, str]:
    """Return the roles that no grant and no revocation affects, each with the reason."""
    powerful = {}
    for role in actual.roles.values():
        reasons = [
            *(["is a superuser"] if role.superuser else []),
            *(["can bypass row security"] if role.bypassrls else []),
            *(["can replicate the whole server"] if role.replication else []),
            # From PostgreSQL 16 on it can only grant what it administers.
            *(["can grant every role"] if role.createrole and not actual.membership_options else []),
        ]
        if role.name in POWERFUL or reasons:
            powerful[role.oid] = " and ".join(reasons) or f"is in {role.name}"
    return powerful


def _unlimited(actual: Actual) -> frozenset[int]:
    """Return the roles that can read everything of the product without a grant, or become somebody who can."""
    names = actual.names
    everything = _powerful_roles(actual).keys() | {
        actual.by_name[name].oid for name in (names.access, names.pipeline) if name in actual.by_name
    }
    return frozenset(oid for oid in actual.roles if actual.reach[oid] & everything)


def _needs_no_grant(actual: Actual, role: Role, target: int, why: str, plan: DatabasePlan) -> None:
    if target == role.oid:
        excess = [name for name in role.excess_attributes(login=True) if name != "CREATEDB"]
        statement = f"ALTER ROLE {identifier(role.name)} {' '.join('NO' + name for name in excess)};"
    else:
        statement = "\n".join(revocations_between(actual, role.oid, target))
        why = f"{why}, by way of {display_text(actual.role(target))}"
    plan.blocker(
        f"{display_text(role.name)} needs no grant here: {why}. The port's `administrators` do not name this login.",
        statement,
        logins=[role.name],
    )


def check_opened(actual: Actual, trusted: set[str], plan: DatabasePlan) -> None:
    """Add a blocker for each privilege on what the server keeps closed, unless only the port's administrators have it."""
    for entry in actual.opened:
        if _is_kept_by(actual, entry.grantee, trusted):
            continue
        column = f" ({entry.column})" if entry.column else ""
        plan.blocker(
            f"{display_grantee(actual, entry.grantee)} has {entry.privilege}{display_text(column)} on the server's own"
            f" {entry.kind.lower()} {display_text(entry.object)}, which can show or change what is not granted.",
            f"REVOKE {entry.privilege}{column} ON {entry.kind} {entry.object}"
            f" FROM {grantee_quoted(actual, entry.grantee)} CASCADE;",
            objects=[identifier(*entry.object.split(".", 1))] if entry.kind == "TABLE" else [],
        )


def _is_kept_by(actual: Actual, grantee: int, trusted: set[str]) -> bool:
    """Return True if only administrators have what a grantee has; whoever is put into an empty group has it as well."""
    logins = actual.logins_with(grantee)
    return grantee != PUBLIC and bool(logins) and logins <= trusted


def check_outside_objects(actual: Actual, trusted: set[str], plan: DatabasePlan) -> None:
    """Add a blocker for each object outside of the schemas that opens a way to the product's data."""
    unlimited = _unlimited(actual)
    for entry in actual.outside:
        if entry.why == "reads views" and entry.role not in unlimited:
            continue  # it shows what its owner may read, such as a reader's own view
        if entry.why == "sent" and actual.role(entry.role) in trusted:
            continue  # an administrator's replication
        if entry.why == "member" and not entry.statement:
            continue  # its extension is removed as a whole
        if entry.statement and entry.statement in [issue.statement for issue in plan.issues]:
            continue
        objects = explained_objects(actual, entry.identity) if entry.why == "member" else []
        plan.blocker(*_outside_object(actual, entry), objects=objects)


def explained_objects(actual: Actual, identity: str) -> list[str]:
    """Return what the access matrix calls an object in the schemas: its identity, or how we write a relation's name."""
    relations = [actual.relations.get(entry.oid) for entry in actual.objects if entry.identity == identity]
    return [identity, *(relation.identity for relation in relations if relation)]


def _outside_object(actual: Actual, entry: OutsideObject) -> tuple[str, str]:
    """Return the sentence about an object, and the statement that closes the way."""
    names = actual.names
    what, who = f"{entry.kind} {display_text(entry.identity)}", display_text(actual.role(entry.role))
    role = identifier(actual.role(entry.role))
    kind = CALLED.get(entry.kind, entry.kind.upper())
    match entry.why:
        case "reads" | "reads views" if entry.kind in DROPPABLE:
            return (
                f"The {what} reads what is {names.schema}'s with rights that its own readers do not have.",
                f"DROP {kind} {entry.identity} CASCADE;",
            )
        case "reads" | "reads views":
            return (
                f"The {what} uses what is {names.schema}'s, and can show of it what its own users may not see.",
                entry.statement or f"DROP {kind} {entry.identity} CASCADE;",
            )
        case "inherits":
            sentence = f"The table {display_text(entry.identity)} shows what is in {names.private} to its own readers."
            return sentence, entry.statement
        case "adds":
            sentence = (
                f"What is in the table {display_text(entry.identity)} shows as what is {names.schema}'s."
            )
            return sentence, entry.statement
        case "sent" | "sent at all":
            return f"The {what} sends what is {names.schema}'s to whoever subscribes to it.", entry.statement
        case "member":
            return f"The {what} belongs to an extension, and goes where that goes.", entry.statement
        case "owned":
            statement = f"ALTER {kind} {entry.identity} OWNER TO CURRENT_USER;"
            if entry.kind in (*DROPPABLE, "extension"):
                statement = f"DROP {kind} {entry.identity} CASCADE;"
            return f"The {what} is {who}'s, and is outside of its schemas.", statement
        case "granted":
            granted = GRANTED.get(entry.kind, kind)
            revoke = entry.statement or f"REVOKE ALL ON {granted} {entry.identity} FROM {role} CASCADE;"
            return f"{who} has privileges on the {what}, which is not this product's.", revoke
        case _:
            by_hand = f"-- In that database: DROP OWNED BY {role};"
            if not actual.role(entry.role).startswith(names.reader_prefix):
                by_hand = "-- Give the product in one of the two databases another `schema`."
            return (
                f"{who} owns or may use something in the database {display_text(entry.identity)}: a schema's name is one "
                "product's in the whole server.",
                by_hand,
            )


def check_definer_functions(actual: Actual, trusted: set[str], plan: DatabasePlan) -> None:
    """Add a blocker for each function that lets others act with the rights of somebody who can read everything.

    What such a function reads follows from its text only while it has no SQL that it composes when it runs.
    """
    names = actual.names
    unlimited = _unlimited(actual)
    powerful = {actual.roles[oid].name for oid in unlimited}
    # A function that reads the product's tables or views is dropped as one that does.
    dropped = {entry.identity for entry in actual.outside if entry.why in ("reads", "reads views", "owned")}
    for entry in actual.definers:
        if entry.identity in dropped or entry.owner not in unlimited:
            continue
        usage = _logins(actual, entry.usage)
        for grantee in dict.fromkeys(entry.execute):
            callers = _logins(actual, (grantee,))
            is_called = bool((callers & usage) - trusted - powerful)
            # Whoever is put into an empty group can call it, as far as the group or everybody may enter the schema.
            reached = actual.reach.get(grantee, frozenset())
            may_be = (
                not callers
                and grantee not in unlimited
                and bool({PUBLIC, *reached}.intersection(entry.usage))
            )
            if grantee != entry.owner and (is_called or may_be):
                plan.blocker(
                    f"{display_grantee(actual, grantee)} may call the {entry.kind} {display_text(entry.identity)}, which runs"
                    f" with the rights of {display_text(actual.role(entry.owner))}, who can read everything of"
                    f" {names.schema}.",
                    f"REVOKE EXECUTE ON ROUTINE {entry.identity} FROM {grantee_quoted(actual, grantee)} CASCADE;",
                )


def _logins(actual: Actual, grantees: tuple[int, ...]) -> frozenset[str]:
    if PUBLIC in grantees:
        return frozenset(role.name for role in actual.roles.values() if role.login)
    return frozenset().union(*(actual.logins_with(grantee) for grantee in grantees))


def check_event_triggers(actual: Actual, trusted: set[str], plan: DatabasePlan) -> None:
    """Add a blocker for each event trigger whose code somebody can change who is not an administrator."""
    for entry in actual.event_triggers:
        owner = actual.roles.get(entry.owner)
        if owner and not owner.superuser and owner.name not in trusted:
            plan.blocker(
                f"The event trigger {display_text(entry.name)} runs {display_text(entry.function)} as whoever does something"
                f" here, and {display_text(owner.name)} can change what that does.",
                f"ALTER EVENT TRIGGER {entry.name} DISABLE;",
            )
