"""Which files of the work tree differ from a commit."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from meshwright.core.git_history.objects import Objects
from meshwright.core.git_history.tree import Entry, Tree
from meshwright.core.yaml import MAX_BYTES, Unreadable

REGULAR = "100644"


def uncommitted(root: Path, paths: Iterable[str], tree: Tree, objects: Objects) -> Sequence[str]:
    """Return the files that differ from the commit's, among some files and folders, sorted.

    Whether lines end in the way of Unix or of Windows makes no difference. Raises HistoryError.
    """
    differing: set[str] = set()
    for path in paths:
        committed = tree.files(path)
        present = set(_below(root, path))
        differing |= present - committed.keys()
        differing |= {
            file
            for file, entry in committed.items()
            if file not in present or _differs(root / file, entry, objects)
        }
    return sorted(differing)


def _differs(file: Path, entry: Entry, objects: Objects) -> bool:
    mode, object_id = entry
    try:
        about = file.lstat()
        if stat.S_ISLNK(about.st_mode):
            return mode != "120000" or os.fsencode(os.readlink(file)) != objects.blob(object_id)
        if not stat.S_ISREG(about.st_mode) or mode not in (REGULAR, "100755"):
            return True
        if about.st_size > 2 * MAX_BYTES:  # twice, because CRLF may have lengthened each line
            return True
        return file.read_bytes().replace(b"\r\n", b"\n") != objects.blob(object_id).replace(b"\r\n", b"\n")
    except (OSError, Unreadable):
        return True


def _below(root: Path, path: str) -> Iterator[str]:
    """Yield the paths of the files of the work tree at a path or below it."""
    start = root / path
    if start.is_symlink() or not start.is_dir():
        if start.is_symlink() or start.exists():
            yield path
        return
    for folder, folders, files in os.walk(start):
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in (*files, *links):
            yield (Path(folder) / name).relative_to(root).as_posix()
