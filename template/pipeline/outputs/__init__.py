"""The outputs that this product can use: one module a capability."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import UnreadableInput


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """One run at a time writes to a folder, whatever repository it is of. Raises UnreadableInput for the second one.

    Yields whether that is sure: some network file systems have no such locks.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        sure = True
    except BlockingIOError:
        os.close(descriptor)
        raise UnreadableInput(
            f"Another run publishes to {folder} now.", mend="Wait until it has ended, and run again."
        ) from None
    except OSError:
        sure = False
    try:
        yield sure
    finally:
        os.close(descriptor)
