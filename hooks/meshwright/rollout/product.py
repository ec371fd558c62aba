"""Read a repository of a mesh and merge a release into it, working only on git objects."""

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
"""Maximum characters of a file's drift in the report."""


@dataclass(frozen=True)
class Origin:
    """The template of a mesh, at the version of the rollout."""

    store: Store
    url: str
    formerly: tuple[str, ...]
    commit: str
    version: str


@dataclass
class Product:
    """A repository that was fetched and read."""

    git: Git
    remote: Remote
    fetched: Mapping[str, str]
    """Branch -> commit, of the fetched branches."""
    head: str
    root: Mapping[str, tuple[str, str]]
    """Entries in the root of the repository: name -> mode and object."""
    answers: dict[str, Any]
    answered: bytes
    """The content of the answers file."""
    recorded: str
    """The template's commit that it was made from, or last updated to."""
    folder: Path
    """A folder for intermediate files."""


def understood(
    origin: Origin, repository: Repository, outcome: Outcome, folder: Path, timeout: float,
    more: tuple[str, ...] = (), deep: bool = True,
) -> Product:  # fmt: skip
    """Fetch a repository and read its answers. Raises GitError, Unusable."""
    git = Git(folder / "product.git")
    remote = look(git, repository, timeout)
    fetched = fetch(git, remote, more, timeout, deep)
    head = fetched[remote.branch or "HEAD"]
    root = git.in_root(head)
    answered = _answers_file(git, root, timeout)
    answers = _answers(answered)
    outcome.version = answers["_commit"]
    if not any(same(answers["_src_path"], known) for known in (origin.url, *origin.formerly)):
        fix = "Remove it from the mesh, or add that address to `formerly` in mesh.yaml."
        raise Unusable(f"It was made from another template: {answers['_src_path'][:200]}", fix)
    recorded = origin.store.commit(answers["_commit"])
    if recorded is None:
        fix = "It was made from an unpublished version: run `copier recopy` with a published one."
        raise Unusable(f"The template has no version {answers['_commit'][:100]}.", fix)
    outcome.behind = origin.store.between(recorded, origin.commit)
    return Product(git, remote, fetched, head, root, answers, answered, recorded, folder)


NO_PRODUCT = "Remove it from the mesh, or add the answers file that `copier copy` would have written."


def _answers_file(git: Git, root: Mapping[str, tuple[str, str]], timeout: float) -> bytes:
    try:
        mode, name = root[ANSWERS]
    except KeyError:
        raise Unusable(f"It has no {ANSWERS}, so it was not made from a template.", NO_PRODUCT) from None
    if mode not in ("100644", "100755"):
        raise Unusable(f"Its {ANSWERS} is not a file.", NO_PRODUCT)
    # In a partial clone, the file is fetched now.
    if int(git.remote_command("cat-file", "-s", name, timeout=timeout, variables=ON_DEMAND)) > MAX_BYTES:
        raise Unusable(f"Its {ANSWERS} is larger than {MAX_BYTES:,} bytes.", NO_PRODUCT)
    return git.blob(name)


def _answers(raw: bytes) -> dict[str, Any]:
    try:
        parse(ANSWERS, decode(raw))  # a size limit and no aliases; then parsed as Copier does
        answers = yaml.safe_load(raw)
    except Unreadable as error:
        raise Unusable(f"Its {ANSWERS}:{error.line}: {error}", error.fix) from error
    except (yaml.YAMLError, ValueError) as error:
        raise Unusable(f"Its {ANSWERS}: {error}", NO_PRODUCT) from error
    if not isinstance(answers, dict):
        raise Unusable(f"Its {ANSWERS} is not a mapping.", NO_PRODUCT)
    for key in ("_src_path", "_commit"):
        if not isinstance(answers.get(key), str) or not answers[key]:
            raise Unusable(f"{key} in its {ANSWERS} is not a text.", NO_PRODUCT)
    return {
        key: value
        for key, value in answers.items()
        if key in ("_src_path", "_commit") or not str(key).startswith("_")
    }


