"""What a product promised before and promises no longer, without a new major version of its contract.

Consumers have built on it: taking a promise out is no way to keep it. Promises are listed by promises.py, and compared one by
one; what only a person can judge (another pattern, another query) is no withdrawal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from meshwright.core.yaml import Document
from meshwright.product.breaking import promised_levels
from meshwright.product.promises import OPERATORS, Promise, promises
from meshwright.product.record import Record

UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
RULES = ("rowCount", "nullValues", "missingValues", "invalidValues", "duplicateValues", "sql", "custom")
HARMLESS = ("info", "warning", "warn", "low", "minor", "trivial")
SKIPPED = (
    "text",
    "physicalType",
    "partitioned",
    "relationships",
    "option",
    "metric",
    "freshness",
    "retention",
    "serviceLevel",
)
"""Kinds that promise nothing which is checked, or that promised_levels.py compares."""
SAME = 0.5
"""Share of a contract's columns that has to be there still, or it is about another data set."""
NOT_YET = ("draft", "proposed")


def is_comparable(before: Record, now: Record) -> bool:
    """Return True if both have one id and one major version of the contract, and the earlier one was in force."""
    in_force = before.get("contract.status") not in NOT_YET
    return before.id == now.id and in_force and major(now) == major(before)


def is_of_same_data(before: Record, now: Record) -> bool:
    """Return True if both are about one data set: a product begins with the sample of its template, which nobody promised."""
    columns = {column.name for column in before.columns}
    still = len(columns & {column.name for column in now.columns})
    return before.dataset == now.dataset and still >= SAME * max(len(columns), 1)


def major(record: Record) -> str:
    """Return the major version of the contract; empty if it has none."""
    return str(record.get("contract.version") or "").partition(".")[0]


def withdrawn(before: Record, now: Record) -> Iterator[str]:
    """Yield each promise that was withdrawn or loosened, as a sentence."""
    was, current = _documents(before), _documents(now)
    for change in promised_levels.of_product(was[0], current[0]):
        if change.breaks:
            yield change.detail
    for change in promised_levels.of_contract(was[1], current[1]):
        if change.breaks:
            yield change.detail
    yield from _of_contracts(before, now)
    ports = {port.name for port in now.outputs}
    for port in before.outputs:
        if port.name not in ports:
            yield f"The output port {port.name} is gone."


def _documents(record: Record) -> tuple[Document, Document]:
    parts = (record.get(part) for part in ("product", "contract"))
    spec, contract = (Document(Path(), part if isinstance(part, dict) else {}) for part in parts)
    return spec, contract


def _of_contracts(before: Record, now: Record) -> Iterator[str]:
    there = _listed(now)
    for promise in _all(before):
        if promise.kind in SKIPPED or promise.unchecked:
            continue
        if promise.kind != "presence" and promise.path and ("presence", promise.path[:1]) not in there:
            continue  # with its column
        others = there.get((promise.kind, promise.path), [])
        if promise.kind in RULES:
            yield from _rule(promise, others)
        elif not others:
            yield f"The promise {_name(promise)} is gone."
        elif _is_looser(promise, others[0]):
            yield f"The promise {_name(promise)} is looser than it was."


def _all(record: Record) -> Sequence[Promise]:
    contract = record.get("contract")
    return list(promises(contract, record.dataset)) if isinstance(contract, dict) else []


def _listed(record: Record) -> Mapping[tuple[str, tuple[str, ...]], list[Promise]]:
    found: dict[tuple[str, tuple[str, ...]], list[Promise]] = {}
    for promise in _all(record):
        found.setdefault((promise.kind, promise.path), []).append(promise)
    return found


def _name(promise: Promise) -> str:
    of = promise.field or "the data set"
    return f"that the column {of} exists" if promise.kind == "presence" else f"{promise.kind} of {of}"


def _is_looser(was: Promise, now: Promise) -> bool:
    """Return True if a promise on single values allows more than it did."""
    if was.value == now.value:
        return False
    if was.kind in (*UPPER, *LOWER):
        old, new = _number(was.value), _number(now.value)
        if old is None or new is None:
            order = (str(was.value), str(now.value))  # days and moments, in the spelling of ISO 8601
            return order[1] > order[0] if was.kind in UPPER else order[1] < order[0]
        return new > old if was.kind in UPPER else new < old
    if was.kind == "enum":
        values = [json.dumps(one, default=str) for one in was.value]
        return any(json.dumps(one, default=str) not in values for one in now.value)
    return was.kind == "logicalType"


def _rule(promise: Promise, others: Sequence[Promise]) -> Iterator[str]:
    """Yield a rule of quality that is gone, or allows more."""
    same = [one for one in others if _about(one) == _about(promise)]
    named = [one for one in others if _described(promise) and _described(one) == _described(promise)]
    rule = f"{_name(promise)}{f' ({_described(promise)})' if _described(promise) else ''}"
    if not same and named:
        return  # another query, or other valid values, under the same name: a person decides
    if not same:
        yield f"The rule {rule} is gone."
    elif not any(_is_as_strict(promise, one) for one in same):
        yield f"The rule {rule} is looser than it was."


def _about(promise: Promise) -> str:
    rule = promise.value
    query = " ".join(str(rule.get("query") or rule.get("implementation") or "").split())
    return json.dumps(
        [query, rule.get("arguments"), str(rule.get("unit") or "")], sort_keys=True, default=str
    )


def _described(promise: Promise) -> str:
    text = promise.value.get("description") or promise.value.get("name")
    return text.strip() if isinstance(text, str) else ""


def _is_as_strict(was: Promise, now: Promise) -> bool:
    is_harmless = [str(one.value.get("severity") or "").strip().lower() in HARMLESS for one in (was, now)]
    if is_harmless[1] and not is_harmless[0]:
        return False
    old, new = _allowed(was.value), _allowed(now.value)
    if old is None or new is None:
        return all(was.value.get(key) == now.value.get(key) for key in OPERATORS)
    return old[0] <= new[0] and new[1] <= old[1]


def _allowed(rule: Mapping[str, Any]) -> tuple[tuple[Decimal, int], tuple[Decimal, int]] | None:
    """Return the lowest and the highest number that a rule allows, each with 1 or -1 where the limit itself is not allowed."""
    operator = next((key for key in OPERATORS if rule.get(key) is not None), "")
    value = rule.get(operator)
    low, high = (Decimal("-Infinity"), 0), (Decimal("Infinity"), 0)
    if operator == "mustBeBetween" and isinstance(value, list) and len(value) == 2:
        limits = [_number(one) for one in value]
        return None if limits[0] is None or limits[1] is None else ((limits[0], 0), (limits[1], 0))
    limit = _number(value)
    if limit is None:
        return None
    found = {
        "mustBe": ((limit, 0), (limit, 0)),
        "mustBeGreaterThan": ((limit, 1), high),
        "mustBeGreaterOrEqualTo": ((limit, 0), high),
        "mustBeLessThan": (low, (limit, -1)),
        "mustBeLessOrEqualTo": (low, (limit, 0)),
    }
    return found.get(operator)


def _number(value: Any) -> Decimal | None:
    try:
        return Decimal(str(value)) if isinstance(value, int | float) and not isinstance(value, bool) else None
    except InvalidOperation:
        return None
