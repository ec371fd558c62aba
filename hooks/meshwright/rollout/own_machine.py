"""What is wrong with the machine that a rollout runs on is no product's failure: it ends the rollout, and is reported once."""

from __future__ import annotations

import errno
import re

from meshwright.core.errors import Error
from meshwright.core.git import GitError

NUMBERS = {
    errno.ENOSPC: "no space is left on its disk",
    errno.EDQUOT: "the quota of its disk is used up",
    errno.EROFS: "its disk is read-only",
    errno.EMFILE: "it has too many open files",
    errno.ENFILE: "it has too many open files",
    errno.ENOMEM: "it has no memory left",
    errno.EAGAIN: "it cannot start more processes",
}
WORDS = re.compile(
    r"No space left on device|Disk quota exceeded|Read-only file system|Too many open files|Cannot allocate memory|[Oo]ut of memory",
)
"""What git says of the same."""
FIX = "Repair it (TMPDIR names another folder, --jobs fewer processes), then run this again: what is done stays done."


class OwnMachine(Error):
    """The rollout cannot go on here."""


def of_own_machine(error: Exception) -> OwnMachine | None:
    """Return what an error says of this machine; None if it is about the repository or its server."""
    if isinstance(error, FileNotFoundError) and error.filename == "git":
        return OwnMachine("There is no git on this machine.", "Install git 2.38 or newer.")
    if isinstance(error, MemoryError):
        return OwnMachine(f"This machine stopped the rollout: {NUMBERS[errno.ENOMEM]}.", FIX)
    if isinstance(error, OSError) and error.errno in NUMBERS:
        return OwnMachine(f"This machine stopped the rollout: {NUMBERS[error.errno]}.", FIX)
    if isinstance(error, GitError) and (match := WORDS.search(str(error))):
        return OwnMachine(f"This machine stopped the rollout: git says {match[0]!r}.", FIX)
    return None
