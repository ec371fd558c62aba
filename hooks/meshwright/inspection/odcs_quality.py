"""What the quality rules of a contract say of a column, in the spellings of ODCS 3.0 and later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

LISTS = frozenset({"invalidValues", "validValues", "acceptedValues"})
REQUIRED = frozenset({"nullValues", "nullCheck", "nullCount", "missingValues", "missingCount", "notNull"})
UNIQUE = frozenset({"duplicateValues", "duplicateCount", "uniqueCheck", "unique"})
"""Names of the library's rules: ODCS has renamed them from version to version."""


@dataclass(frozen=True)
class Quality:
    """What the rules of a column say."""

    values: tuple[str, ...] = ()
    required: bool = False
    unique: bool = False
    left: tuple[str, ...] = ()
    """Names of the rules that nothing else in a draft says."""


def quality(entry: Mapping[str, Any]) -> Quality:
    """Return what the rules of a column say."""
    values: tuple[str, ...] = ()
    required = unique = False
    left = []
    for name, rule in named(entry):
        listed = tuple(_listed(rule))
        if name in LISTS and listed and _of_none(rule):
            values = values or listed
        elif name in REQUIRED and _of_none(rule):
            required = True
        elif name in UNIQUE and _of_none(rule) and not _arguments(rule):
            unique = True
        else:
            left.append(name)
    return Quality(values, required, unique, tuple(left))


def named(entry: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield name and content of each rule of a column or a data set."""
    rules = entry.get("quality")
    for rule in rules if isinstance(rules, list) else ():
        if isinstance(rule, dict):
            yield str(rule.get("metric") or rule.get("rule") or rule.get("type") or "unnamed"), rule


def _arguments(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    found = rule.get("arguments")
    return found if isinstance(found, dict) else {}


def _listed(rule: Mapping[str, Any]) -> Iterator[str]:
    for holder in (_arguments(rule), rule):
        given = holder.get("validValues") or holder.get("values")
        if isinstance(given, list):
            yield from map(str, given)
            return


def _of_none(rule: Mapping[str, Any]) -> bool:
    """Return True unless the rule allows some rows to break it."""
    limits = [
        key
        for key in rule
        if key.startswith("must")
        and not (key in ("mustBe", "mustBeLessOrEqualTo") and rule[key] in (0, False))
    ]
    return not limits
