"""Errors that end a run early. Each has a message and a fix."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path


class UnreadableInput(Exception):
    """The inputs, the spec or the machine cannot be used: exit code 2."""

    exit_code = 2

    def __init__(self, message: str, *, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


class PromiseBroken(UnreadableInput):
    """The data breaks a promise of the product: exit code 1."""

    exit_code = 1


class ServiceLevelMissed(PromiseBroken):
    """The data set is published, but a service level was missed: exit code 3."""

    exit_code = 3


class Waiting(UnreadableInput):
    """No run is due (`--if-ready`): exit code 0, and nothing was run."""

    exit_code = 0


FULL = re.compile(
    r"no space left|not enough space|disk (?:is )?full|quota exceeded|read-?only file ?system|file too large"
    r"|input/output error|out of memory|cannot allocate memory",
    re.IGNORECASE,
)
"""Messages of systems and libraries for a full disk or memory."""
MACHINE = re.compile(r"permission denied|access is denied|too many open files", re.IGNORECASE)
MAKE_ROOM = "Make room (disk, memory), or correct the permissions, and run again."


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, the error that caused it, and so on; each once, because some are chained in a circle."""
    seen: list[BaseException] = []
    known: BaseException | None = error
    while known is not None and not any(known is one for one in seen):
        yield known
        seen.append(known)
        known = known.__cause__ or known.__context__


def is_full(problem: BaseException | str) -> bool:
    """Return True if the disk or the memory is the cause, not the data."""
    return isinstance(problem, MemoryError) or _says(FULL, problem)


def is_machine(problem: BaseException | str) -> bool:
    """Return True if the machine is the cause: its disk, memory, permissions or limits."""
    return is_full(problem) or _says(MACHINE, problem)


def missing(problem: BaseException) -> str:
    """Return the file of the repository, the current folder, that was not there; empty for other errors."""
    for error in causes(problem):
        if isinstance(error, FileNotFoundError) and isinstance(error.filename, str | os.PathLike):
            file = Path.cwd() / os.fspath(error.filename)
            if file.is_relative_to(Path.cwd()) and not file.exists():
                path = file.relative_to(Path.cwd())
                return "" if path.parts[:1] == ("build",) else path.as_posix()
    return ""


def restore(file: str) -> str:
    """Return how to restore a file of the product."""
    return f"Restore it with `git checkout HEAD -- {shlex.quote(file)}`, or correct its path in data-product.yaml."


def _says(pattern: re.Pattern[str], problem: BaseException | str | None) -> bool:
    texts = map(str, causes(problem)) if isinstance(problem, BaseException) else [problem or ""]
    return any(pattern.search(text) for text in texts)
