"""Grants on file ports (`parquet@1`, `delta@1`): one variant a role, each at a prefix of its own.

    <path>/<data set>.parquet               what the pipeline publishes, clear
    <path>/roles/<role>/<data set>.parquet  what a role sees of it (Delta: a table, without the ending)
    <path>/roles/access.json                who reads as what, and which data set the variants were made from
    <path>/roles/audit.jsonl                one record a run
    <path>/roles/bucket-policy.json         on S3: our part of the bucket's policy

Whoever may read `<path>/roles/<role>/*` can read neither the clear data set nor another role's variant, because
neither path begins with that. The store enforces it: on S3 by the bucket policy, which is written here. A local
folder enforces nothing; its variants show what would be enforced. Nothing is granted on the clear data set; on S3
the account's own IAM policies can still grant it, which is up to the account's administrator.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from meshwright.access import audit
from meshwright.access.grants import (
    Address,
    AuditRecord,
    ChainCheck,
    Desired,
    Port,
    PortPlan,
    Refused,
    View,
    unchecked,
)
from meshwright.access.targets.files import records, variant
from meshwright.access.targets.files.members import actual_members, put_policy
from meshwright.access.targets.files.path_names import ROLE, display_text
from meshwright.access.targets.files.port_state import TABLES, PortState, read_port_state
from meshwright.access.targets.files.records import ROLES, State, Variant
from meshwright.access.targets.files.row_comparison import row_difference
from meshwright.access.targets.files.steps import Steps, steps
from meshwright.access.targets.files.storage import Folder, storage
from meshwright.access.targets.files.table import PortTable
from meshwright.product.store import Blocker

FIX_STORAGE = "Fix its path or its permissions, and apply again."

__all__ = ["TABLES", "address", "apply", "audit_records", "location", "plan", "verify"]


def plan(port: Port, desired: Desired, check: ChainCheck = unchecked) -> PortPlan:
    """Return what would change. Changes nothing. Raises Refused."""
    with _refusing(port):
        state = read_port_state(port, desired)
        check(records.audit(state.storage))
        return _port_plan(state, steps(state))


def apply(port: Port, desired: Desired, record: AuditRecord) -> PortPlan:
    """Bring variants, members and audit record to what is desired. Raises Refused.

    Whatever takes something away comes first, so that a run that ends early leaves less to read and never more;
    the next run does what is left.
    """
    with _refusing(port), storage(port).locked():
        return _apply(port, desired, record)


def verify(port: Port, desired: Desired, check: ChainCheck = unchecked) -> Sequence[str]:
    """Return each difference to what is desired. Raises Refused.

    A variant is compared with the data set, row by row, unless the newest audit record says that a run has compared
    just these files, by their checksums, with just this data set.
    """
    with _refusing(port):
        state = read_port_state(port, desired)
        todo = steps(state)
        chain = records.audit(state.storage)
        compared = chain[-1].get("variants") if chain else None
        roles = [
            role
            for role, of_role in _variants(state.recorded).items()
            if role not in todo.write and not (isinstance(compared, dict) and compared.get(role) == of_role)
        ]
        differences = [manual_action.sentence for manual_action in state.manual_actions]
        differences += [f"This is not done: {change.sentence}" for change in todo.changes]
        differences += _variant_differences(state, roles)
        check(chain)
        return differences


def _variants(state: State) -> dict[str, dict[str, Any]]:
    """Return role -> its variant: the view, the data set and the files, each by a checksum."""
    return {role: dict(vars(of_role)) for role, of_role in state.variants.items()}


def _variant_differences(state: PortState, roles: Collection[str]) -> Iterator[str]:
    """Yield how the variants of some roles differ from what they should be."""
    desired = state.desired
    if not roles:
        return
    with state.table.opened(state.storage, desired.dataset) as source:
        for view in desired.views:
            if view.role in roles:
                yield from _view_differences(state, view, source)


def _view_differences(state: PortState, view: View, source: PortTable) -> Iterator[str]:
    """Yield how one role's variant differs from what its view makes of a data set."""
    path = f"{ROLES}{view.role}/{state.desired.dataset}"
    with state.table.opened(state.storage, path) as actual:
        projection = variant.project(view, source.rows.schema)
        if difference := row_difference(projection, source.rows, actual.rows):
            yield f"The copy for the role {view.role} {difference}."
        if actual.metadata != source.metadata:
            yield f"The copy for the role {view.role} has other metadata than the data set."


