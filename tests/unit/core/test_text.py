"""Names are turned into the singular by one rule, wherever a table's rows are named."""

from __future__ import annotations

import re

import pytest

from meshwright.adopt.answers import valid_name
from meshwright.core.text import identifier, latin, singular
from meshwright.survey.names import product_name

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


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Größen", "Grossen"),
        ("Ærø Øl Œuvre", "AEro Ol OEuvre"),
        ("Łódź Đurđa Þór", "Lodz Durda THor"),
        ("ﬁx", "fix"),
        ("日本 Москва", "日本 Москва"),
        ("plain_name-1", "plain_name-1"),
    ],
)
def test_latin_letters_in_ascii(text: str, plain: str) -> None:
    assert latin(text) == plain


@pytest.mark.parametrize(
    ("name", "made"), [("Größen", "grossen"), ("kørsel", "korsel"), ("Łąka", "laka"), ("Straße", "strasse")]
)
def test_every_verb_writes_a_name_in_the_same_letters(name: str, made: str) -> None:
    assert product_name(name) == valid_name(name) == identifier(name) == made
