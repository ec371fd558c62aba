"""Which commits changed which paths: whole histories are compared at once."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from meshwright.core.git import text
from meshwright.core.git_history.commits import Graph
from meshwright.core.git_history.objects import Objects
from meshwright.core.git_history.tree import Entry


@dataclass(frozen=True)
class PathChanges:
    """The changes at and below one entry of the root, ignoring case."""

    graph: Graph
    touches: Mapping[str, Mapping[str, Entry | None]]
    """Path -> commit -> what the commit left there, for each that changed it against its first parent, in order."""
    positions: Mapping[str, Sequence[int]]
    """Path -> the positions of those among them that are of the mainline, rising."""

    def last_touch(self, commit: str, path: str) -> str | None:
        """Return the newest commit that changed a path, among a commit, its first parent, that one's, and so on."""
        touches = self.touches.get(path, {})
        while not self.graph.is_mainline(commit):
            if commit in touches:
                return commit
            parents = self.graph.commits[commit].parents
            if not parents:
                return None
            commit = parents[0]
        positions = self.positions.get(path, [])
        index = bisect_right(positions, self.graph.position[commit])
        return self.graph.mainline[positions[index - 1]] if index else None

    def newest(self, top: str) -> dict[str, Entry]:
        """Return path -> entry, at the newest commit, of what is at and below `top` in just this case."""
        last = {
            path: self.touches[path][self.graph.mainline[positions[-1]]]
            for path, positions in self.positions.items()
            if positions
        }
        return {path: entry for path, entry in last.items() if entry and path.partition("/")[0] == top}


def path_changes(objects: Objects, graph: Graph, top: str) -> PathChanges:
    """Return what changed at and below an entry of the root. Raises HistoryError."""
    touches: dict[str, dict[str, Entry | None]] = {}
    pairs = _tree_pairs(objects, graph)
    feed = b"".join(f"{before} {after}\n".encode() for before, after in pairs)
    # Two trees at a time, because what git makes of commits depends on merges and simplification.
    output = objects.ask(
        *("diff-tree", "--stdin", "-r", "-z", "--raw", "--no-abbrev", "--no-renames"),
        *("--no-ext-diff", "--no-textconv", "--ignore-submodules=none"),
        *("--", f":(icase,top,literal){top}"),
        feed=feed,
    )
    for pair, path, entry in _differences(output):
        for name in pairs[pair]:
            touches.setdefault(path, {})[name] = entry
    touches = {
        path: dict(sorted(by_commit.items(), key=lambda item: graph.order[item[0]]))
        for path, by_commit in touches.items()
    }
    positions = {
        path: [graph.position[name] for name in by_commit if graph.is_mainline(name)]
        for path, by_commit in touches.items()
    }
    return PathChanges(graph, touches, positions)


def _tree_pairs(objects: Objects, graph: Graph) -> dict[tuple[str, str], list[str]]:
    """Return the tree of a commit's first parent and its own, where they differ -> the commits with this pair."""
    algorithm = "sha256" if objects.sha256 else "sha1"
    empty = hashlib.new(algorithm, b"tree 0\0", usedforsecurity=False).hexdigest()
    pairs: dict[tuple[str, str], list[str]] = {}
    for name in graph.order:
        commit = graph.commits[name]
        before = graph.commits[commit.parents[0]].tree if commit.parents else empty
        if before != commit.tree:
            pairs.setdefault((before, commit.tree), []).append(name)
    return pairs


def _differences(output: bytes) -> Iterator[tuple[tuple[str, str], str, Entry | None]]:
    """Yield from git's comparison: a pair of trees, a path, and what the second tree has there."""
    pair = ("", "")
    at = 0
    while at < len(output):
        if output[at : at + 1] != b":":
            stop = output.index(b"\n", at)
            before, after = output[at:stop].decode().split(" ")
            pair = (before, after)
            at = stop + 1
            continue
        middle = output.index(b"\0", at)
        stop = output.index(b"\0", middle + 1)
        _, mode, _, name, state = output[at + 1 : middle].decode().split(" ")
        yield pair, text(output[middle + 1 : stop]), None if state == "D" else (mode, name)
        at = stop + 1
