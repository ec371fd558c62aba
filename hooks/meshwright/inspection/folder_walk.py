"""Walk a folder of others: no link is followed, and what is no file is named with the reason."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}


@dataclass(frozen=True)
class Found:
    """A regular file; or something that is not read, with the reason."""

    path: str
    """Relative to the folder, with `/`."""
    size: int = 0
    changed: datetime | None = None
    reason: str = ""


def walk(folder: Path, skipped: Collection[str] = ()) -> Iterator[Found]:
    """Yield what is in a folder and below it, in order of paths. `skipped`: names of folders that are left out."""
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        place = "" if here == folder else here.relative_to(folder).as_posix()
        try:
            entries = sorted(os.scandir(here), key=lambda one: one.name)
        except OSError as error:
            yield Found(place or ".", reason=f"the folder cannot be listed: {error.strerror}")
            continue
        below = []
        for entry in entries:
            path = f"{place}/{entry.name}" if place else entry.name
            try:
                if entry.is_symlink():
                    yield Found(path, reason="a link; it is not followed")
                elif entry.is_dir(follow_symlinks=False):
                    below += [here / entry.name] if entry.name not in skipped else []
                else:
                    yield _file(Path(entry.path), path, entry.stat(follow_symlinks=False))
            except OSError as error:
                yield Found(path, reason=f"{error.strerror}")
        waiting += reversed(below)


def _file(place: Path, path: str, status: os.stat_result) -> Found:
    if not stat.S_ISREG(status.st_mode):
        return Found(path, reason=f"{KINDS.get(stat.S_IFMT(status.st_mode), 'no file')}; it is not read")
    if not os.access(place, os.R_OK):
        return Found(path, reason="this account may not read it")
    return Found(path, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))
