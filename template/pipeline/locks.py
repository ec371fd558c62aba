"""Locks between processes, on any system: they end with the process that holds them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout


class Busy(Exception):
    """Another process holds the lock."""


@contextlib.contextmanager
def locked(file: Path) -> Iterator[bool]:
    """Holds the lock `file` within the context. Raises Busy at once if another process does.

    Yields whether it is sure that nobody else does: some network file systems have no locks.
    """
    lock = FileLock(file)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise Busy(str(file)) from None
    except (OSError, NotImplementedError):
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


@contextlib.contextmanager
def marked(file: Path) -> Iterator[None]:
    """Shows other processes that `file` is in use, by a lock beside it."""
    mark = file.with_name(f"{file.name}.lock")
    with locked(mark):
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # Windows removes no file that is open; the next run does
                mark.unlink()


def remove_unused(folder: Path, pattern: str) -> None:
    """Removes the files that no process has marked: whoever made them has died."""
    for file in folder.glob(pattern):
        with contextlib.suppress(Busy), marked(file):
            file.unlink(missing_ok=True)
