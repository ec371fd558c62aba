"""The error of a repository that cannot be read as one history."""

from __future__ import annotations

from meshwright.core.errors import Error

MALFORMED = "A commit was made by a tool other than git. Remove it from the history."
INCOMPLETE = "Clone it anew and in full: without --depth, --filter and --reference."


class HistoryError(Error):
    """The repository cannot be read as one history."""
