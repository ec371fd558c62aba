"""What an approval of an agreement is, whatever proves it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from meshwright.access.approval.review_evidence import ReviewEvidence

Evidence = Literal["signature", "older rule", "review"]
"""What proves an approval. `older rule`: a signature from before the rule of decision 33, by which any signed commit that
touched the file last counted. `review`: an approver's review of the pull request, as the forge reports it."""


@dataclass(frozen=True)
class Approval:
    """Whether an agreement is approved, and by whom."""

    accepted: bool
    commit: str
    """The commit that the file's present content is from; empty if there is none."""
    signers: tuple[str, ...]
    """Whose approvals count, as `<e-mail> (<capacity>)`; also where others are still missing."""
    reasons: tuple[str, ...]
    """Why it is not accepted, each with the fix; empty if it is."""
    evidence: Evidence = "signature"
    """The kind of evidence; if an approval needs two kinds, the weaker one."""
    review: ReviewEvidence | None = None
    """What the forge showed, for the kind `review`; also where approvals are still missing."""

    @property
    def is_assumed(self) -> bool:
        """True if it counts in a preview only, because the forge was not asked."""
        return self.accepted and self.evidence == "review" and self.review is None
