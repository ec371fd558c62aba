"""Where reviews are read: on the forge, or, with the forge away, in the audit records of earlier runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from typing import Protocol

from meshwright.access.approval.review_evidence import ApprovingReview, ReviewEvidence, shown
from meshwright.core.forge import (
    TOKEN,
    Forge,
    ForgeUnavailable,
    ReviewedMerge,
    client,
    forge_repository,
)
from meshwright.core.git_history import History
from meshwright.core.yaml import Unreadable
from meshwright.product.approvers import ReviewSettings, person

AGAIN = "Open a pull request that changes the file, and let an approver approve it before it is merged."


class ReviewSource(Protocol):
    """Where reviews are read."""

    assumes: bool
    """True if what is merged counts as reviewed, without a look at the forge: for a preview."""

    def evidence(
        self,
        history: History,
        settings: ReviewSettings,
        path: str,
        commit: str,
        addresses: Mapping[str, frozenset[str]],
    ) -> ReviewEvidence | str:
        """Return what is known of the merge that changed a file at a commit of the mainline; else why nothing counts.

        `addresses`: login -> the e-mail addresses of each approver; who wrote a commit of the change does not approve
        it. Raises ForgeUnavailable.
        """

    def recorded(
        self, history: History, settings: ReviewSettings, path: str, commit: str
    ) -> ReviewEvidence | None:
        """Return what an earlier run recorded of the merge; None if none did."""


class NoReviews:
    """Reviews are not read."""

    assumes = False

    def evidence(self, *_: object) -> ReviewEvidence | str:
        return "Reviews on the forge are not read here."

    def recorded(self, *_: object) -> ReviewEvidence | None:
        return None


class AssumedReviews:
    """What is merged counts as reviewed."""

    assumes = True

    def evidence(self, *_: object) -> ReviewEvidence | str:
        raise AssertionError("A preview asks for no evidence.")

    def recorded(self, *_: object) -> ReviewEvidence | None:
        return None


class RecordedReviews:
    """What the newest audit records know, with the forge away: it grants nothing that was not granted before."""

    assumes = False

    def __init__(self, evidence: Mapping[tuple[str, str, str], ReviewEvidence]) -> None:
        """`evidence`: by its key."""
        self._evidence = evidence

    def evidence(
        self,
        history: History,
        settings: ReviewSettings,
        path: str,
        commit: str,
        addresses: Mapping[str, frozenset[str]],
    ) -> ReviewEvidence | str:
        return self.recorded(history, settings, path, commit) or (
            "The forge cannot be asked whether it was reviewed, and no earlier run has recorded that."
        )

    def recorded(
        self, history: History, settings: ReviewSettings, path: str, commit: str
    ) -> ReviewEvidence | None:
        entry = history.entry(commit, path)
        evidence = self._evidence.get((path, commit, entry[1] if entry else ""))
        return evidence if evidence and evidence.repository == settings.repository else None


class ForgeReviews:
    """What the forge shows now."""

    assumes = False

    def __init__(self, token: str, records: Callable[[], RecordedReviews] | None = None) -> None:
        """`records`: returns what earlier runs recorded; it is called only if it is needed. None: nothing."""
        self._token, self._records = token, records
        self._read: RecordedReviews | None = None
        self._clients: dict[ReviewSettings, Forge] = {}

    def evidence(
        self,
        history: History,
        settings: ReviewSettings,
        path: str,
        commit: str,
        addresses: Mapping[str, frozenset[str]],
    ) -> ReviewEvidence | str:
        forge = self._client(settings)
        reason = f"No merged pull request brought it: {history.commits[commit]} was pushed. {AGAIN}"
        for merge in _nearest(history, forge.merges(commit), commit):
            if problem := _other_content(history, forge, merge, path, commit):
                reason = problem
                continue
            rules = forge.rules(merge.branch)
            if rules.missing:
                return " ".join(rules.missing)
            entry = history.entry(commit, path)
            return ReviewEvidence(
                path=path,
                commit=commit,
                blob=entry[1] if entry else "",
                repository=settings.repository,
                repository_id=forge.repository_id,
                pull=merge.number,
                url=merge.url,
                author=merge.author.login if merge.author else "",
                by_bot=merge.author is not None
                and (not merge.author.is_person or merge.author.login.lower() == settings.catalog),
                head=merge.head,
                merged_at=shown(merge.merged_at.astimezone(UTC)),
                rules=rules.summary,
                reviews=tuple(_approving(merge, addresses)),
            )
        return reason

    def recorded(
        self, history: History, settings: ReviewSettings, path: str, commit: str
    ) -> ReviewEvidence | None:
        if self._records is None:
            return None
        self._read = self._read or self._records()
        return self._read.recorded(history, settings, path, commit)

    def _client(self, settings: ReviewSettings) -> Forge:
        if settings not in self._clients:
            if not self._token:
                raise ForgeUnavailable(
                    f"Approvals are by review, and {TOKEN} is not set, so {settings.repository} cannot be asked.",
                    f"Set {TOKEN} to a token that may read the repository's pull requests and the rules of its branch.",
                )
            try:
                repository = forge_repository(settings.repository, settings.forge, settings.api)
                self._clients[settings] = client(repository, self._token)
            except Unreadable as error:
                raise ForgeUnavailable(str(error), error.fix) from error
        return self._clients[settings]


def _approving(merge: ReviewedMerge, addresses: Mapping[str, frozenset[str]]) -> list[ApprovingReview]:
    """Return the reviews of the merged commit before the merge, by others than those who wrote it."""
    author = merge.author.id if merge.author else None
    emails = frozenset(map(person, merge.emails))
    return [
        ApprovingReview(review.id, review.account.login, review.account.id, shown(review.at.astimezone(UTC)))
        for review in merge.reviews
        if review.commit == merge.head
        and review.at <= merge.merged_at
        and review.account.is_person
        and review.account.id != author
        and review.account.id not in merge.writers
        and not emails & addresses.get(review.account.login.lower(), frozenset())
    ]


def _other_content(history: History, forge: Forge, merge: ReviewedMerge, path: str, commit: str) -> str:
    """Return why a merge is not what brought the present content of a file to the main branch; empty if it is."""
    number = f"The pull request {merge.number}"
    if merge.branch != forge.main_branch:
        return f"{number} was merged into {merge.branch}, and not into {forge.main_branch}. {AGAIN}"
    if not _landed(history, merge, commit):
        return f"{number} is not what brought {history.commits[commit]} to the main branch. {AGAIN}"
    entry = history.entry(commit, path)
    if merge.head in history.commits:
        reviewed = history.entry(merge.head, path)
        base = history.base(merge.head)
        before = history.entry(history.mainline[base], path) if base >= 0 else None
        if len(history.commits[commit].parents) > 1 and before == reviewed:
            return f"{number} did not change the file, and its merge did. {AGAIN}"
        same = reviewed == entry
    else:
        same = _blob(forge.content(merge.head, path), history.sha256) == (entry and entry[1])
    return "" if same else f"{number} was reviewed with another content of the file than was merged. {AGAIN}"


def _nearest(history: History, merges: Sequence[ReviewedMerge], commit: str) -> list[ReviewedMerge]:
    """Return the merges that can have brought a commit of the mainline: of those at or after it, the first one alone.

    The branch of a later one may have the commit, too; who approved that one saw no change of the file.
    """
    ends = {
        merge.number: history.position(merge.merged_as)
        for merge in merges
        if history.continues(merge.merged_as)
    }
    nearest = min((end for end in ends.values() if end >= history.position(commit)), default=None)
    return [merge for merge in merges if nearest is None or ends.get(merge.number) == nearest]


def _landed(history: History, merge: ReviewedMerge, commit: str) -> bool:
    """Return True if a commit of the mainline is what a merge left: a merge commit, a squash, or one of a rebase."""
    parents = history.commits[commit].parents
    if commit == merge.merged_as:
        return len(parents) == 1 or (len(parents) == 2 and parents[1] == merge.joined)
    if not history.continues(merge.merged_as):
        return False
    first, last = history.position(commit), history.position(merge.merged_as)
    between = history.mainline[first : last + 1]
    return 0 < last - first < merge.commits and all(len(history.commits[one].parents) == 1 for one in between)


def _blob(content: bytes | None, sha256: bool) -> str | None:
    """Return the name that git gives to a content, worked out here."""
    if content is None:
        return None
    algorithm = "sha256" if sha256 else "sha1"
    return hashlib.new(algorithm, b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()
