"""How values are written and stored: formats, other options, and physical types."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from meshwright.core.yaml import Document
from meshwright.product import physical_types
from meshwright.product.breaking.contract_paths import column_keys, column_name, columns, mapping
from meshwright.product.breaking.kinds_of_change import PromiseChange

WRITTEN = (
    "format",
    "timezone",
    "defaultTimezone",
    "dimensions",
    "elementType",
    "normalized",
    "embeddingModel",
)
"""Of `logicalTypeOptions`: how a value is written, which a consumer's code relies on."""


def of_formats(was: Document, now: Document) -> Iterator[PromiseChange]:
    """Return changes of how values are written."""
    present = dict(columns(now.value))
    for path, column in columns(was.value):
        if path not in present:
            continue
        before, after = (mapping(one.get("logicalTypeOptions")) for one in (column, present[path]))
        for option in WRITTEN:
            value = after.get(option)
            if option in before and before[option] != value:
                detail = f"The column {column_name(path)} was written with {option} {before[option]!r}; now it is {value!r}."
                yield PromiseChange(now, column_keys(now, path), detail, "written")


def of_options(was: Document, now: Document) -> Iterator[PromiseChange]:
    """Return changes of options that datacontract-cli ignores, and of physical types, which it compares as texts."""
    present = dict(columns(now.value))
    for path, column in columns(was.value):
        if path not in present:
            continue
        before, after = (_options(one) for one in (column, present[path]))
        for option, stricter in STRICTER.items():
            if option not in before or before[option] == after.get(option):
                continue
            if option not in after or not stricter(before[option], after[option]):
                detail = f"The column {column_name(path)} had {option} {before[option]!r}; now it is {after.get(option)!r}."
                yield PromiseChange(now, column_keys(now, path), detail, "option-less")
        kind = _physical_change(column.get("physicalType"), present[path].get("physicalType"))
        if kind:
            then, today = column.get("physicalType"), present[path].get("physicalType")
            detail = f"The column {column_name(path)} was stored as {then or 'an unknown type'}; now it is {today or 'unknown'}."
            yield PromiseChange(now, column_keys(now, path), detail, kind)


def _options(column: Mapping[str, Any]) -> Mapping[str, Any]:
    options = column.get("logicalTypeOptions")
    return options if isinstance(options, dict) else {}


def _multiple(before: Any, after: Any) -> bool:
    try:
        return Decimal(str(after)) % Decimal(str(before)) == 0
    except (ArithmeticError, ValueError):
        return False


STRICTER: Mapping[str, Callable[[Any, Any], bool]] = {
    "multipleOf": _multiple,
    "minProperties": lambda before, after: isinstance(after, int) and isinstance(before, int) and after >= before,
    "maxProperties": lambda before, after: isinstance(after, int) and isinstance(before, int) and after <= before,
    "required": lambda before, after: isinstance(after, list) and isinstance(before, list) and all(one in after for one in before),
}  # fmt: skip
"""Option -> whether a value allows no more than the one before it."""


def _physical_change(before: Any, after: Any) -> str:
    """Return the kind of a change of a physical type; empty if it breaks nobody."""
    if before == after or (not before and not after):
        return ""
    if not before or not after:
        return "physical-type-new" if after else "physical-type"
    old, new = physical_types.read(str(before)), physical_types.read(str(after))
    if old is None or new is None:
        same = old is new and str(before).casefold().split() == str(after).casefold().split()
        return "" if same else "physical-type"
    longest = [one.length if one.length is not None else float("inf") for one in (old, new)]
    same = replace(old, length=None) == replace(new, length=None)
    return "" if same and longest[1] <= longest[0] else "physical-type"
