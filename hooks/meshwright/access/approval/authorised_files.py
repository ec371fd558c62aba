"""The newest authorised versions of the spec, the policy and similar files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from meshwright.access.approval.change_chain import Guarded, Settled, change_refusal
from meshwright.access.approval.provenance import provenance
from meshwright.access.approval.valid_approvers import Trust, trust_in
from meshwright.core.git_history import Entry, History
from meshwright.core.yaml import Document, Unreadable, parse

ABSENT = ""
"""The content of a file that is not there."""


@dataclass(frozen=True)
class Authorised:
    """The newest authorised version of a file."""

    text: str | None
    """None: by what is authorised, there is no such file."""
    commit: str
    """The commit of the mainline that the version is from; empty if the file never was authorised."""
    problem: str = ""
    """Why that is not the present version; empty if it is."""


def authorised(history: History, path: str, parts: Sequence[str] = ()) -> Authorised:
    """Return the newest version of a file that approvers made, or that is older than the first approver.

    `parts`: the parts of a YAML file that are guarded; all of it if there are none. Raises HistoryError, and Unreadable where
    that version is no ordinary text.
    """
    trust = trust_in(history)
    if trust.founded is None:
        commit = "" if history.entry(history.commit, path) is None else history.commit
        return Authorised(_text(history, history.commit, path), commit)
    contents: dict[Entry, str] = {}

    def at(commit: str) -> str:
        entry = history.entry(commit, path)
        if entry is None:
            return ABSENT
        if entry not in contents:
            contents[entry] = _content(history, path, entry, parts)
        return contents[entry]

    guarded = Guarded(path, at, lambda before, after: before == after)
    counts, refusal = baseline(trust, path)
    settled = Settled(at(counts) if counts else ABSENT, _changer(history, counts, path))
    for commit in present_changes(trust, path):
        if at(commit) == settled.value:
            continue
        if not (refusal := change_refusal(trust, commit, guarded, settled)):
            counts, settled = commit, settled.then(at(commit), _changer(history, commit, path))
    text = _text(history, counts, path) if counts else None
    if at(history.commit) == settled.value:
        return Authorised(text, counts)
    problem = f"Its last change does not count. {refusal}"
    since = (
        f"What counts is how it was in {history.commits[counts]}."
        if counts
        else "No version before does, either."
    )
    return Authorised(text, counts, f"{problem} {since}")


def baseline(trust: Trust, path: str) -> tuple[str, str]:
    """Return the commit of the mainline whose version counted when the present rule began, and why no later one did by then.

    The commit is empty if there was none. What was there before the first approver counts as it was. Raises HistoryError.
    """
    assert trust.founded is not None
    history, refusal = trust.history, ""
    for commit in reversed(list(filter(history.continues, history.touched(path)))):
        if history.position(commit) <= trust.founded:
            return commit, refusal
        if history.position(commit) < trust.present_from:
            reason = trust.older_refusal(commit, path)
            if not reason:
                return commit, refusal
            refusal = refusal or reason
    return "", refusal


def present_changes(trust: Trust, path: str) -> Sequence[str]:
    """Return the commits of the mainline that changed a file under the present rule, in order. Raises HistoryError."""
    assert trust.founded is not None
    history = trust.history
    first = max(trust.founded + 1, trust.present_from)
    return [
        commit
        for commit in filter(history.continues, history.touched(path))
        if history.position(commit) >= first
    ]


def authorised_below(history: History, folder: str) -> Mapping[str, Authorised]:
    """Return path -> the same, of every file that exists or ever existed below a folder, sorted.

    A list of the existing files alone would take a deletion for authorised. Raises HistoryError, Unreadable.
    """
    below = sorted(path for path in history.paths(folder) if path.startswith(f"{folder.rstrip('/')}/"))
    return {path: authorised(history, path) for path in below}


def _changer(history: History, commit: str, path: str) -> str:
    """Return the commit that made a version, on whatever branch."""
    return (provenance(history, commit, path)[0] or commit) if commit else ""


def _content(history: History, path: str, entry: Entry, parts: Sequence[str]) -> str:
    """Return what is guarded in a version, so that it is equal wherever nothing but the form differs."""
    try:
        text = history.text(path, entry)
        if not path.endswith((".yaml", ".yml")):
            return f"text {text}"
        document = parse(path, text)
    except Unreadable:
        return " ".join(entry)
    return json.dumps(_guarded(document, parts) if parts else document.value, sort_keys=True)


def _guarded(document: Document, parts: Sequence[str]) -> dict[str, object]:
    return {part: document.get(part) for part in parts}


def _text(history: History, commit: str, path: str) -> str | None:
    entry = history.entry(commit, path)
    return None if entry is None else history.text(path, entry)
