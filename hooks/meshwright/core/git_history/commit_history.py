"""A commit, and all that led to it."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from meshwright.core.git_history.commits import Commit, Graph
from meshwright.core.git_history.history_error import MALFORMED, HistoryError
from meshwright.core.git_history.objects import Objects, resolve
from meshwright.core.git_history.path_changes import PathChanges, path_changes
from meshwright.core.git_history.tree import Entry, Tree
from meshwright.core.git_history.work_tree import REGULAR, uncommitted
from meshwright.core.yaml import Unreadable, decode


def _top(root: Path) -> Path:
    """Return the top folder of the repository that a folder is in; the folder itself if it is in none."""
    return next((one for one in (root, *root.resolve().parents) if (one / ".git").exists()), root)


class History:
    """A commit, and all that led to it.

    The *mainline* is the commit, its first parent, that one's first parent, and so on: what the branch was,
    if every change came in by a merge or directly. `position` counts along it, from 0 for the oldest.
    """

    def __init__(self, root: Path, commit: str = "HEAD", *, anywhere: bool = False) -> None:
        """Open the repository whose top folder is `root`, at a commit or a branch. Raises HistoryError.

        `anywhere`: `root` may be a folder of the repository; then the files of the commit can be read, and changes cannot.
        """
        self.root = root
        self.cache: dict[str, Any] = {}
        """What other modules derive from the history, kept as long as it is."""
        top = _top(root) if anywhere else root
        directory = top / ".git"
        if not directory.exists():
            raise HistoryError(
                f"{root} is not the top folder of a git repository.",
                "Run in the product's repository: what is committed there decides.",
            )
        self.commit, objects = resolve(directory, commit)
        self._objects = Objects(objects, self.sha256)
        folder = root.resolve().relative_to(top.resolve()).as_posix()
        self._tree = Tree(self._objects, self.commit, "" if folder == "." else folder)
        self._changed: dict[str, PathChanges] = {}

    @property
    def sha256(self) -> bool:
        """Whether objects are named by SHA-256 rather than by SHA-1."""
        return len(self.commit) == 64

    # The files of the commit

    def read(self, path: str) -> str | None:
        """Return the text of a file at the commit; None if there is none. Raises Unreadable if it is no ordinary text."""
        entry = self._tree.entry(path)
        return None if entry is None else self.text(path, entry)

    def text(self, path: str, entry: Entry) -> str:
        """Return the text of one version of a file. Raises Unreadable."""
        mode, name = entry
        if mode != REGULAR:
            kinds = {"100755": "an executable file", "120000": "a symbolic link", "160000": "a submodule"}
            raise Unreadable(
                f"{path} is {kinds.get(mode, 'no file')}.", "Commit it as an ordinary file, mode 644."
            )
        try:
            return decode(self.blob(name))
        except Unreadable as error:
            raise Unreadable(f"{path}: {error}", error.fix, error.line, error.column) from error

    def list(self, folder: str) -> list[str]:
        """Return the paths of all files below a folder at the commit, sorted."""
        return sorted(path for path in self._tree.files(folder) if path.startswith(f"{folder.rstrip('/')}/"))

    def uncommitted(self, paths: Iterable[str]) -> Sequence[str]:
        """Return the files of the work tree that differ from the commit's, among some files and folders, sorted.

        Whether lines end in the way of Unix or of Windows makes no difference.
        """
        return uncommitted(self.root, paths, self._tree, self._objects)

    # The commits

    def is_ancestor(self, before: str, after: str) -> bool:
        """Return True if a commit led to another or is the same; the later one is of this history, both in full."""
        return self._graph.is_ancestor(before, after)

    def continues(self, before: str) -> bool:
        """Return True if a commit is one of the mainline.

        Stronger than being an ancestor: who merges the main branch into a branch of their own, and puts that in
        its place, has every commit there still as an ancestor, and another mainline.
        """
        return self._graph.is_mainline(before)

    @property
    def commits(self) -> Mapping[str, Commit]:
        """Every commit that led to this one, by name."""
        return self._graph.commits

    @property
    def mainline(self) -> Sequence[str]:
        """The commits of the mainline, oldest first."""
        return self._graph.mainline

    def position(self, commit: str) -> int:
        """Return where on the mainline a commit came in: its own place, or that of the merge that brought it."""
        return self._graph.position[commit]

    def base(self, commit: str) -> int:
        """Return the position of the newest commit of the mainline that led to a commit; -1 if none did."""
        return self._graph.base[commit]

    @functools.cached_property
    def _graph(self) -> Graph:
        return Graph(self.commit, self._objects.commit_start)

    # The changes of paths

    def paths(self, top: str) -> Iterable[str]:
        """Return every path that ever existed at or below an entry of the root, also where its case differs."""
        return self._changes(top).touches.keys()

    def touched(self, path: str) -> Iterable[str]:
        """Return the commits that changed a file against their first parent, in order."""
        return self._changes(path).touches.get(path, {}).keys()

    def last_touch(self, commit: str, path: str) -> str | None:
        """Return the newest of them among a commit, its first parent, that one's first parent, and so on."""
        return self._changes(path).last_touch(commit, path)

    def entry(self, commit: str, path: str) -> Entry | None:
        """Return what a commit has at a path."""
        touch = self.last_touch(commit, path)
        return None if touch is None else self._changes(path).touches[path][touch]

    def _changes(self, path: str) -> PathChanges:
        """Return what changed in the part of the root that a path is in."""
        top = path.partition("/")[0]
        if top not in self._changed:
            changes = path_changes(self._objects, self._graph, top)
            if changes.newest(top) != self._tree.files(top):  # a tree that git reads in two ways
                raise HistoryError(
                    f"The changes of commits at {top!r} do not match their contents.", MALFORMED
                )
            self._changed[top] = changes
        return self._changed[top]

    # The objects

    def blob(self, name: str) -> bytes:
        """Return the content of a file. Raises Unreadable if it is larger than a megabyte."""
        return self._objects.blob(name)

    def raw(self, commit: str) -> bytes:
        """Return a commit as git keeps it. Raises Unreadable if it is larger than a megabyte."""
        return self._objects.commit(commit)
