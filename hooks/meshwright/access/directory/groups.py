"""Groups of a directory: which ones names mean, and who is in them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

from meshwright.access.directory.snapshot import DirectoryError
from meshwright.product.lookalikes import skeleton

Node = TypeVar("Node", bound=Hashable)
"""What identifies a group in a directory."""


def members_of(
    start: Node, direct_members: Callable[[Node], tuple[Iterable[str], Iterable[Node]]]
) -> frozenset[str]:
    """Return everybody in a group. `direct_members` gives a group's own members and the groups in it, also in a circle."""
    ids: set[str] = set()
    seen, waiting = {start}, [start]
    while waiting:
        members, groups = direct_members(waiting.pop())
        ids.update(members)
        waiting += [group for group in groups if group not in seen]
        seen.update(waiting)
    return frozenset(ids)


def by_name(names: Iterable[str], groups: Iterable[tuple[str, Node]]) -> dict[str, Node]:
    """Return which of the groups (name, what it is) the names mean. Raises DirectoryError where two could be meant."""
    similar: dict[str, list[tuple[str, Node]]] = {}
    for name, node in groups:
        similar.setdefault(skeleton(name), []).append((name, node))
    meant = {}
    for name in sorted(names):
        candidates = similar.get(skeleton(name), [])
        if len(candidates) > 1:
            problem = f"The directory has {len(candidates)} groups that are called {name!r}, or could be taken for it."
            raise DirectoryError(
                problem, "Rename all but one, or narrow down where groups are looked for.", name
            )
        for called, node in candidates:
            if called == name:
                meant[name] = node
    return meant
