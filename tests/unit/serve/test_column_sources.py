"""A product's page says of each column where it comes from: by the SQL, by the last run, or that this is not known."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from records import record, value
from served import served

from meshwright.check.engine import check_record
from meshwright.product.record import Record
from meshwright.serve.column_sources import column_sources

UP, DOWN = "airport-operations/departures", "customer-experience/punctuality"
ORIGINS = {
    "day": [{"input": "departures", "column": "scheduled_departure"}],
    "origin": [{"table": "codes", "column": "co<b>de"}],
    "departures": [],
}


def consumer(**changes: Any) -> Record:
    return record(DOWN, "consumer-oriented", f"dp:{UP}#lake", **changes)


def test_the_page_leads_to_the_column_of_the_product_that_is_read(tmp_path: Path) -> None:
    with served(tmp_path, [record(UP), consumer(columnOrigins=ORIGINS)]) as (client, _):
        text = client.get(f"/products/{DOWN}").text
        upstream = client.get(f"/products/{UP}").text
    assert f'<a href="../../products/{UP}#column-scheduled_departure">' in text
    assert '<tr id="column-scheduled_departure">' in upstream
    rows = {one[0]: one[1] for one in re.findall(r'<tr id="column-(\w+)">(.*?)</tr>', text)}
    assert "<code>co&lt;b&gt;de</code> of codes" in rows["origin"]
    assert "no column of an input" in rows["departures"]
    assert "Where it comes from is not known." in rows["airline"]
    assert "Comes from" not in upstream and "is not known." not in upstream


def test_the_last_run_fills_in_what_the_sql_does_not_say() -> None:
    made = column_sources(consumer(columnOrigins=ORIGINS), {"day": [("a", "b")], "carrier": [("ns.t", "c")]})
    assert {column: one.by_run for column, one in made.items()} == {
        "day": False,
        "origin": False,
        "departures": False,
        "carrier": True,
    }
    assert [(one.column, one.place, one.product) for one in made["day"].sources] == [
        ("scheduled_departure", "departures", UP)
    ]
    assert [(one.column, one.place) for one in made["carrier"].sources] == [("c", "ns.t")]


HOSTILE: dict[str, Any] = {
    "no object": [],
    "no list": {"day": "x"},
    "no origin": {"day": ["x", None, {"input": 1, "column": []}]},
    "too many": {"day": [{"column": "x"}] * 51},
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_record_of_another_form_is_refused_and_shown(tmp_path: Path, case: str) -> None:
    bad = value(DOWN, "consumer-oriented", f"dp:{UP}#lake", columnOrigins=HOSTILE[case])
    assert [one for one in check_record(bad) if one.level == "error"]
    with served(tmp_path, [Record(bad)]) as (client, _):
        assert client.get(f"/products/{DOWN}").status_code == 200
