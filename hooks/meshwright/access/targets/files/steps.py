"""The steps of a run on a file port: what is removed, which variants are written and why, and who is let in."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pyarrow as pa

from meshwright.access.grants import Change, View
from meshwright.access.targets.files import variant
from meshwright.access.targets.files.members import member_changes, policy_changes
from meshwright.access.targets.files.path_names import display_list, display_text
from meshwright.access.targets.files.port_state import PortState
from meshwright.access.targets.files.records import AUDIT, POLICY, ROLES, STATE


@dataclass
class Steps:
    """What has to be done, by kind."""

    remove: dict[str, list[str]]
    """Entry of roles/ -> its files."""
    write: dict[str, str]
    """Role -> why its variant has to be written; empty if there is none."""
    changes: tuple[Change, ...]


def steps(state: PortState) -> Steps:
    """Return what has to change. Raises Refused where the data set does not go with a view."""
    write, remove = _to_write(state), _to_remove(state)
    changes = [
        Change(
            "remove",
            f"{ROLES}{display_text(entry)} is removed: no role asks for it",
            f"remove {', '.join(names) or entry}",
            role=entry,
        )
        for entry, names in remove.items()
    ]
    if write:
        with state.table.opened(state.storage, state.desired.dataset) as source:
            schema = source.rows.schema
        changes += [
            _variant_change(state, state.desired.view(role), schema, why) for role, why in write.items()
        ]
    members = list(member_changes(state))
    revoked = [change for change in members if change.action == "revoke"]
    granted = [change for change in members if change.action == "grant"]
    return Steps(remove, write, (*revoked, *changes, *granted, *policy_changes(state)))


def _to_write(state: PortState) -> dict[str, str]:
    """Return role -> why its variant has to be written."""
    write = {}
    for view in state.desired.views:
        files = state.below(f"{ROLES}{view.role}/")
        last = state.recorded.variants.get(view.role)
        reasons = {
            "": not files,
            "it is not as it was written": last is None or last.files != files,
            "its columns, masks or rows are others": last and last.view != variant.fingerprint(view),
            "the data set was published anew": last and last.source != state.source,
        }
        if (why := next((why for why, holds in reasons.items() if holds), None)) is not None:
            write[view.role] = why
    return write


def _to_remove(state: PortState) -> dict[str, list[str]]:
    """Return entry of roles/ -> its files, for what belongs to no role."""
    roles = {view.role for view in state.desired.views}
    remove: dict[str, list[str]] = {role: [] for role in state.recorded.variants if role not in roles}
    for name in state.files:
        entry, slash, _ = name.removeprefix(ROLES).partition("/")
        if name not in (STATE, AUDIT, POLICY) and not (entry in roles and slash):
            remove.setdefault(entry, []).append(name)
    return remove


def _variant_change(state: PortState, view: View, schema: pa.Schema, why: str) -> Change:
    variant.project(view, schema)
    masks = {each.column.name: each.mask for each in view.columns}
    parts = []
    if without := [name for name in schema.names if name not in masks]:
        parts.append("without " + display_list(without))
    if masked := [f"{name} ({mask})" for name, mask in masks.items() if mask]:
        parts.append("masked: " + display_list(masked))
    if rows := sorted({each.column.name for each in view.rows}):
        parts.append("rows by " + display_list(rows))
    sentence = f"{view.role} gets {state.desired.dataset} {'; '.join(parts)}".rstrip()
    statement = {
        "write": state.storage.address(state.table.named(f"{ROLES}{view.role}/{state.desired.dataset}")),
        "columns": {name: mask or "as it is" for name, mask in masks.items()},
        "rows": [[each.column.name, each.operation, list(each.values)] for each in view.rows],
    }
    return Change(
        "replace" if why else "create",
        sentence + (f" ({why})" if why else ""),
        json.dumps(statement, ensure_ascii=False),
        role=view.role,
    )
