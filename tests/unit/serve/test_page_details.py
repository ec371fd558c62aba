"""What a product's page shows of agreements, from the record and from what was granted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from meshwright.product.record import Record
from meshwright.serve.page_details import readers

NOW = datetime(2026, 12, 1, tzinfo=UTC)
LATE, SOON, PAST = "2027-06-01T00:00:00Z", "2026-12-10T00:00:00Z", "2026-11-30T00:00:00Z"


def reader(agreement: str, until: str, *principals: str) -> dict[str, Any]:
    return {"agreement": agreement, "role": "reader", "principals": list(principals), "until": until}


def shown(granted: dict[str, str] | None = None, **parts: Any) -> list[tuple[str, str, str]]:
    agreements = {name: {"until": until} for name, until in (granted or {}).items()}
    addresses = {"dp:a/b#lake": {"agreements": agreements}}
    record = Record(
        {"readers": parts.get("readers", []), "requests": parts.get("requests", []), "addresses": addresses}
    )
    return [(one.agreement, one.state, one.until) for one in readers(record, NOW)]


@pytest.mark.parametrize(
    ("until", "state"),
    [
        (LATE, "in force"),
        (SOON, "ending soon"),
        (PAST, "ended"),
        ("9989", "ended"),
        ("2027-06-01", "in force"),
    ],
)
def test_a_state_follows_from_the_end(until: str, state: str) -> None:
    assert shown(readers=[reader("a", until, "group:g")]) == [("a", state, until[:10])]


def test_what_is_requested_comes_first() -> None:
    rows = shown(
        readers=[reader("a", LATE), reader("b", SOON), reader("c", PAST)], requests=[reader("d", LATE)]
    )
    assert [(name, state) for name, state, _ in rows] == [
        ("d", "requested"),
        ("b", "ending soon"),
        ("a", "in force"),
        ("c", "ended"),
    ]


def test_what_was_granted_by_review_is_in_force_though_its_file_says_requested() -> None:
    asked = [reader("a", LATE), reader("b", LATE)]
    assert shown({"a": SOON}, requests=asked) == [
        ("b", "requested", "2027-06-01"),
        ("a", "ending soon", "2026-12-10"),
    ]


def test_an_end_that_comes_earlier_than_the_file_says_is_shown() -> None:
    assert shown({"a": SOON}, readers=[reader("a", LATE)]) == [("a", "ending soon", "2026-12-10")]
    assert shown({"a": LATE}, readers=[reader("a", SOON)]) == [("a", "ending soon", "2026-12-10")]


@pytest.mark.parametrize(
    "addresses",
    [None, [], {"x": None}, {"x": {"agreements": []}}, {"x": {"agreements": {"a": {"until": 7}}}}],
)
def test_a_registry_of_any_shape_is_read(addresses: Any) -> None:
    (one,) = readers(Record({"readers": [reader("a", LATE)], "addresses": addresses}), NOW)
    assert one.state == "in force"
