"""Which promises a storage is asked for, and what a part of its rows says: a contract is as untrusted as the data."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from meshwright.assess.storage import Tally
from meshwright.product.promises import METRICS, Promise

FEWER = 100_000
"""Rows that are examined if a storage takes too long for all of them."""
DIGITS = 400
"""Decimal digits before or after the point of a number that is compared."""
MANY = 10_000
"""Values of a list that are compared."""


def is_absurd(promise: Promise) -> bool:
    """Return True if a promise has a number or a list that would fill the memory before anything is compared."""
    for number, value in enumerate(_scalars(promise.value)):
        if number >= MANY:
            return True
        try:
            if isinstance(value, str) and len(value) > DIGITS:
                continue  # a text, or no number that anybody means
            if abs(Decimal(str(value).strip()).adjusted()) > DIGITS:
                return True
        except (InvalidOperation, ValueError, OverflowError):
            continue
    return False


def _scalars(value: Any) -> Iterator[Any]:
    """Yield the numbers and texts in a value, however they are nested."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list | tuple):
            waiting += one
        elif isinstance(one, str | int | float):
            yield one


def part_of_rows(promise: Promise, tally: Tally, rows: int) -> Tally:
    """Return what a part of the rows says of all: rows that break a promise there break it, and a metric is not known."""
    if promise.kind == "rowCount":
        return Tally(rows)
    return Tally(unseen="A part of the rows does not decide it.") if promise.kind in METRICS else tally
