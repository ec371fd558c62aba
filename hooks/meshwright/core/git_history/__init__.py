"""A repository as one commit and the commits before it have it, read object by object.

Only git's objects are believed. Configuration, hooks, grafts, replacements and attributes of the repository are
not looked at: git runs with a directory of our own beside the repository's objects. That an object has the content
that its name stands for is git's own promise, kept when it fetched the object.
"""

from __future__ import annotations

from meshwright.core.git_history.commit_history import History
from meshwright.core.git_history.commits import Commit
from meshwright.core.git_history.history_error import HistoryError
from meshwright.core.git_history.tree import Entry

__all__ = ["Commit", "Entry", "History", "HistoryError"]
