"""Proposals are found by their marks wherever they are, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from meshwright.core.errors import Error
from meshwright.core.yaml import Document, valued
from meshwright.product.proposals import chosen, proposals, settle

CONTRACT = """\
name: Shop
customProperties: [{property: proposed, value: [{field: description.purpose, reason: From the name.}]}]
description: {purpose: Orders}
schema:
  - name: shop
    customProperties: [{property: other, value: 1}, {property: proposed, value: [{field: description}]}]
    properties:
      - name: email
        classification: confidential
        customProperties: [{property: proposed, value: [{field: classification}, {field: description}]}]
      - name: address
        properties:
          - name: town
            customProperties: [{property: proposed, value: [{field: logicalTypeOptions.maximum}]}]
      - name: proposed
        description: proposed
"""
MODELS = """\
models:
  - name: shop
    config: {meta: {proposed: [{field: description}], team: ours}}
    columns:
      - {name: email, meta: {proposed: [{field: data_tests}]}}
"""
SPEC = """\
spec: {description: {purpose: Orders}, inputs: [{name: orders, from: "system:shop"}]}
extensions: {proposed: [{at: spec.description.purpose}, {at: spec.inputs.orders.from}], cost: 1}
"""


def documents() -> list[Document]:
    files = {"contract.odcs.yaml": CONTRACT, "models/shop.yml": MODELS, "data-product.yaml": SPEC}
    return [valued(path, yaml.safe_load(text)) for path, text in files.items()]


def test_each_has_the_id_that_accepts_it_and_the_place_of_its_value() -> None:
    assert {one.id: one.keys for one in proposals(documents())} == {
        "contract:description.purpose": ("description", "purpose"),
        "contract:shop.description": ("schema", 0, "description"),
        "contract:email.classification": ("schema", 0, "properties", 0, "classification"),
        "contract:email.description": ("schema", 0, "properties", 0, "description"),
        "contract:address.town.maximum".replace("town.", "town.logicalTypeOptions."): (
            "schema", 0, "properties", 1, "properties", 0, "logicalTypeOptions", "maximum",
        ),
        "models:shop.description": ("models", 0, "description"),
        "models:shop.email.data_tests": ("models", 0, "columns", 0, "data_tests"),
        "spec:spec.description.purpose": ("spec", "description", "purpose"),
        "spec:spec.inputs.orders.from": ("spec", "inputs", 0, "from"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("selectors", "count"),
    [
        (["contract:email.classification"], 1),
        (["description"], 3),
        (["contract:*"], 5),
        (["*"], 9),
        (["*", "description"], 9),
    ],
)
def test_one_or_all_of_a_kind_are_accepted_and_the_rest_stays(selectors: list[str], count: int) -> None:
    read = documents()
    accepted = chosen(waiting := list(proposals(read)), selectors)
    assert len(accepted) == count
    for document in read:
        settle(document.value, [one.mark for one in accepted if one.document is document])
    left = [one.id for one in proposals(read)]
    assert left == [one.id for one in waiting if one not in accepted]


def test_what_is_empty_without_a_mark_goes_and_what_is_not_the_marks_stays() -> None:
    contract, models, spec = read = documents()
    for document in read:
        settle(document.value, [one.mark for one in proposals([document])])
    assert contract.value["schema"][0]["customProperties"] == [{"property": "other", "value": 1}]
    assert "customProperties" not in contract.value
    assert models.value["models"][0]["config"] == {"meta": {"team": "ours"}}
    assert "meta" not in models.value["models"][0]["columns"][0]
    assert spec.value["extensions"] == {"cost": 1}


@pytest.mark.parametrize("name", ["contract:nothing.classification", "classificatio", ""])
def test_a_name_of_no_decision_is_an_error(name: str) -> None:
    with pytest.raises(Error) as error:
        chosen(list(proposals(documents())), ["description", name])
    assert error.value.exit_code == 2


@pytest.mark.parametrize("mark", ["yes", 1, None, [], {}, [1], [{"reason": "r"}], [{"field": 1}]])
def test_a_mark_that_cannot_be_read_is_open(mark: object) -> None:
    value = {"schema": [{"name": "t", "customProperties": [{"property": "proposed", "value": mark}]}]}
    found = list(proposals([Document(Path("contract.odcs.yaml"), value)]))
    assert [one.mark.field for one in found] == ([] if mark == [] else [""])
