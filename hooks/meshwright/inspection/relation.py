"""A table in an engine that answers SQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from meshwright.inspection.model import Column, Table

ORDERED = ("DATE", "TIME", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE")
NUMBERS = re.compile(r"U?(TINY|SMALL|BIG)?INT(EGER)?|UINTEGER|DECIMAL(\(.*\))?|FLOAT|DOUBLE")
WHOLE = re.compile(r"U?(TINY|SMALL|BIG)?INT(EGER)?|UINTEGER|DECIMAL\(\d+,0\)")
TEXT = re.compile(r"VARCHAR(\(\d+\))?|UUID")


@dataclass(frozen=True)
class SqlWriting:
    """How an engine writes what a profile asks."""

    quote: Callable[[str], str]
    """A name."""
    literal: Callable[[str], str]
    """A text."""
    length: str = "char_length({})"
    matches: str = "{text} ~ {form}"
    """A condition: the whole text has the form. `form` is the literal of an anchored regular expression."""
    exact: str = "{}"
    """A text that is compared byte by byte, whatever its collation."""
    finite: str = "{}"
    """A number with decimals, missing if it is NaN: to a contract, both are a missing value."""
    estimate: str = ""
    """The approximate number of different values; empty if the engine has no such function."""
    all_true: str = "min(case when {} then 1 else 0 end)"


@dataclass
class Relation:
    """A table or a query in an engine, with the SQL of each column's value as it lands."""

    table: Table
    source: str
    """SQL after `from`."""
    values: Mapping[str, str]
    """Column -> SQL of its value."""
    query: Callable[[str], list[tuple[Any, ...]]]
    sql: SqlWriting
    convert: Callable[[Column, Any], Any]
    """Returns the value that lands for one that the engine returned; None for one that does not fit."""
    sample: Callable[[int], list[tuple[Any, ...]]]
    """Returns that many rows, the same ones each time, from all over the table if there are more."""
    notes: list[str] = field(default_factory=list)
    as_texts: frozenset[str] = frozenset()
    """Columns that land as text, but are none at the source, such as years: their few values are no list of all."""

    def exact(self, name: str) -> str:
        """Return the SQL of a column's value for comparisons."""
        value = self.values[name]
        return self.sql.exact.format(value) if is_text(self.table.column(name).type) else value


@dataclass
class Counts:
    """What one pass over all rows tells of a column."""

    present: int
    minimum: Any = None
    maximum: Any = None
    shortest: int | None = None
    longest: int | None = None
    estimate: int | None = None


def is_number(kind: str) -> bool:
    return bool(NUMBERS.fullmatch(kind))


def is_float(kind: str) -> bool:
    return kind in ("FLOAT", "DOUBLE")


def is_text(kind: str) -> bool:
    return bool(TEXT.fullmatch(kind))


def batches(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Yield the items in groups of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
