"""The types of a contract's columns, and the masks that a policy can put on them."""

from __future__ import annotations

LOGICAL_TYPES = (
    *("string", "date", "timestamp", "time", "number", "integer", "object", "array", "boolean"),
    *("map", "vector"),
)
"""The types that a contract gives its columns: those of ODCS 3.1, and the two that 3.2 adds."""


MASKS: dict[str, tuple[str, ...]] = {
    "empty": (),
    "redacted": ("string",),
    "year": ("date", "timestamp"),
    "domain": ("string",),
}
"""Mask -> the logical types (ODCS) that it can be used on; none: all.

`empty`: no value at all, in the column's own type. `redacted`: the text `***` (an empty value stays empty).
`year`: the first of January of the year, in the column's own type. `domain`: what follows the last `@` of an
e-mail address; a value without an `@` becomes empty.
"""