def merged(origin: Origin, product: Product) -> Merge:
    """Merge the release into the product. Raises GitError, Unrenderable, Unusable."""
    source = product.answers["_src_path"]
    recorded = _release(origin, product.recorded, source)
    # If the template has moved, hooks and updates use its present address from now on.
    target = _release(origin, origin.commit, source if same(source, origin.url) else origin.url)
    for stage in ("before", "after"):
        if target.migration_tasks(stage, recorded):
            fix = "Release it without migrations: docs/how-to/blueprints-that-update.md."
            raise Unusable("The release has migrations, but a rollout does not run code.", fix)
    # Templates can use the name of the folder.
    name = _folder_name(product.remote.url)
    before, after = product.folder / "before" / name, product.folder / "after" / name
    was = old(recorded, product.answers, target.exclude, before)
    will = new(target, product.answers, after)
    if target.skip_if_exists:
        there = product.git.entries(product.head)
        _leave_out(before, lambda path: was.skipped(path) or will.skipped(path))
        _leave_out(after, lambda path: will.skipped(path) and path.as_posix() in there)
    # Copier always takes this file from the new version, so there is nothing to merge.
    (before / ANSWERS).write_bytes(product.answered)
    _heed_attributes(product)
    trees = [product.git.tree(folder, product.head) for folder in (before, after)]
    ours = product.git.one("rev-parse", f"{product.head}^{{tree}}")
    return merge(product.git, trees[0], ours, trees[1], will.excluded, ANSWERS)


def _folder_name(url: str) -> str:
    name = url.rstrip("/").removesuffix(".git").replace(":", "/").rpartition("/")[2]
    return name if name not in ("", ".", "..") else "product"


def _heed_attributes(product: Product) -> None:
    """Apply the product's own .gitattributes to rendered files."""
    mode, name = product.root.get(ATTRIBUTES, ("", ""))
    if mode == "100644" and int(product.git.one("cat-file", "-s", name)) <= MAX_BYTES:
        product.git.attributes(product.git.blob(name))


def _release(origin: Origin, commit: str, url: str) -> Release:
    try:
        return origin.store.release(commit, url)
    except GitError as error:
        raise Unrenderable(f"The template at {commit[:12]}: {error}") from error


def _leave_out(folder: Path, excluded: Any) -> None:
    for parent, _, names in os.walk(folder):
        for name in names:
            file = Path(parent, name)
            if excluded(file.relative_to(folder)):
                file.unlink()


def changes(product: Product, tree: str) -> list[tuple[str, str]]:
    """Return the changes by a tree: (A, M, D or T, path)."""
    fields = product.git.lines("diff-tree", "-r", "-z", "--no-renames", "--name-status", product.head, tree)
    return list(zip(fields[::2], fields[1::2], strict=True))


def drift(origin: Origin, product: Product) -> list[tuple[str, str, str]]:
    """Return the template's files that differ from the recorded version: (A, M or D, path, diff).

    Raises GitError, Unrenderable, Unusable.
    """
    folder = product.folder / "fresh" / _folder_name(product.remote.url)
    release = _release(origin, product.recorded, product.answers["_src_path"])
    old(release, product.answers, (), folder)
    if not (folder / MANIFEST).is_file():
        fix = f"Update it first to a version with {MANIFEST}."
        raise Unusable(
            f"Version {product.answers['_commit']} does not have the list of the template's files.", fix
        )
    manifest = load(folder / MANIFEST)
    _heed_attributes(product)
    fresh = product.git.tree(folder, product.head)
    desired = product.git.entries(fresh)
    actual = product.git.entries(product.head, *desired)
    found = []
    for path, entry in desired.items():
        if actual.get(path) != entry and path != ANSWERS and owner(path, manifest) == TEMPLATE:
            found.append(
                ("M" if path in actual else "D", path, _diff(product, fresh, path, actual.get(path)))
            )
    return found


def _diff(product: Product, fresh: str, path: str, entry: tuple[str, str] | None) -> str:
    """Return the diff from the template's file to the product's."""
    if entry and entry[0] != "160000" and int(product.git.one("cat-file", "-s", entry[1])) > MAX_BYTES:
        return f"{path} is larger than {MAX_BYTES:,} bytes."
    output = product.git(
        "--literal-pathspecs", "diff", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames",
        "--src-prefix=template/", "--dst-prefix=product/", fresh, product.head, "--", path,
    ).decode("utf-8", "replace")  # fmt: skip
    return (
        output
        if len(output) <= MAX_DIFF
        else f"{output[:MAX_DIFF]}\n… {len(output) - MAX_DIFF:,} more characters"
    )
