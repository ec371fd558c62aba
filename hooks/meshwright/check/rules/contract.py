"""The contract: valid, about this product's data set, and as careful as the product is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from meshwright.check.rules.base import Rule
from meshwright.core.text import listed
from meshwright.core.yaml import Document, Keys
from meshwright.product import metamodel
from meshwright.product.contract import described, tables
from meshwright.product.files import CONTRACT, SPEC
from meshwright.product.problem import Problem
from meshwright.product.promises import promises


class ContractVersionSupported(Rule):
    """The contract follows version 3.1 or 3.2 of the Open Data Contract Standard."""

    broken = {CONTRACT: {"apiVersion": "v2.2.2"}}

    def check(self, contract: Document) -> Iterator[Problem]:
        version = contract.get("apiVersion")
        if version is not None and not str(version).startswith(("v3.1.", "v3.2.")):
            yield Problem(
                contract,
                ("apiVersion",),
                f"apiVersion is {version}.",
                "Write `apiVersion: v3.2.0` or `v3.1.0`.",
            )


class ContractDescribesDataset(Rule):
    """The contract describes the product's one data set, and no other.

    A wish to publish a second data set is a sign that a second product is due.
    """

    broken = {SPEC: {"spec": {"dataset": {"name": "something_else"}}}}

    def check(self, spec: Document, contract: Document) -> Iterator[Problem]:
        dataset = spec.get("spec.dataset.name")
        names = [table.get("name") for _, table in tables(contract)]
        if dataset and names != [dataset]:
            yield Problem(
                contract,
                ("schema",),
                f"It describes {', '.join(map(str, names)) or 'nothing'}; the product's data set is {dataset}.",
                f"Keep one entry in `schema`, with `name: {dataset}`.",
            )


class ContractNamesProduct(Rule):
    """Where the contract names its product and domain, they are those of the spec."""

    broken = {CONTRACT: {"dataProduct": "another"}}

    def check(self, spec: Document, contract: Document) -> Iterator[Problem]:
        for key, attribute in (("dataProduct", "metadata.name"), ("domain", "metadata.domain")):
            said, is_ = contract.get(key), spec.get(attribute)
            if said is not None and is_ is not None and said != is_:
                yield Problem(
                    contract, (key,), f"{key} is {said}, but {attribute} is {is_}.", f"Write `{key}: {is_}`."
                )


class ColumnsDescribed(Rule):
    """The contract lists the data set's columns, each once, with its type and its meaning.

    A consumer who has to ask what a column means has no contract. A column without a description is not
    described by its name.
    """

    broken = {
        CONTRACT: {
            "schema": [{"name": "departures", "properties": [{"name": "carrier", "logicalType": "string"}]}]
        }
    }

    def check(self, spec: Document, contract: Document) -> Iterator[Problem]:
        seen: set[str] = set()
        found = list(described(spec, contract))
        if not found and any(
            table.get("name") == spec.get("spec.dataset.name") for _, table in tables(contract)
        ):
            yield Problem(
                contract, ("schema", 0), "It lists no column.", "List the columns under `properties`."
            )
        for keys, name, column in found:
            if name.lower() in seen:  # SQL does not tell Carrier from carrier
                detail = f"The column {name} stands there twice."
                yield Problem(contract, (*keys, "name"), detail, "Keep one of the two.")
            seen.add(name.lower())
            if not name.strip() or re.search(r"[\x00-\x1f]", name):
                yield Problem(contract, (*keys, "name"), f"{name!r} is no name.", "Give the column a name.")
            if not column.get("logicalType"):
                detail = f"The column {name} has no logicalType."
                yield Problem(contract, keys, detail, "Give its type, such as `logicalType: string`.")
            meaning = str(column.get("description") or "")
            if not re.search(r"\w.*\w", meaning) or meaning.strip().lower() == name.lower():
                detail = f"The column {name} has no description that says what it means."
                yield Problem(contract, (*keys, "description"), detail, "Write what it means.")


class ObjectsDescribed(Rule):
    """The contract describes the fields of every object.

    A run publishes no field that nobody has described, and so refuses an object without `properties`. Data whose keys
    are not known before is a map: `logicalType: map` (ODCS 3.2), or `physicalType: map`.
    """

    broken = {
        CONTRACT: {
            "schema": [
                {
                    "name": "departures",
                    "properties": [
                        {
                            "name": "carrier",
                            "logicalType": "object",
                            "description": "The airline.",
                            "classification": "public",
                        }
                    ],
                }
            ]
        }
    }

    def check(self, spec: Document, contract: Document) -> Iterator[Problem]:
        for keys, name, column in described(spec, contract):
            for place, of, node in _with_items(keys, name, column):
                physical = str(node.get("physicalType") or "").strip().lower()
                if (
                    node.get("logicalType") == "object"
                    and not node.get("properties")
                    and not physical.startswith("map")
                ):
                    detail = f"{of} is an object, and the contract describes none of its fields."
                    fix = "List its fields under `properties`, or say `physicalType: map` where its keys are not known."
                    yield Problem(contract, place, detail, fix)


def _with_items(keys: Keys, name: str, node: dict[str, Any]) -> Iterator[tuple[Keys, str, dict[str, Any]]]:
    """Yield a column, and the items or values of it that have no name of their own."""
    yield keys, name, node
    pairs = node.get("map")
    key, value = (pairs.get("key"), pairs.get("value")) if isinstance(pairs, dict) else (None, None)
    for steps, suffix, inner in (
        (("items",), "[]", node.get("items")),
        (("map", "key"), "[key]", key),
        (("map", "value"), "[value]", value),
    ):
        if isinstance(inner, dict):
            yield from _with_items((*keys, *steps), f"{name}{suffix}", inner)


class ColumnNotAboveProduct(Rule):
    """No column is more sensitive than the product says it is as a whole.

    A column that has no classification counts as the most sensitive there is.
    """

    broken = {
        CONTRACT: {
            "schema": [
                {
                    "name": "departures",
                    "properties": [
                        {
                            "name": "carrier",
                            "logicalType": "string",
                            "description": "Code of the airline.",
                            "classification": "secret",
                        }
                    ],
                }
            ]
        }
    }

    def check(self, spec: Document, contract: Document) -> Iterator[Problem]:
        order = metamodel.CLASSIFICATIONS
        whole = spec.get("spec.classification")
        for keys, name, column in described(spec, contract):
            part = column.get("classification")
            here = (*keys, "classification")
            if part is not None and part not in order:
                yield Problem(
                    contract, here, f"{part!r} is no classification.", f"Choose one of: {listed(order)}."
                )
            elif whole in order and order.index(part or order[-1]) > order.index(whole):
                told = f"is {part}" if part else f"has no classification, and so counts as {order[-1]}"
                detail = f"The column {name} {told}; the product is {whole}."
                fix = "Classify the column, classify the product higher, or leave the column out of the data set."
                yield Problem(contract, here, detail, fix)


class PromisesChecked(Rule):
    """Every promise of the contract is one that the run checks.

    A promise that nobody looks at is neither kept nor broken: consumers who rely on it rely on nothing. The run, the
    catalog and the assessment report it as unchecked. Which kinds of promise are checked, and by whom, is in
    docs/reference/promises.md.
    """

    broken = {
        CONTRACT: {
            "schema": [
                {
                    "name": "departures",
                    "properties": [
                        {
                            "name": "carrier",
                            "logicalType": "string",
                            "description": "Code of the airline.",
                            "classification": "public",
                            "quality": [{"type": "text", "description": "Spelled as the airline does."}],
                        }
                    ],
                }
            ]
        }
    }
    usually = "warning"

    def check(self, spec: Document, contract: Document) -> Iterator[Problem]:
        if not isinstance(contract.value, dict):
            return
        for promise in promises(contract.value, str(spec.get("spec.dataset.name"))):
            if promise.unchecked:
                detail = f"Nobody checks {promise}. {promise.unchecked}"
                yield Problem(contract, promise.keys, detail, promise.fix)


class ContractVersioned(Rule):
    """The contract has a version of the form major.minor.patch.

    A consumer sees by the major number whether a change can break something.
    """

    broken = {CONTRACT: {"version": "latest"}}

    def check(self, contract: Document) -> Iterator[Problem]:
        version = contract.get("version")
        if isinstance(version, str) and not re.fullmatch(
            r"(0|[1-9]\d{0,5})(\.(0|[1-9]\d{0,5})){2}", version, re.ASCII
        ):
            yield Problem(contract, ("version",), f"The version is {version!r}.", "Write one such as 1.0.0.")
