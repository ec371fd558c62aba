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
    """Hold the lock `file` within the context. Raises Busy at once if another process does.

    Yields True if the lock is reliable: some network file systems have no locks.
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
    """Show other processes that `file` is in use, by a lock beside it."""
    mark = file.with_name(f"{file.name}.lock")
    with locked(mark):
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # Windows does not remove open files; the next run does
                mark.unlink()


def remove_unused(folder: Path, pattern: str) -> None:
    """Remove the files that no process has marked, because their process has died."""
    for file in folder.glob(pattern):
        with contextlib.suppress(Busy), marked(file):
            file.unlink(missing_ok=True)
