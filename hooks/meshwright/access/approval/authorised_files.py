"""The newest authorised versions of the spec, the policy and similar files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from meshwright.access.approval.valid_approvers import trust_in
from meshwright.core.git_history import History


@dataclass(frozen=True)
class Authorised:
    """The newest authorised version of a file."""

    text: str | None
    """None: by what is authorised, there is no such file."""
    commit: str
    """The commit of the mainline that the version is from; empty if the file never was authorised."""
    problem: str = ""
    """Why that is not the present version; empty if it is."""


def authorised(history: History, path: str) -> Authorised:
    """Return the newest version of a file that an approver signed, or that is older than the first approver.

    Raises HistoryError, and Unreadable where that version is no ordinary text.
    """
    trust = trust_in(history)
    if trust.founded is None:
        commit = "" if history.entry(history.commit, path) is None else history.commit
        return Authorised(_text(history, history.commit, path), commit)
    problem = ""
    for commit in reversed(list(filter(history.continues, history.touched(path)))):
        setting_up = history.position(commit) <= trust.founded
        refusal = "" if setting_up else trust.refusal(commit, path)
        if not refusal:
            counts = f" What counts is how it was in {history.commits[commit]}." if problem else ""
            return Authorised(_text(history, commit, path), commit, problem + counts)
        problem = problem or f"Its last change does not count. {refusal}"
    return Authorised(None, "", problem and f"{problem} No version before does, either.")


def authorised_below(history: History, folder: str) -> Mapping[str, Authorised]:
    """Return path -> the same, of every file that exists or ever existed below a folder, sorted.

    A list of the existing files alone would take a deletion for authorised. Raises HistoryError, Unreadable.
    """
    below = sorted(path for path in history.paths(folder) if path.startswith(f"{folder.rstrip('/')}/"))
    return {path: authorised(history, path) for path in below}


def _text(history: History, commit: str, path: str) -> str | None:
    entry = history.entry(commit, path)
    return None if entry is None else history.text(path, entry)
