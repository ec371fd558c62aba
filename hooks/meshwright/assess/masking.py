"""Compute from the access policy what a role should see of a column, and check whether the data conforms.

`meshwright access` evaluates the same in Rego. This implementation is independent, so that it can find errors in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from meshwright.product.record import Column, Record

if TYPE_CHECKING:
    from meshwright.assess.storage import Table

CLEAR = "clear"
LOOKED_AT = 50_000
"""Maximum distinct values of a column that are examined."""
FIRST_OF_A_YEAR = re.compile(r"-?\d{1,6}-01-01([ T]00:00:00(\.0+)?(\+00(:00)?|Z)?)?( \(?BC\)?)?")


def treatment(record: Record, role: Mapping[str, Any], column: Column) -> str | None:
    """Return `clear`, the name of a mask, or None if the role must not see the column at all."""
    clearance = role.get("clearance")
    if isinstance(clearance, list) and column.classification in clearance:
        return CLEAR
    if role.get("above") != "mask":
        return None
    masks = record.get(f"policy.masks.{column.classification}")
    masks = masks if isinstance(masks, dict) else {}
    mask = masks.get(column.logical_type, masks.get("default", "empty"))
    return mask if isinstance(mask, str) else "empty"


def unmasked(table: Table, column: str, mask: str, clear: Callable[[], Iterable[str]]) -> str:
    """Return what is wrong with the values that a role sees, as the end of a sentence; empty if all are masked
    correctly. `clear`: returns values of the data set itself. Raises storage.Blocker."""
    if mask == "empty":
        return "" if table.filled(column) == 0 else "has values, but should be empty"
    values = table.texts(column, LOOKED_AT)
    if mask == "redacted":
        return "" if set(values) <= {"***"} else "has other values than ***"
    if mask == "year":
        good = all(FIRST_OF_A_YEAR.fullmatch(value) for value in values)
        return "" if good else "has other days than the first of a year"
    if mask == "domain":
        if any("@" in value for value in values):
            return "has complete e-mail addresses"
        return "has unmasked values of the data set" if set(values) & set(clear()) else ""
    return f"has the unknown mask {mask[:40]}"
