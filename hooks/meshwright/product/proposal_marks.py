"""Find the proposals of `meshwright draft` that nobody has accepted, in a spec, a contract, or dbt's YAML.

A proposal is a value that is written where it belongs, with a mark beside it. The mark is data, not a comment:
`customProperties` in a contract, `meta` in dbt's YAML, `extensions` in the spec.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

MARK = "proposed"


class Mark(NamedTuple):
    """One proposal in a document."""

    keys: tuple[str | int, ...]
    """Path of the object that the proposed value is in."""
    field: str
    """Dotted path of the proposed value within that object; empty if the mark itself cannot be read."""
    reason: str
    """Why it is proposed, as a sentence."""
    names: tuple[str, ...]
    """The values of `name` on the way to the object, such as a table's and a column's."""


def marks(value: Any) -> Iterator[Mark]:
    """Yield every proposal in the value of a document, in its order."""
    waiting: list[tuple[tuple[str | int, ...], tuple[str, ...], Any]] = [((), (), value)]
    while waiting:
        keys, names, node = waiting.pop()
        if isinstance(node, dict):
            if keys and isinstance(name := node.get("name"), str):
                names = (*names, name)
            for entries in _marked(keys, node):
                yield from (Mark(keys, *entry, names) for entry in _entries(entries))
            below: list[tuple[Any, Any]] = list(node.items())
        elif isinstance(node, list):
            below = list(enumerate(node))
        else:
            continue
        waiting += [((*keys, key), names, item) for key, item in reversed(below)]


def _marked(keys: tuple[str | int, ...], node: dict[Any, Any]) -> Iterator[Any]:
    """Yield what the marks of one object hold."""
    custom = node.get("customProperties")
    for item in custom if isinstance(custom, list) else []:
        if isinstance(item, dict) and item.get("property") == MARK:
            yield item.get("value")
    config, extensions = node.get("config"), node.get("extensions")
    metas = [config.get("meta") if isinstance(config, dict) else None]
    if keys[-1:] != ("config",):
        metas.append(node.get("meta"))
    if not keys:
        metas.append(extensions)
    for meta in metas:
        if isinstance(meta, dict) and MARK in meta:
            yield meta[MARK]


def _entries(value: Any) -> Iterator[tuple[str, str]]:
    """Yield field and reason of each entry of a mark; one entry without a field if it cannot be read."""
    for entry in value if isinstance(value, list) else [value]:
        if (
            isinstance(entry, dict)
            and isinstance(field := entry.get("field", entry.get("at")), str)
            and field
        ):
            yield field, str(entry.get("reason") or "")
        else:
            yield "", ""
