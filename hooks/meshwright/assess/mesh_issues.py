"""The problems of the mesh by product, as `meshwright map` and `check --mesh` report them: one computation for all three."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from weakref import WeakKeyDictionary

from meshwright.mesh.lineage import Issue, Lineage, issues

_KNOWN: WeakKeyDictionary[Lineage, Mapping[str, Sequence[Issue]]] = WeakKeyDictionary()


def issues_of(mesh: Lineage, id: str, now: datetime) -> Sequence[Issue]:
    """Return the problems that concern a product, computed once for a mesh; a cycle concerns each of its members."""
    if mesh not in _KNOWN:
        found: dict[str, list[Issue]] = {}
        for issue in issues(mesh, now):
            members = (issue.product, *issue.about) if issue.kind == "cycle" else (issue.product,)
            for member in members:
                found.setdefault(member, []).append(issue)
        _KNOWN[mesh] = found
    return _KNOWN[mesh].get(id, ())


def of_kinds(mesh: Lineage, id: str, now: datetime, *kinds: str) -> Sequence[Issue]:
    """Return the problems of these kinds that concern a product."""
    return [issue for issue in issues_of(mesh, id, now) if issue.kind in kinds]
