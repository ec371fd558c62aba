"""Made-up values: of the same form, different for different values, and none of the real ones."""

from __future__ import annotations

import datetime
import json
import re
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from meshwright.draft.made_up import MAKERS, MadeUp


@pytest.mark.parametrize(
    ("maker", "value", "form"),
    [
        ("text", "AB-0012/x", r"[A-Z]{2}-0\d{3}/[a-z]"),
        ("digits", "+49 171 1234567", r"\+\d{2} \d{3} \d{7}"),
        ("name", "LOVELACE, Ada", r"[A-Z]+, [A-Z][a-zA-Z]+"),
        ("email", "ada@mail.example.com", r"[\w.-]+@example\.org"),
        ("url", "https://mail.example.com/ada", r"https://example\.org/\w+"),
        ("uuid", "0F8FAD5B-D9CB-469F-A165-70867728950E", r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}"),
        ("ip", "192.168.0.7", r"10(\.\d{1,3}){3}"),
        ("text", "王小明", r"[a-z]{3}"),
        ("text", "--", r"[a-z]{2}"),
        ("date", "1984-02-29", r"\d{4}-\d\d-\d\d"),
        ("digits", 4711, r"\d{4}"),
        ("date", 1984, r"19[4-9]\d|200[0-4]"),
        ("digits", Decimal("1234.50"), r"\d{4}\.\d\d"),
        ("digits", 1.25e22, r"\d\.\d+e\+22"),
        ("date", datetime.date(1984, 2, 29), r"\d{4}-\d\d-\d\d"),
        ("text", UUID(int=7), r"[0-9a-f-]{36}"),
    ],
)
def test_a_value_keeps_its_form_and_is_another(maker: str, value: Any, form: str) -> None:
    made = MadeUp([str(value)])
    other = made.value(maker, value)
    assert type(other) is type(value) and other != value
    assert re.fullmatch(form, str(other)), other
    assert made.value(maker, value) == other


@pytest.mark.parametrize("maker", sorted(MAKERS))
def test_different_values_stay_different(maker: str) -> None:
    values = [
        f"person{number}@mail.example.com" if maker == "email" else f"Person Number{number}"
        for number in range(300)
    ]
    made = MadeUp(values)
    others = [made.value(maker, value) for value in values]
    assert len({*others}) == 300 and not {*others} & {*values}
    assert not any("number" in other.lower() for other in others), "no word of a real value is left"


def test_nobody_can_compute_a_replacement_without_the_seed() -> None:
    others = {MadeUp().value("name", "Ada Lovelace") for _ in range(20)}
    assert len(others) > 1
    assert len({MadeUp(seed=b"known").value("name", "Ada Lovelace") for _ in range(5)}) == 1


def test_a_short_text_stays_short() -> None:
    made = MadeUp()
    assert all(len(made.value("email", f"{number}@a.bc", 6)) <= 6 for number in range(9))


def test_texts_and_personal_numbers_within_json_are_replaced() -> None:
    text = json.dumps({"to": [{"email": "ada@mail.example.com", "salary": 123456}], "count": 5, "on": True})
    other = MadeUp().json(text)
    assert "ada@" not in other and "123456" not in other
    assert json.loads(other)["count"] == 5 and json.loads(other)["on"] is True
