"""The tests of access/tests.yaml: who must see what, and who must not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from meshwright.access.access_decisions import AccessDecisions
from meshwright.access.grants import Port, View
from meshwright.access.product_access import ProductAccess

RANK = ("nothing", "masked", "clear")
"""What a principal can see of a column, in ascending order."""


class BrokenTest(NamedTuple):
    """A test that fails."""

    grants_too_much: bool
    """A principal would see more than the test allows."""
    sentence: str


def broken_tests(decisions: AccessDecisions, port: Port) -> Iterator[BrokenTest]:
    """Yield the tests that fail."""
    desired = decisions.desired(port)
    roles: dict[str, set[str]] = {view.role: {view.role} for view in desired.views}
    held: dict[str, set[str]] = {}
    for member in desired.members:
        held.setdefault(member.principal.id, set()).add(member.role)
    for test in decisions.product.tests:
        who = test.get("role") or test["principal"]
        if "role" in test and who not in roles:
            problem = f"access/tests.yaml names a role {who}, which the policy does not have."
            yield BrokenTest(True, problem)
            continue
        in_roles = roles[who] if "role" in test else held.get(who, set())
        for column in _tested(decisions.product, test["columns"]):
            best = max(
                (_sees(desired.view(role), column) for role in in_roles), key=RANK.index, default="nothing"
            )
            if column not in {entry.name for entry in decisions.product.columns}:
                problem = f"access/tests.yaml names a column {column}, which the contract does not have."
                yield BrokenTest(True, problem)
            elif best != test["sees"]:
                yield BrokenTest(
                    RANK.index(best) > RANK.index(test["sees"]),
                    f"{who} should see {_words(test['sees'])} of {column}, and sees {_words(best)}.",
                )


def _tested(product: ProductAccess, columns: Any) -> list[str]:
    if isinstance(columns, list):
        return columns
    return [column.name for column in product.columns if column.classification == columns]


def _sees(view: View, column: str) -> str:
    for visible in view.columns:
        if visible.column.name == column:
            return "masked" if visible.mask else "clear"
    return "nothing"


def _words(sees: str) -> str:
    return {"clear": "the values", "masked": "masks", "nothing": "nothing"}[sees]
