"""How the columns of the inputs changed since the product was last published, held against what it promises."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping

import yaml

from pipeline.declared import RECORD_VERSION, known_columns, recorded, yaml_block
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
        for sentence in _told(before[name], input.columns, promised, input.gone)
    ]


def undeclared(landed: Mapping[str, Landed]) -> dict[str, list[str]]:
    """Return the columns whose types nothing declares, for each input that has some."""
    return {name: list(input.undeclared) for name, input in landed.items() if input.undeclared}


def sources_block(landed: Mapping[str, Landed]) -> str:
    """Return models/sources.yml with the inputs that have undeclared columns, and all columns of these."""
    return yaml_block({name: input.columns for name, input in landed.items() if input.undeclared})


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


def _told(
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
