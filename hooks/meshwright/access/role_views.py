"""The views of a policy: what each role sees of the data set. policy/decision.rego decides which columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from meshwright.access.grants import Column, Condition, Refused, View, VisibleColumn
from meshwright.access.product_access import ProductAccess
from meshwright.access.rego_evaluation import PolicyEngine
from meshwright.product.break_glass import is_break_glass


def role_views(product: ProductAccess, engine: PolicyEngine) -> Iterator[View]:
    """Yield what each role sees. Raises Refused for a role that sees no column at all."""
    columns = {column.name: column for column in product.columns}
    seen = engine.columns(product.roles, product.policy.get("masks", {}), product.columns)
    for name, role in product.roles.items():
        visible = tuple(
            VisibleColumn(column, None if sees == "clear" else sees)
            for column in product.columns
            if (sees := seen.get(name, {}).get(column.name))
        )
        if not visible:
            raise Refused(
                f"The role {name} sees no column of {product.dataset}.",
                "Give it a clearance that the classification of a column is in, or remove it.",
            )
        yield View(name, role["kind"], visible, tuple(_conditions(name, role, columns)), is_break_glass(role))


def _conditions(name: str, role: Mapping[str, Any], columns: Mapping[str, Column]) -> Iterator[Condition]:
    for condition in role.get("rows", []):
        column = columns.get(condition["column"])
        if column is None:
            raise Refused(
                f"The role {name} filters rows by a column {condition['column']}, which the contract does not have.",
                "Fix its name in `rows`.",
            )
        (operation,) = condition.keys() - {"column"}
        values = condition[operation]
        yield Condition(column, operation, tuple(values if isinstance(values, list) else [values]))
