"""Merge three trees: the template at the last update (base), the team's edits (ours), the template now (theirs).

`git merge-tree` merges, and follows renames. Conflicts that `copier update` would not have, and those about line
ends alone, are resolved here; the rest is left to people.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from meshwright.core.git import Git, text
from meshwright.core.loose_objects import Entry, LooseObjects

LABELS = ("before updating", "last update", "after updating")
"""Copier's names for ours, the base and theirs in conflict markers."""

MAX_HUNKS, MAX_LINES = 20, 60
"""Limits for the part of a conflict that a plan shows."""


@dataclass
class Conflict:
    """A file that people have to resolve."""

    path: str
    kind: str
    """What both sides did, as a phrase."""
    hunks: list[str] = field(default_factory=list)
    """The lines between the markers, with the markers, where they can be shown."""


@dataclass
class Merge:
    """The merged tree. A file in conflict has both sides between markers, or the team's side."""

    tree: str
    files: dict[str, Entry]
    conflicts: list[Conflict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Decisions made without asking that a person may want to know."""
    base: str = ""
    theirs: str = ""
    """The two trees of the template that were merged."""


def merge(
    git: Git,
    base: str,
    ours: str,
    theirs: str,
    protected: Callable[[Path], bool],
    yielding: str,
    objects: LooseObjects | None = None,
    team: Mapping[str, Entry] | None = None,
) -> Merge:
    """Merge three trees. Raises GitError.

    No path in `protected` differs from `ours`; the path `yielding` is always taken from `theirs`. `team`: the files
    of `ours`, if they have been read already.
    """
    objects = objects or LooseObjects(git.directory / "objects")
    team = git.entries(ours) if team is None else team
    root = objects.commit(git, base, "base")
    commits = objects.commit(git, ours, "ours", root), root, objects.commit(git, theirs, "theirs", root)
    output = git(
        "-c", "merge.renames=true", "-c", "merge.conflictStyle=merge",
        "merge-tree", "--write-tree", "-z", "--messages", commits[0], commits[2],
        ok=(0, 1),
    )  # fmt: skip
    merged, stages, messages = _parsed(text(output))
    files = git.entries(merged)
    result = Merge(merged, files, base=base, theirs=theirs)
    edits: dict[str, Entry | None] = {}
    for path, sides in stages.items():
        kinds = messages.get(path, [])
        # When two files compete for a path, git renames one of them after our commits.
        name, aside = _named(path, commits)
        if path == yielding and 3 in sides:
            edits[path] = sides[3]
        elif 2 not in sides and any("modify/delete" in kind or "rename/delete" in kind for kind in kinds):
            # If the base has no such file, it is new, and the team deleted the file that git takes for its origin.
            if git.entries(base, name):
                edits[path] = None
                note = f"{name} was deleted by the team and stays deleted, though the template changed it"
                result.notes.append(note)
        elif aside != path:
            edits |= {path: None, aside: files.get(path)}
            result.conflicts.append(Conflict(aside, _in_words(kinds)))
        elif set(sides) >= {2, 3} and all(_is_text(mode) for mode, _ in sides.values()):
            conflict, entry = _both_changed(git, files.get(path), path, sides, commits)
            edits |= {path: entry} if entry else {}
            result.conflicts += [conflict] if conflict else []
        elif 2 in sides and any("modify/delete" in kind for kind in kinds):
            result.conflicts.append(Conflict(path, "the template removed it, the team edited it"))
        else:
            result.conflicts.append(Conflict(path, _in_words(kinds)))
    for path in [path for path in {**team, **files} if team.get(path) != files.get(path)]:
        if protected(Path(path)):
            edits[path] = team.get(path)
            result.conflicts = [conflict for conflict in result.conflicts if conflict.path != path]
    if edits:
        merged_files = {**files, **edits}
        result.files = {path: entry for path, entry in merged_files.items() if entry is not None}
        result.tree = git.edited(merged, edits)
    return result


def _parsed(output: str) -> tuple[str, dict[str, dict[int, Entry]], dict[str, list[str]]]:
    """Parse the output of `git merge-tree -z`: the tree, path -> stage -> entry, path -> kinds of conflict."""
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
    git: Git, found: Entry | None, path: str, sides: dict[int, Entry], commits: tuple[str, str, str]
) -> tuple[Conflict | None, Entry | None]:
    """Return the conflict in a file that both sides changed, if any, and its content, if git's has to be replaced."""
    if not found:
        return Conflict(path, "both sides changed it and its type"), None
    mode, name = found
    content = git.blob(name)
    if b"\0" in content[:8000] or b"\0" in git.blob(sides[3][1])[:8000]:
        return Conflict(path, "both sides changed this binary file; the team's version is kept"), None
    line_ends = _with_the_teams_line_ends(git, sides)
    if line_ends is not None:
        content, clashes = line_ends
        if not clashes:
            return None, (mode, git.keep(content))
    for commit, label in zip(commits, LABELS, strict=True):
        content = re.sub(rb"(?m)^([<|>]{7} )" + commit.encode() + rb"(?::[^\r\n]*)?(\r?)$", rb"\1" + label.encode() + rb"\2", content)  # fmt: skip
    if b"<<<<<<< " not in content:  # only the mode differs
        return Conflict(path, "both sides changed its mode"), None
    kind = "both sides added it" if 1 not in sides else "both sides changed the same lines"
    return Conflict(path, kind, _hunks(content)), (mode, git.keep(content))


def _with_the_teams_line_ends(git: Git, sides: dict[int, Entry]) -> tuple[bytes, bool] | None:
    """Merge line by line a file with CRLF on the team's side only; return the content, and whether it conflicts."""
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
    """Return the parts between conflict markers, with the markers."""
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
    """Return the original path, without git's suffix for a competing file, and the path with a readable suffix."""
    for commit, label in zip(commits, LABELS, strict=True):
        if f"~{commit}" in path:
            return path.replace(f"~{commit}", ""), path.replace(f"~{commit}", f"~{label.replace(' ', '-')}")
    return path, path


def _in_words(kinds: list[str]) -> str:
    return "; ".join(kind.removeprefix("CONFLICT ") for kind in kinds) or "both sides changed it"
