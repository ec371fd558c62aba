"""Confirmations that somebody still has to read: one file for each agreement in access/reviews/, which an approver signs.

A role with `reviewDays` asks for one so often; an agreement that nobody confirmed in that time ends.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from meshwright.access.agreement import Agreement
from meshwright.access.approval import approvers, authorised_below
from meshwright.access.approval.authorship import authorship
from meshwright.access.approval.provenance import provenance
from meshwright.access.approval.valid_approvers import trust_in
from meshwright.access.committed import checked
from meshwright.access.signing_identity import SET_UP, how_to_sign, signing_identity
from meshwright.core import files
from meshwright.core.git_history import History
from meshwright.core.yaml import Unreadable
from meshwright.product import schema
from meshwright.product.approvers import person
from meshwright.product.files import AGREEMENTS, REVIEWS


@dataclass(frozen=True)
class Review:
    """An approver's confirmation of an agreement."""

    on: datetime
    """The beginning of its day, UTC; if it names a later one than it was committed on, when it was committed."""
    addresses: frozenset[str]
    """Every address of the approver who signed it, in the form of `approvers.person`."""


def reviews(history: History, problems: list[str]) -> Mapping[str, Review]:
    """Return agreement -> its newest confirmation that an approver signed. Raises HistoryError."""
    newest_reviews = {}
    for path, newest in authorised_below(history, REVIEWS).items():
        if newest.problem:
            problems.append(f"{path}: {newest.problem}")
        name = Path(path).name.removesuffix(".yaml")
        if newest.text is None or path != f"{REVIEWS}/{name}.yaml":
            continue
        try:
            document = checked(path, newest.text, schema.access_review)
            on = datetime.combine(date.fromisoformat(document.get("confirmed")), time(), UTC)
        except (Unreadable, ValueError) as problem:
            problems.append(f"{path}: {problem}")
            continue
        if document.get("agreement") == name:
            on = min(on, _committed(history, newest.commit, path, on))
            newest_reviews[name] = Review(on, _signer(history, newest.commit, path))
    return newest_reviews


def _committed(history: History, commit: str, path: str, latest: datetime) -> datetime:
    """Return when what a commit of the mainline has at a path was committed, as its signer said; `latest` at the latest."""
    made = provenance(history, commit, path)[0] or commit
    seconds = max(0, authorship(history.raw(made)).seconds)
    return latest if seconds >= latest.timestamp() else datetime.fromtimestamp(seconds, UTC)


def _signer(history: History, commit: str, path: str) -> frozenset[str]:
    """Return every address of the approvers who signed or reviewed what a commit of the mainline has at a path."""
    trust = trust_in(history)
    if commit and trust.is_by_review(commit, path):
        counted = trust.counted_reviews(commit, path)
        approvers = () if isinstance(counted, str) else counted.approvers
        return frozenset[str]().union(*map(trust.addresses, approvers))
    made = provenance(history, commit, path)[0] if commit else None
    signer = trust.signer(made) if made else ""
    return frozenset() if isinstance(signer, str) else trust.addresses(signer)


def due(
    role: Mapping[str, Any],
    agreement: Agreement,
    review: Review | None,
    parties: Collection[str],
    now: datetime,
) -> datetime | None:
    """Return when an agreement ends unless somebody confirms it; None if its role asks for no reviews.

    A confirmation by somebody who asks for it or gains from it does not count, and neither does one from the future.
    """
    days, start = role.get("reviewDays"), agreement.time("startTimestamp")
    if not isinstance(days, int) or start is None:
        return None
    since = start
    if isinstance(first := role.get("reviewFrom"), str):
        since = max(since, datetime.combine(date.fromisoformat(first), time(), UTC))
    others = {person(party) for party in parties}
    if review and review.on <= now and not review.addresses & others:
        since = max(since, review.on)
    return since + timedelta(days=days)


def confirm(root: Path, agreements: Sequence[str], today: date) -> str:
    """Write a confirmation of each agreement; return how to sign them. Raises Unreadable, and writes nothing then."""
    for name in agreements:
        if not (root / AGREEMENTS / f"{name}.yaml").is_file() or "/" in name:
            raise Unreadable(f"There is no agreement {name}.", f"Name one of {AGREEMENTS}/.")
    known = approvers(History(root))
    identity = signing_identity(root, known)
    if identity.problem and any(one.key for one in known):
        raise Unreadable(identity.problem, SET_UP)
    paths = [f"{REVIEWS}/{name}.yaml" for name in agreements]
    for name, path in zip(agreements, paths, strict=True):
        text = (
            "apiVersion: meshwright/v1\nkind: AccessReview\n"
            f'agreement: "{name}"\nconfirmed: "{today.isoformat()}"\n'
        )
        files.write(root / path, text, "Make the file writable.", parents=True)
    message = f"Confirm {', '.join(agreements)}"
    steps = how_to_sign(identity, message, paths, first=f"git add -- {shlex.join(paths)}")
    return "\n".join([*(f"wrote {path}" for path in paths), *steps])


def listed(reviewed: Iterable[tuple[str, str, datetime | None, datetime | None]]) -> Iterator[str]:
    """Yield a line for each agreement (id, role, when it ends, when it ends unless somebody confirms it), the most urgent first."""
    last = datetime.max.replace(tzinfo=UTC)
    for name, role, until, reviewed_until in sorted(reviewed, key=lambda one: one[3] or one[2] or last):
        if reviewed_until and (until is None or reviewed_until <= until):
            yield f"{name} ({role}): ends on {reviewed_until:%Y-%m-%d} unless an approver confirms it"
        else:
            yield f"{name} ({role}): ends on {until:%Y-%m-%d}" if until else f"{name} ({role})"
