"""Shrink detection: if much of a directory is suddenly gone, a person confirms that before access is revoked.

A directory that is half restored, read with fewer rights than before, or reorganised gives a complete and wrong
answer. Acting on it would take access from people who need it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from meshwright.access.directory.snapshot import Snapshot

FIFTH = 5
"""The alarm is raised if at least one in so many is gone,"""
AT_LEAST = 2
"""and at least so many: one person who leaves never raises it."""
SHOWN = 5


@dataclass(frozen=True)
class ShrinkAlarm:
    """Why nothing is changed until a person has checked."""

    sentence: str
    fix: str
    token: str
    """Confirms this very change; a change in any other member of any group has another token."""


def directory_state(snapshot: Snapshot, groups: Iterable[str]) -> dict[str, Any]:
    """Return what the audit record keeps of a snapshot, as plain JSON. `groups`: those that agreements name.

    `principals` is how many the directory has, or None where not everybody was read. `groups` has the sorted ids of
    the members of each, or None for a group that does not exist.
    """
    return {
        "principals": len(snapshot.principals) if snapshot.complete else None,
        "groups": {
            name: sorted(snapshot.groups[name]) if name in snapshot.groups else None
            for name in sorted(set(groups))
        },
    }


def shrink_alarm(before: Mapping[str, Any] | None, now: dict[str, Any]) -> ShrinkAlarm | None:
    """Return the alarm that stops a run, given the state of the last one (None: there was none); None if all is well.

    A group that agreements no longer name, or did not name before, says nothing about the directory.
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
    return ShrinkAlarm(" ".join(reasons[:SHOWN] + more), fix, token)


def _many(gone: int, of: int) -> bool:
    return gone >= AT_LEAST and gone * FIFTH >= of
