"""Questions about the nodes of a parsed model that several constructs ask."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg)
FRACTIONS = (
    *(exp.Floor, exp.Ceil, exp.Round),
    *(exp.Count, exp.Length, exp.Extract, exp.RowNumber, exp.StrPosition),
)
"""Functions whose value is no double, and has no fraction once it is cast."""
WHOLE = (
    *(exp.Case, exp.Boolean, exp.Predicate, exp.Not, exp.Null),
    *(exp.Window, exp.Max, exp.Min, exp.Sum, exp.Mod),
)
"""What is taken for whole, because only the types of its columns show more."""
PASSED_ON = (
    *(exp.Paren, exp.Coalesce, exp.Round, exp.Floor, exp.Ceil),
    *(exp.Window, exp.Filter, exp.WithinGroup, exp.Nullif, *ARITHMETIC),
)
"""Nodes that pass the value of the node inside on to the node around them."""


def line(node: Any) -> int:
    """Return the line of a node: that of the first thing in it that has one, or of what it is in."""
    place = node
    while place is not None:
        lines: list[int] = [part.meta["line"] for part in place.walk() if "line" in part.meta]
        if lines:
            return min(lines)
        place = place.parent
    return 1


def type_of(cast: Any) -> str:
    """Return the name of the type that a value is cast to, in small letters, without its sizes."""
    kind = cast.to.this
    return str(kind.name if hasattr(kind, "name") else kind).lower()


def sizes(cast: Any) -> list[str]:
    """Return the numbers in parentheses of the type that a value is cast to."""
    return [size.name for size in cast.to.expressions]


def is_cast(node: Any) -> bool:
    """Return True if the value is cast before anybody sees it."""
    parent = node.parent
    while isinstance(parent, PASSED_ON):
        parent = parent.parent
    return isinstance(parent, (exp.Cast, exp.Predicate, exp.Having))


def is_whole(value: Any) -> bool:
    """Return True for a number without a fraction, as far as SQL shows."""
    if isinstance(value, (exp.Paren, exp.Neg)):
        return is_whole(value.this)
    if isinstance(value, exp.Literal):
        return re.fullmatch(r"-?\d+", value.this) is not None
    if isinstance(value, (exp.Add, exp.Sub, exp.Mul)):
        return is_whole(value.left) and is_whole(value.right)
    if isinstance(value, exp.Cast):
        return bool(value.to.is_type(*exp.DataType.INTEGER_TYPES, "boolean"))
    if isinstance(value, exp.Coalesce):
        return all(map(is_whole, [value.this, *value.expressions]))
    return isinstance(value, (*FRACTIONS, *WHOLE))


def number(node: Any) -> float | None:
    """Return the number that a literal is; None for anything else."""
    sign = -1 if isinstance(node, exp.Neg) else 1
    node = node.this if isinstance(node, exp.Neg) else node
    return sign * float(node.this) if isinstance(node, exp.Literal) and not node.is_string else None


def at_least(node: Any) -> float:
    """Return a number that the value is known not to be below."""
    if (literal := number(node)) is not None:
        return literal
    if isinstance(node, (exp.Length, exp.StrPosition, exp.Count)):
        return 0
    if isinstance(node, exp.RowNumber):
        return 1
    if isinstance(node, (exp.Paren, exp.Cast)):
        return at_least(node.this)
    if isinstance(node, exp.Greatest):
        return max(map(at_least, [node.this, *node.expressions]))
    if isinstance(node, (exp.Least, exp.Coalesce)):
        return min(map(at_least, [node.this, *node.expressions]))
    if isinstance(node, exp.Add):
        return at_least(node.left) + at_least(node.right)
    if isinstance(node, exp.Sub) and (less := number(node.right)) is not None:
        return at_least(node.left) - less
    return float("-inf")
