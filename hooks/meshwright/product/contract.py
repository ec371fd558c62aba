"""The data set that a contract describes, and its columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from meshwright.core.yaml import Document, Keys


def tables(contract: Document) -> list[tuple[Keys, dict[str, Any]]]:
    """The data sets that the contract describes."""
    return list(contract.items("schema"))


def described(spec: Document, contract: Document) -> Iterator[tuple[Keys, str, dict[str, Any]]]:
    """The columns that the contract gives the product's data set, nested ones too: place, dotted name, column."""
    dataset = spec.get("spec.dataset.name")
    for keys, table in tables(contract):
        if table.get("name") == dataset:
            yield from _columns(keys, "", table)


def _columns(keys: Keys, parent: str, node: dict[str, Any]) -> Iterator[tuple[Keys, str, dict[str, Any]]]:
    properties = node.get("properties")
    for index, column in enumerate(properties if isinstance(properties, list) else []):
        if isinstance(column, dict):
            place = (*keys, "properties", index)
            name = f"{parent}{column.get('physicalName') or column.get('name')}"
            yield place, name, column
            if NESTING & column.keys():
                yield from _columns(place, f"{name}.", column)
    pairs = node.get("map")
    below: dict[tuple[str, ...], Any] = {("items",): node.get("items")}
    if isinstance(pairs, dict):
        below |= {("map", side): pairs.get(side) for side in ("key", "value")}
    for steps, inner in below.items():
        if isinstance(inner, dict):
            yield from _columns((*keys, *steps), parent, inner)


NESTING = {"properties", "items", "map"}
"""What of a column holds other columns."""


def columns(spec: Document, contract: Document) -> dict[str, dict[str, Any]]:
    """The columns of the data set by name, without what is nested in them."""
    top = len(("schema", 0, "properties", 0))
    return {name: column for keys, name, column in described(spec, contract) if len(keys) == top}
