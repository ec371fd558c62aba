"""The key of an input whose history is kept: one row for each, or the history would be of another row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.errors import PromiseBroken, UnreadableInput
from pipeline.platforms import Platform
from pipeline.sql import identifier

TRAIT = "`key` of snapshot@1 in data-product.yaml"


def refuse_doubled(platform: Platform, name: str, key: Sequence[str], columns: Mapping[str, str]) -> None:
    """Raises PromiseBroken if two rows of an input have the same key, or one has none.

    dbt's snapshot would close the one row for the other, and say nothing. `columns` are those of the input.
    """
    known = {column.lower(): column for column in columns}
    if missing := [column for column in key if column.lower() not in known]:
        raise UnreadableInput(
            f"snapshot@1: the input {name} has no column {', '.join(missing)}, which is in the key.",
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
        row = ", ".join(f"{column} = {value}" for column, value in zip(key, values, strict=True))
        raise PromiseBroken(
            f"snapshot@1: input {name}: {times:,} rows have the key {row}. A history has one row for each key.",
            fix=f"Add columns to {TRAIT} until each row has a key of its own, or correct the source.",
        )
