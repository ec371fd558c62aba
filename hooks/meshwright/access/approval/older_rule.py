"""Until when the older rule of approval holds in a repository, by which any signature on a file's last change counted."""

from __future__ import annotations

from meshwright.core.git_history import History
from meshwright.core.yaml import Unreadable

SCHEMA = ".meshwright/access-agreement.schema.json"
"""A file of the template: the one that knows the property `approvedBy` came with the present rule."""
KNOWN = '"approvedBy"'


def older_rule_ends(history: History, founded: int) -> int:
    """Return the position of the mainline from which on the present rule holds; 0 if it always did.

    It is where `copier update` brought the present rule's schema. That counts only if the older schema was there when the first
    approver was named, and only once: whoever takes the schema back, or puts an older one where none was, gains nothing. Raises HistoryError.
    """
    if not _is_older(history, history.mainline[founded]):
        return 0
    for commit in filter(history.continues, history.touched(SCHEMA)):
        position = history.position(commit)
        if position > founded and not _is_older(history, commit):
            return position
    return len(history.mainline)


def _is_older(history: History, commit: str) -> bool:
    """Return True if a commit has the schema of the older rule."""
    entry = history.entry(commit, SCHEMA)
    try:
        return entry is not None and KNOWN not in history.text(SCHEMA, entry)
    except Unreadable:
        return False
