"""Values of any shape, read as the type that they should have: what has another shape is left out, never guessed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def text(item: Mapping[str, Any], key: str) -> str:
    """Return the text at a key; empty if there is none."""
    value = item.get(key)
    return value if isinstance(value, str) else ""


def texts(item: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return the texts of the list at a key; none if there is no list."""
    value = item.get(key)
    return tuple(text for text in (value if isinstance(value, list) else ()) if isinstance(text, str))


def mapping(item: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the mapping at a key; empty if there is none."""
    value = item.get(key)
    return value if isinstance(value, dict) else {}


def items(item: Mapping[str, Any], key: str) -> Iterator[dict[str, Any]]:
    """Return the mappings of the list at a key; none if there is no list."""
    value = item.get(key)
    return (one for one in (value if isinstance(value, list) else ()) if isinstance(one, dict))


def number(value: Any) -> float | None:
    """Return the value as a number; None if it is none."""
    try:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    except OverflowError:
        return None
