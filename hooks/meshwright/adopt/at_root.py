"""What a forge reads only at the root of a repository: reviewers, and the workflow of a product in a folder."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from meshwright.core.errors import Error
from meshwright.product.files import CODEOWNERS, CONTRACT, POLICY, SPEC
from meshwright.product.ownership import is_below

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
DECISIVE = (f"/{SPEC}", f"/{CONTRACT}", f"/{POLICY.partition('/')[0]}/")
"""What the owner reviews, whatever the team's lines say."""
SECTION = re.compile(r"(?m)^\^?\[[^\]\n]+\]")
"""The head of a section of GitLab's CODEOWNERS, to which all lines below it belong."""
STEPS = "`uvx prek run --all-files`, `uv run pytest` and `uv run python -m pipeline`"
CI = {"github": ".github/workflows/ci.yml", "gitlab": ".gitlab-ci.yml"}
WORKSPACE = """\
# prek runs the hooks of every folder below that has this file, too: `uvx prek run --all-files`
repos: []
"""
"""Hooks at the root of a repository whose products are in folders."""
PLAIN = re.compile(r"[^\x00-\x1f\x7f\"'`$\\*?\[\]!#{}<>|&;:%+]+")
"""Names of folders that need no quoting in workflows, patterns and shells beyond that of white space."""


def with_reviewers(text: str, path: str, template: str, folder: str, declined: Sequence[str]) -> str:
    """Return the team's CODEOWNERS, which is at `path`, with the lines of the template's for a product in `folder`.

    The last line that matches a file decides. So lines that ask nobody but the owner, on what the team works on, come
    before the team's, and all others after them. Lines on files that are declined are left out.
    """
    lines = [words for line in template.splitlines() if (words := line.partition("#")[0].split())]
    kept = [words for words in lines if not is_below(words[0].removeprefix("/"), declined)]
    owner = next((words[1:] for words in lines if words[0] == "*"), [])
    last = [words[0] for words in kept if words[1:] != owner or words[0] in DECISIVE]
    first = [words for words in kept if words[1:] == owner and not is_below(words[0], last)]
    then = [words for words in kept if words not in first]
    # Who changes the reviewers is reviewed, too: around a folder by the platform, because each folder has another owner.
    of_reviewers = [
        words[1:] for words in lines if any(is_below(f"/{one}", [words[0]]) for one in CODEOWNERS.values())
    ]
    above, below = ([_line(words, folder) for words in part] for part in (first, then))
    if of_reviewers and not is_below(f"/{path}", [words[0] for words in kept] if not folder else []):
        reviewers = [one for one in of_reviewers[-1] if not folder or one not in owner]
        below.append(" ".join([f"/{path}", *reviewers]))
    section = [f"[{folder or 'Data product'}]"] if SECTION.search(text) else []
    blocks = [
        ["# Its owner reviews what no line below names", *above],
        text.strip("\n").split("\n") if text.strip() else [],
        [
            *section,
            "# Who reviews the data product, its exceptions, and what the platform's template brings",
            *below,
        ],
    ]
    return "\n".join("\n".join([*block, ""]) for block in blocks if block)


def _line(words: Sequence[str], folder: str) -> str:
    """Return a line of the template's CODEOWNERS for a product in a folder."""
    pattern = words[0]
    if folder:
        start = f"/{folder}/".replace(" ", "\\ ")
        pattern = start + ("" if pattern == "*" else pattern.removeprefix("/"))
    return " ".join([pattern, *words[1:]])


FOLDER = ".github/workflows/"
IN_A_FOLDER = ("ci", "pipeline", "schedule", "infra", "kubernetes")
"""The template's workflows that can run in a folder of a repository."""
NOT_IN_A_FOLDER = {
    "access": "`meshwright access` reads approvals from the history of a repository whose root is the product",
    "update": "it makes pull requests of the whole repository; run `uvx copier update --defaults` in the folder",
}
"""The others -> why they cannot; access-plan.yml is one of access."""
ACCESS_JOB = re.compile(r"(?ms)^  access:\n    name: Access\n.*?(?=^  \w+:\n)")


