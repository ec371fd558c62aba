"""The views of the policy's roles: which of them are right, and which have to be created or replaced."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from meshwright.access.grants import Change, Desired, View
from meshwright.access.targets.postgres.actual import Actual, SchemaRelation
from meshwright.access.targets.postgres.names import Names, display_text
from meshwright.access.targets.postgres.view_query import closed_query
from meshwright.core.sql.postgres import identifier


@dataclass
class ViewChanges:
    """Which views are created or replaced."""

    changes: list[Change] = field(default_factory=list)
    kept: set[int] = field(default_factory=set)
    """Oids of the relations that stay: views that are right or replaced in place, and the table for audit records."""
    recreated: dict[int, View] = field(default_factory=dict)
    """Oid of a relation that has a view's name and has to go first -> the view."""

    def drop(self, role: str) -> None:
        """Leave out the view of a role, because something else keeps its name."""
        self.changes = [change for change in self.changes if change.role != role]

    def created(self, names: Names) -> set[str]:
        """Return the views that are created or replaced, as SQL writes them."""
        return {identifier(names.schema, names.view(change.role)) for change in self.changes}


def change_views(
    desired: Desired,
    actual: Actual,
    twins: Mapping[str, SchemaRelation],
    queries: Mapping[str, str],
    closed: bool = False,
) -> ViewChanges:
    """Return what has to be created or replaced. `twins`: role -> its view as it should be; `queries`: role -> its SQL.

    `closed`: the queries show nothing.
    """
    names = actual.names
    access = actual.by_name[names.access].oid
    existing = {
        relation.name: relation for relation in actual.relations.values() if relation.schema == names.schema
    }
    views = ViewChanges()
    views.kept = {
        relation.oid
        for relation in actual.relations.values()
        if (relation.schema, relation.name) == (names.audit, "record")
    }
    for view in desired.views:
        relation, twin = existing.get(names.view(view.role)), twins[view.role]
        if relation and relation.kind == "v" and relation.owner == access:
            if relation.shape == twin.shape:
                views.kept.add(relation.oid)
                continue
            if is_replaceable(relation, twin):
                views.kept.add(relation.oid)
                views.changes.append(_change("replace", view, names, queries, closed))
                continue
        if relation:
            views.recreated[relation.oid] = view
        views.changes.append(_change("create", view, names, queries, closed))
    return views


def closed_queries(actual: Actual, desired: Desired) -> dict[str, str]:
    """Return role -> a query with the columns of its view that reads nothing, for each role that has a view."""
    names = actual.names
    access = actual.by_name[names.access].oid
    views = {
        relation.name: relation
        for relation in actual.relations.values()
        if (relation.schema, relation.kind, relation.owner) == (names.schema, "v", access)
    }
    return {
        view.role: closed_query(views[names.view(view.role)].columns)
        for view in desired.views
        if names.view(view.role) in views
    }


def is_replaceable(view: SchemaRelation, twin: SchemaRelation) -> bool:
    """Return True if CREATE OR REPLACE turns one into the other, so that what readers have built on it stays."""
    if view.columns != twin.columns[: len(view.columns)]:
        return False
    shape, twins_shape = json.loads(view.shape or "{}"), json.loads(twin.shape or "{}")
    parts = ("row security", "rules", "triggers", "defaults")
    return all(shape.get(part) == twins_shape.get(part) for part in parts)


def _change(action: str, view: View, names: Names, queries: Mapping[str, str], closed: bool) -> Change:
    columns = ", ".join(
        display_text(entry.column.name) + (f" ({entry.mask})" if entry.mask else "") for entry in view.columns
    )
    rows = (
        f"; only rows that pass its filters on {', '.join(display_text(row.column.name) for row in view.rows)}"
        if view.rows
        else ""
    )
    ends = "; to each reader only until their end" if view.break_glass else ""
    verb = "CREATE VIEW" if action == "create" else "CREATE OR REPLACE VIEW"
    shows = "nothing until what it reads is as the pipeline makes it" if closed else f"{columns}{rows}{ends}"
    return Change(
        "create" if action == "create" else "replace",
        f"The view {names.schema}.{names.view(view.role)} shows {shows}.",
        f"{verb} {identifier(names.schema, names.view(view.role))} {definition(queries[view.role])}",
        role=view.role,
    )


def definition(query: str) -> str:
    """Return what follows a view's name. Without the barrier a reader's own functions would see hidden rows."""
    return f"WITH (security_barrier = true) AS {query}"
