"""What a contract promises of each column, and of the data set, in words that need no knowledge of the standard (ODCS).

The list of promises is product/promises.py's; a kind that has no words here is shown by its name, never left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meshwright.product import metamodel
from meshwright.product.promises import METRICS, Promise, promises
from meshwright.product.record import Column, Record, rank

SHOWN = 12
"""Values of a list that are shown."""
SILENT = {"presence", "logicalType", "physicalType", "required", "requiredProperties", "partitioned"}
"""Kinds that other columns of the table show, or that say nothing of the values."""
LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
}
OPTIONS = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "multipleOf": "a multiple of {}",
    "pattern": "matches {}",
    "format": "format {}",
    "defaultTimezone": "time zone {}",
}
OPERATORS = {
    "mustBe": "exactly {}",
    "mustNotBe": "not {}",
    "mustBeGreaterThan": "more than {}",
    "mustBeGreaterOrEqualTo": "at least {}",
    "mustBeLessThan": "less than {}",
    "mustBeLessOrEqualTo": "at most {}",
    "mustBeBetween": "between {}",
    "mustNotBeBetween": "not between {}",
}
COUNTED = {
    "rowCount": "rows",
    "nullValues": "missing values",
    "missingValues": "missing values",
    "invalidValues": "other values",
    "duplicateValues": "values that occur twice",
}


@dataclass(frozen=True)
class Rule:
    """One promise in words."""

    words: str
    description: str = ""
    """What the contract itself says of it."""
    unchecked: str = ""
    """Why nothing checks it; empty if something does."""


@dataclass(frozen=True)
class ContractWords:
    """The promises of a contract about the data."""

    of_columns: Mapping[str, Sequence[Rule]]
    """Column -> its rules; those of nested fields begin with the field."""
    of_dataset: Sequence[Rule]
    key: Sequence[str]
    """The columns that together name a row."""


def contract_words(record: Record) -> ContractWords:
    """Return what the record's contract promises."""
    contract = record.get("contract")
    found = list(promises(contract, record.dataset)) if isinstance(contract, dict) else []
    of_columns: dict[str, list[Rule]] = {}
    of_dataset: list[Rule] = []
    key = [promise.path[0] for promise in found if promise.kind == "primaryKey" and len(promise.path) == 1]
    for promise in found:
        if promise.kind in SILENT or (promise.kind == "primaryKey" and len(promise.path) == 1):
            continue
        rule = _rule(promise)
        if promise.path:
            nested = promise.field.removeprefix(promise.path[0]).lstrip(".")
            words = f"{nested}: {rule.words}" if nested else rule.words
            of_columns.setdefault(promise.path[0], []).append(Rule(words, rule.description, rule.unchecked))
        else:
            of_dataset.append(rule)
    return ContractWords(of_columns, of_dataset, key)


def examples(column: Column) -> str:
    """Return a column's examples as a text; empty for a column that not everybody in the organisation may see."""
    if rank(column.classification) > rank(metamodel.OPEN_UP_TO):
        return ""
    return ", ".join(_value(value) for value in column.examples[:SHOWN])


def _rule(promise: Promise) -> Rule:
    value = promise.value
    description = str(value.get("description") or "") if isinstance(value, Mapping) else ""
    return Rule(_words(promise), description, promise.unchecked)


def _words(promise: Promise) -> str:
    kind, value = promise.kind, promise.value
    if kind == "unique":
        return "no value twice"
    if kind == "primaryKey":
        return "part of the key"
    if kind == "enum":
        return f"one of {_values(value)}"
    if kind == "uniqueItems":
        return "no item twice"
    if kind == "timezone":
        return "with time zone" if value else "without time zone"
    if kind in LIMITS:
        return LIMITS[kind].format(_value(value))
    if kind in OPTIONS:
        return OPTIONS[kind].format(_value(value))
    if kind in METRICS:
        return _metric(kind, value)
    if kind == "sql":
        return f"a query returns {_condition(value)}"
    if kind == "relationships":
        return f"refers to {_values(value.get('to'))}"
    if isinstance(value, Mapping):
        return (
            kind if kind in ("custom", "text") else f"{value.get('metric') or value.get('property') or kind}"
        )
    return f"{kind}: {_value(value)}"


def _metric(kind: str, rule: Mapping[str, Any]) -> str:
    arguments = rule.get("arguments")
    arguments = arguments if isinstance(arguments, Mapping) else {}
    condition, none = _condition(rule), rule.get("mustBe") == 0
    if kind == "invalidValues":
        valid = arguments.get("validValues")
        of = f"one of {_values(valid)}" if valid else f"matches {_value(arguments.get('pattern'))}"
        return of if none else f"{of}; {COUNTED[kind]}: {condition}"
    if kind == "duplicateValues" and arguments.get("properties"):
        together = f"{_values(arguments['properties'])} together"
        return f"{together}: no value twice" if none else f"{together}: {COUNTED[kind]}: {condition}"
    if none and kind != "rowCount":
        return "no value twice" if kind == "duplicateValues" else "no value missing"
    return f"{COUNTED[kind]}: {condition}"


def _condition(rule: Mapping[str, Any]) -> str:
    percent = "%" if str(rule.get("unit") or "").strip().lower() in ("percent", "percentage", "%") else ""
    for operator, words in OPERATORS.items():
        given = rule.get(operator)
        if given is not None:
            shown = " and ".join(map(_value, given)) if isinstance(given, list) else _value(given)
            return words.format(shown) + percent
    return "what it says"


def _values(values: Any) -> str:
    listed = values if isinstance(values, list) else [values]
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return ", ".join(map(_value, listed[:SHOWN])) + more


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
