"""Personal data is recognized in columns with labels: precision and recall, and what messages may not say."""

from __future__ import annotations

import pytest
from labelled_columns import Labelled, columns
from recognition_score import score

from meshwright.product.personal_columns import (
    KINDS_OF_VALUES,
    is_contradicted,
    kind_of_column,
    recognized,
    suggested_kind,
)
from meshwright.product.personal_data import KINDS_BY_NAME

AT_LEAST = 0.95


def by_all(column: Labelled) -> str:
    seen = recognized(column.name, column.type, column.values, column.table)
    return seen[0].kind if seen else ""


@pytest.mark.parametrize("part", ["tuning", "held_out"])
def test_columns_are_recognized(part: str) -> None:
    result = score(columns(part), by_all)
    assert result.precision >= AT_LEAST, "\n".join(result.blamed)
    assert result.recall >= AT_LEAST, "\n".join(result.missed)


@pytest.mark.parametrize("part", ["tuning", "held_out"])
def test_a_name_alone_blames_few(part: str) -> None:
    """Without values more is missed, and what only values tell apart is blamed: a `phone` that is a model of one."""
    result = score(columns(part), lambda column: kind_of_column(column.name, column.type, column.table))
    assert result.precision >= 0.9, "\n".join(result.blamed)


def test_every_kind_has_a_word_for_its_values() -> None:
    assert KINDS_OF_VALUES.keys() == KINDS_BY_NAME.keys()


def test_counts_are_of_values() -> None:
    (seen,) = recognized("note", "VARCHAR", ["call me: +41 79 123 45 67", "no", "yes", ""])
    assert (seen.kind, seen.count, seen.of, seen.named) == ("phone", 1, 3, False)
    assert "123" not in repr(seen)


@pytest.mark.parametrize(
    ("column", "type_", "table", "kind"),
    [
        ("mobile", "BOOLEAN", "customers", ""),
        ("mobile", "VARCHAR", "customers", "phone"),
        ("pan", "VARCHAR", "products", ""),
        ("phone", "VARCHAR", "devices", ""),
        ("phone", "VARCHAR", "people", "phone"),
        ("email", "VARCHAR", "shops", ""),
        ("email", "VARCHAR", "customers", "email"),
        ("birth_date", "TIMESTAMP", "customers", "birth"),
        ("birth_date", "DOUBLE", "customers", ""),
        ("street", "VARCHAR", "customers", "address"),
    ],
)
def test_a_proposal_by_the_name(column: str, type_: str, table: str, kind: str) -> None:
    assert suggested_kind(column, type_, table) == kind


@pytest.mark.parametrize(
    ("kind", "values", "contradicted"),
    [
        ("card", ["cast iron", "copper"], True),
        ("card", ["4111111111111111"], False),
        ("card", ["**** **** **** 1111"], False),
        ("phone", ["yes", "no"], True),
        ("phone", ["", " "], False),
        ("phone", [], False),
        ("email", ["info@example.org"], True),
        ("free text", ["x"], False),
    ],
)
def test_values_against_a_name(kind: str, values: list[str], contradicted: bool) -> None:
    assert is_contradicted(kind, values) is contradicted
