"""GitHub, GitHub Enterprise Cloud and GitHub Enterprise Server. https://docs.github.com/en/rest"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from meshwright.core.forge.answers import commit_name, field, malformed, moment, optional
from meshwright.core.forge.commit_emails import co_authors
from meshwright.core.forge.github_rules import branch_rules
from meshwright.core.forge.repository import ForgeRepository
from meshwright.core.forge.rest import Rest
from meshwright.core.forge.reviewed import Account, BranchRules, Review, ReviewedMerge

HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
FIX = (
    "Give MESHWRIGHT_FORGE_TOKEN a token for this repository with the permissions Contents, Pull requests and "
    "Administration, each to read."
)
MEMBERS = ("OWNER", "MEMBER", "COLLABORATOR")
"""Who belongs to the repository or its organisation: an account that took over a login from somebody does not."""
LISTED_COMMITS = 250
"""GitHub lists no more commits of a pull request."""


class GitHub:
    """One repository on GitHub."""

    def __init__(self, repository: ForgeRepository, token: str) -> None:
        """Raises Unreadable."""
        self._rest = Rest(repository.api, token, HEADERS, "Authorization", "Bearer")
        self._home = ("repos", *repository.path.split("/"))

    @cached_property
    def _about(self) -> Any:
        return self._rest.get(*self._home, fix=FIX)

    @property
    def repository_id(self) -> int:
        return field(self._about, "id", int)

    @property
    def main_branch(self) -> str:
        return field(self._about, "default_branch", str)

    def merges(self, commit: str) -> list[ReviewedMerge]:
        pulls = self._rest.all(*self._home, "commits", commit, "pulls", fix=FIX)
        numbers = [field(pull, "number", int) for pull in pulls if self._is_ours(pull)]
        return [self._merge(number) for number in dict.fromkeys(numbers)]

    def content(self, commit: str, path: str) -> bytes | None:
        answer = self._rest.answer(*self._home, "contents", *path.split("/"), ref=commit)
        if answer.status == 404:
            return None
        value = self._rest.get(*self._home, "contents", *path.split("/"), fix=FIX, ref=commit)
        if not isinstance(value, dict) or value.get("type") != "file":
            return None
        if value.get("encoding") != "base64":  # GitHub gives no content of files above a megabyte here
            return None
        try:
            return base64.b64decode(field(value, "content", str))
        except (binascii.Error, ValueError) as error:
            raise malformed("content") from error

    def rules(self, branch: str) -> BranchRules:
        return branch_rules(self._rest, self._home, branch)

    def _is_ours(self, pull: Any) -> bool:
        """Return True for a pull request of this repository that was merged; a fork's has a number of its own."""
        base = field(pull, "base", dict)
        repository = optional(base, "repo", dict)
        same = repository is not None and field(repository, "id", int) == self.repository_id
        return same and optional(pull, "merged_at", str) is not None

    def _merge(self, number: int) -> ReviewedMerge:
        pull = self._rest.get(*self._home, "pulls", str(number), fix=FIX)
        if field(pull, "number", int) != number or not self._is_ours(pull):
            raise malformed("number")
        head = commit_name(field(pull, "head", dict), "sha")
        count = field(pull, "commits", int)
        commits = list(self._rest.all(*self._home, "pulls", str(number), "commits", fix=FIX))
        merged_at = moment(pull, "merged_at")
        reviews = list(self._rest.all(*self._home, "pulls", str(number), "reviews", fix=FIX))
        return ReviewedMerge(
            number=number,
            url=field(pull, "html_url", str),
            author=_account(optional(pull, "user", dict)),
            branch=field(field(pull, "base", dict), "ref", str),
            head=head,
            joined=head,
            merged_as=commit_name(pull, "merge_commit_sha"),
            merged_at=merged_at,
            commits=count,
            writers=_writers(commits),
            emails=frozenset(_emails(commits)),
            reviews=tuple(_standing(reviews)) if len(commits) == count <= LISTED_COMMITS else (),
        )


def _account(user: Any) -> Account | None:
    if user is None:
        return None
    login = field(user, "login", str)
    is_person = field(user, "type", str) == "User" and not login.endswith("[bot]")
    return Account(field(user, "id", int), login, is_person)


def _standing(reviews: Sequence[Any]) -> Iterator[Review]:
    """Yield the approvals of people of the repository whose newest decision they are.

    A comment changes nothing; a request for changes, a dismissal and a later approval take the place of an earlier one.
    """
    newest: dict[int, Any] = {}
    dated = [
        review for review in reviews if review.get("state") in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")
    ]
    for review in sorted(dated, key=lambda one: (moment(one, "submitted_at"), field(one, "id", int))):
        if (account := _account(optional(review, "user", dict))) is not None:
            newest[account.id] = review
    for review in newest.values():
        account = _account(optional(review, "user", dict))
        seen = optional(review, "commit_id", str)
        if review["state"] != "APPROVED" or account is None or not account.is_person or seen is None:
            continue
        if field(review, "author_association", str) in MEMBERS:
            yield Review(str(field(review, "id", int)), account, seen, moment(review, "submitted_at"))


def _writers(commits: Sequence[Any]) -> frozenset[int]:
    people = (optional(commit, role, dict) for commit in commits for role in ("author", "committer"))
    # GitHub shows an empty object for an account that it does not know.
    return frozenset(field(person, "id", int) for person in people if person)


def _emails(commits: Sequence[Any]) -> Iterator[str]:
    for commit in commits:
        about = field(commit, "commit", dict)
        for role in ("author", "committer"):
            if email := optional(optional(about, role, dict) or {}, "email", str):
                yield email
        yield from co_authors(field(about, "message", str))
