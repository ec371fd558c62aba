"""What counts while the product cannot be read as it is committed: its last readable version, with what has ended since.

A spec that somebody broke must not keep a leaver in. So the roles, columns and ports count as they were, the agreements
as they are now, and nobody is let in who was not before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from meshwright.access.access_decisions import AccessDecisions, decide
from meshwright.access.agreement import agreements
from meshwright.access.approval import read_from, root_of_trust, source_of
from meshwright.access.directory import Snapshot
from meshwright.access.grants import Refused
from meshwright.access.product_access import ProductAccess
from meshwright.access.reviews import reviews
from meshwright.core.errors import Error
from meshwright.core.git_history import History
from meshwright.core.yaml import Unreadable

COMMITS = 100
"""How far back along the mainline is looked."""

Load = Callable[[Path, str], ProductAccess]
"""Returns the product at a commit. Raises Unreadable."""


def last_readable(
    root: Path, problem: Error, load: Load, now: datetime
) -> tuple[ProductAccess, ProductAccess]:
    """Return the product as it was last readable, at its own commit and with the agreements of the present one.

    Raises `problem` where it never was.
    """
    history = History(root)
    for commit in history.mainline[-2 : -2 - COMMITS : -1]:
        try:
            before = load(root, commit)
            decide(before, None, now)
        except (Unreadable, Refused):
            continue
        read_from(history, source_of(before.history))
        reason = (
            f"The product cannot be read at {history.commit[:9]}, so it counts as it was at {commit[:9]}, and nobody new "
            f"is let in: {problem} {problem.fix}"
        )
        return before, replace(
            before,
            history=history,
            trust=root_of_trust(history),
            agreements=tuple(agreements(history)),
            reviews=reviews(history, []),
            problems=(reason, *before.problems),
        )
    raise problem


def without_new_readers(
    before: ProductAccess, present: ProductAccess, snapshot: Snapshot | None, now: datetime
) -> AccessDecisions:
    """Return the decisions by which only those read who could by the last readable version too. Raises Refused."""
    could = {
        (verdict.id, verdict.role, member.id)
        for verdict in decide(before, snapshot, now).verdicts
        for member in verdict.members
    }
    decisions = decide(present, snapshot, now)
    verdicts = tuple(
        replace(
            verdict,
            members=tuple(
                member for member in verdict.members if (verdict.id, verdict.role, member.id) in could
            ),
        )
        for verdict in decisions.verdicts
    )
    return replace(decisions, verdicts=verdicts)


def decide_readable(
    root: Path, load: Load, snapshot_of: Callable[[ProductAccess], Snapshot | None], now: datetime
) -> AccessDecisions:
    """Return the decisions on the present commit, or by the last readable version. Raises Unreadable, Refused."""
    before = None
    try:
        product = load(root, "HEAD")
    except Unreadable as problem:
        before, product = last_readable(root, problem, load, now)
    snapshot = snapshot_of(product)
    if before is None:
        try:
            return decide(product, snapshot, now)
        except Refused as problem:
            before, product = last_readable(root, problem, load, now)
    return without_new_readers(before, product, snapshot, now)
