"""Compute statistics of a table's rows by SQL, in the engine that holds them.

All numbers are of all rows, unless they are marked as estimates: a sample only decides what is worth asking.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from meshwright.core.text import printable
from meshwright.inspection.forms import FORMS, form_of
from meshwright.inspection.keys import keys_of
from meshwright.inspection.model import Column, ColumnProfile, TableProfile
from meshwright.inspection.relation import (
    ORDERED,
    Counts,
    Relation,
    batches,
    is_float,
    is_number,
    is_text,
)

EXACT_CELLS = 20_000_000
"""Values (rows times columns) up to which the distinct values of all columns are counted."""
SAMPLE_CELLS = 1_000_000
SAMPLE_ROWS = 20_000
"""Maximum rows of a sample; fewer if there are many columns."""
FEW_DISTINCT = 10_000
"""Estimated different values up to which DuckDB counts them, whatever the size."""
COLUMNS_AT_ONCE = 100
"""Columns of one query."""
MOST_VALUES = 20
"""Maximum length of a list of values."""
LONGEST_VALUE = 40
"""Maximum characters of a value in such a list."""


def profile(relation: Relation) -> TableProfile:
    """Return the statistics of all rows."""
    columns = relation.table.columns
    rows, counts = _counts(relation)
    for column in columns:
        count = counts[column.name]
        count.minimum, count.maximum = (
            relation.convert(column, one) for one in (count.minimum, count.maximum)
        )
    size = max(1, min(SAMPLE_ROWS, SAMPLE_CELLS // max(1, len(columns))))
    sample = relation.sample(size)
    is_whole = rows <= len(sample)
    texts = {column.name: [row[number] for row in sample] for number, column in enumerate(columns)}
    distinct, estimates = _distinct(relation, rows, counts, texts, is_whole)
    values = _values(relation, rows, counts, texts, distinct, is_whole)
    for name, found in values.items():
        distinct.setdefault(name, len(found))
        estimates.pop(name, None)
    forms = _forms(relation, counts, texts, is_whole)
    keys = keys_of(relation, rows, counts, texts, distinct)
    for key in keys:
        if len(key) == 1:
            distinct[key[0]] = rows
            estimates.pop(key[0], None)
    known = {
        column.name: _column(
            column,
            rows,
            counts[column.name],
            distinct.get(column.name),
            estimates.get(column.name),
            values.get(column.name, ()),
            forms.get(column.name, ""),
        )
        for column in columns
    }
    notes = list(relation.notes)
    if estimates:
        notes.append(
            f"The number of different values is an estimate for {_few(estimates)}: the table has {rows:,} rows."
        )
    return TableProfile(relation.table, rows, known, tuple(keys), None, tuple(map(printable, notes)))


def _few(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed) if len(listed) <= 6 else f"{', '.join(listed[:5])} and {len(listed) - 5} more"


def _column(
    column: Column,
    rows: int,
    counts: Counts,
    distinct: int | None,
    estimate: int | None,
    values: Sequence[str],
    form: str,
) -> ColumnProfile:
    low, high = as_text(counts.minimum), as_text(counts.maximum)
    if low is None or high is None:
        low = high = None
    return ColumnProfile(
        missing=rows - counts.present,
        distinct=distinct if distinct is not None else estimate,
        is_estimate=distinct is None and estimate is not None,
        minimum=low,
        maximum=high,
        values=tuple(values),
        shortest=counts.shortest,
        longest=counts.longest,
        form=form,
    )


def as_text(value: Any) -> str | None:
    """Return a number, a date or a time as a contract writes it; None for what has no finite value."""
    match value:
        case bool() | None:
            return None
        case int():
            return str(value)
        case float():
            return (
                (str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value))
                if math.isfinite(value)
                else None
            )
        case Decimal():
            return format(value, "f") if value.is_finite() else None
        case datetime():
            if value.tzinfo is not None:
                return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
            return value.isoformat()
        case date() | time():
            return value.isoformat()
    return None


# All rows, in one pass ----------------------------------------------------------------------------------------------


def _counts(relation: Relation) -> tuple[int, dict[str, Counts]]:
    """Return the number of rows, and what a pass tells of each column."""
    counts: dict[str, Counts] = {}
    rows: int | None = None
    for group in batches(relation.table.columns, COLUMNS_AT_ONCE):
        parts = ["count(*)"]
        places: list[tuple[str, str]] = []
        for column in group:
            for what, sql in _aggregates(column, relation):
                places.append((column.name, what))
                parts.append(sql)
        (answer,) = relation.query(f"select {', '.join(parts)} from {relation.source}")
        rows = int(answer[0])
        for (name, what), value in zip(places, answer[1:], strict=True):
            if what == "present":
                counts[name] = Counts(int(value))
            else:
                setattr(counts[name], what, value)
    if rows is None:
        ((rows,),) = relation.query(f"select count(*) from {relation.source}")
    return int(rows), counts


def _aggregates(column: Column, relation: Relation) -> Iterator[tuple[str, str]]:
    value = relation.values[column.name]
    # A column with NaN has no highest value: NaN is above all numbers, and no range that a contract promises has it.
    present = relation.sql.finite.format(value) if is_float(column.type) else value
    yield "present", f"count({present})"
    if is_number(column.type) or column.type in ORDERED:
        yield "minimum", f"min({value})"
        yield "maximum", f"max({value})"
    elif is_text(column.type):
        length = relation.sql.length.format(value)
        yield "shortest", f"min({length})"
        yield "longest", f"max({length})"
    if relation.sql.estimate and _is_countable(column):
        yield "estimate", relation.sql.estimate.format(value)


def _is_countable(column: Column) -> bool:
    """Return True if different values can be told apart by the engine."""
    return is_number(column.type) or is_text(column.type) or column.type in (*ORDERED, "BOOLEAN")


# Different values ---------------------------------------------------------------------------------------------------


def _distinct(
    relation: Relation,
    rows: int,
    counts: Mapping[str, Counts],
    texts: Mapping[str, list[Any]],
    is_whole: bool,
) -> tuple[dict[str, int], dict[str, int]]:
    """Return the number of different values of columns: counted, and estimated."""
    countable = [column for column in relation.table.columns if _is_countable(column)]
    if is_whole:
        return {
            column.name: len({value for value in texts[column.name] if value is not None})
            for column in countable
        }, {}
    found: dict[str, int] = {}
    if rows * len(countable) <= EXACT_CELLS:
        for group in batches(countable, COLUMNS_AT_ONCE):
            found |= _counted(relation, group)
        return found, {}
    estimates = {}
    for column in countable:
        known = counts[column.name].estimate
        estimates[column.name] = (
            min(int(known), counts[column.name].present)
            if known is not None
            else _estimate(texts[column.name], counts[column.name].present)
        )
    few = [column for column in countable if relation.sql.estimate and estimates[column.name] <= FEW_DISTINCT]
    for group in batches(few, COLUMNS_AT_ONCE):
        found |= _counted(relation, group)
    return found, {name: number for name, number in estimates.items() if name not in found}


def _counted(relation: Relation, columns: Sequence[Column]) -> dict[str, int]:
    """Return the exact numbers of different values."""
    listed = ", ".join(f"count(distinct {relation.exact(column.name)})" for column in columns)
    (answer,) = relation.query(f"select {listed} from {relation.source}")
    return {column.name: int(value) for column, value in zip(columns, answer, strict=True)}


def _estimate(sample: Sequence[Any], present: int) -> int:
    """Return about how many different values a column has, by those of a sample (Haas and Stokes' Duj1, as PostgreSQL does)."""
    seen: dict[Any, int] = {}
    for value in sample:
        if value is not None:
            seen[value] = seen.get(value, 0) + 1
    size, once = sum(seen.values()), sum(count == 1 for count in seen.values())
    if not size:
        return 0
    known = len(seen)
    if once == size:
        return present
    number = size * known / (size - once + once * size / max(present, size))
    return int(max(known, min(number, present)))


# Lists of values ----------------------------------------------------------------------------------------------------


def _values(
    relation: Relation,
    rows: int,
    counts: Mapping[str, Counts],
    texts: Mapping[str, list[Any]],
    distinct: Mapping[str, int],
    is_whole: bool,
) -> dict[str, list[str]]:
    """Return the columns whose texts are few, short and repeated, with all of their values, sorted."""
    found: dict[str, list[str]] = {}
    for column in relation.table.columns:
        name = column.name
        if (
            not is_text(column.type)
            or name in relation.as_texts
            or not counts[name].present
            or (counts[name].longest or 0) > LONGEST_VALUE
        ):
            continue
        sampled = {value for value in texts[name] if value is not None}
        if len(sampled) > MOST_VALUES or distinct.get(name, 0) > MOST_VALUES or "" in sampled:
            continue
        by_value: dict[str, int] = {}
        if is_whole:
            by_value = dict(Counter(str(text) for text in texts[name] if text is not None))
        else:
            value = relation.exact(name)
            for text, count in relation.query(
                f"select {value}, count(*) from {relation.source} where {value} is not null"
                f" group by {value} limit {MOST_VALUES + 1}"
            ):
                by_value[text.decode() if isinstance(text, bytes) else str(text)] = int(count)
        if len(by_value) > MOST_VALUES or len(by_value) * 2 > counts[name].present:
            continue
        if min(by_value.values()) < 2 and counts[name].present < len(by_value) * 20:
            continue  # a value that occurs once is no sign of a list in a small table
        found[name] = sorted(by_value)
    return found


# Forms --------------------------------------------------------------------------------------------------------------


def _forms(
    relation: Relation, counts: Mapping[str, Counts], texts: Mapping[str, list[Any]], is_whole: bool
) -> dict[str, str]:
    """Return the form that all texts of a column have. Check digits are verified in the sample only."""
    found = {}
    for column in relation.table.columns:
        if is_text(column.type) and counts[column.name].present:
            sampled = list(dict.fromkeys(str(value) for value in texts[column.name] if value is not None))
            if form := form_of(sampled):
                found[column.name] = form
    if is_whole:
        return found
    for group in batches(list(found), COLUMNS_AT_ONCE):
        tests = [
            relation.sql.all_true.format(
                f"{relation.values[name]} is null or {_matches(relation, name, found[name])}"
            )
            for name in group
        ]
        (answer,) = relation.query(f"select {', '.join(tests)} from {relation.source}")
        for name, holds in zip(group, answer, strict=True):
            if not holds:
                del found[name]
    return found


def _matches(relation: Relation, name: str, form: str) -> str:
    text = relation.sql.literal(f"^({FORMS[form]})$")
    return relation.sql.matches.format(text=relation.values[name], form=text)
