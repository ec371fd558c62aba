"""Whom an agreement names: as principals, as parties who may not approve, and by which names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from meshwright.access.agreement import Agreement
from meshwright.access.approval.agreement_versions import agreement_versions
from meshwright.access.approval.valid_approvers import trust_in
from meshwright.access.directory import Snapshot
from meshwright.access.grants import Principal
from meshwright.core.git_history import History

NO_FORM = ("Write `group:<name>` or `id:<id>`.",)


def subjects(
    agreement: Agreement, snapshot: Snapshot | None, role: Mapping[str, Any]
) -> tuple[list[Principal], dict[str, tuple[str, ...]]]:
    """Return whom an agreement names, and which of its names the directory does not have, each with the reason.

    Without a snapshot every group and id counts as a principal that fits the role.
    """
    if snapshot is None:
        return _assumed_subjects(agreement, role)
    ids: set[str] = set()
    unknown: dict[str, tuple[str, ...]] = {}
    for named in agreement.principals:
        kind, _, name = named.partition(":")
        if kind == "group" and name in snapshot.groups:
            ids |= snapshot.groups[name]
        elif kind == "id" and name in snapshot.principals:
            ids.add(name)
        else:
            word = {"group": "group", "id": "principal"}.get(kind)
            unknown[named] = (f"The directory has no such {word}.",) if word else NO_FORM
    return [snapshot.principals[id] for id in sorted(ids)], unknown


def _assumed_subjects(
    agreement: Agreement, role: Mapping[str, Any]
) -> tuple[list[Principal], dict[str, tuple[str, ...]]]:
    kinds = {named: named.partition(":")[0] for named in agreement.principals}
    assumed = [assumed_principal(named, role) for named, kind in kinds.items() if kind in ("group", "id")]
    return assumed, {named: NO_FORM for named, kind in kinds.items() if kind not in ("group", "id")}


def assumed_principal(named: str, role: Mapping[str, Any]) -> Principal:
    """Return a principal whose attributes are what a role requires, where the directory is not asked."""
    requires = {name: tuple(values) for name, values in role.get("requires", {}).items()}
    return Principal(named, role.get("kind", "human"), attributes=requires)


def parties(agreement: Agreement, members: Sequence[Principal]) -> Iterator[str]:
    """Yield whoever asks or is named, by every name that the directory has: none of them may approve.

    Who gains as one of a group makes no agreement void, but does not gain by what they approved themselves.
    """
    if isinstance(requester := agreement.custom("requester"), str):
        yield requester
    for named in agreement.principals:
        kind, _, id = named.partition(":")
        if kind == "id":
            yield id
            yield from (name for member in members if member.id == id for name in names_of(member))


def authors(history: History, path: str) -> Iterator[str]:
    """Yield the address of the author of each commit that brought an agreement in, or that wrote other terms into it.

    Who wrote a request does not approve it, whomever it names as requester. An author is a claim of whoever commits. Terms
    are everything but status, `approvedBy` and `decision`. What came in under the older rule may have been changed and
    approved in one commit.
    """
    versions, present_from = agreement_versions(history), trust_in(history).present_from
    for commit in history.touched(path):
        if history.entry(commit, path) is None:
            continue
        about = history.commits[commit]
        if not any(history.entry(parent, path) for parent in about.parents) or (
            history.position(commit) >= present_from
            and all(
                versions.at(parent, path).terms != versions.at(commit, path).terms for parent in about.parents
            )
        ):
            yield about.author


def names_of(principal: Principal) -> Iterator[str]:
    """Yield the names by which approvers.yaml can name somebody."""
    yield principal.id
    for attribute in ("mail", "email"):
        value = principal.attributes.get(attribute, ())
        yield from (value,) if isinstance(value, str) else value
