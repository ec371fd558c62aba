"""Rules that compare models/sources.yml with the inputs in the spec."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from meshwright.check.rules.base import Rule
from meshwright.core.text import listed
from meshwright.core.yaml import Document, Keys
from meshwright.product.column_types import UnknownType, canonical
from meshwright.product.dbt_folders import folders
from meshwright.product.files import COMMAND, SOURCES, SPEC
from meshwright.product.grammar import default
from meshwright.product.problem import Problem

SOURCE = "inputs"
"""The dbt source whose tables are the inputs; it may have another name, with this one as its schema."""
UNTYPED = {"csv", "tsv", "json", "jsonl", "ndjson", "txt"}
"""Suffixes of files whose columns have no types of their own."""


@dataclass
class Table:
    """A table of the source `inputs`, and its place."""

    document: Document
    keys: Keys
    columns: dict[str, tuple[Keys, str | None]] = field(default_factory=dict)
    """Column, as it lands -> its place and its data_type."""


class InputsGiven(Rule):
    """The product has at least one input: the data that it reads.

    A product that was made without a sample has none yet: `meshwright draft` writes its inputs from the data that is there.
    """

    broken = {SPEC: {"spec": {"inputs": []}}}

    def check(self, spec: Document) -> Iterator[Problem]:
        if spec.get("spec.inputs") == []:
            fix = (
                f"{COMMAND} draft --from NAME=FILE writes them, with the model, the contract and the sample."
            )
            yield Problem(spec, ("spec", "inputs"), "It has no inputs yet.", fix)


class SourcesMatchInputs(Rule):
    """The tables of the dbt source `inputs` are the inputs of the spec.

    A model reads an input as `source('inputs', '<its name>')`. A model cannot read an input that is not in the source,
    and a table that is not an input is missing when the models run. The source may be in any YAML file below `models/`.
    An input that it does not have may be the table of that name in another source, so that an adopted dbt project keeps
    its own.
    """

    broken = {SOURCES: {"sources": [{"name": "inputs", "tables": [{"name": "flight"}]}]}}

    def check(self, root: Path, spec: Document, sources: Sequence[Document]) -> Iterator[Problem]:
        tables = declared_tables(sources, spec)
        inputs = [item["name"] for _, item in spec.items("spec.inputs") if isinstance(item.get("name"), str)]
        missing = [name for name in inputs if name not in tables]
        models = folders(root)
        file = (models[0] / "sources.yml").relative_to(root).as_posix() if models else SOURCES
        place: tuple[Document | str, Keys] = (file, ())
        for document in sources:
            for keys, source in document.items("sources"):
                names = {source.get("name"), source.get("schema")}
                if SOURCE in names:
                    place, file = (document, (*keys, "tables")), document.path.as_posix()
                elif not tables and missing and isinstance(source.get("tables"), list):
                    known = {table.get("name") for table in source["tables"] if isinstance(table, dict)}
                    if known.intersection(missing):
                        yield Problem(
                            document,
                            (*keys, "name"),
                            f"The source has the name {source.get('name')}, but inputs are read as the source {SOURCE}.",
                            f"Rename it to `{SOURCE}`, or give it `schema: {SOURCE}`.",
                        )
                        return
        for name in missing:
            yield Problem(
                *place,
                f"The input {name} is not a table of the source {SOURCE}.",
                f"Add `- name: {name}` to the tables of the source {SOURCE} in {file}.",
            )
        for name, table in tables.items():
            if name not in inputs:
                yield Problem(
                    table.document,
                    table.keys,
                    f"The table {name} of the source {SOURCE} is not an input of the spec.",
                    f"Remove it, or add the input to spec.inputs. The inputs are {listed(inputs)}.",
                )


class InputsDeclared(Rule):
    """Every column of an input that does not describe itself has a declared type.

    CSV, JSON and the answers of an API have no types. An undeclared column gets the type that all its values certainly
    have, and the next file may differ. Declare the type as `data_type` in `models/sources.yml`;
    a run prints what to write there. Parquet, databases and other products' ports describe themselves.
    """

    usually = "warning"
    broken = {
        SOURCES: {
            "sources": [
                {"name": "inputs", "tables": [{"name": name} for name in ("flights", "airlines", "planes")]}
            ]
        }
    }

    def check(self, root: Path, spec: Document, sources: Sequence[Document]) -> Iterator[Problem]:
        tables = declared_tables(sources, spec)
        for _, item in spec.items("spec.inputs"):
            name = item.get("name")
            if not isinstance(name, str) or (table := tables.get(name)) is None or not _is_untyped(item):
                continue
            given = {_landed(column) for column in _types(item)}
            known = _recorded(root, name)
            # The last published data has columns that the table may not list.
            columns = {
                **dict.fromkeys(known),
                **{column: kind for column, (_, kind) in table.columns.items()},
            }
            open_ = [column for column, kind in columns.items() if not kind and column not in given]
            # If neither lists one, it is unknown whether `types` is complete.
            if columns and not open_:
                continue
            what = listed(open_) if open_ else "columns that `types` leaves out" if given else "any column"
            block = ", ".join(
                f"{{name: {column}, data_type: {json.dumps(kind)}}}" for column, kind in known.items()
            )
            yield Problem(
                table.document,
                table.keys,
                f"The input {name} has no declared type for {what}.",
                f"Give the table `columns: [{block}]`, as last published."
                if known
                else f"Give each column a `data_type` in {table.document.path.as_posix()}. `uv run python -m pipeline` prints what to write.",
            )


class SourceFreshnessUnchecked(Rule):
    """No source has a freshness that is not checked.

    A run does not call `dbt source freshness`. It measures a service level with the indicator `freshness`, on the rows
    that it publishes.
    """

    usually = "warning"
    broken = {
        SOURCES: {
            "sources": [
                {
                    "name": "inputs",
                    "freshness": {"error_after": {"count": 1, "period": "day"}},
                    "tables": [{"name": name} for name in ("flights", "airlines", "planes")],
                }
            ]
        }
    }

    def check(self, sources: Sequence[Document]) -> Iterator[Problem]:
        for document in sources:
            for keys, source in document.items("sources"):
                tables = source.get("tables")
                nodes = [(keys, source)] + [
                    ((*keys, "tables", number), table)
                    for number, table in enumerate(tables if isinstance(tables, list) else [])
                    if isinstance(table, dict)
                ]
                for place, node in nodes:
                    for above in ((), ("config",)):
                        inner = node.get("config") if above else node
                        if isinstance(inner, dict) and _is_threshold(inner.get("freshness")):
                            yield Problem(
                                document,
                                (*place, *above, "freshness"),
                                f"The run does not check the freshness of {node.get('name')}.",
                                "Move it to a service level in data-product.yaml (`indicator: freshness`).",
                            )


def _is_threshold(freshness: Any) -> bool:
    """Return True if dbt would check a source against it."""
    return isinstance(freshness, dict) and any(freshness.get(key) for key in ("warn_after", "error_after"))


class TypesAgree(Rule):
    """The spec and `models/sources.yml` give a column the same type.

    `types` in the spec is meant for differences between environments. A contradiction ends the run.
    """

    broken = {
        SPEC: {
            "spec": {
                "inputs": [
                    {
                        "name": "flights",
                        "uses": "file@1",
                        "from": "system:flight-operations",
                        "properties": {"path": "sample_data/flights.csv", "nulls": ["NA"], "types": {"year": "VARCHAR"}},
                    },
                    {
                        "name": "airlines",
                        "uses": "file@1",
                        "from": "system:reference-data",
                        "properties": {"path": "sample_data/airlines.csv"},
                    },
                    {
                        "name": "planes",
                        "uses": "file@1",
                        "from": "system:fleet-register",
                        "properties": {"path": "sample_data/planes.csv", "nulls": ["NA"]},
                    },
                ]
            }
        }
    }  # fmt: skip

    def check(self, root: Path, spec: Document, sources: Sequence[Document]) -> Iterator[Problem]:
        tables = declared_tables(sources, spec)
        for keys, item in spec.items("spec.inputs"):
            name = item.get("name")
            table = tables.get(name) if isinstance(name, str) else None
            for column, text in _types(item).items():
                _, other = table.columns.get(_landed(column), ((), None)) if table else ((), None)
                with contextlib.suppress(UnknownType):
                    if table and other and canonical(str(text)) != canonical(other):
                        line, _ = table.document.place(table.columns[_landed(column)][0])
                        yield Problem(
                            spec,
                            (*keys, "properties", "types", column),
                            f"The column {column} of {name} is {canonical(str(text))} here, and {canonical(other)} in"
                            f" {table.document.path.as_posix()}:{line}.",
                            f"Remove {column} from `types`, or correct its data_type.",
                        )


class TypesKnown(Rule):
    """Every declared type of an input's column is in the list.

    The list is in docs/reference/types.md: DuckDB's names, with the usual other spellings. It applies to `data_type` in
    the source `inputs` and to `types` in the spec.
    """

    broken = {
        SOURCES: {
            "sources": [
                {
                    "name": "inputs",
                    "tables": [
                        {"name": "flights", "columns": [{"name": "year", "data_type": "money"}]},
                        {"name": "airlines"},
                        {"name": "planes"},
                    ],
                }
            ]
        }
    }

    def check(self, root: Path, spec: Document, sources: Sequence[Document]) -> Iterator[Problem]:
        tables = declared_tables(sources, spec)
        for keys, item in spec.items("spec.inputs"):
            name, uses = item.get("name"), str(item.get("uses")).partition("@")[0]
            for column, text in _types(item).items():
                yield from _unknown(spec, (*keys, "properties", "types", column), column, text)
            table = tables.get(name) if isinstance(name, str) else None
            if table is None or uses == "data-product":
                continue
            for column, (place, text) in table.columns.items():
                if text is not None:
                    yield from _unknown(table.document, (*place, "data_type"), column, text)


def _unknown(document: Document, keys: Keys, column: str, text: Any) -> Iterator[Problem]:
    try:
        canonical(str(text))
    except UnknownType as error:
        yield Problem(
            document,
            keys,
            f"The type of {column}: {error}",
            "Choose one of these; VARCHAR accepts any value.",
        )


def _is_untyped(item: dict[str, Any]) -> bool:
    """Return True if the source of an input has no column types."""
    properties = item.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    match str(item.get("uses")).partition("@")[0]:
        case "rest-api":
            return True
        case "file" if isinstance(form := properties.get("format"), str):
            return form != "parquet"
        case "file":
            path = default(str(properties.get("path", "")))
            return bool(UNTYPED.intersection(PurePosixPath(path.lower()).name.split(".")[1:]))
    return False


def _types(item: dict[str, Any]) -> dict[str, Any]:
    properties = item.get("properties")
    types = properties.get("types") if isinstance(properties, dict) else None
    return types if isinstance(types, dict) else {}


def _landed(name: str) -> str:
    """Return the name that a column lands with: `Flight No.` becomes `flight_no`."""
    return re.sub(r"\W+", "_", name).strip("_").lower() or "unnamed"


def declared_tables(documents: Sequence[Document], spec: Document) -> dict[str, Table]:
    """Return the tables that are read as inputs: those of the source `inputs`; for an input that it does not have, the
    table of this name in the one other source that has it."""
    tables: dict[str, Table] = {}
    others: dict[str, list[Table]] = {}
    for document in documents:
        for keys, source in document.items("sources"):
            if not isinstance(source.get("tables"), list):
                continue
            own = SOURCE in (source.get("name"), source.get("schema"))
            for number, entry in enumerate(source["tables"]):
                entry = entry if isinstance(entry, dict) else {}
                name = (entry.get("identifier") if own else None) or entry.get("name")
                if not isinstance(name, str):
                    continue
                place = (*keys, "tables", number)
                table = Table(document, place)
                if own:
                    tables[name] = table
                else:
                    others.setdefault(name, []).append(table)
                columns = entry.get("columns")
                for index, column in enumerate(columns if isinstance(columns, list) else []):
                    if isinstance(column, dict) and isinstance(column.get("name"), str):
                        kind = column.get("data_type")
                        if not own and not _is_type(kind):
                            kind = None  # of the warehouse that the team runs dbt on
                        table.columns[_landed(column["name"])] = (
                            (*place, "columns", index),
                            None if kind is None else str(kind),
                        )
    for _, item in spec.items("spec.inputs"):
        found = others.get(str(item.get("name")), [])
        if len(found) == 1:
            tables.setdefault(str(item["name"]), found[0])
    return tables


def _is_type(text: Any) -> bool:
    try:
        canonical(str(text))
    except UnknownType:
        return False
    return True


def _recorded(root: Path, name: str) -> dict[str, str]:
    """Return the columns of an input as last published here; empty if unknown."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        record = json.loads((root / "build" / "inputs" / "default.json").read_text("utf-8"))
        if record["version"] == 2:
            return {str(column): str(kind) for column, kind in record["inputs"][name].items()}
    return {}
