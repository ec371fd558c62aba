"""The contract: valid, about this product's data set, and as careful as the product is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from meshwright import metamodel
from meshwright.document import Document, Keys
from meshwright.rules import Problem, Rule

CONTRACT = "contract.odcs.yaml"


def tables(contract: Document) -> list[tuple[Keys, dict[str, Any]]]:
    """The data sets that the contract describes."""
    return list(contract.items("schema"))


def described(spec: Document, contract: Document) -> Iterator[tuple[Keys, dict[str, Any]]]:
    """The columns that the contract gives the product's data set, each with its place."""
    for keys, table in tables(contract):
        if table.get("name") == spec.get("spec.dataset.name"):
            properties = table.get("properties")
            for index, column in enumerate(properties if isinstance(properties, list) else []):
                if isinstance(column, dict):
                    yield (*keys, "properties", index), column


def columns(spec: Document, contract: Document) -> list[str]:
    """Their names."""
    return [str(column.get("physicalName") or column.get("name")) for _, column in described(spec, contract)]


class ContractVersionSupported(Rule):
    """The contract follows version 3.1 of the Open Data Contract Standard."""

    broken = {CONTRACT: {"apiVersion": "v2.2.2"}}

    def check(self, contract: Document) -> Iterator[Problem]:
        version = contract.get("apiVersion")
        if version is not None and not str(version).startswith("v3.1."):
            yield Problem(
                contract, ("apiVersion",), f"apiVersion is {version}.", "Write `apiVersion: v3.1.0`."
            )


class ContractDescribesDataset(Rule):
    """The contract describes the product's one data set, and no other.

    A wish to publish a second data set is a sign that a second product is due.
    """

    broken = {"data-product.yaml": {"spec": {"dataset": {"name": "something_else"}}}}

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
        for keys, column in found:
            name = str(column.get("physicalName") or column.get("name"))
            if name in seen:
                yield Problem(
                    contract,
                    (*keys, "name"),
                    f"The column {name} stands there twice.",
                    "Keep one of the two.",
                )
            seen.add(name)
            for key, mend in (
                ("logicalType", "Give its type, such as `logicalType: string`."),
                ("description", "Write what it means."),
            ):
                if not column.get(key):
                    yield Problem(contract, keys, f"The column {name} has no {key}.", mend)


class ColumnNotAboveProduct(Rule):
    """No column is more sensitive than the product says it is as a whole."""

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
        for keys, column in described(spec, contract):
            part = column.get("classification")
            if part is None:
                continue
            if part not in order:
                yield Problem(
                    contract,
                    (*keys, "classification"),
                    f"{part!r} is no classification.",
                    f"Choose one of: {', '.join(order)}.",
                )
            elif whole in order and order.index(part) > order.index(whole):
                yield Problem(
                    contract,
                    (*keys, "classification"),
                    f"The column {column.get('name')} is {part}, but the product is {whole}.",
                    f"Write `classification: {part}` in the spec, or leave the column out of the data set.",
                )


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
