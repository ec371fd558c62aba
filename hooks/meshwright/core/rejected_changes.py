"""A file beside each conflict that no marker shows: somebody has to see it, and hooks have to refuse it.

Between conflict markers stand lines that both sides changed. Where one side removed or renamed a file, changed its kind, or
both changed a binary one, there are none, and the update would look finished.
"""

from __future__ import annotations

from meshwright.core.git import Git
from meshwright.core.merge import Conflict, Merge

SUFFIX = ".rej"
"""Patch's and Copier's for what could not be merged; a hook of every product refuses such files."""
MOST_DIFF = 20_000
"""Characters of the template's change that the file shows."""


def with_rejected(git: Git, merge: Merge) -> str:
    """Return the merged tree, with a file beside each conflict without markers. Raises GitError."""
    beside = {
        _free(merge, conflict.path): (
            "100644",
            git.keep(_text(git, merge, conflict).encode("utf-8", "replace")),
        )
        for conflict in merge.conflicts
        if not conflict.hunks
    }
    return git.edited(merge.tree, beside) if beside else merge.tree


def _free(merge: Merge, path: str) -> str:
    """Return the path beside another that no file or folder has."""
    free = path + SUFFIX
    while any(one == free or one.startswith(f"{free}/") for one in merge.files):
        free = f"{free}{SUFFIX}"
    return free


def _text(git: Git, merge: Merge, conflict: Conflict) -> str:
    diff = git(
        "--literal-pathspecs", "diff", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames",
        merge.base, merge.theirs, "--", conflict.path,
    ).decode("utf-8", "replace")  # fmt: skip
    if len(diff) > MOST_DIFF:
        diff = f"{diff[:MOST_DIFF]}\n… {len(diff) - MOST_DIFF:,} more characters\n"
    return (
        f"An update of the template could not merge {conflict.path}: {conflict.kind}.\n\n"
        "Decide what becomes of that file, then delete this one.\n"
        + (f"\nWhat the template changed:\n\n{diff}" if diff else "")
    )
