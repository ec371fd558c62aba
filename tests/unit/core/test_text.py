"""Names are turned into the singular by one rule, wherever a table's rows are named."""

from __future__ import annotations

import re

import pytest

from meshwright.core.text import identifier, singular

NAMES = {
    "orders": "order", "order_items": "order_item", "categories": "category", "statuses": "status", "boxes": "box",
    "batches": "batch", "addresses": "address", "houses": "house", "causes": "cause", "cases": "case",
    "status": "status", "bus": "bus", "analysis": "analysis", "address": "address", "atlas": "atlas", "ids": "ids", "": "",
}  # fmt: skip


@pytest.mark.parametrize(("plural", "one"), NAMES.items())
def test_singular(plural: str, one: str) -> None:
    assert singular(plural) == one


@pytest.mark.parametrize(
    "name", ["stg_shop__orders", "Größe", "__", "2024 sales", "Order-Lines_", "ñ__b", "日本"]
)
def test_an_identifier_is_one_that_a_spec_takes(name: str) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", identifier(name))
    assert identifier("stg_shop__orders") == "stg_shop_orders"
