"""Validate a document against its schema; problems are sentences, at the place that has to change."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import jsonschema_rs

from meshwright.core.text import listed
from meshwright.core.yaml import Document, Keys
from meshwright.product import schema
from meshwright.product.files import SPEC
from meshwright.product.problem import Problem


@cache
def _validator(shape: Callable[[], dict[str, Any]]) -> Any:
    return jsonschema_rs.validator_for(shape())


VAGUE = ("oneOf", "anyOf", "additionalProperties", "unevaluatedProperties")
"""Keywords of ODCS that also fail if a more specific one fails at the same place."""


def misshapen(document: Document, shape: Callable[[], dict[str, Any]]) -> Iterator[Problem]:
    """Yield every schema error as a sentence, at the place that has to change."""
    standard = shape is schema.contract
    if standard:
        shape = schema.standard(document.value)
    validator = _validator(shape)
    if validator.is_valid(document.value):  # much faster than listing no errors
        return
    errors = list(validator.iter_errors(document.value))
    particular = {tuple(error.instance_path) for error in errors if error.kind.name not in VAGUE}
    for error in errors:
        follows = error.kind.name in VAGUE and tuple(error.instance_path) in particular
        if not standard or not follows:
            yield from _problems(document, error, shape())


def _problems(document: Document, error: Any, root_schema: dict[str, Any]) -> Iterator[Problem]:
    keys: Keys = tuple(error.instance_path)
    kind = error.kind
    match kind.name:
        case "required":
            missing = (*keys, kind.property)
            yield Problem(document, missing, f"{_dotted(missing)} is missing.", f"Give `{kind.property}`.")
        case "additionalProperties" | "unevaluatedProperties":
            own = " Your own fields belong below `extensions`." if document.path.name == SPEC else ""
            for key in kind.unexpected:
                unknown = (*keys, key)
                fix = f"Fix its spelling, or remove it.{own}"
                yield Problem(document, unknown, f"{_dotted(unknown)} is unknown.", fix)
        case "propertyNames":
            named = (*keys, kind.error.instance)
            yield Problem(document, named, f"{_dotted(keys)}: {kind.error.message}.", "Give it another name.")
        case "enum" | "const":
            options = kind.options if kind.name == "enum" else [kind.expected_value]
            fix = f"Write {options[0]}." if len(options) == 1 else f"Write one of: {listed(options)}."
            yield Problem(document, keys, f"{_dotted(keys)} is {_short(json.dumps(error.instance))}.", fix)
        case _:
            around = _around(root_schema, error.schema_path)
            hints = [str(around[key]) for key in ("$comment", "description") if key in around][:1]
            hints += [f"For example {json.dumps(example)}." for example in around.get("examples", [])[:1]]
            fix = " ".join(hints) or "Use a value that the schema allows."
            # A possible secret is not repeated.
            secret = around.get("writeOnly") or ("properties" in keys and kind.name in ("anyOf", "oneOf"))
            detail = "does not fit the schema" if secret else _short(error.message)
            yield Problem(document, keys, f"{_dotted(keys)}: {detail}.", fix)


def _around(root_schema: dict[str, Any], path: Sequence[str | int]) -> dict[str, Any]:
    """Return the schema that contains the keyword at `path`, merged with the references on the way."""
    node: Any = root_schema
    found: dict[str, Any] = {}
    for key in path[:-1]:
        if key == "$ref":
            found = {name: node[name] for name in ("description", "examples") if name in node}
            node = root_schema["$defs"].get(str(node["$ref"]).rpartition("/")[2], {})
            continue
        node = node[int(key)] if isinstance(node, list) else node.get(key, {})
        found = {}
    return {**node, **found} if isinstance(node, dict) else found


def _dotted(keys: Keys) -> str:
    return ".".join(map(str, keys)) or "the file"


def _short(message: str) -> str:
    return message if len(message) <= 300 else f"{message[:150]} … {message[-100:]}"
