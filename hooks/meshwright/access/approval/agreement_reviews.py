"""Whether an agreement that is requested is approved by review of the pull request that brought it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from meshwright.access.approval.agreement_versions import AgreementVersions
from meshwright.access.approval.capacities import signed_by, suffice
from meshwright.access.approval.evidence import Approval
from meshwright.access.approval.review_evidence import ReviewEvidence
from meshwright.access.approval.review_sources import AGAIN
from meshwright.access.approval.valid_approvers import Trust
from meshwright.product.approvers import Approver
from meshwright.product.files import APPROVERS


def reviewed_approval(
    trust: Trust,
    versions: AgreementVersions,
    path: str,
    needed: Sequence[str],
    parties: frozenset[str],
    beyond_review: str,
    requester: str,
) -> Approval:
    """Return whether the pull request that brought the present version of an agreement was approved.

    `needed` and `beyond_review`: as for `approval`. `parties`: who asks or gains. `requester`: whom
    the file names as the one who asks. Raises ForgeUnavailable.
    """
    commit = trust.history.last_touch(trust.history.commit, path)
    assert commit is not None  # the file exists, and so some commit of the mainline brought it
    if beyond_review:
        return Approval(False, commit, (), (beyond_review,), "review")
    counted = trust.counted_reviews(commit, path)
    if isinstance(counted, str):
        return Approval(False, commit, (), (counted,), "review")
    if problem := _unreviewed_request(trust, versions, path, commit):
        return Approval(False, commit, (), (problem,), "review", counted.evidence)
    if counted.evidence is None:
        return Approval(True, commit, (), (), "review")
    approvers = [one for one in counted.approvers if not trust.stands_for(one) & parties]
    if problem := _unknown_requester(trust, counted.evidence, approvers, requester):
        return Approval(False, commit, (), (problem,), "review", counted.evidence)
    reasons: tuple[str, ...] = ()
    if not approvers or not suffice(needed, approvers, trust.stands_for):
        number = counted.evidence.pull
        capacities = {one.capacity for one in approvers}
        lacking = [capacity for capacity in dict.fromkeys(needed) if capacity not in capacities]
        people = f"{len(needed)} different people, one as each of: {', '.join(needed)}"
        reasons = tuple(
            f"Pull request {number} has no approval as {capacity} by somebody who neither asks for it nor gains from it. "
            f"{AGAIN} {_able(trust, capacity, parties)} can."
            for capacity in lacking
        ) or (f"Pull request {number} needs the approvals of {people}. {AGAIN}",)
    return Approval(not reasons, commit, signed_by(approvers), reasons, "review", counted.evidence)


def _unknown_requester(
    trust: Trust, evidence: ReviewEvidence, approvers: Sequence[Approver], requester: str
) -> str:
    """Return why the approvals of a pull request that a bot opened could be the requester's own; empty if not.

    The forge then does not know who asks: the file names somebody, and whoever may push to its branch can change that, under
    any author's name. So nobody approves it alone.
    """
    are_two = any(
        not trust.stands_for(one) & trust.stands_for(other) for one, other in combinations(approvers, 2)
    )
    if not evidence.by_bot or are_two or not approvers:
        return ""
    return (
        f"Pull request {evidence.pull} was opened by {evidence.author} for {requester}, whose account on the forge is unknown. "
        f"So {approvers[0]} alone does not suffice: two approvers have to approve it. {AGAIN} Whoever asks can also open it "
        "with an account of their own."
    )


def _unreviewed_request(trust: Trust, versions: AgreementVersions, path: str, commit: str) -> str:
    """Return why a reviewed change of an agreement's form approves nothing: nobody approved the request itself.

    Empty if the change brought the terms, or if whatever brought them was approved, too.
    """
    history, first = trust.history, commit
    while parents := history.commits[first].parents:
        before = history.last_touch(parents[0], path)
        if before is None or versions.at(before, path) != versions.at(first, path):
            break
        first = before
    if first == commit or not isinstance(trust.counted_reviews(first, path), str):
        return ""
    return (
        f"The pull request that was approved changes nothing of what is requested. {history.commits[first]} brought that, and "
        "nobody approved it. Ask for it anew, under another name."
    )


def _able(trust: Trust, capacity: str, parties: frozenset[str]) -> str:
    """Return who could approve by review in a capacity now, for a sentence."""
    able = [
        str(one)
        for one in trust.effective(trust.now)
        if one.login and one.term is None and one.capacity == capacity and not trust.addresses(one) & parties
    ]
    return " or ".join(able) or f"Somebody whom an approver first has to name in {APPROVERS}, with a login,"
