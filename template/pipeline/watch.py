"""Run again whenever a file of the repository is saved, in a process that keeps its libraries and dbt's parsed project.

Files are compared by polling, which works on every file system, in containers and for editors that replace a file
instead of writing it. A repository has some hundred files, so that a look takes milliseconds.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from pipeline import sample_run
from pipeline.build_folder import InProgress
from pipeline.progress import say

INTERVAL = 0.2
"""Seconds between two looks at the files."""
SHOWN = 3
"""Names of saved files that are printed."""
INSTALLED = {"pyproject.toml", "uv.lock"}

Seen = dict[str, tuple[int, int, int]]
"""File -> its time of change, size and number."""


def watch(
    root: Path,
    run: Callable[[], None],
    outside: Callable[[], Iterable[Path]],
    restart: Callable[[], NoReturn],
) -> NoReturn:
    """Call `run` now and after each change, until a signal ends it. `run` reports its own errors.

    `outside`: files that a run reads, and that are not in the repository. `restart` begins this program again.
    """
    while True:
        beside = tuple(outside())
        before = _seen(root, beside)  # a file that is saved while the run reads it is a change, too
        try:
            run()
        except InProgress as other:
            say(f"{other} This one begins when it has ended.", "watch.waiting")
            _wait_for(other)
            continue
        say("Watching for changes; Ctrl-C ends.", "watch.waiting")
        saved = _changes(root, beside, before)
        shown = ", ".join(saved[:SHOWN]) + (f" and {len(saved) - SHOWN} more" if len(saved) > SHOWN else "")
        say(f"\n{datetime.now():%H:%M:%S}  {shown} saved", "watch.saved", files=saved)
        if INSTALLED.intersection(saved):
            say(
                "Packages are installed when uv starts: end with Ctrl-C and start again if they have changed.",
                level="warning",
            )
        if any(name.startswith("pipeline/") and name.endswith(".py") for name in saved):
            say("The pipeline's own code has changed: a new process begins.", "watch.restarted")
            restart()


def _wait_for(other: InProgress) -> None:
    while other.lasts():
        time.sleep(INTERVAL)


def _changes(root: Path, beside: Iterable[Path], before: Seen) -> list[str]:
    """Wait until files differ from `before` and no more is being written; return their names."""
    last = before
    while True:
        time.sleep(INTERVAL / 2)
        now = _seen(root, beside)
        if now == last and now != before:
            return sorted(name for name in now.keys() | before.keys() if now.get(name) != before.get(name))
        if now == before:
            time.sleep(INTERVAL / 2)
        last = now


def _seen(root: Path, beside: Iterable[Path]) -> Seen:
    """Return the state of all files that a run may read."""
    seen: Seen = {}
    for file in (*_files(root), *beside):
        try:
            state = file.stat()
        except OSError:
            continue  # it has just been removed, or replaced
        name = file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)
        seen[name] = (state.st_mtime_ns, state.st_size, state.st_ino)
    return seen


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders[:] = sample_run.entered(root, Path(folder), folders)
        yield from (Path(folder, name) for name in files if not _is_temporary(name))


def _is_temporary(name: str) -> bool:
    """Return True for the files by which editors save others: backups, swap files, and new versions before they are renamed."""
    return (
        name.startswith((".#", "#"))
        or name.endswith(("~", ".swp", ".swx", ".swo", ".tmp", ".bak"))
        or name == "4913"
    )
