"""The files of one commit."""

from __future__ import annotations

from meshwright.core.git import text
from meshwright.core.git_history.history_error import MALFORMED, HistoryError
from meshwright.core.git_history.objects import Objects

Entry = tuple[str, str]
"""Mode of a file, and the id of its content's object."""


class Tree:
    """The files of one commit; git is asked once for each folder of the root."""

    def __init__(self, objects: Objects, commit: str, folder: str = "") -> None:
        """`folder`: the one that paths start from; the root of the repository if it is empty."""
        self._objects = objects
        self._start = f"{folder}/" if folder else ""
        self._commit = commit
        self._listed: dict[str, dict[str, Entry]] = {}

    def entry(self, path: str) -> Entry | None:
        """Return mode and object of a file; None if there is none. Raises HistoryError."""
        return self._listing(path).get(path)

    def files(self, path: str) -> dict[str, Entry]:
        """Return path -> entry of what is at a path or below it. Raises HistoryError."""
        below = f"{path.rstrip('/')}/"
        return {
            file: entry
            for file, entry in self._listing(path).items()
            if file == below[:-1] or file.startswith(below)
        }

    def _listing(self, path: str) -> dict[str, Entry]:
        """Return all files in the part of the root that a path is in."""
        top = path.partition("/")[0]
        if top not in self._listed:
            self._listed[top] = self._list(top)
        return self._listed[top]

    def _list(self, top: str) -> dict[str, Entry]:
        command = (
            "--literal-pathspecs",
            "ls-tree",
            "-r",
            "-z",
            "--full-tree",
            self._commit,
            "--",
            self._start + top,
        )
        entries: dict[str, Entry] = {}
        for line in text(self._objects.ask(*command)).split("\0")[:-1]:
            about, _, file = line.partition("\t")
            mode, _, name = about.split(" ")
            file = file.removeprefix(self._start)
            if file in entries:
                raise HistoryError(f"The commit holds {file!r} twice.", MALFORMED)
            entries[file] = (mode, name)
        return entries
