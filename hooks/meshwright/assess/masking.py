"""Check whether the data that a role can read is masked as the access policy says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshwright.assess.storage import Table

LOOKED_AT = 50_000
"""Maximum distinct values of a column that are examined."""
FIRST_OF_A_YEAR = re.compile(r"-?\d{1,6}-01-01([ T]00:00:00(\.0+)?(\+00(:00)?|Z)?)?( \(?BC\)?)?")


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
