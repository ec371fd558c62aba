"""What a product is in each of the environments that it runs in; its pipeline binds them alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meshwright.core.yaml import Document, Unreadable

NAMED = {"inputs": "input", "outputs": "port"}
"""What is bound by its name -> what one of it is called."""


def names(spec: Document) -> tuple[str, ...]:
    """The environments that the spec has."""
    found = spec.get("spec.environments")
    return tuple(found) if isinstance(found, dict) else ()


def bind(spec: Document, name: str) -> Document:
    """The spec as it is in an environment. Places in it are those of the spec.

    Raises Unreadable for an environment, an input or a port that it does not have. The spec fits its schema.
    """
    value = spec.value
    body = dict(value["spec"])
    environments = body.pop("environments", {})
    if name not in environments:
        known = ", ".join(environments) or "none"
        raise Unreadable(
            f"{spec.path}: There is no environment {name}; it has {known}.", "Name one that it has."
        )
    bound = environments[name]
    if "platform" in bound:
        body["platform"] = _laid_over(body.get("platform", {}), bound["platform"])
    for kind in NAMED:
        changes = bound.get(kind, {})
        entries = body.get(kind, [])
        if unknown := sorted(changes.keys() - {entry.get("name") for entry in entries}):
            raise Unreadable(
                f"{spec.path}: environment {name}: There is no {NAMED[kind]} {unknown[0]}.",
                f"Name one of spec.{kind}.",
            )
        body[kind] = [_laid_over(entry, changes.get(entry.get("name"), {})) for entry in entries]
    return Document(spec.path, {**value, "spec": body})


def _laid_over(entry: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Another capability takes none of the properties; the same one takes those that are not given anew."""
    same = changes.get("uses", entry.get("uses")) == entry.get("uses")
    properties = {**(entry.get("properties", {}) if same else {}), **changes.get("properties", {})}
    bound = {**entry, **changes, "properties": properties}
    if not properties:
        del bound["properties"]  # what a capability needs to know is missing, then, and not empty
    return bound
