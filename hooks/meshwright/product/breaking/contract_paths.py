"""Where things are in a contract: its columns with all that is nested in them, and the keys of a dotted path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from meshwright.core.yaml import Document, Keys


def columns(node: Any) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Return every column below a contract, and all that is nested in it, by its place from the table on."""
    tables = node.get("schema") if isinstance(node, dict) else None
    for table in tables if isinstance(tables, list) else ():
        if isinstance(table, dict):
            yield from _nested(table, (str(table.get("name")),))


def _nested(node: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    properties, pairs = node.get("properties"), mapping(node.get("map"))
    below = [
        *(
            (("properties", str(item.get("name"))), item)
            for item in (properties if isinstance(properties, list) else ())
            if isinstance(item, dict)
        ),
        (("items",), node.get("items")),
        (("map.key",), pairs.get("key")),
        (("map.value",), pairs.get("value")),
    ]
    for steps, inner in below:
        if isinstance(inner, dict):
            yield (*path, *steps), inner
            yield from _nested(inner, (*path, *steps))


def column_keys(document: Document, path: tuple[str, ...]) -> Keys:
    """Return where a column is described, by its place from the table on."""
    return keys_of(document, ".".join(("schema", *path)))


def column_name(path: tuple[str, ...]) -> str:
    """Return what people call the column at a place: `stops[].place`."""
    text = ""
    steps = iter(path[1:])
    for step in steps:
        if step == "properties":
            text += f".{next(steps)}" if text else next(steps)
        else:
            text += {"items": "[]", "map.key": "[key]", "map.value": "[value]"}[step]
    return text


def keys_of(document: Document, path: str) -> Keys:
    """Return where a dotted path of names leads to in the document, as far as it goes there."""
    keys: Keys = ()
    node = document.value
    while path:
        for key, name, below in sorted(_below(node), key=lambda step: -len(step[1])):
            if path == name or path.startswith(f"{name}."):
                keys, node, path = (*keys, key), below, path[len(name) + 1 :]
                break
        else:
            break
    return keys


def _below(node: Any) -> Iterator[tuple[str | int, str, Any]]:
    """Return each step down: its key, what it is called in a path, and where it leads."""
    if isinstance(node, dict):
        yield from ((key, key, below) for key, below in node.items())
    for index, item in enumerate(node if isinstance(node, list) else ()):
        yield index, f"[{index}]", item
        if isinstance(item, dict):
            yield from ((index, str(item[key]), item) for key in ("name", "property") if item.get(key))


def mapping(value: Any) -> Mapping[str, Any]:
    """Return the value if it is a mapping, and an empty one otherwise."""
    return value if isinstance(value, dict) else {}
