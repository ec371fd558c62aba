"""Alarms: what may be a mistake or an attack, so that a run goes on only if somebody confirms it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from meshwright.access.access_decisions import AccessDecisions
from meshwright.access.approval import evidence_used, foxtrot_hint
from meshwright.access.directory.shrink_detection import directory_state, shrink_alarm

SKEW = timedelta(minutes=5)
"""How far the clocks of two machines that apply may be apart."""


class Alarm(NamedTuple):
    """What may be a mistake or an attack; `apply` goes on only if somebody confirms it."""

    sentence: str
    token: str
    """Confirms just this alarm."""


def alarms_since(decisions: AccessDecisions, last: Mapping[str, Any]) -> Iterator[Alarm]:
    """Yield the alarms that comparing with an earlier run raises, by its audit record or its anchor."""
    product = decisions.product
    before = datetime.fromisoformat(last["at"])
    if decisions.now + SKEW < before:
        sentence = f"It is {minute(decisions.now)} here, and the last run was at {minute(before)}."
        yield Alarm(sentence, token("clock", last["hash"]))
    if last["trust"] not in (None, product.trust):
        yield Alarm(
            f"The mainline named its first approver at {last['trust'][:9]}, and now at {str(product.trust)[:9]}: "
            "somebody put another history in its place, or a new root of trust.",
            token("trust", last["trust"], str(product.trust)),
        )
    if not product.history.continues(last["commit"]):
        yield Alarm(
            f"The last run was on commit {last['commit'][:9]}, which does not lead to {product.history.commit[:9]}: "
            f"what has been revoked since would come back. {foxtrot_hint(product.history, last['commit'])}".rstrip(),
            token("commit", last["commit"], product.history.commit),
        )
    yield from _replaced_repositories(decisions, last)
    if "directory" in last:
        shrunk = shrink_alarm(last["directory"], directory_state(decisions.directory, decisions.groups))
        if shrunk:
            yield Alarm(f"{shrunk.sentence} {shrunk.fix}", shrunk.token)


def _replaced_repositories(decisions: AccessDecisions, last: Mapping[str, Any]) -> Iterator[Alarm]:
    """Yield an alarm for each address on the forge that now leads to another repository than at the last run."""
    before = {one.get("repository"): one.get("repository_id") for one in last.get("reviews", [])}
    now = {one.repository: one.repository_id for one in evidence_used(decisions.product.history)}
    for repository, number in now.items():
        if before.get(repository, number) != number:
            yield Alarm(
                f"{repository} was the forge's repository {before[repository]}, and is now {number}: somebody put "
                "another one in its place.",
                token("repository", repository, str(number)),
            )


def token(*parts: str) -> str:
    """Return what confirms an alarm about exactly these things."""
    return hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()[:10]


def minute(time: datetime) -> str:
    """Return a time for a sentence."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
