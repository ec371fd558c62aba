"""Read the data set and its columns from a contract."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from meshwright.core.yaml import Document, Keys

T = TypeVar("T")
OUTPUT_PORT = "outputPort"
"""Custom property of a server that was made from an output port (contract_servers.py): the port's address."""


def tables(contract: Document) -> list[tuple[Keys, dict[str, Any]]]:
    """Return the data sets that the contract describes."""
    return list(contract.items("schema"))


def described(spec: Document, contract: Document) -> Iterator[tuple[Keys, str, dict[str, Any]]]:
    """Yield the columns of the product's data set in the contract, nested ones too: place, dotted name, column."""
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
"""Keys of a column that hold nested columns."""


def columns(spec: Document, contract: Document) -> dict[str, dict[str, Any]]:
    """Return the top-level columns of the data set, by name."""
    top = len(("schema", 0, "properties", 0))
    return {name: column for keys, name, column in described(spec, contract) if len(keys) == top}


def column_key(name: str) -> str:
    """Return what names have in common that an engine takes for one column: most of them do not tell case apart."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def as_spelled(columns: Mapping[str, T], names: Iterable[str]) -> dict[str, T]:
    """Return the columns of one data set, each under the name that another one has for it."""
    spelled = {column_key(name): name for name in names}
    return {spelled.get(column_key(name), name): about for name, about in columns.items()}


def without_made_servers(contract: Mapping[str, Any]) -> dict[str, Any]:
    """Return a contract as its team wrote it: without the servers that were made from output ports."""
    listed = contract.get("servers")
    own = [one for one in listed if not _is_made(one)] if isinstance(listed, list) else listed
    rest = {key: value for key, value in contract.items() if key != "servers"}
    return dict(contract) if own == listed else {**rest, "servers": own} if own else rest


def _is_made(server: Any) -> bool:
    properties = server.get("customProperties") if isinstance(server, dict) else None
    return isinstance(properties, list) and any(
        isinstance(one, dict) and one.get("property") == OUTPUT_PORT for one in properties
    )
