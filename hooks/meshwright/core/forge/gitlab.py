"""GitLab, on gitlab.com or elsewhere. https://docs.gitlab.com/api/rest/"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from meshwright.core.forge.answers import commit_name, field, malformed, moment, optional
from meshwright.core.forge.commit_emails import co_authors
from meshwright.core.forge.gitlab_rules import FIX, branch_rules
from meshwright.core.forge.repository import ForgeRepository
from meshwright.core.forge.rest import Rest
from meshwright.core.forge.reviewed import Account, BranchRules, Review, ReviewedMerge


class GitLab:
    """One project on GitLab."""

    def __init__(self, repository: ForgeRepository, token: str) -> None:
        """Raises Unreadable."""
        self._rest = Rest(repository.api, token, {}, "PRIVATE-TOKEN", "")
        self._home = ("projects", repository.path)

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
        requests = self._rest.all(*self._home, "repository", "commits", commit, "merge_requests", fix=FIX)
        numbers = [field(request, "iid", int) for request in requests if self._is_ours(request)]
        return [self._merge(number) for number in dict.fromkeys(numbers)]

    def content(self, commit: str, path: str) -> bytes | None:
        place = (*self._home, "repository", "files", path)
        if self._rest.answer(*place, ref=commit).status == 404:
            return None
        value = self._rest.get(*place, fix=FIX, ref=commit)
        try:
            return base64.b64decode(field(value, "content", str), validate=True)
        except (binascii.Error, ValueError) as error:
            raise malformed("content") from error

    def rules(self, branch: str) -> BranchRules:
        return branch_rules(self._rest, self._home, branch)

    def _is_ours(self, request: Any) -> bool:
        """Return True for a merge request into this project that was merged."""
        same = field(request, "target_project_id", int) == self.repository_id
        return same and field(request, "state", str) == "merged"

    def _merge(self, number: int) -> ReviewedMerge:
        place = (*self._home, "merge_requests", str(number))
        request = self._rest.get(*place, fix=FIX)
        if field(request, "iid", int) != number or not self._is_ours(request):
            raise malformed("iid")
        head = commit_name(request, "sha")
        squashed, merged = (
            commit_name(request, name) if optional(request, name, str) is not None else None
            for name in ("squash_commit_sha", "merge_commit_sha")
        )
        commits = list(self._rest.all(*place, "commits", fix=FIX))
        author = optional(request, "author", dict)
        return ReviewedMerge(
            number=number,
            url=field(request, "web_url", str),
            author=self._account(author) if author else None,
            branch=field(request, "target_branch", str),
            head=head,
            joined=squashed or head,
            merged_as=merged or squashed or head,
            merged_at=moment(request, "merged_at"),
            commits=len(commits),
            writers=frozenset(),  # GitLab names the people of a commit by their addresses alone
            emails=frozenset(_emails(commits)),
            reviews=tuple(self._standing(place, head)),
        )

    def _account(self, user: Any) -> Account:
        number = field(user, "id", int)
        about = self._rest.get("users", str(number), fix=FIX)
        if field(about, "id", int) != number:
            raise malformed("id")
        return Account(number, field(user, "username", str), not field(about, "bot", bool))

    def _standing(self, place: tuple[str, ...], head: str) -> Iterator[Review]:
        """Yield the approvals of the newest commit, by people who have not asked for changes since.

        GitLab does not say which commit somebody approved. So an approval counts that came after the last push.
        """
        pushed_at = self._pushed_at(place, head)
        approvals = self._rest.get(*place, "approvals", fix=FIX)
        reviewers = self._rest.all(*place, "reviewers", fix=FIX)
        objecting = {
            field(field(reviewer, "user", dict), "id", int)
            for reviewer in reviewers
            if field(reviewer, "state", str) == "requested_changes"
        }
        for approval in field(approvals, "approved_by", list):
            account = self._account(field(approval, "user", dict))
            if account.id in objecting or optional(approval, "approved_at", str) is None:
                continue  # older versions of GitLab do not say when
            at = moment(approval, "approved_at")
            if pushed_at is not None and at > pushed_at:
                yield Review(f"{account.id}@{at:%Y-%m-%dT%H:%M:%S%z}", account, head, at)

    def _pushed_at(self, place: tuple[str, ...], head: str) -> datetime | None:
        """Return when the newest commit was pushed; None if that is not the one that was merged."""
        versions = list(self._rest.all(*place, "versions", fix=FIX))
        newest = max(versions, key=lambda version: moment(version, "created_at"), default=None)
        if newest is None or commit_name(newest, "head_commit_sha") != head:
            return None
        return moment(newest, "created_at")


def _emails(commits: Sequence[Any]) -> Iterator[str]:
    for commit in commits:
        for role in ("author_email", "committer_email"):
            if email := optional(commit, role, str):
                yield email
        yield from co_authors(field(commit, "message", str))
