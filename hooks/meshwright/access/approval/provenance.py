"""Which commit the version of a file comes from, and which merges brought it in."""

from __future__ import annotations

from meshwright.core.git_history import History

AGAIN = "An approver runs `meshwright access approve` for it, which prints the commands."


def provenance(history: History, tip: str, path: str) -> tuple[str | None, str]:
    """Return the commit that wrote what `tip` has at a path, and why it cannot count, whoever signed it.

    The commit is None if there never was such a file; the reason is empty if it can count. Raises HistoryError.
    """
    commit, merges, was_changed = _origin(history, tip, path)
    if commit is None:
        return None, ""
    if not was_changed:
        return commit, (
            f"The merge {history.commits[commit]} brought an older version back, "
            f"which nobody changed on its branch. {AGAIN}"
        )
    for merge in merges:
        before, _, _ = _origin(history, history.commits[merge].parents[0], path)
        if before is not None and not history.is_ancestor(before, commit):
            return commit, (
                f"The merge {history.commits[merge]} put the version of {history.commits[commit]} in the place "
                f"of that of {history.commits[before]}, which its author had not seen. {AGAIN}"
            )
    return commit, ""


def _origin(history: History, tip: str, path: str) -> tuple[str | None, list[str], bool]:
    """Return the commit, the merges that brought it in, and whether it changed the file there.

    It did not where a merge took a version that the mainline already had, and had given up.
    """
    merges: list[str] = []
    while (touch := history.last_touch(tip, path)) is not None:
        parents = history.commits[touch].parents
        if len(parents) != 2 or history.entry(parents[1], path) != history.entry(touch, path):
            break
        merges.append(touch)
        tip = parents[1]
    was_changed = True
    for merge in reversed(merges):
        if touch is None or history.is_ancestor(touch, history.commits[merge].parents[0]):
            touch, was_changed = merge, False
    return touch, merges, was_changed
