"""Whether a directory that answers has lost its memory: a change this large is confirmed by a person first.

A directory that is half restored, read with fewer rights than before, or reorganised gives a whole and wrong
answer. Acting on it takes access from people who need it, so that somebody puts it back by hand.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from meshwright.access.directory import Snapshot

FIFTH = 5
"""At least one in so many has to be gone,"""
AT_LEAST = 2
"""and at least so many: one person who leaves is never an alarm."""
SHOWN = 5


@dataclass(frozen=True)
class Alarm:
    """Why nothing is changed until somebody has looked."""

    sentence: str
    fix: str
    token: str
    """What confirms this very change, and no other: of a change in any member of any group it is another."""


def state(snapshot: Snapshot, groups: Iterable[str]) -> dict[str, Any]:
    """What the audit record keeps of a snapshot, as plain JSON: `groups` are those that agreements name.

    `principals` is how many there are, or None where not everybody was read. `groups` has the sorted ids of the
    members of each, or None for a group that is not there.
    """
    return {
        "principals": len(snapshot.principals) if snapshot.complete else None,
        "groups": {
            name: sorted(snapshot.groups[name]) if name in snapshot.groups else None
            for name in sorted(set(groups))
        },
    }


def suspicious(before: Mapping[str, Any] | None, now: dict[str, Any]) -> Alarm | None:
    """What speaks against acting on `now`, given the state of the last run (None: there was none).

    A group that is no longer named, or was not named before, says nothing about the directory.
    """
    if before is None:
        return None
    common = {name: members for name, members in before["groups"].items() if name in now["groups"]}
    reasons = []
    for name, members in common.items():
        if members is not None and now["groups"][name] is None:
            reasons.append(f"The directory no longer has the group {name}.")
        elif len(members or ()) >= AT_LEAST and not now["groups"][name]:
            reasons.append(f"The group {name} is empty; it had {len(members)} members.")
    were = {member for members in common.values() for member in members or ()}
    gone = were - {member for name in common for member in now["groups"][name] or ()}
    if _many(len(gone), len(were)):
        reasons.append(f"{len(gone)} of {len(were)} members of the groups that agreements name are gone.")
    if before["principals"] is not None and now["principals"] is not None:
        fewer = before["principals"] - now["principals"]
        if _many(fewer, before["principals"]):
            reasons.append(
                f"The directory has {now['principals']} principals; it had {before['principals']}."
            )
    if not reasons:
        return None
    token = hashlib.sha256(json.dumps([before, now], sort_keys=True).encode()).hexdigest()[:12]
    more = [f"There are {len(reasons) - SHOWN} more such changes."] if len(reasons) > SHOWN else []
    fix = "See whether the directory is whole, and what its reader may see there."
    return Alarm(" ".join(reasons[:SHOWN] + more), fix, token)


def _many(gone: int, of: int) -> bool:
    return gone >= AT_LEAST and gone * FIFTH >= of
