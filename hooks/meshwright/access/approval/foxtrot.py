"""Merges that put another branch in the place of the main branch, and how to undo them."""

from __future__ import annotations

from meshwright.core.git_history import History


def foxtrot_hint(history: History, commit: str) -> str:
    """Return how to undo the merge that took a commit of the main branch in as if it were another branch's; empty without one.

    After such a *foxtrot merge* the first parents no longer lead along the main branch: what decided there, decides no more.
    """
    if commit not in history.commits or history.continues(commit):
        return ""
    merge = history.commits[history.mainline[history.position(commit)]]
    number = next(
        (n for n, one in enumerate(merge.parents, 1) if n > 1 and history.is_ancestor(commit, one)), None
    )
    if number is None:
        return ""
    return (
        f"The merge {merge} took the main branch into another one, and not the other way round (a foxtrot merge). Undo it: "
        f"git reset --hard {merge.name[:12]}^{number} && git merge --no-ff {merge.name[:12]}^1"
    )