def workflow_path(product: str, name: str = "ci") -> str:
    """Return the path, at the root, of a workflow of the template."""
    return f"{FOLDER}{product}.yml" if name == "ci" else f"{FOLDER}{product}-{name}.yml"


def workflows(files: Mapping[str, str], product: str, folder: str) -> dict[str, str]:
    """Return the workflows of a product in a folder: path at the root -> text. `files`: those of the template, by path."""
    texts = {name: files[path] for name in IN_A_FOLDER if (path := f"{FOLDER}{name}.yml") in files}
    return {
        workflow_path(product, name): _workflow(text, name, product, folder) for name, text in texts.items()
    }


def _workflow(text: str, name: str, product: str, folder: str) -> str:
    """Return a workflow that runs in a folder, when something there changes. Raises Error."""
    here = workflow_path(product, name)
    paths = _listed([f"{folder}/**", here])
    title = product if name == "ci" else f"{product} {name}"
    changes: list[tuple[str, str, int]] = [
        (r"(?m)^name: .*$", f"name: {title}", 1),
        (r"(?m)^permissions: \{\}$", f"permissions: {{}}\n\ndefaults:\n  run:\n    working-directory: {_plain(json.dumps(folder, ensure_ascii=False))}", 1),
        (r"(?m)^(  push:\n    branches: .*)$", rf"\1\n    paths: {_plain(paths)}", 0),
        (r"(?m)^  pull_request:$(?!\n    paths)", f"  pull_request:\n    paths: {_plain(paths)}", 0),
        (r"(?m)^  group: (ci-)?", f"  group: {product}-", 0),
        (r"(?m)^( +)working-directory: infra$", rf"\1working-directory: {_plain(json.dumps(f'{folder}/infra', ensure_ascii=False))}", 0),
        (r"(?m)^( {12}| {10}path: )build/", rf"\1{_plain(folder)}/build/", 0),
        # It has no checkout, and so no such folder.
        (r"(?m)^  state:\n    name: State\n", "\\g<0>    defaults:\n      run:\n        working-directory: .\n", 0),
        (r"(?m)uses: \./\.github/workflows/pipeline\.yml", f"uses: ./{workflow_path(product, 'pipeline')}", 0),
    ]  # fmt: skip
    for pattern, replacement, needed in changes:
        text, count = re.subn(pattern, replacement, text)
        if count < needed:
            raise Error(
                f"The template's {name}.yml cannot be made a workflow of a folder.",
                "Adopt into the root of a repository, or take a newer `meshwright`.",
            )
    text = re.sub(r"(?m)^    paths: \[(infra/.*)\]$", lambda found: f"    paths: {_below(found[1].split(', '), folder, here)}", text)  # fmt: skip
    text = ACCESS_JOB.sub("", text).replace(
        "After a run that published (exit codes 0 and 3), access is granted. ", ""
    )
    return f"# Written once by `meshwright adopt`, from the template's {name}.yml; it is yours.\n{text}"


def _below(patterns: Sequence[str], folder: str, here: str) -> str:
    """Return the patterns of files of a product as those of its folder."""
    return _listed([here if one.startswith(".github/") else f"{folder}/{one}" for one in patterns])


def _listed(paths: Sequence[str]) -> str:
    return json.dumps([*paths], ensure_ascii=False)


def _plain(text: str) -> str:
    return text.replace("\\", r"\\")


def refuse_odd(folder: str) -> None:
    """Refuse a folder whose name means something in patterns, workflows or shells. Raises Error."""
    if folder and not PLAIN.fullmatch(folder):
        raise Error(
            f"The folder {folder!r} has a character in its name that workflows and patterns take for something else.",
            "Rename it first, with `git mv`.",
        )
