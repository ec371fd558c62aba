"""What is removed from the product's schemas: objects that the policy does not know, in the order in which it works."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from meshwright.access.grants import Change, Refused
from meshwright.access.targets.postgres.actual import Actual, SchemaObject, SchemaRelation
from meshwright.access.targets.postgres.bypasses import explained_objects
from meshwright.access.targets.postgres.database_plan import DatabasePlan
from meshwright.access.targets.postgres.names import display_text
from meshwright.access.targets.postgres.privileges import display_grantee, grantee_quoted
from meshwright.access.targets.postgres.view_changes import ViewChanges
from meshwright.core.sql.postgres import identifier

Key = tuple[str, int]
"""Catalog and oid of an object."""

REMOVABLE = {
    **{
        kind: kind.upper()
        for kind in ("view", "function", "procedure", "aggregate", "type", "collation", "conversion")
    },
    **{kind: kind.upper() for kind in ("operator", "operator class", "operator family")},
    **{f"text search {kind}": f"TEXT SEARCH {kind.upper()}" for kind in ("configuration", "dictionary")},
    "statistics object": "STATISTICS",
}
"""Kind of an object that holds no data, as PostgreSQL calls it -> what DROP calls it. The applier drops no other kind."""


OF_EXTENSION = "it belongs to an extension"


@dataclass
class Removals:
    """Oids of the objects that are no longer reachable by their name afterwards."""

    removed: set[int] = field(default_factory=set)
    """Dropped or set aside."""
    foreign: set[int] = field(default_factory=set)
    """Objects of others, which stay; what they let anybody read is their owners' to say."""


def remove_objects(actual: Actual, views: ViewChanges, plan: DatabasePlan) -> Removals:
    """Add the removal of every object in the schemas that should not be there; a blocker for each that has to stay.

    Takes a view out of `views` if an object that stays has its name.
    """
    undesired = {
        (entry.catalog, entry.oid): entry
        for entry in actual.objects
        if entry.schema != actual.names.private
        and not (entry.catalog == "pg_class" and entry.oid in views.kept)
    }
    members = {(entry.kind, entry.identity) for entry in actual.outside if entry.why == "member"}
    irremovable = _irremovable(actual, undesired, members)
    removals = Removals()
    for key in _in_order(actual, [key for key in undesired if key not in irremovable]):
        entry = undesired[key]
        removals.removed.add(entry.oid)
        why = "is created anew" if entry.oid in views.recreated else "is removed: the policy does not know it"
        plan.changes.append(
            Change(
                "remove",
                f"The {entry.kind} {display_text(entry.identity)} {why}.",
                f"DROP {REMOVABLE[entry.kind]} {entry.identity}",
            )
        )
    for key, because in irremovable.items():
        _keep(actual, undesired[key], because, views, removals, plan)
    _restore_audit_table(actual, plan)
    return removals


def _irremovable(
    actual: Actual, undesired: Mapping[Key, SchemaObject], members: set[tuple[str, str]]
) -> dict[Key, str]:
    """Return what cannot be removed, each with the reason: it can hold data, or something that stays depends on it.

    `members`: kind and identity of what an extension needs.
    """
    irremovable = {key: "it can hold data" for key, entry in undesired.items() if entry.kind not in REMOVABLE}
    irremovable |= {
        key: OF_EXTENSION for key, entry in undesired.items() if (entry.kind, entry.identity) in members
    }
    while True:
        more = {}
        for key in undesired:
            if key in irremovable:
                continue
            users = [
                name
                for catalog, oid, name in sorted(actual.dependents.get(key, ()))
                if (catalog, oid) not in undesired or (catalog, oid) in irremovable
            ]
            if users:
                more[key] = (
                    f"{display_text(users[0])}{f' and {len(users) - 1} more' if users[1:] else ''} use it"
                )
        if not more:
            return irremovable
        irremovable |= more


