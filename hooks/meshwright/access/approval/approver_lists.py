"""The approvers that access/approvers.yaml names at a commit."""

from __future__ import annotations

from meshwright.core.git_history import Entry, History
from meshwright.core.yaml import Unreadable, parse
from meshwright.product import schema
from meshwright.product.approvers import Approver, named, unsound
from meshwright.product.files import APPROVERS
from meshwright.product.validate import misshapen


class ApproverLists:
    """The versions of access/approvers.yaml in a history, each read once."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._read: dict[Entry, tuple[tuple[Approver, ...], str]] = {}

    def at(self, commit: str) -> tuple[tuple[Approver, ...], str]:
        """Return the approvers that the file names at a commit, and why it cannot be read; empty if it can."""
        entry = self._history.entry(commit, APPROVERS)
        if entry is None:
            return (), ""
        if entry not in self._read:
            self._read[entry] = _approvers(self._history, entry)
        return self._read[entry]


def _approvers(history: History, entry: Entry) -> tuple[tuple[Approver, ...], str]:
    try:
        document = parse(APPROVERS, history.text(APPROVERS, entry))
    except Unreadable as error:
        return (), f"{error} {error.fix}"
    for problem in misshapen(document, schema.approvers):
        return (), f"{problem.detail} {problem.fix}"
    for _, detail, fix in unsound(document):
        return (), f"{detail} {fix}"
    return named(document), ""
