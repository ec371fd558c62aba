"""An input whose history is kept: one row for each key, and columns of the types that the history has."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline import disclosure
from pipeline.column_types import UnknownType, parse
from pipeline.conversion import INTEGERS, TEXTUAL
from pipeline.declared_columns import known_columns, place_of
from pipeline.errors import PromiseBroken, UnreadableInput
from pipeline.platforms import Platform
from pipeline.spec import Product
from pipeline.sql import identifier
from pipeline.values import form

TRAIT = "`key` of snapshot@1 in data-product.yaml"


def refuse_doubled(
    product: Product, platform: Platform, name: str, key: Sequence[str], columns: Mapping[str, str]
) -> None:
    """Raise PromiseBroken if two rows of an input have the same key, or one has none.

    dbt's snapshot would silently close one row in favour of the other. `columns` are those of the input.
    """
    known = {column.lower(): column for column in columns}
    if missing := [column for column in key if column.lower() not in known]:
        raise UnreadableInput(
            f"snapshot@1: the input {name} has no column {', '.join(missing)}, which is part of the key.",
            fix=f"Correct {TRAIT}. The input has {', '.join(columns)}.",
        )
    names = [identifier(known[column.lower()]) for column in key]
    by, rows = ", ".join(names), platform.input(name)
    nowhere = " or ".join(f"{column} is null" for column in names)
    ((empty,),) = platform.query(f"select count(*) from {rows} where {nowhere}")
    if empty:
        raise PromiseBroken(
            f"snapshot@1: input {name}: {empty:,} rows have no value in {', '.join(key)}, which is their key.",
            fix=f"Give {TRAIT} columns that every row has, or correct the source.",
        )
    doubled = platform.query(
        f"select {by}, count(*) from {rows} group by {by} having count(*) > 1 order by {by} limit 1"
    )
    for *values, times in doubled:
        row = _pairs(product, key, values)
        raise PromiseBroken(
            f"snapshot@1: input {name}: {times:,} rows have the key {row}. A history has one row for each key.",
            fix=f"Add columns to {TRAIT} until each row has a key of its own, or correct the source.",
        )


def _pairs(product: Product, key: Sequence[str], row: Sequence[Any]) -> str:
    return ", ".join(
        f"{column} = {value if disclosure.of_input(product, column) else form(value)}"
        for column, value in zip(key, row, strict=True)
    )


def refuse_joined(
    product: Product,
    platform: Platform,
    name: str,
    key: Sequence[str],
    columns: Mapping[str, str],
    text: str,
) -> None:
    """Raise PromiseBroken if dbt would take two rows of an input for one, because their keys are the same when joined.

    dbt finds the row to close by a hash of the key's columns, joined with `|`. `text` is the platform's type for texts.
    """
    if len(key) == 1:
        return
    known = {column.lower(): column for column in columns}
    names = [identifier(known[column.lower()]) for column in key]
    texts = [f"cast({column} as {text})" for column in names]
    joined = " || '|' || ".join(texts)
    # Two keys can be the same when joined only if both contain the separator.
    rows = f"{platform.input(name)} where " + " or ".join(f"{value} like '%|%'" for value in texts)
    found = platform.query(
        f"select {', '.join(names)} from {platform.input(name)} where {joined} in"
        f" (select {joined} from {rows} group by {joined} having count(*) > 1) order by {joined}, {', '.join(names)} limit 2"
    )
    if found:
        both = " and ".join(f"({_pairs(product, key, row)})" for row in found)
        raise PromiseBroken(
            f"snapshot@1: input {name}: the keys {both} are the same once dbt has joined their columns with `|`: it would"
            " close both rows when one of them changes.",
            fix=f"Remove `|` from {', '.join(key)} in the source, or give {TRAIT} one column that names a row by"
            f" itself. If {history(name)} already has both, drop that table in the platform's database (on DuckDB, remove"
            " build/state, and what is at PIPELINE_STATE): the history starts again.",
        )


HISTORIES = "histories.json"
"""In the state's folder: input -> the columns that its history has, with their types."""


def history(name: str) -> str:
    """Return what the history of an input is called."""
    return f"{name}_history"


def refuse_other_types(product: Product, platform: Platform, name: str, columns: Mapping[str, str]) -> None:
    """Raise UnreadableInput if a column of an input has another type than its history; else record the types.

    dbt adds columns to a history, and never changes one: the engine would write `007` as 7, and 1.239 as 1.24.
    """
    assert product.state is not None, "a product with a history has a state"
    file = product.state / HISTORIES
    try:
        recorded = {str(key): dict(value) for key, value in json.loads(file.read_text("utf-8")).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        recorded = {}
    # Releases up to 0.2.0 kept no types of histories; those of the input's table are the same.
    before = recorded.get(name) or {
        column: kind for column, kind in known_columns(product).get(name, {}).items() if kind
    }
    known = before if platform.columns(history(name)) else {}
    other = {column: kind for column, kind in columns.items() if not _holds(known.get(column, kind), kind)}
    if other:
        raise UnreadableInput(
            "\n".join(
                f"snapshot@1: input {name}: the column {column} is {kind}, but {known[column]} in its history"
                f" {history(name)}."
                for column, kind in other.items()
            ),
            fix=f"Declare the old type in {place_of(product.root, name).file}, or, if the change is intended, drop the table {history(name)} in the"
            " platform's database (on DuckDB, remove build/state, and what is at PIPELINE_STATE): the history starts again.",
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps({**recorded, name: {**columns, **known}}, indent=2) + "\n", "utf-8")
    os.replace(partial, file)


def _holds(known: str, kind: str) -> bool:
    """Return True if a column of a type keeps the values of another one as they are, or the engine refuses them."""
    try:
        one, other = parse(known), parse(kind)
    except UnknownType:
        return known == kind
    if one.name in TEXTUAL and other.name in TEXTUAL:
        return True
    if one.name in INTEGERS:
        return other.name in INTEGERS
    if one.name == "DECIMAL" == other.name:
        return other.numbers[1] <= one.numbers[1]
    return one == other
