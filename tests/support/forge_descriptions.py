"""Published descriptions (OpenAPI) of the forges' interfaces: answers are filled in and held against them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema_rs
from checkout import ROOT

FOLDER = ROOT / "tests" / "data" / "forges"
SAMPLES = {"date-time": "2026-01-01T00:00:00Z", "uri": "https://forge.example.org/x", "date": "2026-01-01"}


class Description:
    """One forge's description."""

    def __init__(self, name: str) -> None:
        self._document = _loaded(name)
        self._name = name

    def body_errors(self, path: str, method: str, value: Any) -> list[str]:
        """What the body of a request has that the description does not allow."""
        document = _loaded(self._name)
        schema = document["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]
        root = {"components": _with_null(document["components"]), **_with_null(schema)}
        return [str(error)[:300] for error in jsonschema_rs.validator_for(root).iter_errors(value)]

    def errors(self, path: str, status: int, value: Any, method: str = "get") -> list[str]:
        """What an answer to a request of a path has that the description does not allow."""
        schema = _schema(self._name, path, status, method)
        return (
            []
            if schema is None
            else [
                str(error)[:300] for error in _validator(self._name, path, status, method).iter_errors(value)
            ]
        )

    def filled(self, schema: str, values: Mapping[str, Any]) -> Any:
        """The least value of a schema, with some of its fields set."""
        return _merged(self._least({"$ref": f"#/components/schemas/{schema}"}), values, self, schema)

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in schema:
            schema = self._document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return schema

    def _least(self, schema: Mapping[str, Any]) -> Any:
        schema = self._resolved(schema)
        if schema.get("nullable"):
            return None
        for key in ("oneOf", "anyOf"):
            if key in schema and "properties" not in schema:
                return self._least(schema[key][0])
        if "allOf" in schema:
            return {key: value for part in schema["allOf"] for key, value in self._least(part).items()}
        if "enum" in schema:
            return schema["enum"][0]
        kind = schema.get("type", "object")
        if kind == "object":
            properties = schema.get("properties", {})
            return {name: self._least(properties.get(name, {})) for name in schema.get("required", [])}
        plain: dict[str, Any] = {"integer": 1, "number": 1, "boolean": False, "array": []}
        return plain[kind] if kind in plain else SAMPLES.get(schema.get("format", ""), "x")


def _merged(least: Any, values: Mapping[str, Any], description: Description, schema: str) -> Any:
    shape = description._resolved({"$ref": f"#/components/schemas/{schema}"})
    return _below(least, values, shape, description)


def _below(least: Any, values: Any, shape: Mapping[str, Any], description: Description) -> Any:
    """`values`, completed with what the shape requires of objects inside of it."""
    shape = description._resolved(shape)
    parts = [shape, *map(description._resolved, shape.get("allOf", ()))]
    properties = {name: part for one in parts for name, part in one.get("properties", {}).items()}
    if not isinstance(values, Mapping):
        return values
    begun = dict(least) if isinstance(least, dict) else {}
    for name, value in values.items():
        inner = properties.get(name, {})
        begun[name] = _below(_object(inner, description), value, inner, description)
    return begun


def _object(shape: Mapping[str, Any], description: Description) -> Any:
    shape = {key: value for key, value in description._resolved(shape).items() if key != "nullable"}
    shapes = [shape, *shape.get("allOf", ()), *shape.get("anyOf", ()), *shape.get("oneOf", ())]
    objects = [one for one in map(description._resolved, shapes) if "properties" in one]
    return description._least({**objects[0], "nullable": False}) if objects else None


@cache
def _loaded(name: str) -> Any:
    return json.loads((FOLDER / name).read_text("utf-8"))


@cache
def _validator(name: str, path: str, status: int, method: str) -> Any:
    document = _loaded(name)
    root = {
        "components": _with_null(document["components"]),
        **_with_null(_schema(name, path, status, method)),
    }
    return jsonschema_rs.validator_for(root)


def _schema(name: str, path: str, status: int, method: str) -> Any:
    responses = _loaded(name)["paths"].get(path, {}).get(method, {}).get("responses", {})
    return responses.get(str(status), {}).get("content", {}).get("application/json", {}).get("schema")


def _with_null(node: Any) -> Any:
    """OpenAPI 3.0's `nullable` as JSON Schema has it."""
    if isinstance(node, list):
        return [_with_null(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _with_null(value) for key, value in node.items() if key not in ("nullable", "discriminator")}
    return {"anyOf": [kept, {"type": "null"}]} if node.get("nullable") is True else kept
