"""Read, fetch and push branches of a product's repository on its server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from meshwright.core.errors import Error
from meshwright.core.git import MAX_BLOB, RECEIVE, Git, GitError, is_path, without_credentials
from meshwright.rollout.fleet import Repository

HEADS = "refs/heads/"
MOST_WORDS = 400
"""Characters of what a server's hooks say."""
HERE = "refs/meshwright/"
"""Namespace of fetched commits in a repository of our own."""


class Unusable(Error):
    """The repository can be reached, but not used."""


@dataclass(frozen=True)
class Remote:
    """A repository's branches, at one moment."""

    url: str
    heads: Mapping[str, str]
    """Branch -> commit."""
    branch: str | None
    """The branch for updates; None if HEAD is detached."""
    head: str
    """Its commit."""


def look(git: Git, repository: Repository, timeout: float) -> Remote:
    """Read the branches without fetching. Raises GitError, Unusable."""
    output = git.remote_command(
        "ls-remote", "--symref", "--", repository.url, "HEAD", f"{HEADS}*", timeout=timeout
    )
    heads, default, commit = {}, None, None
    for line in output.split("\n"):  # names may contain other line ends
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
            "The repository is empty.", "Push the product, or remove the repository from the mesh."
        )
    if repository.branch:
        fix = f"Set `branch` in mesh.yaml to an existing one{f' (the default is {default})' if default in heads else ''}."
        return Unusable(f"It has no branch {repository.branch}, only {there}.", fix)
    fix = "Set the default branch on the server, or `branch` in mesh.yaml."
    return Unusable(f"Its default branch does not exist; existing branches: {there}.", fix)


def fetch(
    git: Git, remote: Remote, more: tuple[str, ...], timeout: float, deep: bool = True
) -> dict[str, str]:
    """Fetch the tip of the branch, and of some others, without history; return branch -> commit.

    With `deep`, fetch all files but very large ones; otherwise fetch files on demand. Raises GitError.
    """
    names = {"HEAD" if remote.branch is None else remote.branch: "head"}
    names |= {branch: f"more{number}" for number, branch in enumerate(more) if branch in remote.heads}
    refs = [
        f"+{'HEAD' if remote.branch is None and kept == 'head' else HEADS + branch}:{HERE}{kept}"
        for branch, kept in names.items()
    ]
    git.remote_command(
        "fetch", "--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules",
        f"--filter={f'blob:limit={MAX_BLOB}' if deep else 'tree:1'}", "--", remote.url, *refs,
        timeout=timeout,
    )  # fmt: skip
    return {branch: git.one("rev-parse", "--verify", HERE + kept) for branch, kept in names.items()}


def push(git: Git, remote: Remote, branch: str, commit: str, timeout: float) -> None:
    """Push a commit to a branch, if the branch has not changed since it was read. Raises GitError."""
    ref = HEADS + branch
    local = [f"--receive-pack={RECEIVE}"] if is_path(remote.url) else []
    command = (
        "push", "--porcelain", "--no-verify", "--no-signed", *local,
        f"--force-with-lease={ref}:{remote.heads.get(branch, '')}", "--", remote.url, f"{commit}:{ref}",
    )  # fmt: skip
    # The server's reason is in the results; what its hooks say is in the error output.
    output, errors = git.remote_answer(*command, timeout=timeout, ok=(0, 1))
    results = [line.split("\t") for line in output.split("\n") if ref in line]
    if not any(flag in ("*", "+", " ", "=") for flag, *_ in results):
        why = results[0][-1] if results else "The server gave no reason."
        words = [
            line.removeprefix("remote:").strip() for line in errors.splitlines() if line.startswith("remote:")
        ]
        hooks = " ".join(filter(None, words))[:MOST_WORDS]
        raise GitError(without_credentials(f"{why}: {hooks}" if hooks else why))
