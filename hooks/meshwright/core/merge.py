"""Three trees into one: what the template had, what the team made of it, what the template has now.

`git merge-tree` merges, and follows renames. Where its answer is a conflict that `copier update` would not
have, or one about line ends alone, the answer is put right here; what is left is for people.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from meshwright.core.git import Git, text

LABELS = ("before updating", "last update", "after updating")
"""Copier's names for ours, the base and theirs in conflict markers."""

MAX_HUNKS, MAX_LINES = 20, 60
"""As much of a conflict as a plan shows."""

Entry = tuple[str, str]
"""Mode and object of a file in a tree."""


@dataclass
class Conflict:
    """A file that people have to look at."""

    path: str
    kind: str
    """In words: what the two sides did."""
    hunks: list[str] = field(default_factory=list)
    """Where it can be shown: the lines between the markers, with them."""


@dataclass
class Merge:
    """The merged tree. With conflicts, it holds both sides between markers, or the team's side."""

    tree: str
    conflicts: list[Conflict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What was decided without asking, and is worth knowing."""


def merge(
    git: Git, base: str, ours: str, theirs: str, protected: Callable[[Path], bool], yielding: str
) -> Merge:
    """Merges three trees. Raises GitError.

    No path that is `protected` differs from `ours`; the path `yielding` is always that of `theirs`.
    """
    commits = _commits(git, base, ours, theirs)
    output = git(
        "-c", "merge.renames=true", "-c", "merge.conflictStyle=merge",
        "merge-tree", "--write-tree", "-z", "--messages", commits[0], commits[2],
        ok=(0, 1),
    )  # fmt: skip
    merged, stages, messages = _parsed(text(output))
    result = Merge(merged)
    edits: dict[str, Entry | None] = {}
    for path, sides in stages.items():
        kinds = messages.get(path, [])
        # What git puts aside, because two things cannot have one name, it calls after our commits.
        name, aside = _named(path, commits)
        if path == yielding and 3 in sides:
            edits[path] = sides[3]
        elif 2 not in sides and any("modify/delete" in kind or "rename/delete" in kind for kind in kinds):
            # Where the base has no such file, it is new, and the team deleted what git takes for its origin.
            if git.entries(base, name):
                edits[path] = None
                told = f"{name} was deleted by the team and stays deleted, though the template changed it"
                result.notes.append(told)
        elif aside != path:
            edits |= {path: None, aside: git.entries(merged, path).get(path)}
            result.conflicts.append(Conflict(aside, _in_words(kinds)))
        elif set(sides) >= {2, 3} and all(_is_text(mode) for mode, _ in sides.values()):
            conflict, entry = _both_changed(git, merged, path, sides, commits)
            edits |= {path: entry} if entry else {}
            result.conflicts += [conflict] if conflict else []
        elif 2 in sides and any("modify/delete" in kind for kind in kinds):
            result.conflicts.append(Conflict(path, "the template removed it, the team edited it"))
        else:
            result.conflicts.append(Conflict(path, _in_words(kinds)))
    for path in git.lines("diff-tree", "-r", "-z", "--no-renames", "--name-only", ours, merged):
        if protected(Path(path)):
            edits[path] = git.entries(ours, path).get(path)
            result.conflicts = [conflict for conflict in result.conflicts if conflict.path != path]
    if edits:
        result.tree = git.edited(merged, edits)
    return result


def _commits(git: Git, base: str, ours: str, theirs: str) -> tuple[str, str, str]:
    """Three commits that tell git which tree comes from which: (ours, base, theirs)."""
    root = git.one("commit-tree", base, "-m", "base", variables=AUTHOR)
    sides = [git.one("commit-tree", tree, "-p", root, "-m", name, variables=AUTHOR) for name, tree in (("ours", ours), ("theirs", theirs))]  # fmt: skip
    return sides[0], root, sides[1]


AUTHOR = {
    f"GIT_{role}_{field}": value
    for role in ("AUTHOR", "COMMITTER")
    for field, value in (("NAME", "x"), ("EMAIL", "x"), ("DATE", "@1 +0000"))
}
"""Of commits that no repository ever sees."""


def _parsed(output: str) -> tuple[str, dict[str, dict[int, Entry]], dict[str, list[str]]]:
    """Takes `git merge-tree -z` apart: the tree, path -> stage -> entry, path -> kinds of conflict."""
    parts = iter(output.split("\0"))
    tree = next(parts).strip()
    stages: dict[str, dict[int, Entry]] = defaultdict(dict)
    for part in parts:
        if not part:
            break
        about, _, path = part.partition("\t")
        mode, name, stage = about.split(" ")
        stages[path][int(stage)] = (mode, name)
    messages: dict[str, list[str]] = defaultdict(list)
    for count in parts:
        if not count.strip():
            break
        paths = [next(parts) for _ in range(int(count))]
        kind, _ = next(parts), next(parts)
        if kind.startswith("CONFLICT"):
            for path in paths:
                messages[path].append(kind)
    return tree, stages, messages


def _is_text(mode: str) -> bool:
    return mode in ("100644", "100755")


def _both_changed(
    git: Git, tree: str, path: str, sides: dict[int, Entry], commits: tuple[str, str, str]
) -> tuple[Conflict | None, Entry | None]:
    """A file that both sides changed: the conflict, if it is one, and what the file becomes, if not what git said."""
    found = git.entries(tree, path).get(path)
    if not found:
        return Conflict(path, "both sides changed it, and what it is"), None
    mode, name = found
    content = git.blob(name)
    if b"\0" in content[:8000] or b"\0" in git.blob(sides[3][1])[:8000]:
        return Conflict(path, "both sides changed it, and it is no text; the team's is kept"), None
    line_ends = _with_the_teams_line_ends(git, sides)
    if line_ends is not None:
        content, clashes = line_ends
        if not clashes:
            return None, (mode, git.keep(content))
    for commit, label in zip(commits, LABELS, strict=True):
        content = re.sub(rb"(?m)^([<|>]{7} )" + commit.encode() + rb"(?::[^\r\n]*)?(\r?)$", rb"\1" + label.encode() + rb"\2", content)  # fmt: skip
    if b"<<<<<<< " not in content:  # only what the file is, its mode, is in question
        return Conflict(path, "both sides changed its mode"), None
    kind = "both sides added it" if 1 not in sides else "both sides changed the same lines"
    return Conflict(path, kind, _hunks(content)), (mode, git.keep(content))


def _with_the_teams_line_ends(git: Git, sides: dict[int, Entry]) -> tuple[bytes, bool] | None:
    """The file merged line by line, where the team's has CRLF and the template's has not; and whether it clashes."""
    ours, theirs = git.blob(sides[2][1]), git.blob(sides[3][1])
    if 1 not in sides or b"\r\n" not in ours or re.search(rb"(?<!\r)\n", ours) or b"\r\n" in theirs:
        return None
    files = []
    for name, content in (("ours", ours), ("base", git.blob(sides[1][1])), ("theirs", theirs)):
        files.append(git.directory / f"merge.{name}")
        files[-1].write_bytes(re.sub(rb"\r?\n", b"\r\n", content))
    labels = [argument for label in LABELS for argument in ("-L", label)]
    merged = git("merge-file", "-p", *labels, *map(str, files), ok=range(128))
    return merged, b"<<<<<<< " in merged


def _hunks(content: bytes) -> list[str]:
    """What lies between conflict markers, with the markers."""
    found, lines = [], content.decode("utf-8", "replace").splitlines()
    start = None
    for number, line in enumerate(lines):
        if line.startswith("<<<<<<< "):
            start = number
        elif line.startswith(">>>>>>> ") and start is not None:
            hunk = lines[start : number + 1]
            if len(hunk) > MAX_LINES:
                hunk = [*hunk[:MAX_LINES], f"… {len(hunk) - MAX_LINES} more lines"]
            found.append(f"@@ line {start + 1} @@\n" + "\n".join(hunk))
            start = None
    if len(found) > MAX_HUNKS:
        found = [*found[:MAX_HUNKS], f"… {len(found) - MAX_HUNKS} more conflicts"]
    return found


def _named(path: str, commits: tuple[str, str, str]) -> tuple[str, str]:
    """A path without git's mark of what was put aside, and with a mark that people can read."""
    for commit, label in zip(commits, LABELS, strict=True):
        if f"~{commit}" in path:
            return path.replace(f"~{commit}", ""), path.replace(f"~{commit}", f"~{label.replace(' ', '-')}")
    return path, path


def _in_words(kinds: list[str]) -> str:
    return "; ".join(kind.removeprefix("CONFLICT ") for kind in kinds) or "both sides changed it"
