"""What a role of the access policy shall see of a column, worked out anew from the policy alone, and whether it does.

`meshwright access` asks Rego the same. An assessment that asked it too would find what it does, not whether it is right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from meshwright.assess.storage import Table
from meshwright.product.record import Column, Record

CLEAR = "clear"
LOOKED_AT = 50_000
"""Different values of a column."""
FIRST_OF_A_YEAR = re.compile(r"-?\d{1,6}-01-01([ T]00:00:00(\.0+)?(\+00(:00)?|Z)?)?( \(?BC\)?)?")


def treatment(record: Record, role: Mapping[str, Any], column: Column) -> str | None:
    """`clear`, the name of a mask, or None where the role shall not see that there is such a column."""
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
    """What is wrong about the values that a role sees, as the end of a sentence; empty if each of them is as its mask
    has it. `clear`: gives values of the data set itself. Raises storage.Blocker."""
    if mask == "empty":
        return "" if table.filled(column) == 0 else "has values, and shall be empty"
    values = table.texts(column, LOOKED_AT)
    if mask == "redacted":
        return "" if set(values) <= {"***"} else "has other values than ***"
    if mask == "year":
        good = all(FIRST_OF_A_YEAR.fullmatch(value) for value in values)
        return "" if good else "has other days than the first of a year"
    if mask == "domain":
        if any("@" in value for value in values):
            return "has whole e-mail addresses"
        return "has values as they are in the data set" if set(values) & set(clear()) else ""
    return f"has the mask {mask[:40]}, which nobody knows"
