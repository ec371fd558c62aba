"""Check whether the data that a role can read is masked as the access policy says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshwright.assess.storage import Table

LOOKED_AT = 50_000
"""Maximum distinct values of a column that are compared with those of the data set."""
FIRST_OF_A_YEAR = r"-?[0-9]{1,6}-01-01([ T]00:00:00([.]0+)?([+]00(:00)?|Z)?)?( [(]?BC[)]?)?"


PATTERNS = {"redacted": r"\*\*\*", "year": FIRST_OF_A_YEAR, "domain": "[^@]*"}
"""Mask -> what the text of each masked value is."""
OTHERWISE = {
    "redacted": "has other values than ***",
    "year": "has other days than the first of a year",
    "domain": "has complete e-mail addresses",
}


def unmasked(table: Table, column: str, mask: str, clear: Callable[[], Iterable[str]]) -> str:
    """Return what is wrong with the values that a role sees, as the end of a sentence; empty if all are masked
    correctly. `clear`: returns values of the data set itself. Raises storage.Blocker."""
    if mask == "empty":
        return "" if table.filled(column) == 0 else "has values, but should be empty"
    if mask not in PATTERNS:
        return f"has the unknown mask {mask[:40]}"
    if table.unlike(column, PATTERNS[mask]):
        return OTHERWISE[mask]
    if mask == "domain" and set(table.texts(column, LOOKED_AT)) & set(clear()):
        return "has unmasked values of the data set"
    return ""
