"""What a forge showed of the merge that brought one version of a file: the evidence that an audit record keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class ApprovingReview:
    """An approval by somebody who neither opened the pull request nor wrote a commit of it."""

    id: str
    login: str
    account: int
    """The number of the account, which stays when its login changes hands."""
    at: str


@dataclass(frozen=True)
class ReviewEvidence:
    """The merge of one version of a file, and who approved exactly this version before."""

    path: str
    commit: str
    """The commit of the mainline that brought the version."""
    blob: str
    """The name of its content in git; empty if the file was deleted."""
    repository: str
    """The repository's page on the forge."""
    repository_id: int
    pull: int
    """The number of the pull request."""
    url: str
    author: str
    """The login of who opened it: the requester, as the forge knows them; empty if the account was deleted."""
    head: str
    """The commit that was reviewed and merged."""
    merged_at: str
    rules: str
    """The rules of the branch that were read, and suffice."""
    reviews: tuple[ApprovingReview, ...]
    by_bot: bool = False
    """Whether the account that opened it is nobody's own: a bot, or the catalog's. Then who asks is what the file says."""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.path, self.commit, self.blob

    def as_json(self) -> dict[str, Any]:
        """Return the evidence for an audit record."""
        return {**asdict(self), "reviews": [asdict(review) for review in self.reviews]}


def evidence_from(value: Any) -> ReviewEvidence | None:
    """Return the evidence that an audit record keeps; None if it has another form."""
    if not isinstance(value, Mapping) or not isinstance(value.get("reviews"), list):
        return None
    try:
        reviews = tuple(ApprovingReview(**review) for review in value["reviews"])
        evidence = ReviewEvidence(**{**value, "reviews": reviews})
    except TypeError:
        return None
    texts = [evidence.path, evidence.commit, evidence.blob, evidence.repository, evidence.rules]
    texts += [part for review in reviews for part in (review.id, review.login, review.at)]
    if not isinstance(evidence.by_bot, bool):
        return None
    numbers = [evidence.repository_id, evidence.pull, *(review.account for review in reviews)]
    plain = all(isinstance(text, str) for text in texts) and all(type(number) is int for number in numbers)
    return evidence if plain else None


def shown(time: datetime) -> str:
    return time.isoformat(timespec="seconds")
