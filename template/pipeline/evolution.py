"""How the columns of the inputs changed since the product was last published, held against what it promises."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping

import pyarrow as pa
import yaml

from pipeline.column_types import UnknownType, from_arrow, parse
from pipeline.dataset import Dataset
from pipeline.declared import RECORD_VERSION, SOURCES, known_columns, read_record, recorded, yaml_block
from pipeline.errors import UnreadableInput
from pipeline.ingest import Landed
from pipeline.spec import Product


def changes(product: Product, landed: Mapping[str, Landed]) -> list[str]:
    """What changed in each input, as sentences; none where nothing is known of what it was."""
    before = known_columns(product)
    promised = _promised(product)
    return [
        f"input {name}: {sentence}"
        for name, input in landed.items()
        if name in before
        for sentence in _changes(before[name], input.columns, promised, input.gone)
    ]


def undeclared(landed: Mapping[str, Landed]) -> dict[str, list[str]]:
    """Return the columns whose types nothing declares, for each input that has some."""
    return {name: list(input.undeclared) for name, input in landed.items() if input.undeclared}


def sources_block(landed: Mapping[str, Landed]) -> str:
    """Return models/sources.yml with the inputs that have undeclared columns, and all columns of these."""
    return yaml_block({name: input.columns for name, input in landed.items() if input.undeclared})


class PublishedTypesChanged(UnreadableInput):
    """Columns of the data set would have another type than a port serves, and nobody has declared the inputs."""


def refuse_changed(product: Product, landed: Mapping[str, Landed], dataset: Dataset) -> None:
    """Raise PublishedTypesChanged if a type that nobody has declared would change what a port serves.

    On a machine without a record, such as CI's, the ports are all that is known of earlier runs.
    """
    open_ = undeclared(landed)
    if not open_ or not dataset.parts or read_record(product)[0]:
        return
    lines: list[str] = []
    was: dict[str, tuple[str, str]] = {}
    now = {field.name: from_arrow(field.type) for field in dataset.schema}
    for port in product.outputs:
        served: Iterable[pa.Field] = ()
        # Each storage has errors of its own: nothing is there yet, or nobody may look.
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
    raise PublishedTypesChanged(
        "\n".join(
            [
                "Columns would change their types, and that is not declared; no record of an earlier run is on this machine:",
                *lines,
            ]
        ),
        fix=f"Declare the inputs in {SOURCES}. This keeps the types of columns that the model takes as they are; to publish"
        f" others, write those:\n{yaml_block(tables)}",
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


def _family(kind: str) -> str:
    """Return what a type is to a reader; empty for one that has parts, or is in no list."""
    try:
        parsed = parse(kind)
    except UnknownType:
        return ""
    whole = parsed.name == "DECIMAL" and parsed.numbers[1] == 0
    return "integer" if whole else _FAMILIES.get(parsed.name, "")


def remember(product: Product, landed: Mapping[str, Landed], columns: Mapping[str, str]) -> None:
    """Keeps what the columns of the inputs and of the data set are, once published: see pipeline/declared.py."""
    file = recorded(product)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    record = {
        "version": RECORD_VERSION,
        "inputs": {name: input.columns for name, input in landed.items()},
        "rows": {name: input.total for name, input in landed.items()},
        "dataset": dict(columns),
    }
    partial.write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    os.replace(partial, file)


def _changes(
    before: Mapping[str, str], now: Mapping[str, str], promised: set[str], gone: Collection[str]
) -> Iterator[str]:
    for column in sorted(before.keys() | now.keys()):
        known = f"; {column} is a column of the contract" if column in promised else ""
        if column not in now:
            empty = ": it stays, and is empty in rows that are read from now on" if column in gone else ""
            yield f"{column} is gone{empty}{known}"
        elif column in gone:
            yield f"{column} is in none of the rows that were read, and is empty in them{known}"
        elif column not in before:
            yield f"{column} ({now[column]}) is new" + (
                known or ", and the contract promises nothing of that name"
            )
        elif before[column] and before[column] != now[column]:
            yield f"{column} was {before[column]} and is {now[column]}{known}"


def _promised(product: Product) -> set[str]:
    """The names of the contract's columns, and what it says that they are made of."""
    try:
        contract = yaml.safe_load(product.contract.read_text("utf-8"))
        columns = [column for table in contract["schema"] for column in table["properties"]]
        made = [source for column in columns for source in column.get("transformSourceObjects", [])]
        return {column["name"] for column in columns} | {str(source).rpartition(".")[2] for source in made}
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        return set()  # what is wrong with a contract, its own stage tells
