"""What a product's page and feed say of the difference between two versions."""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from typing import Any

import pytest
from records import value

from meshwright.product.record import Record
from meshwright.serve.feed import ATOM, FeedEntry, atom
from meshwright.serve.version_changes import SHOWN, version_changes

Edit = Callable[[dict[str, Any]], Any]


def column(record: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in record["contract"]["schema"][0]["properties"] if one["name"] == name)


def levels(record: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = record["product"]["spec"]["serviceLevels"]
    return found


CHANGES: list[tuple[Edit, list[str]]] = [
    (lambda record: None, []),
    (lambda record: record["contract"]["schema"][0]["properties"].pop(2), ["Column airline is gone."]),
    (lambda record: record["contract"]["schema"][0]["properties"].append({"name": "gate", "logicalType": "string", "logicalTypeOptions": {"maxLength": 3}}), ["Column gate is new."]),
    (lambda record: column(record, "airline").update(logicalType="integer"), ["Column airline is of type integer, and was string."]),
    (lambda record: column(record, "airline").pop("required"), ["Column airline can be empty now."]),
    (lambda record: column(record, "airline").update(classification="secret"), ["Column airline is secret, and was public, so that fewer readers see it."]),
    (lambda record: column(record, "airline").update(description="Other."), ["Described in other words: airline."]),
    (
        lambda record: column(record, "distance_miles")["logicalTypeOptions"].update(minimum=5),
        ["distance_miles is no longer promised to be: at least 1.", "distance_miles is promised to be: at least 5."],
    ),
    (lambda record: record["contract"]["schema"][0]["quality"].pop(0), ["The data set is no longer promised to be: rows: more than 0."]),
    (lambda record: levels(record).pop(0), ["Service level fresh is withdrawn."]),
    (lambda record: levels(record)[0].update(objective="<= 48h"), ["Service level fresh has the objective <= 48h, and had <= 24h."]),
    (lambda record: record["product"]["spec"]["outputs"][0].update(name="other"), ["Output port lake is gone.", "Output port other is new."]),
    (lambda record: record["product"]["spec"].update(classification="confidential"), ["The classification is confidential, and was internal."]),
    (lambda record: record["product"]["metadata"].update(title="Flights"), ["It is called Flights, and was Departures."]),
    (lambda record: record["product"]["spec"]["description"].update(purpose="Other."), ["Its purpose is described in other words."]),
    (lambda record: record["measurement"].update(measuredAt="2026-11-23T10:00:00+00:00"), []),
]  # fmt: skip


@pytest.mark.parametrize(("change", "sentences"), CHANGES)
def test_each_change_is_a_sentence(change: Edit, sentences: list[str]) -> None:
    before = value()
    after = copy.deepcopy(before)
    change(after)
    assert version_changes(Record(before), Record(after)) == sentences


@pytest.mark.parametrize("other", [{}, {"product": 3, "contract": []}, {"contract": {"schema": [None]}}])
def test_no_record_breaks_the_comparison(other: Any) -> None:
    whole = value()
    for pair in ((whole, other), (other, whole)):
        found = version_changes(*map(Record, pair))
        assert found and len(found) <= SHOWN


def test_a_feed_is_well_formed_whatever_is_in_it() -> None:
    evil = "</title><script>alert(1)</script>\x00\x1b\ud800\uffff&"
    entry = FeedEntry(evil, evil, "2026-12-01T00:00:00Z", evil, (evil, "Column x is gone."), evil)
    feed = ElementTree.fromstring(atom(evil, "https://catalog.example.org/", [entry], ""))  # noqa: S314 - our own
    assert feed.findtext(f"{{{ATOM}}}updated") == "2026-12-01T00:00:00Z"
    assert {one.tag.partition("}")[2] for one in feed.iter()} == {
        "feed",
        "title",
        "id",
        "updated",
        "link",
        "entry",
        "author",
        "name",
        "content",
    }
    assert "Column x is gone." in (feed.findtext(f"{{{ATOM}}}entry/{{{ATOM}}}content") or "")
