"""What a rollout found out about a repository, or did with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from meshwright.core.git import without_credentials
from meshwright.core.merge import Conflict
from meshwright.core.renamed import with_old
from meshwright.core.text import printable

STATES = {
    # state -> whether all is well, what it means
    "up to date": (True, "the version is there"),
    "behind": (True, "a newer version is there to be taken"),
    "ahead": (True, "it has a newer version already"),
    "clean": (True, "takes the version without a conflict"),
    "pushed": (True, "the version is on its branch"),
    "waiting": (True, "its wave has not begun"),
    "kept": (True, "the template's files are as the template has them"),
    "conflict": (False, "people have to look at it"),
    "drifted": (False, "the template's files were changed"),
    "failed": (False, "its own checks, or the push, said no"),
    "refused": (False, "nothing is done with it; the reason says why"),
    "unreachable": (False, "its server did not answer, or not with a repository"),
}


@dataclass
class Outcome:
    """One repository's part in a rollout."""

    name: str
    url: str
    wave: str
    state: str = "unreachable"
    """A key of STATES."""
    version: str = ""
    """The version it has."""
    target: str = ""
    """The version it is to get."""
    behind: int | None = None
    """How many releases lie between the two."""
    reason: str = ""
    fix: str = ""
    changes: list[tuple[str, str]] = field(default_factory=list)
    """What the update changes: A(dded), M(odified) or D(eleted), and the path."""
    conflicts: list[Conflict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    diff: list[str] = field(default_factory=list)
    """Drift: a diff a file, from what the template has to what is there."""
    branch: str = ""
    pull_request: str = ""
    """Its address, or the address where it can be opened."""
    seconds: float = 0.0

    @property
    def well(self) -> bool:
        return STATES[self.state][0]

    def as_json_value(self) -> dict[str, Any]:
        """As JSON has it: every text printable, no credentials."""
        plain = {key: without_credentials(getattr(self, key)) for key in ("url", "reason", "fix")}
        value: dict[str, Any] = clean(with_old(asdict(self) | plain | {"seconds": round(self.seconds, 3)}))
        return value


def clean(value: Any) -> Any:
    """The same for every text in a value that JSON can hold."""
    if isinstance(value, str):
        return printable(value, lines=True)
    if isinstance(value, dict):
        return {key: clean(item) for key, item in value.items()}
    return [clean(item) for item in value] if isinstance(value, list | tuple) else value


def counted(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """State -> how many repositories, in the order of STATES."""
    counts = Counter(outcome.state for outcome in outcomes)
    return {state: counts[state] for state in STATES if counts[state]}
