"""What a product's page says of a contract's promises, in words."""

from __future__ import annotations

from typing import Any

import pytest

from meshwright.product.promises import KINDS
from meshwright.product.record import Record
from meshwright.serve.contract_words import contract_words, examples


def of(column: dict[str, Any] | None = None, **table: Any) -> Record:
    columns = [{"name": "id", "logicalType": "string", **(column or {})}]
    contract = {"schema": [{"name": "orders", "properties": columns, **table}]}
    return Record({"product": {"spec": {"dataset": {"name": "orders"}}}, "contract": contract})


def library(metric: str, **more: Any) -> dict[str, Any]:
    return {"quality": [{"type": "library", "metric": metric, **more}]}


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ({"unique": True}, ["no value twice"]),
        ({"enum": [{"value": "EWR"}, {"value": 3}]}, ["one of EWR, 3"]),
        ({"logicalTypeOptions": {"minimum": 1, "maximum": 9.5}}, ["at least 1", "at most 9.5"]),
        (
            {"logicalTypeOptions": {"exclusiveMinimum": 1, "exclusiveMaximum": 2}},
            ["more than 1", "less than 2"],
        ),
        (
            {"logicalTypeOptions": {"minLength": 3, "maxLength": 4}},
            ["at least 3 characters", "at most 4 characters"],
        ),
        ({"logicalTypeOptions": {"pattern": "^[A-Z]$"}}, ["matches ^[A-Z]$"]),
        (library("invalidValues", arguments={"validValues": ["a", "b"]}, mustBe=0), ["one of a, b"]),
        (
            library("invalidValues", arguments={"pattern": "^a"}, mustBeLessThan=5, unit="percent"),
            ["matches ^a; other values: less than 5%"],
        ),
        (library("nullValues", mustBe=0), ["no value missing"]),
        (library("missingValues", mustBeLessOrEqualTo=1, unit="percent"), ["missing values: at most 1%"]),
        (library("duplicateValues", mustBe=0), ["no value twice"]),
        (library("duplicateValues", mustBeBetween=[1, 3]), ["values that occur twice: between 1 and 3"]),
        ({"quality": [{"type": "sql", "query": "select 1", "mustBe": 0}]}, ["a query returns exactly 0"]),
        ({"quality": [{"type": "text", "description": "Nice."}]}, ["text"]),
        ({"relationships": [{"to": "orders.other"}]}, ["refers to orders.other"]),
        ({"logicalTypeOptions": {"unheardOf": [1]}}, ["option: [1]"]),
        (
            {"enum": [{"value": n} for n in range(30)]},
            ["one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 18 more"],
        ),
    ],
)
def test_a_columns_rules_have_words(column: dict[str, Any], words: list[str]) -> None:
    found = contract_words(of(column))
    assert [rule.words for rule in found.of_columns["id"]] == words


def test_a_data_sets_rules_and_its_key_have_words() -> None:
    rules = [
        {"type": "library", "metric": "rowCount", "mustBeGreaterThan": 0, "description": "There is data."},
        {
            "type": "library",
            "metric": "duplicateValues",
            "arguments": {"properties": ["a", "b"]},
            "mustBe": 0,
        },
    ]
    found = contract_words(of({"primaryKey": True, "required": True}, quality=rules))
    assert [(rule.words, rule.description) for rule in found.of_dataset] == [
        ("rows: more than 0", "There is data."),
        ("a, b together: no value twice", ""),
    ]
    assert found.key == ["id"] and found.of_columns == {}


def test_a_rule_that_nothing_checks_says_so() -> None:
    (rule,) = contract_words(of({"logicalTypeOptions": {"pattern": "(?=x)"}})).of_columns["id"]
    assert "not supported" in rule.unchecked


def test_a_nested_field_is_named() -> None:
    column = {
        "logicalType": "object",
        "properties": [{"name": "street", "logicalType": "string", "logicalTypeOptions": {"maxLength": 9}}],
    }
    assert [rule.words for rule in contract_words(of(column)).of_columns["id"]] == [
        "street: at most 9 characters"
    ]


@pytest.mark.parametrize("value", [None, [], {}, "x", 7, [{"value": {"deep": 1}}], {"metric": ["x"]}])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_contract_breaks_the_page(kind: str, value: Any) -> None:
    contract_words(
        of(
            {
                kind: value,
                "logicalTypeOptions": {kind: value},
                "quality": [{"type": kind, "metric": kind, "mustBe": value, "arguments": value}],
            }
        )
    )


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("public", "UA, 3"),
        ("internal", "UA, 3"),
        ("confidential", ""),
        ("secret", ""),
        (None, ""),
        ("unheard-of", ""),
    ],
)
def test_examples_are_shown_only_of_what_everybody_may_see(level: str | None, shown: str) -> None:
    (column,) = of({"classification": level, "examples": ["UA", 3]}).columns
    assert examples(column) == shown
