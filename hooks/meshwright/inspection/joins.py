"""Verify that the values of some columns are keys of another table, wherever the two tables are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meshwright.inspection.model import Source
from meshwright.inspection.relation import is_number, is_text

MOST_VALUES = 100_000
"""Different values that are looked for."""
AT_ONCE = 5_000


@dataclass(frozen=True)
class Contained:
    """How many of the different values of some columns are keys of another table."""

    found: int
    looked_for: int
    is_all: bool
    """True if there are no more different values than those that were looked for."""


def contained(child: Source, columns: Sequence[str], parent: Source, key: Sequence[str]) -> Contained:
    """Look for the different values of columns of one table among the keys of another; rows without a value are left out.

    Nothing is found if the columns are of different kinds: a number is no text.
    """
    if any(_kind(child, one) != _kind(parent, other) for one, other in zip(columns, key, strict=True)):
        return Contained(0, 0, False)
    values = list(child.distinct(columns, MOST_VALUES + 1))
    is_all = len(values) <= MOST_VALUES
    values = values[:MOST_VALUES]
    found = 0
    for start in range(0, len(values), AT_ONCE):
        part = {*values[start : start + AT_ONCE]}
        among = {name: {value[place] for value in part} for place, name in enumerate(key)}
        limit = MOST_VALUES * len(key)
        found += len(part & {*parent.distinct(key, limit, among)})
    return Contained(found, len(values), is_all)


def _kind(source: Source, column: str) -> str:
    type_ = source.profile().table.column(column).type
    return "number" if is_number(type_) else "text" if is_text(type_) else type_
