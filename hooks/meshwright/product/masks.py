"""The types of a contract's columns, and the masks that a policy can apply to them."""

from __future__ import annotations

LOGICAL_TYPES = (
    *("string", "date", "timestamp", "time", "number", "integer", "object", "array", "boolean"),
    *("map", "vector"),
)
"""Logical types of a contract's columns: those of ODCS 3.1, and the two that 3.2 adds."""


MASKS: dict[str, tuple[str, ...]] = {
    "empty": (),
    "redacted": ("string",),
    "year": ("date", "timestamp"),
    "domain": ("string",),
}
"""Mask -> the logical types (ODCS) that it applies to; empty: all.

`empty`: no value, in the column's own type. `redacted`: the text `***` (missing values stay missing).
`year`: January 1 of the year, in the column's own type. `domain`: the part after the last `@` of an
e-mail address; a value without `@` becomes missing.
"""
