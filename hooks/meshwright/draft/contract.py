"""Write the contract of a drafted product: types, keys, lists, ranges, meanings and classifications, as proposals."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from meshwright.core.text import listed, singular
from meshwright.draft.columns import NUMBERS, Field
from meshwright.draft.dataset import Dataset, OutputColumn
from meshwright.draft.texts import Flow, enumerated, sentence, yaml
from meshwright.product.column_types import ColumnType
from meshwright.product.metamodel import CLASSIFICATIONS
from meshwright.product.personal_data import KINDS_BY_NAME, words

HEADER = """\
# What the data set promises: Open Data Contract Standard 3.1, https://bitol-io.github.io/open-data-contract-standard/
# Every run is verified against it. What breaks it is not published.
"""
LOGICAL = {
    **dict.fromkeys(NUMBERS, "integer"),
    **dict.fromkeys(("DECIMAL", "FLOAT", "DOUBLE"), "number"),
    **{
        "BOOLEAN": "boolean",
        "DATE": "date",
        "TIME": "time",
        "STRUCT": "object",
        "LIST": "array",
        "MAP": "object",
    },
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"), "timestamp"),
}
"""Type of a column -> its logical type; string for all others."""
UNITS = {
    "mm": "millimetres", "cm": "centimetres", "km": "kilometres", "kg": "kilograms", "pct": "per cent", "percent": "per cent",
    "g": "grams", "m": "metres", "ms": "milliseconds", "sec": "seconds", "min": "minutes", "eur": "euros", "usd": "US dollars", "gbp": "pounds sterling",
}  # fmt: skip
"""Last word of a column's name -> unit."""


def contract(data: Dataset, spec: Mapping[str, Any], level: str) -> str:
    """Return contract.odcs.yaml. `level`: the classification of columns that show nothing more sensitive."""
    return HEADER + yaml(value(data, spec, level))


def value(data: Dataset, spec: Mapping[str, Any], level: str) -> dict[str, Any]:
    """Return the value of contract.odcs.yaml."""
    domain, product = spec["metadata"]["domain"], spec["metadata"]["name"]
    first = data.base.name
    key = data.key
    quality: list[dict[str, Any]] = [
        {"type": "library", "metric": "rowCount", "mustBeGreaterThan": 0, "description": "There is data."}
    ]
    if len(key) > 1:
        quality.append(
            {
                "type": "library",
                "metric": "duplicateValues",
                "arguments": Flow(properties=[column.name for column in key]),
                "mustBe": 0,
                "description": f"{', '.join(column.name for column in key)} together name one row.",
            }
        )
    table: dict[str, Any] = {
        "name": data.name,
        "physicalType": "table",
        "description": f"One row for each row of {first}"
        + (
            f", with what is known of its {enumerated([singular(link.parent).replace('_', ' ') for link in data.joins])}."
            if data.joins
            else "."
        ),
        "quality": quality,
        "properties": [_property(column, data, level) for column in data.columns],
    }
    if proposed := [*_joined_once(data), *_of_rows(data)]:
        table["customProperties"] = [{"property": "proposed", "value": proposed}]
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": f"urn:contract:{domain}:{product}",
        "name": spec["metadata"].get("title") or product,
        "version": "1.0.0",
        "status": "active",
        "domain": domain,
        "dataProduct": product,
        "description": {
            "usage": sentence(
                f"One row for each row of {first}"
                + (f"; {', '.join(column.name for column in key)} is its key" if key else "")
            )
        },
        "schema": [table],
    }


def _joined_once(data: Dataset) -> Iterator[Flow]:
    """Yield the mark of what the data set says of inputs that could be joined by other columns as well."""
    used = {link.parent: f"{link.child}.{', '.join(link.columns)}" for link in data.joins}
    if data.again:
        others = [
            f"{link.child}.{', '.join(link.columns)} names rows of {link.parent} too"
            + (f" (joined by {used[link.parent]})" if link.parent in used else "")
            for link in data.again
        ]
        reason = (
            f"A table is joined once: {enumerated(others)}. Join it again in the model, or correct the join."
        )
        yield Flow(field="description", reason=reason)


