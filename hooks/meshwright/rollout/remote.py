"""A product's repository as its server shows it: what is looked at, fetched and pushed there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from meshwright.core.errors import Error
from meshwright.core.git import MAX_BLOB, RECEIVE, Git, GitError, is_path, without_credentials
from meshwright.rollout.fleet import Repository

HEADS = "refs/heads/"
HERE = "refs/meshwright/"
"""Where fetched commits are kept, in a repository of our own."""


class Unusable(Error):
    """The repository can be reached, and nothing can be done with it."""


@dataclass(frozen=True)
class Remote:
    """A repository's branches, at one moment."""

    url: str
    heads: Mapping[str, str]
    """Branch -> commit."""
    branch: str | None
    """The branch that gets updates; None where HEAD names no branch but a commit."""
    head: str
    """The commit there."""


def look(git: Git, repository: Repository, timeout: float) -> Remote:
    """Asks for the branches, and fetches nothing. Raises GitError, Unusable."""
    told = git.abroad("ls-remote", "--symref", "--", repository.url, "HEAD", f"{HEADS}*", timeout=timeout)
    heads, default, commit = {}, None, None
    for line in told.split("\n"):  # other ends of lines are allowed in names
        value, _, name = line.partition("\t")
        if name == "HEAD" and value.startswith("ref: "):
            default = value.removeprefix("ref: ").removeprefix(HEADS)
        elif name == "HEAD":
            commit = value
        elif name.startswith(HEADS):
            heads[name.removeprefix(HEADS)] = value
    branch = repository.branch or default
    if branch is not None:
        commit = heads.get(branch)
    if commit is None:
        raise _without_a_branch(repository, heads, default)
    return Remote(repository.url, heads, branch, commit)


def _without_a_branch(repository: Repository, heads: Mapping[str, str], default: str | None) -> Unusable:
    there = ", ".join(sorted(heads)[:5]) + (", …" if len(heads) > 5 else "")
    if not heads:
        return Unusable(
            "The repository is empty.", "Push the product, or take the repository out of the mesh."
        )
    if repository.branch:
        fix = f"Name one that there is under `branch` in mesh.yaml{f' (the default is {default})' if default in heads else ''}."
        return Unusable(f"It has no branch {repository.branch}; it has {there}.", fix)
    fix = "Set the default branch on the server, or `branch` in mesh.yaml."
    return Unusable(f"Its default branch does not exist; it has {there}.", fix)


def fetch(
    git: Git, remote: Remote, more: tuple[str, ...], timeout: float, deep: bool = True
) -> dict[str, str]:
    """Fetches the tip of the branch, and of some more branches, without their history; returns branch -> commit.

    With `deep` all files but very large ones, else only what is asked for later. Raises GitError.
    """
    wanted = {"HEAD" if remote.branch is None else remote.branch: "head"}
    wanted |= {branch: f"more{number}" for number, branch in enumerate(more) if branch in remote.heads}
    refs = [
        f"+{'HEAD' if remote.branch is None and kept == 'head' else HEADS + branch}:{HERE}{kept}"
        for branch, kept in wanted.items()
    ]
    git.abroad(
        "fetch", "--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules",
        f"--filter={f'blob:limit={MAX_BLOB}' if deep else 'tree:1'}", "--", remote.url, *refs,
        timeout=timeout,
    )  # fmt: skip
    return {branch: git.one("rev-parse", "--verify", HERE + kept) for branch, kept in wanted.items()}


def push(git: Git, remote: Remote, branch: str, commit: str, timeout: float) -> None:
    """Puts a commit on a branch, if the branch is still where it was when it was looked at. Raises GitError."""
    ref = HEADS + branch
    local = [f"--receive-pack={RECEIVE}"] if is_path(remote.url) else []
    command = (
        "push", "--porcelain", "--no-verify", "--no-signed", *local,
        f"--force-with-lease={ref}:{remote.heads.get(branch, '')}", "--", remote.url, f"{commit}:{ref}",
    )  # fmt: skip
    # A server's own reason stands among the results, not among the errors.
    told = git.abroad(*command, timeout=timeout, ok=(0, 1))
    results = [line.split("\t") for line in told.split("\n") if ref in line]
    if not any(flag in ("*", "+", " ", "=") for flag, *_ in results):
        why = results[0][-1] if results else "The server did not say why."
        raise GitError(without_credentials(why))
