"""Choose a small sample that keeps the keys between inputs, and replace what is personal in it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from meshwright.draft.columns import BY_VALUES, Field, data_keys, kept_as_key, leaves, parsed
from meshwright.draft.dataset import Input
from meshwright.draft.joins import Link
from meshwright.draft.made_up import MadeUp
from meshwright.inspection.model import Source
from meshwright.product.column_types import ColumnType
from meshwright.product.personal_data import KINDS_BY_NAME, kind_of_name

ROWS = 200
"""Rows of an input that nothing else determines."""
WHOLE = 300
"""An input of at most this many rows is taken whole, unless a person asks for a number."""
FEWEST = 10
"""Rows below which more are taken than the children of an input name."""
MOST = 1000
"""Rows of an input at most, however many its children name."""

ROUNDS = 12
"""Attempts at values that no row of the source has."""

FEW = 50_000
"""Different values of a column that are read before any is made up."""

Rows = list[list[Any]]


def choose(
    sources: Mapping[str, Source],
    inputs: Mapping[str, Input],
    links: Sequence[Link],
    row_limit: int | None = None,
) -> dict[str, Rows]:
    """Return rows of each input: children first, then the parents that they name. `row_limit`: rows that a person asks for."""
    count = row_limit or ROWS
    few, most = row_limit or WHOLE, max(count, MOST)
    chosen: dict[str, Rows] = {}
    for name in _children_first(list(inputs), links):
        columns = list(inputs[name].fields)
        whole = inputs[name].profile.rows <= few
        rows: Rows = []
        for link in links if not whole else ():
            if link.parent != name or link.child not in chosen:
                continue
            places = [list(inputs[link.child].fields).index(column) for column in link.columns]
            keys = {tuple(row[place] for place in places) for row in chosen[link.child]}
            among = {
                column: {key[index] for key in keys if key[index] is not None}
                for index, column in enumerate(link.parent_columns)
            }
            if all(among.values()):
                there = [columns.index(column) for column in link.parent_columns]
                found = sources[name].rows(most, among)
                rows += [list(row) for row in found if tuple(row[place] for place in there) in keys]
        named = len(rows)
        if named < min(FEWEST, count):
            rows += [list(row) for row in sources[name].rows(few if whole else count)]
        chosen[name] = _distinct(rows, columns, inputs[name].profile.keys)[
            : max(named, few if whole else count)
        ][:most]
    return chosen


def _children_first(names: list[str], links: Sequence[Link]) -> list[str]:
    ordered: list[str] = []
    waiting = list(names)
    while waiting:
        free = [
            name
            for name in waiting
            if not any(link.parent == name and link.child in waiting and link.child != name for link in links)
        ]
        ordered += free or waiting[:1]
        waiting = [name for name in waiting if name not in ordered]
    return ordered


def _distinct(rows: Rows, columns: Sequence[str], keys: Sequence[tuple[str, ...]]) -> Rows:
    """Return the rows without those that were read twice, known by their key."""
    if not keys:
        return rows
    places = [columns.index(column) for column in keys[0]]
    seen: set[str] = set()
    result = []
    for row in rows:
        key = repr([row[place] for place in places])
        if key not in seen:
            seen.add(key)
            result.append(row)
    return result


def linked(inputs: Mapping[str, Input], links: Sequence[Link]) -> dict[str, Input]:
    """Return the inputs with the same treatment for columns that are keys of each other, and with keys that stay real."""
    fields = {
        (name, column): field for name, entry in inputs.items() for column, field in entry.fields.items()
    }
    keys = {(name, column) for name, entry in inputs.items() for column in next(iter(entry.profile.keys), ())}
    keys |= {(link.child, column) for link in links for column in link.columns}
    keys |= {(link.parent, column) for link in links for column in link.parent_columns}
    for place in keys:
        fields[place] = kept_as_key(fields[place])
    for group in _groups(links):
        personal = [fields[place] for place in group if fields[place].kind]
        made = [fields[place] for place in group if fields[place].maker]
        strict = max(
            personal, key=lambda field: KINDS_BY_NAME[field.kind][0].classification == "secret", default=None
        )
        for place in group:
            if strict:
                fields[place] = fields[place].made_up(strict.maker, strict.kind, strict.why)
            elif made:
                fields[place] = fields[place].made_up(made[0].maker)
    return {
        name: replace(entry, fields={column: fields[name, column] for column in entry.fields})
        for name, entry in inputs.items()
    }


def _groups(links: Iterable[Link]) -> list[set[tuple[str, str]]]:
    """Return the columns that hold the same keys."""
    groups: list[set[tuple[str, str]]] = []
    for link in links:
        for one, other in zip(link.columns, link.parent_columns, strict=True):
            pair = {(link.child, one), (link.parent, other)}
            touching = [group for group in groups if group & pair]
            groups = [group for group in groups if not group & pair] + [pair.union(*touching)]
    return groups


def avoided(inputs: Mapping[str, Input], rows: Mapping[str, Rows]) -> set[str]:
    """Return the real texts that must not occur by chance as made-up ones."""
    return {
        str(leaf)
        for name, entry in inputs.items()
        for place, field in enumerate(entry.fields.values())
        if field.maker
        for row in rows[name]
        for leaf in leaves(row[place])
        if not isinstance(leaf, bool | bytes)
    }


def made_up(
    sources: Mapping[str, Source], inputs: Mapping[str, Input], rows: Mapping[str, Rows], seed: bytes | None
) -> dict[str, Rows]:
    """Return the rows with made-up values that no row of their source has, the rows outside of the sample included.

    A value within a nested one is compared with the sample only. If a column's real values leave none of the same
    form, a made-up one has another length.
    """
    seed = seed or secrets.token_bytes(32)
    avoid = avoided(inputs, rows)
    real = {text for name, entry in inputs.items() for text in _few(sources[name], entry)}
    for _ in range(ROUNDS):
        result = replaced(inputs, rows, MadeUp(avoid, seed, real))
        met = {text for name, entry in inputs.items() for text in _met(sources[name], entry, result[name])}
        if met <= real:
            break
        real |= met
    return result


def _scalars(entry: Input) -> Iterable[tuple[int, str, Field]]:
    """Yield place, name and treatment of the columns whose single values are made up."""
    for place, (column, field) in enumerate(entry.fields.items()):
        if field.maker and field.maker not in ("json", "nested", "bytes") and entry.profile.rows:
            yield place, column, field


def _few(source: Source, entry: Input) -> Iterable[str]:
    """Yield all real values of personal columns that have few enough, such as dates: most others would be met."""
    for _, column, field in _scalars(entry):
        distinct = entry.profile.columns[column].distinct
        if field.kind and distinct is not None and distinct <= FEW:
            yield from (str(value) for (value,) in source.distinct([column], FEW))


def _met(source: Source, entry: Input, rows: Rows) -> Iterable[str]:
    """Yield the made-up texts that some row of the source has in the same column."""
    for place, column, _ in _scalars(entry):
        values = {row[place] for row in rows} - {None, ""}
        if values:
            found = source.distinct([column], len(values), {column: values})
            yield from (str(value) for (value,) in found)


def replaced(inputs: Mapping[str, Input], rows: Mapping[str, Rows], made: MadeUp) -> dict[str, Rows]:
    """Return the rows with made-up values where the draft proposes them."""
    result = {}
    for name, entry in inputs.items():
        fields = list(entry.fields.values())
        keys = [
            data_keys(parsed(row[place]) for row in rows[name]) if field.maker == "json" else set()
            for place, field in enumerate(fields)
        ]
        result[name] = [
            [
                _value(made, field, value, name, of_data)
                for field, value, of_data in zip(fields, row, keys, strict=True)
            ]
            for row in rows[name]
        ]
    return result


def _value(made: MadeUp, field: Field, value: Any, table: str, keys: set[str]) -> Any:
    if not field.maker or value is None:
        return value
    # Which of its numbers have the check digits is not known here.
    kind = field.kind if field.why == BY_VALUES and field.kind in ("card", "national id") else ""
    if field.maker == "json":
        text = value if isinstance(value, str) else json.dumps(value, default=str)
        text = made.json(text, keys, KINDS_BY_NAME[kind][0].maker if kind else "text")
        longest = field.column.max_length
        return text if longest is None or len(text) <= longest else "[]"[:longest]
    if field.maker == "nested":
        return _nested(made, field.type, value, table, kind)
    return made.value(field.maker, value, field.column.max_length)


def _nested(made: MadeUp, type_: ColumnType, value: Any, table: str, kind: str) -> Any:
    """Return a nested value with all texts in it made up, and what a field's name says to be personal."""
    if value is None:
        return None
    if type_.name == "STRUCT" and isinstance(value, Mapping):
        parts = dict(type_.parts)
        return {
            key: _nested(made, parts[key], item, table, kind_of_name(key, table) or kind)
            if key in parts
            else item
            for key, item in value.items()
        }
    if type_.name == "LIST":
        return [_nested(made, type_.parts[0][1], item, table, kind) for item in value]
    if type_.name == "MAP":
        pairs = value.items() if isinstance(value, Mapping) else value
        (_, of_key), (_, of_value) = type_.parts
        return {
            _nested(made, of_key, key, table, ""): _nested(
                made, of_value, item, table, kind_of_name(str(key), table) or kind
            )
            for key, item in pairs
        }
    if type_.name == "JSON" and isinstance(value, str):
        return made.json(value, data_keys([parsed(value)]))
    if isinstance(value, str | bytes) or kind:
        return made.value(KINDS_BY_NAME[kind][0].maker if kind else "text", value)
    return value