def _of_rows(data: Dataset) -> Iterator[Flow]:
    """Yield one mark for all lists and ranges that only the rows show, so that they are one decision."""
    guesses = {
        "lists of values of": [
            one.name for one in data.columns if _list(one) and not one.field.column.values
        ],
        "ranges of": [
            one.name
            for one in data.columns
            if {"minimum", "maximum"} & {*_options(one.field, one)}
            and one.field.column.minimum is None
            and one.field.column.maximum is None
        ],
        "lengths of": [
            one.name
            for one in data.columns
            if "minLength" in _options(one.field, one) and not one.field.column.max_length
        ],
    }
    if parts := [f"{what} {listed(names)}" for what, names in guesses.items() if names]:
        reason = f"Guessed from the rows that are there: {'; '.join(parts)}. Other rows may break them."
        yield Flow(field="properties", reason=reason)


def _list(column: OutputColumn) -> tuple[str, ...]:
    """Return the list of allowed values of a column."""
    return () if column.field.kind else tuple(column.field.values)


def classification(field: Field, level: str) -> str:
    """Return the classification of a column: that of its source, or `level`, and never below its kind of personal data."""
    declared = field.column.classification
    least = [declared if declared in CLASSIFICATIONS else level]
    if field.kind:
        least.append(KINDS_BY_NAME[field.kind][0].classification)
    return max(least, key=CLASSIFICATIONS.index)


def conclusion(field: Field, level: str) -> str:
    """Return what a personal column is taken for, what happens to its values, and why."""
    what = KINDS_BY_NAME[field.kind][0].what
    return f"{what}; made up in the sample, proposed as {classification(field, level)}. {field.why}"


def _property(column: OutputColumn, data: Dataset, level: str) -> dict[str, Any]:
    field = column.field
    sensitive = classification(field, level)
    result: dict[str, Any] = {"name": column.name, **_type(field.type, sensitive, field)}
    if column.required:
        result["required"] = True
    if column.key:
        result |= {"primaryKey": True, "primaryKeyPosition": column.key}
    result["classification"] = sensitive
    meaning = sentence(field.column.description)
    proposed = []
    if not meaning or meaning.rstrip(".").lower() == column.name.lower():
        meaning = guessed(column, data)
        proposed.append(Flow(field="description", reason="Guessed from the name of the column."))
    result["description"] = meaning
    if field.kind:
        reason = f"It may hold {KINDS_BY_NAME[field.kind][0].what}. {field.why}"
        proposed.append(Flow(field="classification", reason=reason))
    elif field.maker:
        reason = "Nothing personal was recognized, but a text can hold anything."
        proposed.append(Flow(field="classification", reason=reason))
    if options := _options(field, column):
        result["logicalTypeOptions"] = Flow(options)
    if column.key == 1 and not _is_declared(data):
        rows = f"all {data.base.profile.rows:,} rows" if data.base.profile.rows else "no row"
        proposed.append(
            Flow(field="primaryKey", reason=f"Unique in {rows}; the source does not declare a key.")
        )
    if values := _list(column):
        result["quality"] = [
            {
                "type": "library",
                "metric": "invalidValues",
                "arguments": Flow(validValues=list(values)),
                "mustBe": 0,
                "description": "One of the known values.",
            }
        ]
    if proposed:
        result["customProperties"] = [{"property": "proposed", "value": proposed}]
    return result


def _is_declared(data: Dataset) -> bool:
    """Return True if the source itself declares the key."""
    table = data.base.profile.table
    key = {column.field.column.name for column in data.key}
    return any({*declared} == key for declared in (table.primary_key, *table.unique_keys))


def _type(type_: ColumnType, level: str, field: Field | None = None) -> dict[str, Any]:
    """Return logical and physical type, and the description of what is nested, at the classification `level`."""
    logical = LOGICAL.get(type_.name, "string")
    if type_.name == "STRUCT":
        return {
            "logicalType": logical,
            "properties": [
                {
                    "name": name,
                    **_type(part, level),
                    "classification": level,
                    "description": f"{_words(name)}, a part of it.",
                }
                for name, part in type_.parts
            ],
        }
    if type_.name == "LIST":
        return {"logicalType": logical, "items": _type(type_.parts[0][1], level)}
    if type_.name == "MAP":
        return {"logicalType": logical, "physicalType": str(type_)}
    physical = "VARCHAR" if logical == "string" and type_.name != "BLOB" else str(type_)
    if field and field.column.max_length and physical == "VARCHAR":
        physical = f"VARCHAR({field.column.max_length})"
    return {"logicalType": logical, "physicalType": physical}


