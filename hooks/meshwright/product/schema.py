"""The JSON Schemas of a product's files, and of what the verbs read and write.

Those that products have a copy of are composed by `make reference` (composed_schemas.py), and read as it wrote them: to
parse the YAML of all blueprints takes a tenth of a whole check.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from meshwright.core.yaml import load
from meshwright.product import registry

FOLDER = Path(__file__).parent / "schemas"


@cache
def data_product() -> dict[str, Any]:
    """Return the schema of data-product.yaml: strict, with the mandatory attributes and every capability's properties."""
    return _composed("data-product")


@cache
def access_policy() -> dict[str, Any]:
    """Return the schema of access/policy.yaml."""
    return _composed("access-policy")


@cache
def access_agreement() -> dict[str, Any]:
    """Return the schema of access/agreements/<id>.yaml."""
    return _composed("access-agreement")


@cache
def access_review() -> dict[str, Any]:
    """Return the schema of access/reviews/<agreement>.yaml."""
    return source("access-review.yaml")


@cache
def approvers() -> dict[str, Any]:
    """Return the schema of access/approvers.yaml."""
    return _composed("approvers")


@cache
def access_tests() -> dict[str, Any]:
    """Return the schema of access/tests.yaml."""
    return _composed("access-tests")


@cache
def exceptions() -> dict[str, Any]:
    """Return the schema of .meshwright/exceptions.yaml."""
    return _composed("exceptions")


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
    return source("mesh.yaml")


@cache
def catalog_record() -> dict[str, Any]:
    """Return the schema of a catalog record, around the product's own documents."""
    return source("catalog-record.yaml")


@cache
def fitness() -> dict[str, Any]:
    """Return the schema of fitness.yaml."""
    return source("fitness.yaml")


@cache
def assessment() -> dict[str, Any]:
    """Return the schema of an assessment of the mesh."""
    return source("assessment.yaml")


@cache
def map_of_mesh() -> dict[str, Any]:
    """Return the schema of a map of the mesh."""
    return source("map.yaml")


@cache
def survey() -> dict[str, Any]:
    """Return the schema of a survey of a domain."""
    return source("survey.yaml")


@cache
def directory() -> dict[str, Any]:
    """Return the schema of the corporate directory file, or of the connection to a directory server."""
    return _composed("directory")


def source(name: str) -> dict[str, Any]:
    """Return a schema's YAML file, as it is written."""
    schema: dict[str, Any] = load(FOLDER / name)
    return schema


def _composed(name: str) -> dict[str, Any]:
    """Return the schema that products have in .meshwright/. It is in the template, beside the blueprints."""
    file = registry.folder().parent / "template" / ".meshwright" / f"{name}.schema.json"
    schema: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return schema
