"""Who approved what is committed, as their signatures prove it.

What a file says of itself proves nothing, and neither do names in a commit or the settings of a forge. An approval is
one commit that makes the change itself, by somebody who could already approve when it came in, signed by them:

- *Makes itself* (change_chain.py, agreement_approval.py): its first parent has what was requested or authorised, on
  the same terms, and the commit has what is approved. It has one parent, its author is its signer, and it was written
  when it was committed. So a rebase, a cherry-pick, an amendment, a merge or a reformatting of somebody else's change adds none,
  and neither does a revert, unless it brings back what counted before.
- The *mainline* decides: the commit, its first parent, and so on. The first commit there that names an approver
  in access/approvers.yaml is the root of trust; what was before it is the team's own set-up.
- Who could approve is read from the mainline just before the change came in *and* from the commit's own parents,
  so that no branch can name an approver and use them at once, and no later approver counts for what was before.
- A change of approvers.yaml that no approver made can take away and give back, and never add.
- A merge decides nothing: what it brought in must have been approved on its branch by somebody who had
  seen the mainline's newest version.
- An approval stays when its key is taken out of approvers.yaml later. To take one back, set `status: rejected`,
  or delete the agreement; anybody can.
- What came in before the schema of the present rule (older_rule.py) is held against the older one, by which any signed
  commit counted that was the last one to touch the file.
- By review (`approvals: {by: review}` in approvers.yaml) a version counts, too, if an approver approved the pull
  request that brought just this content to the mainline. The forge is asked for that at each run (`reviews`).

What a signature cannot prove: who wrote the terms (authors of commits are claims), whether two e-mail addresses
belong to one person, and whether an approver looked at what they signed. Any approver can name further ones.
"""

from __future__ import annotations

from meshwright.access.approval.agreement_approval import approval
from meshwright.access.approval.authorised_files import (
    Authorised,
    authorised,
    authorised_below,
    baseline,
    present_changes,
)
from meshwright.access.approval.change_chain import Guarded, Settled, again, change_refusal
from meshwright.access.approval.evidence import Approval, Evidence
from meshwright.access.approval.foxtrot import foxtrot_hint
from meshwright.access.approval.review_evidence import ReviewEvidence, evidence_from
from meshwright.access.approval.review_limits import beyond_review
from meshwright.access.approval.review_sources import (
    AssumedReviews,
    ForgeReviews,
    NoReviews,
    RecordedReviews,
    ReviewSource,
)
from meshwright.access.approval.reviews import (
    CountedReviews,
    evidence_used,
    lost_reviews,
    read_from,
    source_of,
)
from meshwright.access.approval.valid_approvers import (
    Trust,
    approvers,
    list_problem,
    reviews_now,
    root_of_trust,
    trust_in,
    trust_problem,
)

__all__ = [
    "Approval",
    "AssumedReviews",
    "Authorised",
    "CountedReviews",
    "Evidence",
    "ForgeReviews",
    "Guarded",
    "NoReviews",
    "RecordedReviews",
    "ReviewEvidence",
    "ReviewSource",
    "Settled",
    "Trust",
    "again",
    "approval",
    "approvers",
    "authorised",
    "authorised_below",
    "baseline",
    "beyond_review",
    "change_refusal",
    "evidence_from",
    "evidence_used",
    "foxtrot_hint",
    "list_problem",
    "lost_reviews",
    "present_changes",
    "read_from",
    "reviews_now",
    "root_of_trust",
    "source_of",
    "trust_in",
    "trust_problem",
]
