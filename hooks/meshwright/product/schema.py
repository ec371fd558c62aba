"""The JSON Schemas of a product's files; the one for the spec is composed from the registry."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from meshwright.core.yaml import load
from meshwright.product import metamodel, registry
from meshwright.product.masks import LOGICAL_TYPES, MASKS

FOLDER = Path(__file__).parent / "schemas"


@cache
def data_product() -> dict[str, Any]:
    """Return the schema of data-product.yaml: strict, with the mandatory attributes and every capability's properties."""
    schema = _load("data-product.yaml")
    for rule, mandatory in metamodel.MANDATORY.items():
        if metamodel.level(rule) == "error":
            for attribute in mandatory.attributes:
                _require(schema, attribute.split("."))
    spec = schema["properties"]["spec"]["properties"]
    for kind, part in (
        ("inputs", spec["inputs"]["items"]),
        ("outputs", spec["outputs"]["items"]),
        ("traits", spec["traits"]["items"]),
        ("transforms", spec["transform"]),
        ("platforms", spec["platform"]),
    ):
        entries = [entry for entry in registry.capabilities() if entry.kind == kind]
        part["properties"]["uses"] |= {"enum": [entry.uses for entry in entries]}
        part["allOf"] = [_when_used(entry) for entry in entries]
    return schema


@cache
def access_policy() -> dict[str, Any]:
    """Return the schema of access/policy.yaml."""
    schema = _load("access-policy.yaml")
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


@cache
def access_agreement() -> dict[str, Any]:
    """Return the schema of access/agreements/<id>.yaml."""
    return _load("access-agreement.yaml")


@cache
def approvers() -> dict[str, Any]:
    """Return the schema of access/approvers.yaml."""
    return _load("approvers.yaml")


@cache
def access_tests() -> dict[str, Any]:
    """Return the schema of access/tests.yaml."""
    return _load("access-tests.yaml")


@cache
def contract() -> dict[str, Any]:
    """Return the schema of contract.odcs.yaml: the Open Data Contract Standard's own, version 3.1."""
    return _standard("odcs-3.1.0.schema.json")


@cache
def contract_3_2() -> dict[str, Any]:
    """Return the schema of the Open Data Contract Standard, version 3.2."""
    return _standard("odcs-3.2.0.schema.json")


def _standard(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((FOLDER / "odcs" / name).read_text("utf-8"))
    return schema


def standard(value: Any) -> Callable[[], dict[str, Any]]:
    """Return the schema for a contract's version of the standard."""
    version = value.get("apiVersion") if isinstance(value, dict) else None
    return contract_3_2 if str(version).startswith("v3.2.") else contract


@cache
def mesh() -> dict[str, Any]:
    """Return the schema of mesh.yaml."""
    return _load("mesh.yaml")


@cache
def catalog_record() -> dict[str, Any]:
    """Return the schema of a catalog record, around the product's own documents."""
    return _load("catalog-record.yaml")


@cache
def fitness() -> dict[str, Any]:
    """Return the schema of fitness.yaml."""
    return _load("fitness.yaml")


@cache
def assessment() -> dict[str, Any]:
    """Return the schema of an assessment of the mesh."""
    return _load("assessment.yaml")


@cache
def map_of_mesh() -> dict[str, Any]:
    """Return the schema of a map of the mesh."""
    return _load("map.yaml")


@cache
def directory() -> dict[str, Any]:
    """Return the schema of the corporate directory file, or of the connection to a directory server."""
    return _load("directory.yaml")


SHIPPED = {
    "data-product.schema.json": data_product,
    "access-agreement.schema.json": access_agreement,
    "access-policy.schema.json": access_policy,
    "access-tests.schema.json": access_tests,
    "approvers.schema.json": approvers,
    "directory.schema.json": directory,
}
"""Schemas in a product's .meshwright/, for its pipeline and for editors."""


def text(schema: dict[str, Any]) -> str:
    """Return a schema as it is written to a file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _load(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = load(FOLDER / name)
    spec = schema["properties"].get("spec", {}).get("properties", {})
    if name == "data-product.yaml":
        spec["type"]["enum"] = list(metamodel.TYPES)
        spec["classification"]["enum"] = list(metamodel.CLASSIFICATIONS)
        spec["serviceLevels"]["items"]["properties"]["indicator"]["enum"] = list(metamodel.INDICATORS)
    return schema


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
