"""The one client of the forges. It reads what was merged, by whose review, and under which rules; it changes nothing."""

from __future__ import annotations

from typing import Protocol

from meshwright.core.forge.github import GitHub
from meshwright.core.forge.gitlab import GitLab
from meshwright.core.forge.repository import ForgeRepository
from meshwright.core.forge.reviewed import BranchRules, ReviewedMerge

TOKEN = "MESHWRIGHT_FORGE_TOKEN"  # noqa: S105 - the name of a variable
"""The environment variable with the token."""


class Forge(Protocol):
    """One repository on a forge. Everything here raises ForgeUnavailable."""

    @property
    def repository_id(self) -> int:
        """Return the number of the repository, which no other repository ever has."""

    @property
    def main_branch(self) -> str:
        """Return the name of the repository's default branch."""

    def merges(self, commit: str) -> list[ReviewedMerge]:
        """Return the merged pull requests of this repository that brought a commit to the main branch."""

    def content(self, commit: str, path: str) -> bytes | None:
        """Return the content of a file at a commit; None if there is no such ordinary file."""

    def rules(self, branch: str) -> BranchRules:
        """Return whether the rules of a branch let nothing in without a review."""


def client(repository: ForgeRepository, token: str) -> Forge:
    """Return the client for a repository. Raises Unreadable."""
    return CLIENTS[repository.forge](repository, token)


CLIENTS: dict[str, type[GitHub] | type[GitLab]] = {"github": GitHub, "gitlab": GitLab}
