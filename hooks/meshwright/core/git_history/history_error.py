"""The error of a repository that cannot be read as one history."""

from __future__ import annotations

from meshwright.core.errors import Error

MALFORMED = "Somebody made a commit with a tool that is not git. Take it out of the history."
INCOMPLETE = "Clone it anew and in full: without --depth, --filter and --reference."


class HistoryError(Error):
    """The repository cannot be read as one history."""
