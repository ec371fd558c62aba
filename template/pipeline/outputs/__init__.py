"""The outputs that this product can use: one module a capability."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

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


def replacing(file: Path, target: Path) -> Iterator[None]:
    """Puts a file that the run has made where readers look for it: made ready up to the `yield`, replaced after it."""
    for left_over in target.parent.glob(f".{target.stem}.*.partial"):
        if not _in_use(left_over):
            left_over.unlink(missing_ok=True)
    partial = target.with_name(f".{target.name}.{uuid4().hex}.partial")
    with contextlib.ExitStack() as stack:
        stack.callback(partial.unlink, missing_ok=True)
        source = stack.enter_context(file.open("rb"))
        _use(source.fileno())
        try:
            os.link(
                file, partial
            )  # what was verified, and not a copy of it: a run changes no file that it has written
        except OSError:  # another file system, or one that has no such links
            sink = stack.enter_context(partial.open("xb"))
            _use(sink.fileno())
            shutil.copyfileobj(source, sink, 8 * 1024 * 1024)
            sink.flush()
        with partial.open("rb+") as written:
            os.fsync(written.fileno())
        yield
        os.replace(partial, target)
    with contextlib.suppress(OSError):  # Some file systems cannot sync a folder.
        descriptor = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _use(descriptor: int) -> None:
    """Tells other runs that a file is in use, as long as it is open here."""
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)


def _in_use(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
