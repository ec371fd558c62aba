"""Values that nobody expects, and every place of a document to put them."""

from __future__ import annotations

from typing import Any

WRONG = [
    None, "", " ", "\n", "x y\x07", 0, -1, 1.5, True, [], {}, [[]], [None], {"": None}, "../../etc/passwd", "${", "a" * 5_000,
    10**30, "\u2028", "<script>", "'; drop table x; --",
]  # fmt: skip


def every_place(value: Any, keys: tuple = ()) -> list[tuple]:
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [keys, *(place for key, child in children for place in every_place(child, (*keys, key)))]


def at(value: Any, keys: tuple) -> Any:
    for key in keys:
        value = value[key]
    return value
