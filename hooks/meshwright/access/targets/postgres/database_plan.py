"""The plan for one database: changes in the order in which they work, and what only an administrator can change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from meshwright.access.grants import Change, ManualAction
from meshwright.access.targets.postgres.published import PublishedIssue


@dataclass(frozen=True)
class DatabaseBlocker:
    """What only an administrator can fix, and which differences in the matrix it explains."""

    manual_action: ManualAction
    logins: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()


@dataclass
class DatabasePlan:
    """Changes in the order in which they work, and blockers."""

    changes: list[Change] = field(default_factory=list)
    blockers: list[DatabaseBlocker] = field(default_factory=list)
    members: set[tuple[str, str]] = field(default_factory=set)
    """Login and role of the policy: who reads once the changes are made, as far as that is possible."""
    issues: tuple[PublishedIssue, ...] = ()
    """Why what the roles' views read is not safe to read: nobody may read them then, and they read nothing."""
    advice: list[ManualAction] = field(default_factory=list)
    """What an administrator should do, and what keeps nobody from being in the desired state until then."""

    @property
    def closed(self) -> bool:
        return bool(self.issues)

    def blocker(
        self, sentence: str, statement: str, logins: Iterable[str] = (), objects: Iterable[str] = ()
    ) -> None:
        """Add what the administrator has to know and to run. `logins`, `objects`: whose differences it explains."""
        self.blockers.append(
            DatabaseBlocker(ManualAction(sentence, statement), frozenset(logins), frozenset(objects))
        )
