"""What one repository of a mesh says of itself, and what a release makes of it, on objects alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from meshwright.core.git import ON_DEMAND, Git, GitError
from meshwright.core.merge import Merge, merge
from meshwright.core.yaml import MAX_BYTES, Unreadable, decode, load, parse
from meshwright.product.files import ANSWERS, MANIFEST
from meshwright.product.ownership import TEMPLATE, owner
from meshwright.rollout.fleet import Repository, same
from meshwright.rollout.outcome import Outcome
from meshwright.rollout.remote import Remote, Unusable, fetch, look
from meshwright.rollout.render import Release, Store, Unrenderable, new, old

ATTRIBUTES = ".gitattributes"
MAX_DIFF = 20_000
"""Characters of a file's drift that are shown."""


@dataclass(frozen=True)
class Origin:
    """The template of a mesh, at the version that is rolled out."""

    store: Store
    url: str
    formerly: tuple[str, ...]
    commit: str
    version: str


@dataclass
class Product:
    """A repository that was fetched, and understood."""

    git: Git
    remote: Remote
    fetched: Mapping[str, str]
    """Branch -> commit, of what was fetched."""
    head: str
    root: Mapping[str, tuple[str, str]]
    """What lies in the root of the repository there: name -> mode and object."""
    answers: dict[str, Any]
    answered: bytes
    """The answers file as it is."""
    recorded: str
    """The template's commit that it was made from, or updated to."""
    folder: Path
    """A place for what is made on the way."""


def understood(
    origin: Origin, repository: Repository, outcome: Outcome, folder: Path, timeout: float,
    more: tuple[str, ...] = (), deep: bool = True,
) -> Product:  # fmt: skip
    """Fetches a repository and reads what it was made from. Raises GitError, Unusable."""
    git = Git(folder / "product.git")
    remote = look(git, repository, timeout)
    fetched = fetch(git, remote, more, timeout, deep)
    head = fetched[remote.branch or "HEAD"]
    root = git.in_root(head)
    answered = _answers_file(git, root, timeout)
    answers = _answers(answered)
    outcome.version = answers["_commit"]
    if not any(same(answers["_src_path"], known) for known in (origin.url, *origin.formerly)):
        fix = "Take it out of the mesh, or name that address under `formerly` in mesh.yaml."
        raise Unusable(f"It was made from another template: {answers['_src_path'][:200]}", fix)
    recorded = origin.store.commit(answers["_commit"])
    if recorded is None:
        fix = "It was made from a version that was never published: `copier recopy` it from one that is."
        raise Unusable(f"The template has no version {answers['_commit'][:100]}.", fix)
    outcome.behind = origin.store.between(recorded, origin.commit)
    return Product(git, remote, fetched, head, root, answers, answered, recorded, folder)


NO_PRODUCT = "Take it out of the mesh, or give it the answers that `copier copy` would have recorded."


def _answers_file(git: Git, root: Mapping[str, tuple[str, str]], timeout: float) -> bytes:
    try:
        mode, name = root[ANSWERS]
    except KeyError:
        raise Unusable(f"It has no {ANSWERS}: no product of a template.", NO_PRODUCT) from None
    if mode not in ("100644", "100755"):
        raise Unusable(f"Its {ANSWERS} is no file.", NO_PRODUCT)
    # Where files come only when they are asked for, this is the moment.
    if int(git.abroad("cat-file", "-s", name, timeout=timeout, variables=ON_DEMAND)) > MAX_BYTES:
        raise Unusable(f"Its {ANSWERS} is larger than {MAX_BYTES:,} bytes.", NO_PRODUCT)
    return git.blob(name)


def _answers(raw: bytes) -> dict[str, Any]:
    try:
        parse(ANSWERS, decode(raw))  # small enough, and without tricks; then read as Copier reads it
        answers = yaml.safe_load(raw)
    except Unreadable as error:
        raise Unusable(f"Its {ANSWERS}:{error.line}: {error}", error.fix) from error
    except (yaml.YAMLError, ValueError) as error:
        raise Unusable(f"Its {ANSWERS}: {error}", NO_PRODUCT) from error
    if not isinstance(answers, dict):
        raise Unusable(f"Its {ANSWERS} is no mapping.", NO_PRODUCT)
    for key in ("_src_path", "_commit"):
        if not isinstance(answers.get(key), str) or not answers[key]:
            raise Unusable(f"{key} in its {ANSWERS} is no text.", NO_PRODUCT)
    return {
        key: value
        for key, value in answers.items()
        if key in ("_src_path", "_commit") or not str(key).startswith("_")
    }


