"""The result of a rollout for a repository."""

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
    # state -> success, meaning
    "up to date": (True, "it has the version"),
    "behind": (True, "a newer version is available"),
    "ahead": (True, "it has a newer version already"),
    "clean": (True, "can take the version without conflicts"),
    "pushed": (True, "the version is on a branch"),
    "waiting": (True, "its wave has not begun"),
    "kept": (True, "the template's files are unchanged"),
    "conflict": (False, "people have to resolve it"),
    "drifted": (False, "the template's files were changed"),
    "failed": (False, "its own checks or the push failed"),
    "refused": (False, "it was skipped for the given reason"),
    "unreachable": (False, "its server did not answer, or is not a git server"),
}


@dataclass
class Outcome:
    """The result of a rollout for one repository."""

    name: str
    url: str
    wave: str
    state: str = "unreachable"
    """A key of STATES."""
    version: str = ""
    """The version it has."""
    target: str = ""
    """The version it should get."""
    behind: int | None = None
    """Number of releases between the two."""
    reason: str = ""
    fix: str = ""
    changes: list[tuple[str, str]] = field(default_factory=list)
    """Changes by the update: A(dded), M(odified) or D(eleted), and the path."""
    conflicts: list[Conflict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    diff: list[str] = field(default_factory=list)
    """Drift: a diff for each file, from the template to the repository."""
    branch: str = ""
    pull_request: str = ""
    """Its address, or the address for opening it."""
    seconds: float = 0.0

    @property
    def well(self) -> bool:
        return STATES[self.state][0]

    def as_json_value(self) -> dict[str, Any]:
        """Return the value for JSON: texts are printable and without credentials."""
        plain = {key: without_credentials(getattr(self, key)) for key in ("url", "reason", "fix")}
        value: dict[str, Any] = clean(with_old(asdict(self) | plain | {"seconds": round(self.seconds, 3)}))
        return value


def clean(value: Any) -> Any:
    """Clean every text in a JSON value."""
    if isinstance(value, str):
        return printable(value, lines=True)
    if isinstance(value, dict):
        return {key: clean(item) for key, item in value.items()}
    return [clean(item) for item in value] if isinstance(value, list | tuple) else value


def counted(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """Return state -> number of repositories, in the order of STATES."""
    counts = Counter(outcome.state for outcome in outcomes)
    return {state: counts[state] for state in STATES if counts[state]}
