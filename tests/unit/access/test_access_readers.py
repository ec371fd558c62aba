"""Who can read what, by person, from audit records."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

import pytest

from meshwright.access import readers

AT = datetime(2026, 12, 1, tzinfo=UTC)
RECORD = {
    "at": "2026-11-30T22:00:00+00:00",
    "agreements": {"delays": {"signers": ["ada@example.org (owner)"]}, "delays-2": {"signers": ["sam@example.org (steward)"]}},
    "members": [
        {"principal": "cy@example.org", "role": "reader", "agreements": ["delays", "delays-2"], "until": "2027-05-01T00:00:00+00:00"},
        {"principal": "bo@example.org", "role": "reader", "agreements": ["delays"], "until": "2027-02-01T00:00:00+00:00"},
        {"principal": "svc", "role": "service", "agreements": [], "until": None},
    ],
    "terms": {
        "delays": {"purpose": "Why flights are late", "requester": "bo@example.org"},
        "delays-2": {"purpose": "Why flights are late", "requester": "cy@example.org"},
    },
    "roles": {
        "reader": {"clear": ["carrier", "origin"], "masked": {"tail_number": "redacted"}, "rows": ["origin in JFK"]},
        "service": {"clear": ["carrier"], "masked": {}, "rows": []},
    },
    "people": {"bo@example.org": {"name": "Bo Example", "kind": "human"}},
}  # fmt: skip


def made(record: dict | None = None, unknown: tuple[str, ...] = ()) -> readers.ReadersReport:
    found = [*readers.readings("airport/departures", "lake", record or RECORD)]
    return readers.report(found, unknown, AT)


def test_each_reader_has_a_row_with_all_that_there_is_to_say() -> None:
    bo, cy, svc = made().readings
    assert (bo.person, bo.name, bo.role, bo.until) == ("bo@example.org", "Bo Example", "reader", "2027-02-01")
    assert (bo.purpose, bo.approved_by) == ("Why flights are late", "ada@example.org (owner)")
    assert (bo.clear, bo.masked, bo.rows) == ("carrier, origin", "tail_number (redacted)", "origin in JFK")
    assert cy.approved_by == "ada@example.org (owner); sam@example.org (steward)"
    assert (cy.agreements, cy.requested_by) == ("delays, delays-2", "bo@example.org; cy@example.org")
    assert (svc.agreements, svc.until, svc.rows) == ("open to everybody", "without end", "all")


def test_an_older_record_says_less_and_the_report_says_so() -> None:
    old = {key: RECORD[key] for key in ("at", "agreements", "members")}
    assert {one.clear for one in made(old).readings} == {"not recorded: apply again"}


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", 'a "b", c\nd'])
def test_no_cell_of_the_table_is_a_formula(text: str) -> None:
    record = json.loads(json.dumps(RECORD))
    record["terms"]["delays"]["purpose"] = text
    rows = list(csv.DictReader(io.StringIO(readers.as_csv(made(record)))))
    assert rows[0]["person"] == "bo@example.org" and rows[0]["purpose"].removeprefix("'") == text
    assert not rows[0]["purpose"].startswith(readers.FORMULA)


def test_the_page_escapes_and_loads_nothing() -> None:
    record = json.loads(json.dumps(RECORD))
    record["terms"]["delays"]["purpose"] = "<script>alert(1)</script>"
    page = readers.page(made(record, ("airport/arrivals lake: nothing was applied there yet.",)))
    assert "<script" not in page and "&lt;script&gt;alert(1)" in page
    assert "default-src &#39;none&#39;" in page and "nothing was applied there yet" in page
    assert page.index("Bo Example") < page.index("cy@example.org") and "Nobody reads" not in page
    assert "Nobody reads anything." in readers.page(readers.report([], [], AT))


def test_programs_and_people_get_the_same() -> None:
    report = made()
    assert [one["person"] for one in json.loads(readers.as_json(report))["readings"]] == ["bo@example.org", "cy@example.org", "svc"]  # fmt: skip
    text = readers.human(report)
    assert (
        "Bo Example (bo@example.org)\n  airport/departures lake as reader until 2027-02-01, by delays\n"
        in text
    )
