"""What a forge knows of a merged change and of a branch, in one form for all forges."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Account:
    """An account on a forge."""

    id: int
    login: str
    is_person: bool
    """False for bots, apps and service accounts."""


@dataclass(frozen=True)
class Review:
    """An approval that still stands: nothing that its author did later, and nobody's dismissal, takes it back."""

    id: str
    account: Account
    commit: str
    """The commit that the reviewer saw."""
    at: datetime


@dataclass(frozen=True)
class ReviewedMerge:
    """A merged pull request (GitLab: merge request), with the approvals that stood when it was merged."""

    number: int
    url: str
    author: Account | None
    """None if the account was deleted."""
    branch: str
    """The branch that it was merged into."""
    head: str
    """The newest commit of the pull request, which was merged."""
    joined: str
    """The second parent of the merge commit, if there is one: the head, or the one commit that it was squashed to."""
    merged_as: str
    """The newest commit of the branch that it left."""
    merged_at: datetime
    commits: int
    """How many commits it had."""
    writers: frozenset[int]
    """The ids of the accounts that wrote or committed any of its commits."""
    emails: frozenset[str]
    """The e-mail addresses that its commits name."""
    reviews: tuple[Review, ...]


@dataclass(frozen=True)
class BranchRules:
    """Whether the rules of a branch let nothing in without a review."""

    missing: tuple[str, ...]
    """What they lack, each as a sentence with the fix; empty if they suffice."""
    summary: str
    """The rules that suffice, in a few words."""
