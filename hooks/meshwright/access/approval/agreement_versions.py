"""What one version of an agreement says: its status, its terms, and whom it lists as having approved."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from meshwright.core.git_history import Entry, History
from meshwright.core.yaml import Unreadable, parse

APPROVED_BY = "approvedBy"
"""The custom property that lists the addresses of those who approved, each added by their own commit."""

DECISION = "decision"
"""The custom property that says why an agreement was approved or rejected."""


class Version(NamedTuple):
    """The content of one version of an agreement."""

    status: str
    """Empty if it says none."""
    terms: str
    """Everything but the status, `approvedBy` and `decision`, as JSON; if there is no status, the reason."""
    approved_by: tuple[str, ...] = ()
    decision: str = ""
    """Why it was approved or rejected: no term, so that who approves can write it; who changes it later approves nothing."""

    def agrees(self, other: Version) -> bool:
        """Return True if both are approved on the same terms, whoever is listed."""
        return self.status == other.status == "approved" and self.terms == other.terms


class AgreementVersions:
    """The versions of the agreements in a history, each read once."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._read: dict[Entry, Version] = {}

    def at(self, commit: str, path: str) -> Version:
        """Return the version that a commit has."""
        entry = self._history.entry(commit, path)
        if entry is None:
            return Version("", "It is not there.")
        if entry not in self._read:
            self._read[entry] = _version(self._history, path, entry)
        return self._read[entry]


def agreement_versions(history: History) -> AgreementVersions:
    """Return the versions of the agreements in a history, which are read once."""
    versions: AgreementVersions = history.cache.setdefault("agreement versions", AgreementVersions(history))
    return versions


def _version(history: History, path: str, entry: Entry) -> Version:
    try:
        value = parse(path, history.text(path, entry)).value
    except Unreadable as error:
        return Version("", f"{error} {error.fix}")
    if not isinstance(value, dict) or not isinstance(value.get("status"), str):
        return Version("", "It has no status. Write `status: requested`.")
    rest, listed = _without_approvals({key: part for key, part in value.items() if key != "status"})
    # As text, because to Python 1, 1.0 and true are equal.
    rest, decision = _without_decision(rest)
    return Version(value["status"], json.dumps(rest, sort_keys=True), listed, decision)


def _without_decision(terms: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the terms without `decision`, and what that says; if it is not there once and well, it stays a term."""
    custom = terms.get("customProperties")
    if not isinstance(custom, list):
        return terms, ""
    own = [item for item in custom if isinstance(item, dict) and item.get("property") == DECISION]
    if len(own) != 1 or own[0].keys() != {"property", "value"} or not isinstance(own[0]["value"], str):
        return terms, ""
    kept = [item for item in custom if item is not own[0]]
    others = {key: part for key, part in terms.items() if key != "customProperties"}
    return others | ({"customProperties": kept} if kept else {}), own[0]["value"]


def _without_approvals(terms: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the terms without `approvedBy`, and whom that lists; if it is not there once and well, it stays a term."""
    custom = terms.get("customProperties")
    if not isinstance(custom, list):
        return terms, ()
    own = [item for item in custom if isinstance(item, dict) and item.get("property") == APPROVED_BY]
    if len(own) != 1 or own[0].keys() != {"property", "value"}:
        return terms, ()
    value = own[0]["value"]
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        return terms, ()
    kept = [item for item in custom if item is not own[0]]
    others = {key: part for key, part in terms.items() if key != "customProperties"}
    return others | ({"customProperties": kept} if kept else {}), tuple(listed)
