"""Compare contracts: changes that datacontract-cli reports, and quality rules, which it does not compare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from meshwright.core.yaml import Document
from meshwright.product.breaking.contract_paths import column_keys, column_name, columns, keys_of
from meshwright.product.breaking.kinds_of_change import PromiseChange, unreadable


def by_library(was: Document, now: Document) -> Iterator[PromiseChange]:
    """Return the changes that datacontract-cli reports."""
    from datacontract.data_contract import DataContract
    from open_data_contract_standard.model import OpenDataContractStandard
    from pydantic import ValidationError

    def model(document: Document) -> DataContract:
        # Not by its text, which may name files and addresses that the library would then fetch.
        return DataContract(
            data_contract=OpenDataContractStandard.model_validate(document.value), inline_references=False
        )

    try:
        entries = model(was).breaking(model(now)).entries
    except (ValidationError, ValueError, TypeError, AttributeError, KeyError) as error:
        yield unreadable(now, f"The two contracts cannot be compared: {type(error).__name__}.")
        return
    for entry in entries:
        # What a physical type means is decided below: it does not tell a spelling from a type.
        physical = entry.path.endswith(".physicalType") and ".properties." in entry.path
        if entry.level.value != "info" and not physical:
            kind = "contract" if entry.level.value == "error" else "contract-unclear"
            yield PromiseChange(now, keys_of(now, entry.path), f"{entry.message}.", kind)


def of_unchecked_rules(was: Document, now: Document) -> Iterator[PromiseChange]:
    """Return changes of rules for people and for other engines, of which datacontract-cli reports nothing."""
    places = [
        {place: rules for place, node in _nodes_with_quality(document.value) for rules in [_rules(node)]}
        for document in (was, now)
    ]
    for path, rules in places[0].items():
        left = list(places[1].get(path, ()))
        for rule in rules:
            if rule in left:
                left.remove(rule)
            elif path in places[1]:
                name = rule.get("description") or rule.get("name") or rule.get("engine") or rule["type"]
                detail = f"The rule of quality {str(name).strip()!r} of {column_name(path) or 'the data set'} has changed, or is gone."
                yield PromiseChange(now, column_keys(now, path), detail, "contract-unclear")


def _nodes_with_quality(node: Any) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    tables = node.get("schema") if isinstance(node, dict) else None
    for table in tables if isinstance(tables, list) else ():
        if isinstance(table, dict):
            yield (str(table.get("name")),), table
    yield from columns(node)


def _rules(node: Mapping[str, Any]) -> list[dict[str, Any]]:
    quality = node.get("quality")
    return [
        rule
        for rule in (quality if isinstance(quality, list) else ())
        if isinstance(rule, dict) and rule.get("type") in ("text", "custom")
    ]
