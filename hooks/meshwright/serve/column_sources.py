"""Where the columns of a product come from: by the SQL of its models, or else by its last run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meshwright.product.record import Record
from meshwright.product.record.typed_values import text

MOST = 30
"""Columns that one is made of on a page."""


@dataclass(frozen=True)
class ColumnSource:
    """A column that another one is made of."""

    column: str
    place: str
    """The input, the table, or the data set of an event."""
    product: str = ""
    """The id of the product that the input reads; empty if it is none."""


@dataclass(frozen=True)
class ColumnSources:
    """What a column is made of."""

    sources: Sequence[ColumnSource]
    by_run: bool
    """Whether the last run has said so, and not the SQL."""


def column_sources(
    record: Record, by_run: Mapping[str, Sequence[tuple[str, str]]]
) -> Mapping[str, ColumnSources]:
    """Return column -> what it is made of; columns of which this is not known are left out.

    `by_run`: column -> data sets and columns, by the events of the last complete run.
    """
    known = record.get("columnOrigins")
    found: dict[str, ColumnSources] = {}
    for column in (one.name for one in record.columns):
        if isinstance(known, dict) and isinstance(known.get(column), list):
            found[column] = ColumnSources(list(_of_record(record, known[column])), by_run=False)
        elif column in by_run:
            made = [ColumnSource(field, place) for place, field in by_run[column][:MOST]]
            found[column] = ColumnSources(made, by_run=True)
    return found


def _of_record(record: Record, origins: Sequence[Any]) -> Iterator[ColumnSource]:
    inputs = {one.name: one for one in record.inputs}
    for origin in origins[:MOST]:
        if isinstance(origin, dict):
            name = text(origin, "input")
            product = inputs[name].product if name in inputs else ""
            yield ColumnSource(text(origin, "column"), name or text(origin, "table"), product)
