"""Whether approvers suffice for the capacities in which something has to be approved."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from meshwright.product.approvers import Approver

Addresses = Callable[[Approver], frozenset[str]]
"""Returns every address that an approver went by."""


def suffice(needed: Sequence[str], approvers: Sequence[Approver], addresses: Addresses) -> bool:
    """Return True if each capacity that is needed can be given to another person among the approvers."""
    if not needed:
        return True
    return any(
        suffice(
            needed[1:],
            [other for other in approvers if not addresses(other) & addresses(approver)],
            addresses,
        )
        for approver in approvers
        if approver.capacity == needed[0]
    )


def signed_by(approvers: Sequence[Approver]) -> tuple[str, ...]:
    """Return approvers as reports show them, each once."""
    return tuple(dict.fromkeys(f"{approver.email} ({approver.shown_capacity})" for approver in approvers))
