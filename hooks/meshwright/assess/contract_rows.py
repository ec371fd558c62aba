"""Hold the rows of a port against the contract: what a promise means is decided as in a run, in product/promises.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from meshwright.core.text import short
from meshwright.product.promises import OPERATORS, PERCENT, Promise, promises
from meshwright.product.record import Record

if TYPE_CHECKING:
    from meshwright.assess.storage import Tallies, Tally

KEYS = ("primaryKey", "unique")
VALUES = (
    *("required", "enum", "minLength", "maxLength", "pattern", "minimum", "maximum", "exclusiveMinimum"),
    *("exclusiveMaximum", "multipleOf", "format", "minItems", "maxItems", "uniqueItems", "minProperties"),
    *("maxProperties", "requiredProperties", "dimensions", "normalized", "physicalType", "logicalType"),
)
RULES = ("rowCount", "nullValues", "missingValues", "invalidValues", "duplicateValues", "sql")
HARMLESS = ("info", "warning", "warn", "low", "minor", "trivial")
"""Severities of a rule that do not end a run."""


@dataclass(frozen=True)
class Held:
    """One promise of the contract, held against the rows of a port."""

    promise: Promise
    state: Literal["kept", "broken", "unknown"]
    sentence: str
    """What breaks it, or why it is not known. It has numbers of rows, and no value of the data."""


@dataclass(frozen=True)
class HeldRows:
    """What the rows of a port say of the contract."""

    rows: int
    examined: int
    held: Sequence[Held]

    @property
    def which(self) -> str:
        """Which rows were examined, for a sentence: all, or how many of how many."""
        if self.examined < self.rows:
            return f"the first {self.examined:,} of {self.rows:,} rows"
        return "the only row" if self.rows == 1 else f"all {self.rows:,} rows"

    def of(self, kinds: Sequence[str]) -> Sequence[Held]:
        return [one for one in self.held if one.promise.kind in kinds]


def examinable(record: Record) -> Sequence[Promise]:
    """Return the promises of a contract that rows show; the columns of the primary key as one, which is their list."""
    contract = record.get("contract")
    if not isinstance(contract, dict) or not record.dataset:
        return ()
    found: list[Promise] = []
    key: list[Promise] = []
    for promise in promises(contract, record.dataset):
        if promise.unchecked or (promise.kind == "logicalType" and promise.value != "integer"):
            continue
        if promise.kind == "primaryKey":
            key.append(promise)
        elif promise.kind in (*KEYS, *VALUES, *RULES):
            found.append(promise)
    if key:
        found.append(replace(key[0], path=(), value=[promise.path[0] for promise in key]))
        known = {promise.path for promise in found if promise.kind == "required"}
        found += [replace(one, kind="required") for one in key if one.path not in known]
    return found


def hold(promised: Sequence[Promise], tallies: Tallies, hidden: Sequence[str] = ()) -> HeldRows:
    """Return whether the counted rows keep the promises. `hidden`: columns that the assessment does not see."""
    held = [
        _held(promise, tally, tallies, hidden) for promise, tally in zip(promised, tallies.each, strict=True)
    ]
    return HeldRows(tallies.rows, tallies.examined, held)


def _held(promise: Promise, tally: Tally, tallies: Tallies, hidden: Sequence[str]) -> Held:
    names = {name.lower() for name in hidden}
    unseen = sorted(name for name in columns_of(promise) if name.lower() in names)
    if unseen:
        return Held(promise, "unknown", f"The agreement of the assessment hides {short(unseen[0])}.")
    if tally.unseen:
        return Held(promise, "unknown", f"{short(name_of(promise))}: {tally.unseen}")
    if promise.kind in RULES:
        return _rule(promise, tally)
    number = int(tally.number or 0)
    if number:
        return Held(promise, "broken", _broken(promise, number, tallies))
    if tallies.examined < tallies.rows:
        return Held(promise, "unknown", "The other rows were not examined.")
    return Held(promise, "kept", "")


def columns_of(promise: Promise) -> Sequence[str]:
    """Return the names of the columns that a promise is about; all of a query's are unknown."""
    if promise.kind == "primaryKey":
        return [str(name) for name in promise.value]
    if promise.path:
        return [promise.path[0]]
    arguments = promise.value.get("arguments") if isinstance(promise.value, dict) else None
    names = arguments.get("properties") if isinstance(arguments, dict) else None
    return [str(name) for name in names] if isinstance(names, list) else []


def name_of(promise: Promise) -> str:
    """Return how a promise is called in a sentence: `minimum of nights`."""
    if promise.kind == "primaryKey":
        return f"the key ({', '.join(columns_of(promise))})"
    described = promise.value.get("description") if isinstance(promise.value, dict) else ""
    rule = f" ({short(described)})" if isinstance(described, str) and described else ""
    return f"{promise.kind} of {promise.field or 'the data set'}{rule}"


def _broken(promise: Promise, number: int, tallies: Tallies) -> str:
    rows = f"{tallies.examined:,}"
    if promise.kind in KEYS:
        values = "1 value occurs" if number == 1 else f"{number:,} values occur"
        return f"{short(name_of(promise))}: {values} more than once in {rows} rows."
    have = "1 row" if number == 1 else f"{number:,} rows"
    if promise.kind == "required":
        lack = "has" if number == 1 else "have"
        return f"{have} of {rows} {lack} no value in {short(promise.field)}, which is required."
    if promise.kind == "logicalType":
        return f"{have} of {rows}: {short(promise.field)} is no whole number, as the contract promises."
    return f"{have} of {rows} {'breaks' if number == 1 else 'break'} {short(name_of(promise))}."


def _rule(promise: Promise, tally: Tally) -> Held:
    from meshwright.inspection.reading.conformance import compare

    rule = promise.value
    operator = next((key for key in OPERATORS if rule.get(key) is not None), "")
    number = 0 if tally.number is None else tally.number
    try:
        kept = compare(number, operator, rule[operator])
    except (KeyError, ValueError, TypeError, ArithmeticError):
        return Held(promise, "unknown", f"{short(name_of(promise))}: it has no number to compare with.")
    if kept:
        return Held(promise, "kept", "")
    if str(rule.get("severity") or "").strip().lower() in HARMLESS:
        return Held(
            promise, "kept", f"{short(name_of(promise))} is missed, which the contract calls harmless."
        )
    if promise.kind == "sql":  # its number may be a value of the data
        return Held(promise, "broken", f"{short(name_of(promise))}: the query's number is not as promised.")
    unit = "%" if str(rule.get("unit") or "").strip().lower() in PERCENT else ""
    counted = (
        f"{short(name_of(promise))} is {number:,.10g}{unit}"
        if _is_number(number)
        else short(name_of(promise))
    )
    return Held(promise, "broken", f"{counted}; {operator} is {short(str(rule[operator]))}.")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) or type(value).__name__ == "Decimal"


def unknown_reasons(held: Sequence[Held]) -> Iterator[str]:
    """Yield why promises are not known, each reason once."""
    yield from dict.fromkeys(one.sentence for one in held if one.state == "unknown")