def _in_order(actual: Actual, keys: list[Key]) -> Iterator[Key]:
    """Yield each object after everything that depends on it. Raises Refused for a circle."""
    left = list(keys)
    while left:
        free = [
            key
            for key in left
            if not any((catalog, oid) in left for catalog, oid, _ in actual.dependents.get(key, ()))
        ]
        if not free:
            raise Refused(
                f"Objects in {actual.names.schema} depend on each other in a circle.",
                "Ask a database administrator to drop them with CASCADE.",
            )
        yield from free
        left = [key for key in left if key not in free]


def _keep(
    actual: Actual,
    entry: SchemaObject,
    because: str,
    views: ViewChanges,
    removals: Removals,
    plan: DatabasePlan,
) -> None:
    """Set an object aside if it is a view of ours in the way of a new one; otherwise report that it stays."""
    names = actual.names
    access = actual.by_name[names.access].oid
    relation = actual.relations.get(entry.oid) if entry.catalog == "pg_class" else None
    view = views.recreated.get(entry.oid)
    if view and relation and relation.kind == "v" and relation.owner == access:
        removals.removed.add(entry.oid)
        plan.changes += _set_aside(actual, relation, because)
        return
    if relation is None or relation.owner != access:
        removals.foreign.add(entry.oid)
    drop = f"DROP {REMOVABLE.get(entry.kind, entry.kind.upper())} {entry.identity} CASCADE;"
    if view:
        views.drop(view.role)
        plan.blocker(
            f"The view {names.schema}.{names.view(view.role)} cannot be created: a {entry.kind} has its name.",
            drop,
            objects=[identifier(names.schema, names.view(view.role))],
        )
        return
    if because == OF_EXTENSION:
        return  # The extension is named, and the object removed once it is no part of that.
    plan.blocker(
        f"The {entry.kind} {display_text(entry.identity)} should not exist; it stays, because {because}.",
        drop,
        objects=[
            entry.identity,
            *([relation.identity] if relation else []),
            *(_members(actual) if entry.kind == "extension" else []),
        ],
    )


def _members(actual: Actual) -> Iterator[str]:
    """Yield what goes with the extensions in the schemas, as the access matrix calls it."""
    for entry in actual.outside:
        if entry.why == "member" and not entry.statement:
            yield from explained_objects(actual, entry.identity)


def _set_aside(actual: Actual, relation: SchemaRelation, because: str) -> Iterator[Change]:
    """Rename a view that somebody builds on, and so cannot be dropped; nobody may read it on."""
    aside = f"{relation.name[:48]}~{relation.oid}"
    yield Change(
        "remove",
        f"The view {display_text(relation.identity)} is set aside as {aside}, closed to everybody: {because}.",
        f"ALTER VIEW {relation.identity} RENAME TO {identifier(aside)}",
    )
    grants = [
        grant for grant in actual.grants if grant.oid == relation.oid and grant.kind in ("TABLE", "COLUMN")
    ]
    for grantee in dict.fromkeys(grant.grantee for grant in grants if grant.grantor == relation.owner):
        yield Change(
            "revoke",
            f"{display_grantee(actual, grantee)} may no longer read {display_text(aside)}.",
            f"REVOKE ALL ON TABLE {identifier(relation.schema, aside)} FROM {grantee_quoted(actual, grantee)} CASCADE",
        )


def _restore_audit_table(actual: Actual, plan: DatabasePlan) -> None:
    """Add what makes the table for audit records again what it was: nothing runs, or is hidden, when one is written."""
    table = display_text(identifier(actual.names.audit, "record"))
    for what, done, statement in actual.audit_drift:
        shown = display_text(what)
        if done == "named":
            plan.blocker(f"The table {table} has {shown}, which it should not have.", statement)
        else:
            sentence = f"{shown[0].upper()}{shown[1:]} on {table} is {done}."
            plan.changes.append(Change("remove", sentence, statement.removesuffix(";")))
