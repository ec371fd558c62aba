"""Write git's objects without starting git for each: most of a rollout's time would go there.

An object that a second repository has, too, is written to a folder that all repositories of a run borrow from.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import zlib
from collections.abc import Collection, Mapping
from functools import lru_cache
from pathlib import Path

from meshwright.core.git import Git

Entry = tuple[str, str]
"""Mode and object of a file in a tree."""
Folder = dict[str, "Entry | Folder"]
"""Name -> a file, or a folder below."""
MOST_SEEN = 200_000
"""How many names of objects a process remembers."""


class LooseObjects:
    """The objects of a run that its repositories share."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen: set[str] = set()
        self._shared: set[str] = set()

    def write(self, git: Git, kind: str, content: bytes, present: Collection[str] = ()) -> str:
        """Return the name of an object, and write it if neither the repository (`present`) nor the run has it."""
        content = b"%s %d\0%s" % (kind.encode(), len(content), content)
        name = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        if name in present:
            return name
        if name in self._seen or name in self._shared:
            if name not in self._shared:
                self._shared.add(name)
                _write(self.folder, name, content)
            _lend(self.folder, git)
        else:
            if len(self._seen) >= MOST_SEEN:
                self._seen.clear()
            self._seen.add(name)
            _write(git.directory / "objects", name, content)
        return name

    def tree(self, git: Git, entries: Mapping[str, Entry], present: Collection[str] = ()) -> str:
        """Return the tree with these files. Raises ValueError if a file is where another has its folder."""
        root: Folder = {}
        for path, entry in entries.items():
            *folders, name = path.split("/")
            folder = root
            for part in folders:
                inner = folder.setdefault(part, {})
                if isinstance(inner, tuple):
                    raise ValueError(f"{path} is below a file.")
                folder = inner
            if name in folder:
                raise ValueError(f"{path} is a file and a folder.")
            folder[name] = entry
        return self._tree(git, root, present)

    def _tree(self, git: Git, folder: Folder, present: Collection[str]) -> str:
        lines = []
        for name, inside in folder.items():
            is_file = isinstance(inside, tuple)
            mode, found = inside if isinstance(inside, tuple) else ("40000", self._tree(git, inside, present))
            key = os.fsencode(name) + (b"" if is_file else b"/")  # git's order
            lines.append((key, b"%s %s\0%s" % (mode.encode(), os.fsencode(name), bytes.fromhex(found))))
        return self.write(git, "tree", b"".join(line for _, line in sorted(lines)), present)

    def commit(self, git: Git, tree: str, message: str, *parents: str) -> str:
        """Return a commit that no repository keeps; it tells git how trees are related."""
        about = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
        about += [f"{role} x <x> 1 +0000" for role in ("author", "committer")]
        return self.write(git, "commit", "\n".join([*about, "", message, ""]).encode())


def _lend(folder: Path, git: Git) -> None:
    """Let a repository read the objects in a folder."""
    borrowed = git.directory / "objects/info/alternates"
    if not borrowed.exists():
        borrowed.write_text(f"{folder}\n")


def _write(folder: Path, name: str, content: bytes) -> None:
    place = folder / name[:2] / name[2:]
    if place.exists():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    descriptor, fresh = tempfile.mkstemp(dir=place.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(zlib.compress(content, 1))
        os.rename(fresh, place)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(fresh)
        raise


@lru_cache(maxsize=1)
def shared_objects(folder: Path) -> LooseObjects:
    """Return the objects that the repositories of a run share, at `folder`; one for each process."""
    folder.mkdir(exist_ok=True)
    return LooseObjects(folder)
