"""Paths of files that teams edit are public API: what a release wrote there must not go missing.

An update follows no rename. It takes the old path away, and the team's edits with it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import yaml

from meshwright.product.files import MANIFEST
from meshwright.product.ownership import PRODUCT, TEMPLATE, owner

Tree = dict[str, tuple[str, bytes]]


def tree(folder: Path) -> Tree:
    """Every file below a folder, as git would keep it: what kind it is, and what it holds."""
    found: Tree = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if name.parts[0] == ".git":
            continue
        if path.is_symlink():
            found[name.as_posix()] = ("symlink", str(path.readlink()).encode())
        elif path.is_file():
            kind = "executable" if path.stat().st_mode & 0o100 else "file"
            found[name.as_posix()] = (kind, path.read_bytes())
    return found


def owned(product: Path) -> Callable[[str], str]:
    """Whose a path is, as the product's own manifest says; what no list names is the product's."""
    manifest = yaml.safe_load((product / MANIFEST).read_text("utf-8"))
    return lambda path: owner(path, manifest) or PRODUCT


def lost(release: str, before: Path, after: Path) -> list[str]:
    """What the work tree's template must bring back: one sentence for each path.

    `before` is what the release rendered, `after` what the work tree renders of the same answers.
    """
    whose = owned(before)
    return [
        f"{path}, which {release} wrote and teams may have edited, is not written any more. Paths of files that"
        " teams edit are public API: bring it back, or keep it until a major version whose changelog says what"
        " a team does by hand."
        for path in sorted(tree(before).keys() - tree(after).keys())
        if whose(path) != TEMPLATE
    ]
