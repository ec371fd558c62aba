"""Accept proposals: the value stays, and its mark goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from functools import partial
from pathlib import Path

from meshwright.core.yaml import read_text
from meshwright.core.yaml_edit import edited
from meshwright.draft.atomic import replace_all
from meshwright.product.proposals import Proposal, chosen, of_repository, settle


def accept(root: Path, selectors: Collection[str]) -> tuple[list[Proposal], list[Proposal]]:
    """Accept the decisions that `selectors` name; return them, and those that are still open.

    A selector is an id, a kind such as `classification`, or a pattern of ids such as `contract:*`. Raises Error for one
    that names no open decision, or for a file that cannot be written; nothing is changed then.
    """
    waiting = of_repository(root)
    accepted = chosen(waiting, selectors)
    files = defaultdict(list)
    for one in accepted:
        files[one.document.path].append(one.mark)
    texts = {
        path: edited(read_text(root, path.as_posix()), partial(settle, accepted=marks), path.as_posix())
        for path, marks in files.items()
    }
    replace_all(root, {path.as_posix(): text.encode() for path, text in texts.items()})
    return accepted, [one for one in waiting if one not in accepted]
