"""Write the first model of the data set, the types of its inputs, and a unit test."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from meshwright.core.sql import standard
from meshwright.core.text import singular
from meshwright.draft.dataset import Dataset, Input, OutputColumn
from meshwright.draft.keywords import KEYWORDS
from meshwright.draft.texts import Flow, enumerated, yaml
from meshwright.product.portable_names import PORTABLE

TESTED = 6
"""Columns of an input in the unit test at most."""


def sources(inputs: Sequence[Input]) -> str:
    """Return the YAML of the source that has the inputs."""
    tables = [
        {
            "name": entry.name,
            "columns": [
                Flow(name=field.landed, data_type=str(field.type)) for field in entry.fields.values()
            ],
        }
        for entry in inputs
    ]
    comment = "# The inputs of data-product.yaml, as dbt knows them. Their columns have the types that are declared here.\n"
    return comment + yaml({"sources": [{"name": "inputs", "tables": tables}]})


def model(data: Dataset) -> str:
    """Return the model's SQL."""
    first = data.base.name
    if not data.joins:
        columns = ",\n".join(f"    {_selected(column, '')}" for column in data.columns)
        apart = _apart(data)
        return f"-- One row for each row of {first}, with all of its columns.\n{apart}select\n{columns}\nfrom {_source(first)}\n"
    names = [first, *(link.parent for link in data.joins)]
    known = enumerated([singular(name).replace("_", " ") for name in names[1:]])
    tables = ",\n\n".join(f"{identifier(name)} as (\n    select * from {_source(name)}\n)" for name in names)
    columns = ",\n".join(f"    {_selected(column, column.input)}" for column in data.columns)
    joins = []
    for link in data.joins:
        own = data.inputs[link.child].landed(link.columns)
        other = data.inputs[link.parent].landed(link.parent_columns)
        on = " and ".join(
            f"{identifier(link.child)}.{identifier(one)} = {identifier(link.parent)}.{identifier(two)}"
            for one, two in zip(own, other, strict=True)
        )
        joins.append(f"-- {_comment(link.reason)}\nleft join {identifier(link.parent)} on {on}")
    return (
        f"-- One row for each row of {first}, with what is known of its {known}.\n{_apart(data)}"
        f"with\n\n{tables}\n\nselect\n{columns}\nfrom {identifier(first)}\n" + "\n".join(joins) + "\n"
    )


def properties(data: Dataset, samples: Mapping[str, Sequence[Sequence[Any]]]) -> str:
    """Return the model's YAML: description, tests, and a unit test that passes."""
    columns: list[Any] = []
    if len(data.key) == 1:
        columns = [{"name": data.key[0].name, "data_tests": ["unique", "not_null"]}]
    else:
        columns = [{"name": column.name, "data_tests": ["not_null"]} for column in data.key]
    entry: dict[str, Any] = {
        "name": data.name,
        "description": f"One row for each row of {data.base.name}. The contract says what its columns mean.",
    }
    if columns:
        entry["columns"] = columns
    test = _unit_test(data, samples)
    text = "# https://docs.getdbt.com/docs/build/unit-tests\n" + yaml({"models": [entry]})
    if test:
        text += "\n" + yaml({"unit_tests": [test]}).replace(
            "unit_tests:\n",
            "# A first case, which passes: add one for each thing that can go wrong.\nunit_tests:\n",
            1,
        )
    return text


def identifier(name: str) -> str:
    """Return a name as SQL takes it, in quotes where it has to be."""
    if PORTABLE.fullmatch(name) and name not in KEYWORDS:
        return name
    return standard.identifier(name)


def _selected(column: OutputColumn, table: str) -> str:
    landed = identifier(column.field.landed)
    place = f"{identifier(table)}.{landed}" if table else landed
    return place if column.field.landed == column.name else f"{place} as {identifier(column.name)}"


def _source(name: str) -> str:
    return f"{{{{ source('inputs', '{name}') }}}}"


def _apart(data: Dataset) -> str:
    if not data.apart:
        return ""
    return f"-- Not joined, because no key that joins them was found: {', '.join(data.apart)}.\n"


def _comment(text: str) -> str:
    """Return a text that stays on its line of a comment, and that Jinja does not read."""
    return re.sub(r"[{}]", "", " ".join(text.split()))


def _unit_test(data: Dataset, samples: Mapping[str, Sequence[Sequence[Any]]]) -> dict[str, Any] | None:
    rows = _matching(data, samples)
    if rows is None:
        return None
    given, expected = [], {}
    for name in [data.base.name, *(link.parent for link in data.joins)]:
        entry, row = data.inputs[name], rows[name]
        keys = {
            column
            for link in data.joins
            for side, columns in ((link.child, link.columns), (link.parent, link.parent_columns))
            if side == name
            for column in columns
        }
        out = {column.field.column.name: column.name for column in data.columns if column.input == name}
        shown = Flow()
        for place, (column, field) in enumerate(entry.fields.items()):
            value = row[place] if row is not None else None
            literal = None if field.kind == "secret" else _literal(value, field.type.name)
            if (
                literal is None
                or identifier(field.landed) != field.landed
                or (len(shown) >= TESTED and column not in keys)
            ):
                continue
            shown[field.landed] = literal
            if column in out:
                expected[out[column]] = literal
        if keys and not keys <= {column for column, field in entry.fields.items() if field.landed in shown}:
            return None
        given.append({"input": f"source('inputs', '{name}')", "rows": [shown] if shown else []})
    if not expected or not given[0]["rows"]:
        return None
    return {
        "name": f"the_values_of_{data.base.name}_are_kept",
        "model": data.name,
        "given": given,
        "expect": {"rows": [Flow(expected)]},
    }


def _matching(
    data: Dataset, samples: Mapping[str, Sequence[Sequence[Any]]]
) -> dict[str, Sequence[Any]] | None:
    """Return a row of each input, that belong together; None if there are none."""
    for row in samples[data.base.name]:
        rows: dict[str, Sequence[Any]] = {data.base.name: row}
        for link in data.joins:
            child, parent = data.inputs[link.child], data.inputs[link.parent]
            own = [list(child.fields).index(column) for column in link.columns]
            other = [list(parent.fields).index(column) for column in link.parent_columns]
            if link.child not in rows:
                break
            selected = [rows[link.child][place] for place in own]
            match = next(
                (
                    one
                    for one in samples[link.parent]
                    if None not in selected and [one[place] for place in other] == selected
                ),
                None,
            )
            if match is None:
                break
            rows[link.parent] = match
        else:
            return rows
    return None


def _literal(value: Any, type_: str) -> Any:
    """Return a value as a unit test writes it; None for those that are written in several ways."""
    match value:
        case bool():
            return value
        case int() if abs(value) < 2**53:
            return value
        case str() if (
            type_ in ("VARCHAR", "UUID")
            and value.isprintable()
            and value.strip() == value
            and value
            and len(value) <= 60
        ):
            # Jinja renders this file, and dbt puts the text into SQL.
            return None if re.search(r"[{}'\"\\%#]", value) else value
        case datetime():
            return value.isoformat(sep=" ") if value.tzinfo is None and not value.microsecond else None
        case date():
            return value.isoformat()
        case float() if math.isfinite(value) and value == int(value) and abs(value) < 1e9:
            return None
    return None