def _options(field: Field, column: OutputColumn) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if field.is_text and field.column.max_length:
        options["maxLength"] = field.column.max_length
    if field.format:
        options["format"] = field.format
    if field.is_text and not field.kind and not field.maker and not field.values and not field.format:
        options |= _pattern(field)
    is_identifier = {"id", "no", "nr", "number", "code", "key"} & {*words(field.landed)[-1:]}
    declared = {
        side: _number(bound)
        for side, bound in (("minimum", field.column.minimum), ("maximum", field.column.maximum))
        if bound is not None
    }
    if declared and LOGICAL.get(field.type.name) in ("integer", "number"):
        options |= declared
    elif (
        not field.kind
        and not column.key
        and not is_identifier
        and LOGICAL.get(field.type.name) in ("integer", "number")
    ):
        options |= _range(field)
    return options


def _number(text: str) -> int | float:
    number = float(text)
    return int(number) if number == int(number) else number


def _pattern(field: Field) -> dict[str, Any]:
    """Return the exact length of codes that all have the same one."""
    shortest, longest = field.profile.shortest, field.profile.longest
    if field.is_code and shortest and shortest == longest and shortest <= 3 and not field.column.max_length:
        return {"minLength": shortest, "maxLength": longest}
    return {}


def _range(field: Field) -> dict[str, Any]:
    """Return a range that is wider than the values that were seen, because the next ones may be larger."""
    try:
        low, high = Decimal(field.profile.minimum or ""), Decimal(field.profile.maximum or "")
    except InvalidOperation:
        return {}
    if not (low.is_finite() and high.is_finite()):
        return {}
    name = {*words(field.landed)}
    if name & {"lat", "latitude"} and low >= -90 and high <= 90:
        return {"minimum": -90, "maximum": 90}
    if name & {"lon", "lng", "longitude"} and low >= -180 and high <= 180:
        return {"minimum": -180, "maximum": 180}
    if name & {"year", "jahr"} and low >= 1000 and high <= 2100:
        return {"minimum": int(low // 100 * 100), "maximum": 2100}
    if name & {"share", "ratio", "probability", "fraction"} and low >= 0 and high <= 1:
        return {"minimum": 0, "maximum": 1}
    if name & {"percent", "pct", "percentage"} and low >= 0 and high <= 100:
        return {"minimum": 0, "maximum": 100}
    largest = max(-low, high) * 10
    if largest > 10**15:
        return {"minimum": 0} if low >= 0 else {}
    return {"minimum": 0 if low >= 0 else -_round_up(largest), "maximum": _round_up(largest)}


def _round_up(number: Decimal) -> int:
    """Return the next power of ten, or half or a fifth of it."""
    power: int = 10 ** max(0, math.ceil(math.log10(max(number, Decimal(1)))))
    parts = (power // 5, power // 2, power)
    return min(part for part in parts if part >= number or part == power)


def guessed(column: OutputColumn, data: Dataset) -> str:
    """Return what a column probably means."""
    name = column.field.column.name
    parts = words(name)
    of = singular(column.input).replace("_", " ")
    unit = UNITS.get(parts[-1]) if len(parts) > 1 else None
    text = _words("_".join(parts[:-1]) if unit else name)
    if parts[-1:] == ["id"] and len(parts) > 1:
        text = f"Identifier of the {' '.join(parts[:-1])}"
    elif parts == ["id"]:
        text = f"Identifier of the {of}"
    elif len(text) == 1:
        text = f"{text}, a value of the {of}"
    elif len({*parts} & {*words(column.input), *of.split()}) == 0:
        text = f"{text} of the {of}"
    return f"{text}{f', in {unit}' if unit else ''}."


def _words(name: str) -> str:
    text = " ".join(words(name)) or "value"
    return text[0].upper() + text[1:]