def audit_records(port: Port) -> list[Mapping[str, Any]]:
    """Return all audit records, the first one first. Raises Refused."""
    with _refusing(port):
        return records.audit(storage(port))


def address(port: Port) -> Address:
    """Return where the port's files are. Raises Refused."""
    with _refusing(port):
        where, root = storage(port), Path(port.root).resolve()
        if isinstance(where, Folder) and where.root.is_relative_to(root):
            return Address(where.root.relative_to(root).as_posix(), in_clone=True)
        return Address(where.address(""), in_clone=False)


def location(port: Port, dataset: str, role: str) -> Mapping[str, str]:
    """Return where a role's variant is; without a role, where the data set itself is. Raises Refused."""
    path = f"{ROLES}{role}/{dataset}" if role else dataset
    return {"location": storage(port).address(TABLES[port.uses].named(path))}


def _apply(port: Port, desired: Desired, record: AuditRecord) -> PortPlan:
    before = read_port_state(port, desired)
    todo = steps(before)
    chain = records.audit(before.storage)
    content = {**record.content, **record.check(chain)}
    new = State(before.owner, dict(before.recorded.variants), before.members)
    if todo.changes:
        _change(before, todo, new)
    after = read_port_state(port, desired, new)
    if left := steps(after).changes:
        raise Refused(
            f"Something else changed the port meanwhile; this is not done: {left[0].sentence}",
            "Apply again.",
        )
    # The state last: a run that ends between the two is recorded again, and never left unrecorded.
    changes = [{"sentence": change.sentence, "statement": change.statement} for change in todo.changes]
    content |= {"port": port.name, "changes": changes, "variants": _variants(new)}
    written = audit.linked(chain[-1] if chain else None, content)
    records.append_audit(before.storage, chain, written)
    records.write_state(before.storage, new)
    return replace(_port_plan(after, todo), record=written)


def _change(state: PortState, todo: Steps, new: State) -> None:
    """Make the changes, and note the variants in `new`."""
    kept = {key: granted for key, granted in actual_members(state).items() if key in state.members}
    # Record whose folder it is before anything is in it. If this run ends early, what it wrote differs from the
    # record, and what it removed is still in it: the next run reports both.
    records.write_state(state.storage, replace(state.recorded, owner=state.owner))
    put_policy(state, kept, [entry for entry in todo.remove if ROLE.fullmatch(entry)])
    for entry, names in todo.remove.items():
        state.storage.remove(names)
        new.variants.pop(entry, None)
    _write_variants(state, todo, new)
    put_policy(state, state.members)


def _write_variants(state: PortState, todo: Steps, new: State) -> None:
    if not todo.write:
        return
    desired = state.desired
    with state.table.opened(state.storage, desired.dataset) as source:
        for role in todo.write:
            view = desired.view(role)
            path, prefix = f"{ROLES}{role}/{desired.dataset}", f"{ROLES}{role}/"
            old, fingerprint = state.recorded.variants.get(role), variant.fingerprint(view)
            files = state.below(prefix)
            if old is None or old.files != files:  # nobody knows what it is
                state.storage.remove(files)
                old = None
            keep = old is not None and old.view == fingerprint
            rows = variant.rows(variant.project(view, source.rows.schema), source.rows)
            state.table.write(state.storage, path, rows, source.metadata, keep)
            new.variants[role] = Variant(fingerprint, source.identity, state.storage.identities(prefix))
            for difference in _view_differences(state, view, source):
                raise Refused(
                    f"Nobody was let in to what was written, because it is wrong: {difference}",
                    "Apply again. If the error persists, it is a defect of meshwright.",
                )


def _port_plan(state: PortState, todo: Steps) -> PortPlan:
    return PortPlan(state.port.name, state.port.uses, todo.changes, tuple(state.manual_actions))


@contextlib.contextmanager
def _refusing(port: Port) -> Iterator[None]:
    """Turn every error of a storage into Refused."""
    try:
        yield
    except Refused:
        raise
    except Blocker as error:
        problem = f"The port {port.name} cannot be read or written: {display_text(str(error))}"
        raise Refused(problem, error.fix or FIX_STORAGE) from error
    except Exception as error:  # each storage has errors of its own
        # What computes on data may quote it.
        reason = "" if isinstance(error, (pa.ArrowException, duckdb.Error)) else f": {str(error)[:300]}"
        raise Refused(
            f"The port {port.name} cannot be read or written: {type(error).__name__}{display_text(reason)}",
            FIX_STORAGE,
        ) from error
