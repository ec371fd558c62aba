"""The approvers that access/approvers.yaml names at a commit."""

from __future__ import annotations

from typing import NamedTuple

from meshwright.core.git_history import Entry, History
from meshwright.core.yaml import Unreadable, parse
from meshwright.product import schema
from meshwright.product.approvers import Approver, ReviewSettings, named, review_settings, unsound
from meshwright.product.files import APPROVERS
from meshwright.product.validate import misshapen


class ApproverLists:
    """The versions of access/approvers.yaml in a history, each read once."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._read: dict[Entry, _ApproversFile] = {}

    def at(self, commit: str) -> tuple[tuple[Approver, ...], str]:
        """Return the approvers that the file names at a commit, and why it cannot be read; empty if it can."""
        file = self._file_at(commit)
        return file.approvers, file.unreadable

    def settings_at(self, commit: str) -> ReviewSettings | None:
        """Return where the file has approvers review at a commit; None if they only sign, or if it cannot be read."""
        return self._file_at(commit).settings

    def _file_at(self, commit: str) -> _ApproversFile:
        entry = self._history.entry(commit, APPROVERS)
        if entry is None:
            return _ApproversFile((), "", None)
        if entry not in self._read:
            self._read[entry] = _read(self._history, entry)
        return self._read[entry]


class _ApproversFile(NamedTuple):
    """One version of access/approvers.yaml."""

    approvers: tuple[Approver, ...]
    unreadable: str
    settings: ReviewSettings | None


def _read(history: History, entry: Entry) -> _ApproversFile:
    try:
        document = parse(APPROVERS, history.text(APPROVERS, entry))
    except Unreadable as error:
        return _ApproversFile((), f"{error} {error.fix}", None)
    for problem in misshapen(document, schema.approvers):
        return _ApproversFile((), f"{problem.detail} {problem.fix}", None)
    for _, detail, fix in unsound(document):
        return _ApproversFile((), f"{detail} {fix}", None)
    return _ApproversFile(named(document), "", review_settings(document))
