"""What somebody may approve who stands in for an approver: agreements, for as long as approvers.yaml says."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from meshwright.product.approvers import Approver
from meshwright.product.files import AGREEMENTS, APPROVERS


def deputy_refusal(approver: Approver, path: str, moments: Iterable[datetime]) -> str:
    """Return why an approver cannot approve a change of a file that was made and merged at these moments.

    Empty if they can, and for whoever is no deputy. Moments have a time zone.
    """
    term = approver.term
    if term is None:
        return ""
    if not path.startswith(f"{AGREEMENTS}/"):
        return f"{approver} approves agreements, and nothing else. {term.deputy_for} or another approver has to approve it."
    for moment in moments:
        if not term.start <= moment < term.end:
            return (
                f"{approver} could approve from {_minute(term.start)} until {_minute(term.end)}, and this is of {_minute(moment)}. "
                f"{term.deputy_for} or another approver approves it, or signs a longer term in {APPROVERS}."
            )
    return ""


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
