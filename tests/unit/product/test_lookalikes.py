"""Which names can be taken for one another, and which are only similar."""

from __future__ import annotations

import unicodedata

import pytest

from meshwright.product.approvers import person
from meshwright.product.lookalikes import alike, deceptive, skeleton

ADA = "ada@example.org"


@pytest.mark.parametrize(
    "other",
    [
        "ADA@EXAMPLE.ORG", "ada@example.org.", "ada.@example.org", " ada@example.org", "ada\u200b@example.org",
        "\u0430d\u0430@example.org", "\uff41da@example.org", "ada\uff20example.org", "ada@exampl\u0435.org", "ada@example\u3002org",
        "ada@\u202eexample.org", "ad\u0251@example.org", "\U0001d41a\U0001d41d\U0001d41a@example.org", "ada\ufe0f@example.org",
        "ada\u00ad@example.org", "ADA@example.org..",
    ],
)  # fmt: skip
def test_one_person_in_other_letters_is_the_same_person(other: str) -> None:
    assert person(other) == person(ADA)


@pytest.mark.parametrize(
    "other", ["adam@example.org", "ada@example.com", "áda@example.org", "a.da@example.org", ""]
)
def test_who_is_called_otherwise_is_somebody_else(other: str) -> None:
    assert person(other) != person(ADA)


@pytest.mark.parametrize(
    ("name", "because"),
    [
        ("group:\u0430nalysts", "Cyrillic, Latin"),
        ("id:svc\u200b", "U+200B"),
        ("id:svc\u3164", "U+3164"),
        ("id:svc\u202e", "U+202E"),
        ("id:svc ", "white space"),
        ("gr\u03bfup", "Greek, Latin"),
        ("group:a_d\u0430", "Cyrillic, Latin"),
    ],
)
def test_what_deceives_is_named(name: str, because: str) -> None:
    assert because in deceptive(name)


@pytest.mark.parametrize(
    "name",
    [
        "group:analysts", "id:ada@example.org", "id:иван@example.org", "Zoë Größe", "σ-team", "データ分析", "東京A", "개발팀", "svc_дата",
        "group:CN=Analysts,OU=Groups", "O'Neill", unicodedata.normalize("NFD", "zoë"), "ﬁnance",
    ],
)  # fmt: skip
def test_names_of_any_language_are_fine(name: str) -> None:
    assert deceptive(name) == ""


def test_pairs_that_look_alike_in_ascii() -> None:
    names = ["delays", "de1ays", "modem", "modern", "o-ring", "0-ring", "mail", "mall", "other"]
    assert list(alike(names)) == [("delays", "de1ays"), ("modem", "modern"), ("o-ring", "0-ring")]


def test_a_skeleton_is_its_own_skeleton() -> None:
    for text in (ADA, "\u0430d\u0430@example.org..", "ŐRÜLT", "İstanbul", "ﬁ", "ⅷ", "ͅ", "a\u0345b"):
        assert skeleton(skeleton(text)) == skeleton(text)


def test_plain_names_are_read_as_any_others() -> None:
    for name in ("Ada@Example.org.", " a  b ", "x.", "A.B@c.", "tab\tname", "a\x1fb", "`"):
        assert skeleton(name) == skeleton(f"{name}\u200b") == skeleton(name.upper())
