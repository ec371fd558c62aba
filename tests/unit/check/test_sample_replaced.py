"""A product whose data is its team's own is told which of its texts are still the sample's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from edits import edit
from products import Make, findings

Copy = Callable[[Path], Path]
OWN = {
    "name": "orders",
    "uses": "file@1",
    "from": "system:shop",
    "properties": {"path": "${ORDERS:-https://example.org/orders.csv}"},
}


def places(product: Path) -> set[tuple[str, str]]:
    """File and first word of each warning."""
    found = [one for one in findings(product) if one.rule == "SampleReplaced"]
    assert all(one.level == "warning" for one in found)
    return {
        (one.file, one.message.split("`")[1] if "`" in one.message else one.message.split(" ")[1])
        for one in found
    }


EVERYWHERE = {
    *(("data-product.yaml", key) for key in ("purpose", "usage", "limitations", "use")),
    *(("contract.odcs.yaml", key) for key in ("purpose", "usage", "limitations")),
}


def own_input(product: Path) -> None:
    edit(product / "data-product.yaml", lambda spec: spec["spec"].update(inputs=[OWN]) or spec)


def own_place(product: Path) -> None:
    """An input that is called as the sample's, and reads another file."""
    (product / "sample_data/mine.csv").write_text("a\n1\n")
    spec = product / "data-product.yaml"
    text = spec.read_text("utf-8")
    text = text.replace("sample_data/airlines.csv", "sample_data/mine.csv")
    spec.write_text(
        text.replace("${ADDRESSES:-sample_data/addresses.yaml}", "${BOOK:-sample_data/mine.csv}"), "utf-8"
    )


def own_contract(product: Path) -> None:
    column = {
        "name": "order_no",
        "logicalType": "string",
        "description": "Number of the order.",
        "classification": "public",
    }

    def changed(contract: dict[str, Any]) -> dict[str, Any]:
        contract["schema"][0]["properties"] = [column]
        return contract

    edit(product / "contract.odcs.yaml", changed)


@pytest.mark.parametrize("change", [own_input, own_place, own_contract])
@pytest.mark.parametrize("type_", ["source-oriented", "consumer-oriented"])
def test_own_data_with_the_samples_texts_is_warned_of(
    type_: str, change: Callable[[Path], None], copy_of: Copy, departures: Path, punctuality: Path
) -> None:
    product = copy_of(departures if type_ == "source-oriented" else punctuality)
    change(product)
    expected = set(EVERYWHERE)
    if change is own_input or (change is own_place and type_ == "consumer-oriented"):
        expected.add(("sample_data/README.md", "text"))  # no input reads the sample any more
    assert places(product) == expected


def test_a_name_or_a_few_columns_do_not_raise_it(make: Make) -> None:
    product = make("named", product_name="orders", domain="sales")
    assert places(product) == set()

    def changed(contract: dict[str, Any]) -> dict[str, Any]:
        del contract["schema"][0]["properties"][9:]  # nine of sixteen columns are left
        return contract

    edit(product / "contract.odcs.yaml", changed)
    assert places(product) == set()


def test_nothing_is_left_to_warn_of_once_the_texts_are_written(copy_of: Copy, departures: Path) -> None:
    product = copy_of(departures)
    own_contract(product)

    def texts(document: dict[str, Any]) -> dict[str, Any]:
        part = document.get("spec", document)
        part["description"] = {"purpose": "Orders of the shop, as they came.", "usage": "One row an order."}
        if "useCases" in part:
            part["useCases"][0].update(name="Sales report", users=["Sales"])
        return document

    edit(product / "data-product.yaml", texts)
    edit(product / "contract.odcs.yaml", texts)
    (product / "sample_data/README.md").write_text("# Sample data\n\nMade up; CC0.\n")
    assert places(product) == set()
