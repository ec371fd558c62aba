"""What a forge reads only at the root of a repository: reviewers, and the workflow of a product in a folder."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from meshwright.core.errors import Error
from meshwright.product.files import CODEOWNERS, POLICY, SPEC

ONLY_AT_ROOT: Mapping[str, Sequence[str]] = {
    "github": (".github/", "renovate.json"),
    "gitlab": (".gitlab/", ".gitlab-ci.yml", "renovate.json"),
}
"""Forge -> the template's files that nobody reads in a folder; an entry that ends with `/` is a whole folder."""
READ_FIRST: Mapping[str, Sequence[str]] = {
    "github": (CODEOWNERS["github"], "CODEOWNERS", "docs/CODEOWNERS"),
    "gitlab": ("CODEOWNERS", "docs/CODEOWNERS", CODEOWNERS["gitlab"]),
}
"""Forge -> where it looks for CODEOWNERS; only the first is read."""
STEPS = "`uvx prek run --all-files`, `uv run pytest` and `uv run python -m pipeline`"
CI = {"github": ".github/workflows/ci.yml", "gitlab": ".gitlab-ci.yml"}
WORKSPACE = """\
# prek runs the hooks of every folder below that has this file, too: `uvx prek run --all-files`
repos: []
"""
"""Hooks at the root of a repository whose products are in folders."""
PLAIN = re.compile(r"[^\x00-\x1f\x7f\"'`$\\*?\[\]!#{}<>|&;:%+]+")
"""Names of folders that need no quoting in workflows, patterns and shells beyond that of white space."""


def with_reviewers(text: str, folder: str, owner: str) -> str:
    """Return a CODEOWNERS with the lines that ask the owner for the product's reviews."""
    start = "/" + (f"{folder}/" if folder else "").replace(" ", "\\ ")
    lines = [f"{start}{SPEC} {owner}", f"{start}{POLICY.partition('/')[0]}/ {owner}"]
    if text and not text.endswith("\n"):
        text += "\n"
    gap = "\n" if text else ""
    return f"{text}{gap}# Its owner reviews what the data product is, and who may read it\n" + "\n".join(
        [*lines, ""]
    )


def workflow_path(product: str) -> str:
    return f".github/workflows/{product}.yml"


def workflow(ci: str, product: str, folder: str) -> str:
    """Return the workflow of a product in a folder: its ci.yml, run there when something there changes. Raises Error."""
    place = json.dumps(folder, ensure_ascii=False)
    paths = json.dumps([f"{folder}/**", workflow_path(product)], ensure_ascii=False)
    changes = (
        (r"(?m)^name: .*$", f"name: {product}"),
        (r"(?m)^(  push:\n    branches: .*)$", rf"\1\n    paths: {_plain(paths)}"),
        (r"(?m)^  pull_request:$", f"  pull_request:\n    paths: {_plain(paths)}"),
        (
            r"(?m)^permissions: \{\}$",
            f"permissions: {{}}\n\ndefaults:\n  run:\n    working-directory: {_plain(place)}",
        ),
        (r"(?m)^  group: ci-", f"  group: {product}-"),
    )
    for pattern, replacement in changes:
        ci, count = re.subn(pattern, replacement, ci, count=1)
        if not count:
            raise Error(
                "The template's ci.yml cannot be made a workflow of a folder.",
                "Adopt into the root of a repository, or take a newer `meshwright`.",
            )
    return f"# Written once by `meshwright adopt`, from the template's ci.yml; it is yours.\n{ci}"


def _plain(text: str) -> str:
    return text.replace("\\", r"\\")


def refuse_odd(folder: str) -> None:
    """Refuse a folder whose name means something in patterns, workflows or shells. Raises Error."""
    if folder and not PLAIN.fullmatch(folder):
        raise Error(
            f"The folder {folder!r} has a character in its name that workflows and patterns take for something else.",
            "Rename it first, with `git mv`.",
        )
