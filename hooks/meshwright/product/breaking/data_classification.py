"""Who sees more than was promised, and who sees less."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from meshwright.core.yaml import Document
from meshwright.product import metamodel
from meshwright.product.breaking.contract_paths import column_keys, column_name, columns
from meshwright.product.breaking.kinds_of_change import PromiseChange


def of_classifications(
    was: Document, now: Document, promised: Document, contract: Document, policy: Document
) -> Iterator[PromiseChange]:
    """Return changes by which other people see a column or the product than was promised."""
    order = metamodel.CLASSIFICATIONS

    def level(value: Any) -> int:
        return order.index(value) if value in order else len(order) - 1

    before, after = (one.get("spec.classification") for one in (was, now))
    if before in order and after in order and before != after:
        kind = "classification-lowered" if level(after) < level(before) else "classification-raised"
        detail = f"The product was {before}; now it is {after}."
        yield PromiseChange(now, ("spec", "classification"), detail, kind)
    roles = policy.get("roles") if isinstance(policy.value, dict) else None
    cleared = [
        role.get("clearance") or []
        for role in (roles.values() if isinstance(roles, dict) else ())
        if isinstance(role, dict)
    ]
    present = dict(columns(contract.value))
    for path, column in columns(promised.value):
        then, today = column.get("classification"), present.get(path, {}).get("classification")
        if path not in present or level(then) == level(today):
            continue
        lowered = level(today) < level(then)
        old, new = order[level(then)], order[level(today)]
        hidden = not cleared or any(old in seen and new not in seen for seen in cleared)
        if lowered or hidden:
            kind = "classification-lowered" if lowered else "classification-raised"
            what = "more people see it" if lowered else "some who saw it no longer see it"
            detail = f"The column {column_name(path)} was {old}; now it is {new}, and {what}."
            yield PromiseChange(contract, column_keys(contract, path), detail, kind)
