"""Invent rows for inputs whose source describes columns only: a contract, or a dbt project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from meshwright.draft.columns import Field
from meshwright.draft.dataset import Input
from meshwright.draft.joins import Link
from meshwright.product.column_types import ColumnType

ROWS = 20
FIRST = datetime(2024, 1, 1, 12)


def rows(inputs: Mapping[str, Input], links: Sequence[Link]) -> dict[str, list[list[Any]]]:
    """Return rows of each input that fit its columns, with the keys between inputs that its source declares."""
    made: dict[str, list[list[Any]]] = {}
    for name, entry in inputs.items():
        made[name] = [[_value(field, number) for field in entry.fields.values()] for number in range(ROWS)]
    for link in links:
        own = [list(inputs[link.child].fields).index(column) for column in link.columns]
        other = [list(inputs[link.parent].fields).index(column) for column in link.parent_columns]
        for number, row in enumerate(made[link.child]):
            parent = made[link.parent][number]
            for mine, theirs in zip(own, other, strict=True):
                row[mine] = parent[theirs]
    return made


def _value(field: Field, number: int) -> Any:
    if field.column.values:
        return field.column.values[number % len(field.column.values)]
    if field.kind == "email":
        return f"person{number}@example.org"
    return _within(field, _of_type(field.type, number, field.column.max_length), number)


def _within(field: Field, value: Any, number: int) -> Any:
    """Return a number between those that the source allows."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return value
    low = None if field.column.minimum is None else Decimal(field.column.minimum)
    high = None if field.column.maximum is None else Decimal(field.column.maximum)
    if (low is None or value >= low) and (high is None or value <= high):
        return value
    if low is None:
        return type(value)((high or Decimal(0)).to_integral_value(ROUND_FLOOR) - number)
    first = low.to_integral_value(ROUND_CEILING)
    whole = ROWS if high is None else int(high.to_integral_value(ROUND_FLOOR) - first)
    return type(value)(low if whole < 0 else first + number % (whole + 1))


def _of_type(type_: ColumnType, number: int, longest: int | None = None) -> Any:
    match type_.name:
        case "BOOLEAN":
            return number % 2 == 0
        case "DECIMAL":
            return Decimal(number % 10)
        case "FLOAT" | "DOUBLE":
            return number / 2
        case "DATE":
            return date(2024, 1, 1) + timedelta(days=number)
        case "TIMESTAMP" | "TIMESTAMP_NS":
            return FIRST + timedelta(days=number)
        case "TIMESTAMP WITH TIME ZONE":
            from datetime import UTC

            return (FIRST + timedelta(days=number)).replace(tzinfo=UTC)
        case "TIME":
            return time(number % 24)
        case "BLOB":
            return bytes([number])
        case "UUID":
            return f"00000000-0000-4000-8000-{number:012}"
        case "JSON":
            return "{}"
        case "STRUCT":
            return {name: _of_type(part, number) for name, part in type_.parts}
        case "LIST":
            return [_of_type(type_.parts[0][1], number)]
        case "MAP":
            return {_of_type(type_.parts[0][1], number): _of_type(type_.parts[1][1], number)}
        case "VARCHAR":
            text = f"value {number:02}"
            return (
                text if longest is None or len(text) <= longest else f"{number:0{min(longest, 2)}}"[:longest]
            )
    return number + 1
