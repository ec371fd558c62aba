"""Dated exceptions: rules of the metamodel that a product may break for a while, as governance has approved.

A product cannot except itself (ADR 0013): an exception counts only with an approver whom the organisation's metamodel
names, and CODEOWNERS asks the platform's team to review the file.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from meshwright.product import metamodel, schema


@dataclass(frozen=True)
class RuleException:
    """One exception as it is written, whether or not it applies."""

    index: int
    """Its place in the list."""
    rule: str
    reason: str
    until: date | None
    """The last day on which it applies; None if it is no date."""
    approved_by: str = ""
    has_shape: bool = True
    """False if the schema of the file refuses it."""

    @property
    def approved(self) -> bool:
        return self.approved_by in metamodel.GOVERNANCE

    def applies(self, today: date) -> bool:
        """Return True if the rule may be broken today."""
        return (
            self.has_shape
            and self.approved
            and self.rule not in metamodel.NEVER_EXCEPTED
            and self.until is not None
            and 0 <= (self.until - today).days <= metamodel.LONGEST_EXCEPTION_DAYS
        )


@cache
def _shape() -> Any:
    """Return the validator of one entry."""
    import jsonschema_rs

    return jsonschema_rs.validator_for(schema.exceptions()["properties"]["exceptions"]["items"])


def exceptions(value: Any) -> Iterator[RuleException]:
    """Yield the exceptions in the value of the file or in that part of a record, whether or not they fit the schema."""
    entries = value.get("exceptions") if isinstance(value, Mapping) else None
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        if isinstance(entry, Mapping):
            until = None
            with contextlib.suppress(TypeError, ValueError):
                until = date.fromisoformat(entry.get("until", ""))
            texts = [entry.get(key) for key in ("rule", "reason", "approvedBy")]
            rule, reason, approver = (text if isinstance(text, str) else "" for text in texts)
            yield RuleException(index, rule, reason, until, approver, _shape().is_valid(entry))


def applying(value: Any, today: date) -> dict[str, RuleException]:
    """Return the exceptions that apply, by rule; of several for one rule the one that ends last."""
    found: dict[str, RuleException] = {}
    for one in sorted(exceptions(value), key=lambda one: one.until or date.min):
        if one.applies(today):
            found[one.rule] = one
    return found
