"""The text of a request for access or a renewal: the same for the command and for the catalog, with the same checks."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from meshwright.check.rules.agreements import (
    AgreementAboutProduct,
    AgreementEnds,
    AgreementForRole,
    AgreementNamesReaders,
    BreakGlassEnds,
    NamesNotMistaken,
)
from meshwright.core.yaml import Document, Unreadable
from meshwright.product import schema
from meshwright.product.agreement_length import effective_end, longest_days
from meshwright.product.agreement_text import Fields, agreement_text, fields_of
from meshwright.product.files import AGREEMENTS
from meshwright.product.validate import misshapen

RULES = (
    AgreementAboutProduct(),
    AgreementForRole(),
    AgreementNamesReaders(),
    AgreementEnds(),
    BreakGlassEnds(),
    NamesNotMistaken(),
)
"""What a request has to keep, so that nobody waits for an approval that gives nothing."""


def request_fields(
    agreement: str,
    role: str,
    principals: Sequence[str],
    purpose: str,
    code: str | None,
    until: datetime,
    start: datetime | None,
    team: str,
    requester: str,
    port: str | None,
    consumer: str | None = None,
) -> Fields:
    """Return the fields of a new request, without what the product's spec says."""
    return {
        "id": agreement,
        "description": purpose,
        "port": port or "",
        "team": team,
        "consumer": consumer or "",
        "role": role,
        "start": _midnight(start or _today()),
        "end": _midnight(until),
        "principals": principals,
        "requester": requester,
        "purpose": code or "",
    }


def renewal_fields(
    document: Document, agreement: str, until: datetime, requester: str | None, taken: set[str]
) -> Fields:
    """Return the fields of a request that continues an agreement. Raises Unreadable.

    It begins today, while the other one is in force: who reads by both reads until the later end, without a gap. `taken`:
    the names of the agreements that are there.
    """
    for problem in misshapen(document, schema.access_agreement):
        raise Unreadable(f"{AGREEMENTS}/{agreement}.yaml: {problem.detail}", problem.fix)
    before = fields_of(document.value)
    end = datetime.fromisoformat(before["end"]).astimezone(UTC).replace(tzinfo=None)
    if until <= end:
        detail = f"{agreement} already lasts until {end:%Y-%m-%d}."
        raise Unreadable(detail, "Give a later day with --until.")
    begins = max(_today(), datetime.fromisoformat(before["start"]).astimezone(UTC).replace(tzinfo=None))
    return before | {
        "id": next_name(agreement, taken),
        "start": _midnight(begins),
        "end": _midnight(until),
        "requester": requester or before["requester"],
        "renews": agreement,
    }


def request_text(fields: Fields, spec: Document) -> str:
    """Return the text of the file, about the product of a spec."""
    return agreement_text(
        {
            **fields,
            "providerTeam": spec.get("spec.owner.team") or spec.get("metadata.domain") or "",
            "product": f"{spec.get('metadata.domain')}/{spec.get('metadata.name')}",
        }
    )


def next_name(agreement: str, taken: set[str]) -> str:
    """Return the first free name of a renewal: `delays` is continued by `delays-2`, and that by `delays-3`."""
    base, _, number = agreement.rpartition("-")
    base, count = (base, int(number)) if base and re.fullmatch("[1-9][0-9]{0,3}", number) else (agreement, 1)
    while True:
        count += 1
        name = f"{base[: 63 - len(str(count)) - 1].rstrip('-')}-{count}"
        if name not in taken:
            return name


def check_request(
    spec: Document, policy: Document, approvers: Document, others: Sequence[Document], agreement: Document
) -> None:
    """Raise Unreadable for a request that no approval would help. `others`: the agreements that are there already."""
    for problem in misshapen(agreement, schema.access_agreement):
        raise Unreadable(problem.detail, problem.fix)
    facts: dict[str, Any] = {
        "spec": spec,
        "policy": policy,
        "approvers": approvers,
        "agreements": [agreement],
    }
    for rule in RULES:
        known = facts | {"agreements": [*(others if isinstance(rule, NamesNotMistaken) else []), agreement]}
        parameters = inspect.signature(rule.check).parameters
        for problem in rule.check(**{name: known[name] for name in parameters}):
            if problem.document is agreement:
                raise Unreadable(problem.detail, problem.fix)
    _check_end(policy, agreement)


def _check_end(policy: Document, agreement: Document) -> None:
    """Raise Unreadable for a request that has ended, or that is longer than any that is asked for today."""
    start, end = (datetime.fromisoformat(agreement.get(key)) for key in ("startTimestamp", "endTimestamp"))
    role: Mapping[str, Any] = policy.get(f"roles.{agreement.get('roles')[0]['role']}")
    if end <= datetime.now(UTC):
        raise Unreadable("The agreement would already have ended.", "Give a later day with --until.")
    if effective_end(role, start, end) != end:
        latest = start + timedelta(days=longest_days(role))
        raise Unreadable(
            f"It lasts {(end - start).days} days, but its role allows {longest_days(role)}.",
            f"Give a day up to {latest:%Y-%m-%d} with --until, or a later one with --from.",
        )


def _today() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)


def _midnight(day: datetime) -> str:
    return f"{day:%Y-%m-%dT%H:%M:%SZ}"
