"""Compose the JSON Schemas that products have a copy of. Only `make reference` does: a check reads what it wrote.

Their sources are the YAML files of this folder's `schemas/`, the metamodel, the masks, and the registry's blueprints.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from meshwright.product import metamodel, registry
from meshwright.product.masks import LOGICAL_TYPES, MASKS
from meshwright.product.schema import source


def data_product() -> dict[str, Any]:
    """Return the schema of data-product.yaml: strict, with the mandatory attributes and every capability's properties."""
    schema = source("data-product.yaml")
    for rule, mandatory in metamodel.MANDATORY.items():
        if metamodel.level(rule) == "error":
            for attribute in mandatory.attributes:
                _require(schema, attribute.split("."))
    spec = schema["properties"]["spec"]["properties"]
    spec["type"]["enum"] = list(metamodel.TYPES)
    spec["classification"]["enum"] = list(metamodel.CLASSIFICATIONS)
    spec["serviceLevels"]["items"]["properties"]["indicator"]["enum"] = list(metamodel.INDICATORS)
    for kind, part in (
        ("inputs", spec["inputs"]["items"]),
        ("outputs", spec["outputs"]["items"]),
        ("traits", spec["traits"]["items"]),
        ("transforms", spec["transform"]),
        ("platforms", spec["platform"]),
        ("infrastructure", spec["infrastructure"]),
    ):
        entries = [entry for entry in registry.capabilities() if entry.kind == kind]
        part["properties"]["uses"] |= {"enum": [entry.uses for entry in entries]}
        part["allOf"] = [_when_used(entry) for entry in entries]
    return schema


def access_policy() -> dict[str, Any]:
    """Return the schema of access/policy.yaml."""
    schema = source("access-policy.yaml")
    clearance = schema["properties"]["roles"]["additionalProperties"]["properties"]["clearance"]
    clearance["items"] = {"enum": list(metamodel.CLASSIFICATIONS)}
    masks = {"$ref": "#/$defs/masksOfType"}
    schema["properties"]["masks"]["properties"] = dict.fromkeys(metamodel.CLASSIFICATIONS[1:], masks)
    everywhere = [mask for mask, types in MASKS.items() if not types]
    schema["$defs"]["masksOfType"]["properties"] = {
        kind: {"enum": [*everywhere, *(mask for mask, types in MASKS.items() if kind in types)]}
        for kind in LOGICAL_TYPES
    } | {"default": {"enum": everywhere}}
    return schema


SHIPPED: dict[str, Callable[[], dict[str, Any]]] = {
    "data-product": data_product,
    "access-agreement": partial(source, "access-agreement.yaml"),
    "access-policy": access_policy,
    "access-tests": partial(source, "access-tests.yaml"),
    "approvers": partial(source, "approvers.yaml"),
    "directory": partial(source, "directory.yaml"),
    "exceptions": partial(source, "exceptions.yaml"),
}
"""Name -> the schema of that name in a product's .meshwright/, for its pipeline and for editors."""


def as_written() -> dict[str, str]:
    """Return the files in a product's .meshwright/, by their names."""
    return {
        f"{name}.schema.json": json.dumps(compose(), indent=2, ensure_ascii=False) + "\n"
        for name, compose in SHIPPED.items()
    }


def _require(schema: dict[str, Any], path: list[str]) -> None:
    """Make the attribute at `path` required, with its parents; a list there must not be empty."""
    for key in path:
        required = schema.setdefault("required", [])
        if key not in required:
            required.append(key)
        # An organisation's own attributes below `extensions` are not in the schema yet.
        schema = schema.setdefault("properties", {}).setdefault(key, {})
    if schema.get("type") == "array":
        schema["minItems"] = 1


def _when_used(entry: registry.Capability) -> dict[str, Any]:
    """Return the condition that a use of the capability must have the properties that its blueprint requires."""
    needs = ["properties"] if entry.properties.get("required") else []
    return {
        "if": {"properties": {"uses": {"const": entry.uses}}, "required": ["uses"]},
        "then": {"properties": {"properties": entry.properties}, "required": needs},
    }
