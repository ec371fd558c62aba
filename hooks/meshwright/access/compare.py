"""Compares who may read at two commits, without asking storage or directory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from meshwright.access.access_decisions import AccessDecisions, shortened
from meshwright.access.grants import Action, Change, Desired, Member, Port, PortPlan, View
from meshwright.access.requested import requested
from meshwright.access.run import PortRun, Run
from meshwright.product.agreement_length import shown_end


def against(base: AccessDecisions | None, decisions: AccessDecisions) -> Run:
    """Return the difference as a plan, port by port; both decided without a directory. None: there was no product before."""
    was = {port.name: port for port in base.product.ports} if base else {}
    will = {port.name: port for port in decisions.product.ports}
    nothing = Desired(decisions.product.id, decisions.product.dataset, (), ())
    runs = []
    for name, port in {**will, **was, **will}.items():  # first what will be, then what only was
        old, new = was.get(name), will.get(name)
        changes = [*_moved(old, new)]
        before = base.desired(old) if base and old else nothing
        changes += _changes(before, decisions.desired(new) if new else nothing)
        runs.append(PortRun(PortPlan(name, port.uses, tuple(changes))))
    before_by_id = {one.id: one.document.value for one in base.product.agreements} if base else {}
    changed = {
        one.id
        for one in decisions.product.agreements
        if not one.problem and before_by_id.get(one.id) != one.document.value
    }
    return Run(
        "plan",
        decisions,
        tuple(runs),
        decisions.product.problems,
        tuple(shortened(decisions)),
        requested(decisions, changed),
    )


def with_people(done: Run, counted: AccessDecisions) -> Run:
    """Return the comparison with how many people each agreement is for. `counted`: decided with the directory."""
    return replace(done, effects=requested(counted, {effect.agreement for effect in done.effects}))


def _moved(old: Port | None, new: Port | None) -> Iterator[Change]:
    """Yield what changes about a port itself. Grants do not move with it, and stay where it was."""
    if old and new is None:
        yield Change(
            "remove", "The port is removed; what was granted on it stays, unless it is revoked before", ""
        )
    elif old and new:
        for key in sorted({*old.properties, *new.properties}):
            if old.properties.get(key) != new.properties.get(key):
                words = f"{key} is {new.properties.get(key)}, and was {old.properties.get(key)}"
                yield Change(
                    "replace", f"{words}; what was granted there stays, unless it is revoked before", ""
                )


def _changes(before: Desired, after: Desired) -> Iterator[Change]:
    was = {(member.principal.id, member.role): member for member in before.members}
    will = {(member.principal.id, member.role): member for member in after.members}
    for key, member in will.items():
        old = was.get(key)
        if old is None:
            yield _change("grant", f"{key[0]} may read as {key[1]}{_until(member)}", member)
        elif old.until != member.until:
            yield _change(
                "replace", f"{key[0]} may read as {key[1]}{_until(member)}, and could{_until(old)}", member
            )
    for key in sorted(was.keys() - will.keys()):
        yield Change("revoke", f"{key[0]} may no longer read as {key[1]}", "", principal=key[0], role=key[1])
    views = {view.role: view for view in before.views}
    for view in after.views:
        yield from _seen(views.get(view.role), view)
    for role in sorted(views.keys() - {view.role for view in after.views}):
        yield Change("remove", f"The role {role} is removed", "", role=role)


def _change(action: Action, sentence: str, member: Member) -> Change:
    return Change(action, sentence, "", member.agreements, member.principal.id, member.role)


def _until(member: Member) -> str:
    return f" until {_day(member.until)}" if member.until else " without end"


def _day(time: datetime) -> str:
    return shown_end(time)


def _seen(before: View | None, after: View) -> Iterator[Change]:
    role = after.role
    if before is None:
        yield Change("create", f"The role {role} is new, and sees {_list(after)}", "", role=role)
        return
    was = {visible.column.name: _how(visible.mask) for visible in before.columns}
    will = {visible.column.name: _how(visible.mask) for visible in after.columns}
    for column in [*will, *(name for name in was if name not in will)]:
        old, new = was.get(column, "nothing"), will.get(column, "nothing")
        if old != new:
            yield Change("replace", f"{role} sees {new} of {column}, and saw {old}", "", role=role)
    if before.rows != after.rows:
        yield Change(
            "replace", f"{role} sees other rows: {_rows(after)}, and saw {_rows(before)}", "", role=role
        )


def _how(mask: str | None) -> str:
    return f"the mask {mask}" if mask else "the values"


def _list(view: View) -> str:
    return ", ".join(
        f"{_how(visible.mask)} of {visible.column.name}" if visible.mask else visible.column.name
        for visible in view.columns
    )


def _rows(view: View) -> str:
    conditions = [f"{row.column.name} {row.operation} {', '.join(map(str, row.values))}" for row in view.rows]
    return f"those with {' and '.join(conditions)}" if conditions else "all"
