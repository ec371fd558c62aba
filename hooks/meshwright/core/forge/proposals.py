"""Propose one file for the main branch: a branch, a commit and a pull request (GitLab: merge request) with a token.

Each step is looked up before it is done. So the same proposal again returns the open pull request, and one that was cut
off after any step goes on there.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, Protocol

from meshwright.core.forge.answers import commit_name, field, malformed, optional
from meshwright.core.forge.github import HEADERS, GitHub
from meshwright.core.forge.gitlab import GitLab
from meshwright.core.forge.repository import ForgeRepository
from meshwright.core.forge.rest import Rest
from meshwright.core.yaml import Unreadable

FIX = "Give the token the rights to write contents and pull requests of the repository (GitLab: Developer, scope `api`)."
"""For the operator, where the forge answers that the token may not."""
FIX_ARCHIVED = "Ask the product's owner where its repository is now."


@dataclass(frozen=True)
class Proposal:
    """A new file, and the pull request for it."""

    branch: str
    path: str
    content: bytes
    title: str
    body: str
    """Markdown."""


@dataclass(frozen=True)
class OpenedPullRequest:
    """An open pull request."""

    url: str
    was_open: bool
    """Whether it was there before."""
    is_same: bool
    """Whether its branch has this very content."""


class Proposals(Protocol):
    """One repository on a forge, with a token that writes. Everything here raises ForgeUnavailable."""

    def main(self) -> str:
        """Return the newest commit of the main branch. Raises Unreadable if the repository takes no proposal."""

    def content(self, commit: str, path: str) -> bytes | None:
        """Return the content of a file at a commit or branch; None if there is no such ordinary file."""

    def propose(self, proposal: Proposal) -> OpenedPullRequest:
        """Open a pull request for one file unless there is one from this branch; return it."""


def proposals(repository: ForgeRepository, token: str) -> Proposals:
    """Return the client that proposes changes to a repository. Raises Unreadable."""
    return _CLIENTS[repository.forge](repository, token)


class _GitHubProposals:
    """One repository on GitHub."""

    def __init__(self, repository: ForgeRepository, token: str) -> None:
        self._rest = Rest(repository.api, token, HEADERS, "Authorization", "Bearer")
        self._repository, self._token = repository, token
        self._path = repository.path
        self._home = ("repos", *repository.path.split("/"))

    def main(self) -> str:
        about = self._rest.get(*self._home, fix=FIX)
        _must_be_open(about, field(about, "full_name", str), self._path)
        branch = field(about, "default_branch", str)
        ref = self._rest.get(*self._home, "git", "ref", "heads", *branch.split("/"), fix=FIX)
        return commit_name(field(ref, "object", dict), "sha")

    def content(self, commit: str, path: str) -> bytes | None:
        # Another client each time: one keeps what it has read, and a branch moves.
        return GitHub(self._repository, self._token).content(commit, path)

    def propose(self, proposal: Proposal) -> OpenedPullRequest:
        main = self.main()
        if (opened := self._open(proposal)) is not None:
            return opened
        ref = {"ref": f"refs/heads/{proposal.branch}", "sha": main}
        self._rest.send(
            "POST", *self._home, "git", "refs", value=ref, fix=FIX, known=(422,)
        )  # 422: it is there
        self._commit(proposal)
        about = self._rest.get(*self._home, fix=FIX)
        value = {
            "title": proposal.title,
            "head": proposal.branch,
            "base": field(about, "default_branch", str),
            "body": proposal.body,
        }
        pull = self._rest.send("POST", *self._home, "pulls", value=value, fix=FIX, known=(422,))
        if pull is None:  # somebody else was faster
            return self._open(proposal) or _nothing_opened(proposal)
        return OpenedPullRequest(field(pull, "html_url", str), was_open=False, is_same=True)

    def _open(self, proposal: Proposal) -> OpenedPullRequest | None:
        """Return the open pull request from a branch of this repository; forks can have branches of the same name."""
        self._rest.forget()
        head = f"{self._home[1]}:{proposal.branch}"
        for pull in self._rest.all(*self._home, "pulls", fix=FIX, state="open", head=head):
            begun = field(pull, "head", dict)
            repository = optional(begun, "repo", dict) or {}
            name = optional(repository, "full_name", str) or ""
            if field(begun, "ref", str) == proposal.branch and name.lower() == self._path.lower():
                same = self.content(proposal.branch, proposal.path) == proposal.content
                return OpenedPullRequest(field(pull, "html_url", str), was_open=True, is_same=same)
        return None

    def _commit(self, proposal: Proposal) -> None:
        place = (*self._home, "contents", *proposal.path.split("/"))
        present = self._rest.answer(*place, ref=proposal.branch)
        value: dict[str, Any] = {
            "message": proposal.title,
            "content": base64.b64encode(proposal.content).decode(),
            "branch": proposal.branch,
        }
        if present.status == 200:
            if self.content(proposal.branch, proposal.path) == proposal.content:
                return
            value["sha"] = field(self._rest.value(present), "sha", str)
        self._rest.send("PUT", *place, value=value, fix=FIX)


class _GitLabProposals:
    """One project on GitLab."""

    def __init__(self, repository: ForgeRepository, token: str) -> None:
        self._rest = Rest(repository.api, token, {}, "PRIVATE-TOKEN", "")
        self._repository, self._token = repository, token
        self._path = repository.path
        self._home = ("projects", repository.path)

    def main(self) -> str:
        branch = self._branch_name()
        about = self._rest.get(*self._home, "repository", "branches", branch, fix=FIX)
        return commit_name(field(about, "commit", dict), "id")

    def content(self, commit: str, path: str) -> bytes | None:
        # Another client each time: one keeps what it has read, and a branch moves.
        return GitLab(self._repository, self._token).content(commit, path)

    def propose(self, proposal: Proposal) -> OpenedPullRequest:
        main = self._branch_name()
        if (opened := self._open(proposal)) is not None:
            return opened
        self._commit(proposal, main)
        value = {
            "source_branch": proposal.branch,
            "target_branch": main,
            "title": proposal.title,
            "description": proposal.body,
            "remove_source_branch": True,
        }
        request = self._rest.send("POST", *self._home, "merge_requests", value=value, fix=FIX, known=(409,))
        if request is None:  # somebody else was faster
            return self._open(proposal) or _nothing_opened(proposal)
        return OpenedPullRequest(field(request, "web_url", str), was_open=False, is_same=True)

    def _branch_name(self) -> str:
        about = self._rest.get(*self._home, fix=FIX)
        _must_be_open(about, field(about, "path_with_namespace", str), self._path)
        return field(about, "default_branch", str)

    def _open(self, proposal: Proposal) -> OpenedPullRequest | None:
        self._rest.forget()
        query = {"state": "opened", "source_branch": proposal.branch}
        for request in self._rest.all(*self._home, "merge_requests", fix=FIX, **query):
            own = optional(request, "source_project_id", int) == field(request, "target_project_id", int)
            if field(request, "source_branch", str) == proposal.branch and own:
                same = self.content(proposal.branch, proposal.path) == proposal.content
                return OpenedPullRequest(field(request, "web_url", str), was_open=True, is_same=same)
        return None

    def _commit(self, proposal: Proposal, main: str) -> None:
        known = self._rest.answer(*self._home, "repository", "branches", proposal.branch).status == 200
        present = self.content(proposal.branch, proposal.path) if known else None
        if present == proposal.content:
            return
        action = {
            "action": "create" if present is None else "update",
            "file_path": proposal.path,
            "content": base64.b64encode(proposal.content).decode(),
            "encoding": "base64",
        }
        value = {"branch": proposal.branch, "commit_message": proposal.title, "actions": [action]}
        if not known:
            value["start_branch"] = main
        self._rest.send("POST", *self._home, "repository", "commits", value=value, fix=FIX)


_CLIENTS: dict[str, type[_GitHubProposals] | type[_GitLabProposals]] = {
    "github": _GitHubProposals,
    "gitlab": _GitLabProposals,
}


def _must_be_open(about: Any, name: str, path: str) -> None:
    """Raise Unreadable if a repository is archived, or is now another one: forges redirect to where one has moved."""
    if name.lower() != path.lower():
        raise Unreadable(f"The repository {path} has moved.", FIX_ARCHIVED)
    if optional(about, "archived", bool):
        raise Unreadable(f"The repository {path} is archived, so it takes no changes.", FIX_ARCHIVED)


def _nothing_opened(proposal: Proposal) -> OpenedPullRequest:
    raise malformed(f"pull request from {proposal.branch}")
