"""The commits that led to one, how they are related, and which of them are of the mainline."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

from meshwright.core.git import text
from meshwright.core.git_history.history_error import MALFORMED, HistoryError


@dataclass(frozen=True)
class Commit:
    """A commit. Its people and its message are claims of whoever made it."""

    name: str
    tree: str
    parents: tuple[str, ...]
    subject: str
    """The message's first line, shortened, without signs that could deceive on a screen."""

    author: str = ""
    """The author's address."""

    def __str__(self) -> str:
        return f"{self.name[:10]} (“{self.subject}”)" if self.subject else self.name[:10]


def parse(name: str, raw: bytes) -> Commit:
    """Return a commit as git itself would read it: headers in other places than git's are none. Raises HistoryError."""
    head, _, message = raw.partition(b"\n\n")
    lines = text(head).split("\n")
    parents = [line.removeprefix("parent ") for line in itertools.takewhile(_is_parent, lines[1:])]
    following = lines[1 + len(parents) :]
    if not lines[0].startswith("tree ") or not following or not following[0].startswith("author "):
        raise HistoryError(f"The commit {name[:10]} is malformed.", MALFORMED)
    subject = message.strip().split(b"\n", 1)[0][:200].decode(errors="replace")
    shown = "".join(sign if sign.isprintable() else "�" for sign in subject)
    shown = shown if len(shown) <= 50 else f"{shown[:49]}…"
    address = following[0].rpartition(">")[0].rpartition("<")[2]
    return Commit(name, lines[0].removeprefix("tree "), tuple(parents), shown, address[:300])


def _is_parent(line: str) -> bool:
    return line.startswith("parent ")


class Graph:
    """The commits that led to one, and how they are related."""

    def __init__(self, tip: str, read: Callable[[str], bytes]) -> None:
        """`read` returns a commit object of git. Raises HistoryError."""
        self.commits: dict[str, Commit] = {}
        """By name."""
        self.mainline: list[str] = []
        """Oldest first."""
        self.position: dict[str, int] = {}
        """Commit -> where on the mainline it came in: its own place, or that of the merge that brought it."""
        self.base: dict[str, int] = {}
        """Commit -> position of the newest commit of the mainline that led to it; -1 if none did."""
        self.order: dict[str, int] = {}
        """Commit -> a number that is higher than those of all commits that led to it."""
        name: str | None = tip
        while name is not None:
            self.mainline.append(name)
            commit = self.commits[name] = parse(name, read(name))
            name = commit.parents[0] if commit.parents else None
        self.mainline.reverse()
        for position, name in enumerate(self.mainline):
            self._bring_in(name, position, read)

    def _bring_in(self, tip: str, position: int, read: Callable[[str], bytes]) -> None:
        """Number what is new with a commit of the mainline, parents first."""
        look = [tip]
        while look:
            name = look[-1]
            if name in self.position:
                look.pop()
                continue
            if name not in self.commits:
                self.commits[name] = parse(name, read(name))
            new = [parent for parent in self.commits[name].parents if parent not in self.position]
            if new:
                look += reversed(new)
                continue
            look.pop()
            self.position[name] = position
            self.order[name] = len(self.order)
            bases = [self.base[parent] for parent in self.commits[name].parents]
            self.base[name] = position if self.is_mainline(name) else max(bases, default=-1)

    def is_mainline(self, commit: str) -> bool:
        """Return True if a commit is one of the mainline."""
        position = self.position.get(commit)
        return position is not None and self.mainline[position] == commit

    def is_ancestor(self, before: str, after: str) -> bool:
        """Return True if a commit led to another or is the same; the later one is of this graph, both in full."""
        if before not in self.position:
            return False
        position, order = self.position[before], self.order[before]
        if position <= self.base[after]:
            return True
        # What is left are commits that one merge, or a later one, brought in.
        look, seen = [after], {after}
        while look:
            name = look.pop()
            if name == before:
                return True
            for parent in self.commits[name].parents:
                if parent not in seen and self.order[parent] >= order and self.position[parent] >= position:
                    seen.add(parent)
                    look.append(parent)
        return False
