"""Report how the columns of the inputs changed since the last publication, and whether the contract has them."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping

import pyarrow as pa
import yaml

from pipeline.column_types import UnknownType, from_arrow, parse
from pipeline.dataset import Dataset
from pipeline.declared_columns import (
    RECORD_VERSION,
    files_of,
    known_columns,
    place_of,
    read_record,
    recorded,
    yaml_block,
)
from pipeline.errors import UnreadableInput
from pipeline.ingest import Landed
from pipeline.spec import Product


def changes(product: Product, landed: Mapping[str, Landed]) -> list[str]:
    """Return the changes in each input, as sentences; empty if the earlier columns are unknown."""
    before = known_columns(product)
    promised = _promised(product)
    return [
        f"input {name}: {sentence}"
        for name, input in landed.items()
        if name in before
        for sentence in _changes(before[name], input.columns, promised, input.gone)
    ]


def undeclared(landed: Mapping[str, Landed]) -> dict[str, list[str]]:
    """Return the columns without a declared type, for each input that has some."""
    return {name: list(input.undeclared) for name, input in landed.items() if input.undeclared}


def sources_block(product: Product, landed: Mapping[str, Landed]) -> tuple[str, str]:
    """Return the files and the sources that declare all columns of the inputs that have undeclared ones."""
    tables = {name: input.columns for name, input in landed.items() if input.undeclared}
    places = {name: place_of(product.root, name) for name in tables}
    return files_of(places), yaml_block(tables, places)


class PublishedTypesChanged(UnreadableInput):
    """Columns of the data set would change their type at a port, and the inputs are not declared."""


def refuse_changed(product: Product, landed: Mapping[str, Landed], dataset: Dataset) -> None:
    """Raise PublishedTypesChanged if an undeclared type would change the type that a port serves.

    On a machine without a record, such as CI's, only the ports show the results of earlier runs.
    """
    open_ = undeclared(landed)
    if not open_ or not dataset.parts or read_record(product)[0]:
        return
    lines: list[str] = []
    was: dict[str, tuple[str, str]] = {}
    now = {field.name: from_arrow(field.type) for field in dataset.schema}
    for port in product.outputs:
        served: Iterable[pa.Field] = ()
        # Each storage has its own errors: nothing was published yet, or reading is not allowed.
        with contextlib.suppress(Exception):
            served = port.module().published_schema(port, product)
        for field in served:
            before, kind = from_arrow(field.type), now.get(field.name, "")
            if _family(before) and _family(kind) and _family(before) != _family(kind):
                lines.append(f"  {field.name} is {before} at the port {port.name}, and would be {kind}")
                was.setdefault(field.name, (before, kind))
    if not lines:
        return
    tables = {
        name: {
            column: was[column][0] if column in was and _family(kind) == _family(was[column][1]) else kind
            for column, kind in landed[name].columns.items()
        }
        for name in open_
    }
    places = {name: place_of(product.root, name) for name in tables}
    raise PublishedTypesChanged(
        "\n".join(
            [
                "Undeclared columns would change their types; this machine has no record of an earlier run:",
                *lines,
            ]
        ),
        fix=f"Declare the inputs in {files_of(places)}. This keeps the types of columns that the model passes on unchanged; to publish"
        f" other types, write those:\n{yaml_block(tables, places)}",
    )


_FAMILIES = {
    **dict.fromkeys(
        (f"{sign}{size}" for sign in ("", "U") for size in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")),
        "integer",
    ),
    **dict.fromkeys(("FLOAT", "DOUBLE"), "float"),
    **dict.fromkeys(("VARCHAR", "JSON", "UUID"), "text"),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_NS"), "timestamp"),
    **{name: name for name in ("BOOLEAN", "DECIMAL", "DATE", "TIME", "TIMESTAMP WITH TIME ZONE", "BLOB")},
}
"""Types that ports store as one another, or whose values read the same."""


def breaking(before: Mapping[str, str], now: Mapping[str, str]) -> int:
    """Return the number of columns that are gone, or have a type whose values read otherwise. A nested type has to stay the same."""
    return sum(
        column not in now
        or (now[column] != kind and (not _family(kind) or _family(kind) != _family(now[column])))
        for column, kind in before.items()
    )


def _family(kind: str) -> str:
    """Return the group of types that a reader cannot distinguish; empty for a nested type, or one that is in no group."""
    try:
        parsed = parse(kind)
    except UnknownType:
        return ""
    whole = parsed.name == "DECIMAL" and parsed.numbers[1] == 0
    return "integer" if whole else _FAMILIES.get(parsed.name, "")


def remember(
    product: Product, landed: Mapping[str, Landed], columns: Mapping[str, str], rows: int | None = None
) -> None:
    """Record the columns of the inputs and of the data set after publishing: see pipeline/declared_columns.py."""
    file = recorded(product)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    record = {
        "version": RECORD_VERSION,
        "inputs": {name: input.columns for name, input in landed.items()},
        "rows": {name: input.total for name, input in landed.items()},
        "dataset": dict(columns),
        "datasetRows": rows,
    }
    partial.write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    os.replace(partial, file)


def _changes(
    before: Mapping[str, str], now: Mapping[str, str], promised: set[str], gone: Collection[str]
) -> Iterator[str]:
    for column in sorted(before.keys() | now.keys()):
        known = f"; {column} is a column in the contract" if column in promised else ""
        if column not in now:
            empty = ": it stays, and is empty in rows that are read from now on" if column in gone else ""
            yield f"{column} is gone{empty}{known}"
        elif column in gone:
            yield f"{column} is in none of the rows that were read, and stays empty in them{known}"
        elif column not in before:
            yield f"{column} ({now[column]}) is new" + (known or ", and is not in the contract")
        elif before[column] and before[column] != now[column]:
            yield f"{column} was {before[column]} and is now {now[column]}{known}"


def _promised(product: Product) -> set[str]:
    """Return the names of the contract's columns, and of the source columns that it gives for them."""
    try:
        contract = yaml.safe_load(product.contract.read_text("utf-8"))
        columns = [column for table in contract["schema"] for column in table["properties"]]
        made = [source for column in columns for source in column.get("transformSourceObjects", [])]
        return {column["name"] for column in columns} | {str(source).rpartition(".")[2] for source in made}
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        return set()  # a broken contract is reported by its own stage
