"""Whether a version of a file is approved by review of the pull request that brought it.

The forge shows who approved (`review_sources`); who could approve then, approvers.yaml says, from the mainline just
before the change came in. What a review proves is less than what a signature proves: the forge's word, and that of
whoever administers it. So reviews count for what metamodel.REVIEW_APPROVES names, and name no keys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from meshwright.access.approval.deputies import deputy_refusal
from meshwright.access.approval.review_evidence import ReviewEvidence
from meshwright.access.approval.review_sources import AGAIN, NoReviews, ReviewSource
from meshwright.core.git_history import History
from meshwright.product.approvers import Approver, ReviewSettings
from meshwright.product.files import AGREEMENTS


class CountedReviews(NamedTuple):
    """The approvers who approved a version by review."""

    approvers: tuple[Approver, ...]
    """Oldest review first; empty where it is assumed."""
    evidence: ReviewEvidence | None
    """None where it is assumed."""


def source_of(history: History) -> ReviewSource:
    """Return where the reviews of a history's changes are read."""
    source: ReviewSource = history.cache.setdefault("review source", NoReviews())
    return source


def read_from(history: History, source: ReviewSource) -> None:
    """Set where the reviews of a history's changes are read, before anything is decided on it."""
    history.cache["review source"] = source


def evidence_used(history: History) -> list[ReviewEvidence]:
    """Return the evidence on which decisions rest so far, sorted."""
    used: dict[tuple[str, str, str], ReviewEvidence] = history.cache.setdefault("review evidence", {})
    return [used[key] for key in sorted(used)]


def reviewed(
    history: History,
    path: str,
    commit: str,
    settings: ReviewSettings,
    able: Sequence[Approver],
    addresses: Callable[[Approver], frozenset[str]],
) -> CountedReviews | str:
    """Return who approved by review what a commit of the mainline made of a file; else why nobody did.

    `able`: who could approve before the commit. `addresses`: all addresses of an approver. Raises ForgeUnavailable.
    """
    source = source_of(history)
    if source.assumes:
        return CountedReviews((), None)
    by_login = {
        approver.login: approver for approver in able if approver.login and approver.login != settings.catalog
    }
    if not by_login:
        return f"Nobody who could approve it then has a login in approvers.yaml. {AGAIN}"
    people = {login: addresses(approver) for login, approver in by_login.items()}
    evidence = source.evidence(history, settings, path, commit, people)
    counted = evidence if isinstance(evidence, str) else _counted(evidence, by_login)
    if isinstance(counted, str) and not path.startswith(f"{AGREEMENTS}/"):
        # What narrowed a policy must not be undone by whoever dismisses its review, or weakens a rule of the branch.
        earlier = source.recorded(history, settings, path, commit)
        kept = _counted(earlier, by_login) if earlier else counted
        if not isinstance(kept, str):
            notes: list[str] = history.cache.setdefault("lost reviews", [])
            notes.append(
                f"{path}: The change of {history.commits[commit]} counts as an earlier run recorded it. {counted}"
            )
            counted = kept
    if isinstance(counted, str):
        return counted
    assert counted.evidence is not None
    used: dict[tuple[str, str, str], ReviewEvidence] = history.cache.setdefault("review evidence", {})
    used[counted.evidence.key] = counted.evidence
    return counted


def lost_reviews(history: History) -> list[str]:
    """Return a sentence for each change that counts although the forge no longer shows its review."""
    notes: list[str] = history.cache.get("lost reviews", [])
    return list(notes)


def _counted(evidence: ReviewEvidence, by_login: Mapping[str, Approver]) -> CountedReviews | str:
    """Return the approvers among those who reviewed; else why there is none."""
    able = [review for review in evidence.reviews if review.login.lower() in by_login]
    refusals = {
        review.id: deputy_refusal(
            by_login[review.login.lower()],
            evidence.path,
            map(datetime.fromisoformat, (review.at, evidence.merged_at)),
        )
        for review in able
    }
    counting = [review for review in able if not refusals[review.id]]
    if able and not counting:
        return next(iter(refusals.values()))
    if not counting:
        who = " or ".join(map(str, by_login.values()))
        return (
            f"No approver approved the pull request {evidence.pull} as it was merged. Before its merge, and after its "
            f"newest commit, {who} could, unless they wrote part of it. {AGAIN}"
        )
    counting.sort(key=lambda review: (review.at, review.id))
    return CountedReviews(tuple(by_login[review.login.lower()] for review in counting), evidence)
