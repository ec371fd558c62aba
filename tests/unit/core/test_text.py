"""Names are turned into the singular by one rule, wherever a table's rows are named."""

from __future__ import annotations

import pytest

from meshwright.core.text import singular

NAMES = {
    "orders": "order", "order_items": "order_item", "categories": "category", "statuses": "status", "boxes": "box",
    "batches": "batch", "addresses": "address", "houses": "house", "causes": "cause", "cases": "case",
    "status": "status", "bus": "bus", "analysis": "analysis", "address": "address", "atlas": "atlas", "ids": "ids", "": "",
}  # fmt: skip


@pytest.mark.parametrize(("plural", "one"), NAMES.items())
def test_singular(plural: str, one: str) -> None:
    assert singular(plural) == one