def merged(origin: Origin, product: Product) -> Merge:
    """The product with the release in it. Raises GitError, Unrenderable, Unusable."""
    source = product.answers["_src_path"]
    recorded = _release(origin, product.recorded, source)
    # Where the template has moved, its present address is what hooks and updates go to from now on.
    target = _release(origin, origin.commit, source if same(source, origin.url) else origin.url)
    for stage in ("before", "after"):
        if target.migration_tasks(stage, recorded):
            fix = "Release it without: docs/how-to/blueprints-that-update.md."
            raise Unusable("The release has migrations, which run code; a rollout runs none.", fix)
    # Templates can ask for the name of the folder.
    name = _folder_name(product.remote.url)
    before, after = product.folder / "before" / name, product.folder / "after" / name
    was = old(recorded, product.answers, target.exclude, before)
    will = new(target, product.answers, after)
    if target.skip_if_exists:
        there = product.git.entries(product.head)
        _leave_out(before, lambda path: was.skipped(path) or will.skipped(path))
        _leave_out(after, lambda path: will.skipped(path) and path.as_posix() in there)
    # What Copier writes there is the new version's, whatever a team wrote: nothing to merge.
    (before / ANSWERS).write_bytes(product.answered)
    _heed_attributes(product)
    trees = [product.git.tree(folder, product.head) for folder in (before, after)]
    ours = product.git.one("rev-parse", f"{product.head}^{{tree}}")
    return merge(product.git, trees[0], ours, trees[1], will.excluded, ANSWERS)


def _folder_name(url: str) -> str:
    name = url.rstrip("/").removesuffix(".git").replace(":", "/").rpartition("/")[2]
    return name if name not in ("", ".", "..") else "product"


def _heed_attributes(product: Product) -> None:
    """What is rendered is kept as it would be in the product: its own .gitattributes hold."""
    mode, name = product.root.get(ATTRIBUTES, ("", ""))
    if mode == "100644" and int(product.git.one("cat-file", "-s", name)) <= MAX_BYTES:
        product.git.attributes(product.git.blob(name))


def _release(origin: Origin, commit: str, url: str) -> Release:
    try:
        return origin.store.release(commit, url)
    except GitError as error:
        raise Unrenderable(f"The template at {commit[:12]}: {error}") from error


def _leave_out(folder: Path, unwanted: Any) -> None:
    for parent, _, names in os.walk(folder):
        for name in names:
            file = Path(parent, name)
            if unwanted(file.relative_to(folder)):
                file.unlink()


def changes(product: Product, tree: str) -> list[tuple[str, str]]:
    """What a tree changes: (A, M, D or T, path)."""
    told = product.git.lines("diff-tree", "-r", "-z", "--no-renames", "--name-status", product.head, tree)
    return list(zip(told[::2], told[1::2], strict=True))


def drift(origin: Origin, product: Product) -> list[tuple[str, str, str]]:
    """Files of the template that are not as the recorded version makes them: (A, M or D, path, diff).

    Raises GitError, Unrenderable, Unusable.
    """
    folder = product.folder / "fresh" / _folder_name(product.remote.url)
    release = _release(origin, product.recorded, product.answers["_src_path"])
    old(release, product.answers, (), folder)
    if not (folder / MANIFEST).is_file():
        fix = f"Update it first: versions with a {MANIFEST} can be asked."
        raise Unusable(
            f"Version {product.answers['_commit']} does not say which files are the template's.", fix
        )
    manifest = load(folder / MANIFEST)
    _heed_attributes(product)
    fresh = product.git.tree(folder, product.head)
    wanted = product.git.entries(fresh)
    there = product.git.entries(product.head, *wanted)
    found = []
    for path, entry in wanted.items():
        if there.get(path) != entry and path != ANSWERS and owner(path, manifest) == TEMPLATE:
            found.append(("M" if path in there else "D", path, _diff(product, fresh, path, there.get(path))))
    return found


def _diff(product: Product, fresh: str, path: str, entry: tuple[str, str] | None) -> str:
    """From what the template has to what the team has, as `git diff` says it."""
    if entry and entry[0] != "160000" and int(product.git.one("cat-file", "-s", entry[1])) > MAX_BYTES:
        return f"{path} is larger than {MAX_BYTES:,} bytes."
    told = product.git(
        "--literal-pathspecs", "diff", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames",
        "--src-prefix=template/", "--dst-prefix=product/", fresh, product.head, "--", path,
    ).decode("utf-8", "replace")  # fmt: skip
    return told if len(told) <= MAX_DIFF else f"{told[:MAX_DIFF]}\n… {len(told) - MAX_DIFF:,} more characters"
