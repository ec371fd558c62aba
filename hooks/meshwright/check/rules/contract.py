"""Rules on the contract: valid, about this product's data set, and as strict as the product."""

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

    If you want to publish a second data set, you probably need a second product.
    """

    broken = {SPEC: {"spec": {"dataset": {"name": "something_else"}}}}

    def check(self, spec: Document, contract: Document) -> Iterator[Problem]:
        dataset = spec.get("spec.dataset.name")
        names = [table.get("name") for _, table in tables(contract)]
        if dataset and names != [dataset]:
            yield Problem(
                contract,
                ("schema",),
                f"It describes {', '.join(map(str, names)) or 'no data set'}, but the product's data set is {dataset}.",
                f"Keep one entry in `schema`, with `name: {dataset}`.",
            )


class ContractNamesProduct(Rule):
    """If the contract names its product and domain, they are those of the spec."""

    broken = {CONTRACT: {"dataProduct": "another"}}

    def check(self, spec: Document, contract: Document) -> Iterator[Problem]:
        for key, attribute in (("dataProduct", "metadata.name"), ("domain", "metadata.domain")):
            in_contract, in_spec = contract.get(key), spec.get(attribute)
            if in_contract is not None and in_spec is not None and in_contract != in_spec:
                yield Problem(
                    contract,
                    (key,),
                    f"{key} is {in_contract}, but {attribute} is {in_spec}.",
                    f"Write `{key}: {in_spec}`.",
                )


class ColumnsDescribed(Rule):
    """The contract lists the data set's columns, each once, with its type and its meaning.

    Consumers should not have to ask what a column means, and its name alone does not say it.
    """

    broken = {
        CONTRACT: {
            "schema": [{"name": "departures", "properties": [{"name": "carrier", "logicalType": "string"}]}]
        }
    }

    def check(self, spec: Document, contract: Document) -> Iterator[Problem]:
        seen: set[str] = set()
        found = list(described(spec, contract))
        if spec.get("spec.inputs") == []:
            return  # there are no data yet to describe: InputsGiven
        if not found and any(
            table.get("name") == spec.get("spec.dataset.name") for _, table in tables(contract)
        ):
            yield Problem(
                contract, ("schema", 0), "It lists no columns.", "List the columns under `properties`."
            )
        for keys, name, column in found:
            if name.lower() in seen:  # SQL does not distinguish Carrier and carrier
                detail = f"The column {name} is listed twice."
                yield Problem(contract, (*keys, "name"), detail, "Keep one of the two.")
            seen.add(name.lower())
            if not name.strip() or re.search(r"[\x00-\x1f]", name):
                yield Problem(
                    contract, (*keys, "name"), f"{name!r} is not a name.", "Give the column a name."
                )
            if not column.get("logicalType"):
                detail = f"The column {name} has no logicalType."
                yield Problem(contract, keys, detail, "Give its type, such as `logicalType: string`.")
            meaning = str(column.get("description") or "")
            if not re.search(r"\w.*\w", meaning) or meaning.strip().lower() == name.lower():
                detail = f"The column {name} has no description."
                yield Problem(contract, (*keys, "description"), detail, "Write what it means.")


class ObjectsDescribed(Rule):
    """The contract describes the fields of every object.

    A run publishes no undescribed field, and so refuses an object without `properties`. Data whose keys
    are not known in advance is a map: `logicalType: map` (ODCS 3.2), or `physicalType: map`.
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
                    detail = f"{of} is an object, but the contract describes none of its fields."
                    fix = "List its fields under `properties`, or write `physicalType: map` if its keys are not known in advance."
                    yield Problem(contract, place, detail, fix)


def _with_items(keys: Keys, name: str, node: dict[str, Any]) -> Iterator[tuple[Keys, str, dict[str, Any]]]:
    """Yield a column, and those of its items or values that have no name of their own."""
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
    """No column is more sensitive than the product as a whole.

    A column without a classification counts as the most sensitive.
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
                    contract, here, f"{part!r} is not a classification.", f"Choose one of: {listed(order)}."
                )
            elif whole in order and order.index(part or order[-1]) > order.index(whole):
                level = f"is {part}" if part else f"has no classification, and so counts as {order[-1]}"
                detail = f"The column {name} {level}; the product is {whole}."
                fix = "Classify the column, raise the classification of the product, or remove the column from the data set."
                yield Problem(contract, here, detail, fix)


class PromisesChecked(Rule):
    """Every promise of the contract is checked by the run.

    An unchecked promise is neither kept nor broken, and consumers cannot rely on it. The run, the
    catalog and the assessment report it as unchecked. docs/reference/promises.md lists which kinds of promise are checked,
    and by which tool.
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
                detail = f"The run does not check {promise}. {promise.unchecked}"
                yield Problem(contract, promise.keys, detail, promise.fix)


class ContractVersioned(Rule):
    """The contract has a version of the form major.minor.patch.

    The major number tells consumers whether a change can break something.
    """

    broken = {CONTRACT: {"version": "latest"}}

    def check(self, contract: Document) -> Iterator[Problem]:
        version = contract.get("version")
        if isinstance(version, str) and not re.fullmatch(
            r"(0|[1-9]\d{0,5})(\.(0|[1-9]\d{0,5})){2}", version, re.ASCII
        ):
            yield Problem(contract, ("version",), f"The version is {version!r}.", "Write one such as 1.0.0.")
