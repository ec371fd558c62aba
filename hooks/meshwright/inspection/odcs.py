"""Read the data sets of a contract: ODCS 3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from meshwright.core.errors import Error
from meshwright.core.text import listed, printable
from meshwright.core.yaml import read as read_yaml
from meshwright.inspection.declared_types import LOGICAL, type_and_length
from meshwright.inspection.model import Column, ForeignKey, Table
from meshwright.inspection.odcs_quality import named, quality

ENDINGS = (".odcs.yaml", ".odcs.yml")


def is_contract(file: Path) -> bool:
    """Return True for a file that is a contract, by its name or its content."""
    if file.suffix not in (".yaml", ".yml") or not file.is_file():
        return False
    if file.name.endswith(ENDINGS):
        return True
    try:
        value = read_yaml(file.parent, file.name).value
    except Error:
        return False
    return isinstance(value, dict) and (
        value.get("kind") == "DataContract" or "dataContractSpecification" in value or "datasetName" in value
    )


def read(file: Path) -> list[Table]:
    """Return the data sets of a contract. Raises Error."""
    if not file.is_file():
        raise Error(f"{file} does not exist.", "Correct the path.")
    document = read_yaml(file.parent, file.name)
    value = document.value
    if not isinstance(value, dict):
        raise Error(f"{file} is not a contract.", "Name a contract in ODCS 3.")
    version = str(value.get("apiVersion") or "")
    if "dataContractSpecification" in value:
        raise Error(
            f"{file} is in the Data Contract Specification.",
            "Convert it first: uvx --from datacontract-cli datacontract export odcs CONTRACT.",
        )
    if not version.removeprefix("v").startswith("3."):
        raise Error(
            f"{file} has the apiVersion {printable(version) or 'none'}: ODCS 3 is read here.",
            "Convert it to ODCS 3, or set its `apiVersion` if it is.",
        )
    tables = [_table(entry) for _, entry in document.items("schema") if entry.get("properties")]
    if not tables:
        raise Error(
            f"{file} describes no columns: it has no `schema` with `properties`.",
            "Describe them, or name the data.",
        )
    return tables


def rules_left(file: Path) -> list[str]:
    """Return a sentence on the quality rules of a contract that its tables do not tell. Raises Error."""
    left = []
    for _, entry in read_yaml(file.parent, file.name).items("schema"):
        left += [f"{name} of {entry.get('name')}" for name, _ in named(entry)]
        for one in entry.get("properties") or []:
            if isinstance(one, dict) and one.get("name"):
                left += [f"{name} of {one['name']}" for name in quality(one).left]
    names = printable(listed(left[:12]) + " and more" * (len(left) > 12))
    return [f"Quality rules that are not taken over: {names}. Add them to the contract."] if left else []


def _table(entry: Mapping[str, Any]) -> Table:
    properties = [one for one in entry.get("properties") or [] if isinstance(one, dict) and one.get("name")]
    keyed = sorted(
        (int(one.get("primaryKeyPosition") or 0), number, _name(one))
        for number, one in enumerate(properties)
        if one.get("primaryKey") is True
    )
    return Table(
        str(entry.get("physicalName") or entry.get("name") or "data"),
        tuple(_column(one) for one in properties),
        primary_key=tuple(name for _, _, name in keyed),
        unique_keys=tuple(
            (_name(one),) for one in properties if one.get("unique") is True or quality(one).unique
        ),
        foreign_keys=tuple(_references(entry, properties)),
        description=str(entry.get("description") or "").strip(),
    )


def _name(entry: Mapping[str, Any]) -> str:
    return str(entry.get("physicalName") or entry["name"])


def _column(entry: Mapping[str, Any]) -> Column:
    physical, logical = str(entry.get("physicalType") or ""), str(entry.get("logicalType") or "")
    options = entry.get("logicalTypeOptions")
    options = options if isinstance(options, dict) else {}
    kind, length = type_and_length(physical) if physical else ("", None)
    if options.get("timezone") is True and logical == "timestamp":
        kind = kind or "TIMESTAMP WITH TIME ZONE"
    if options.get("format") in ("f32", "f64") and logical == "number":
        kind = kind or "DOUBLE"
    longest = options.get("maxLength")
    rules = quality(entry)
    return Column(
        _name(entry),
        kind or LOGICAL.get(logical, ""),
        physical,
        entry.get("required") is True or entry.get("primaryKey") is True or rules.required,
        longest if isinstance(longest, int) else length,
        str(entry.get("description") or entry.get("businessName") or "").strip(),
        tuple(_enum(entry, options)) or rules.values,
        str(entry.get("classification") or ""),
        minimum=_bound(options.get("minimum")),
        maximum=_bound(options.get("maximum")),
    )


def _bound(value: Any) -> str | None:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _enum(entry: Mapping[str, Any], options: Mapping[str, Any]) -> Iterator[str]:
    for value in options.get("enum") or entry.get("enum") or []:
        yield str(value)


def _references(entry: Mapping[str, Any], properties: list[dict[str, Any]]) -> Iterator[ForeignKey]:
    """Yield the foreign keys: `relationships` of columns and of the data set."""
    for one in properties:
        for relation in one.get("relationships") or []:
            if isinstance(relation, dict):
                yield from _reference((_name(one),), relation.get("to"))
    for relation in entry.get("relationships") or []:
        if isinstance(relation, dict):
            yield from _reference(_last(relation.get("from")), relation.get("to"))


def _reference(columns: tuple[str, ...], to: Any) -> Iterator[ForeignKey]:
    places = [to] if isinstance(to, str) else to
    if (
        not isinstance(places, list)
        or not columns
        or not all(isinstance(place, str) and "." in place for place in places)
    ):
        return
    tables = {place.rpartition(".")[0].rpartition("/")[2] for place in places}
    if len(tables) == 1 and len(places) == len(columns):
        yield ForeignKey(columns, tables.pop(), _last(places))


def _last(places: Any) -> tuple[str, ...]:
    """Return the columns of `table.column`, one or several."""
    listed = [places] if isinstance(places, str) else places if isinstance(places, list) else []
    return tuple(str(place).rpartition(".")[2] for place in listed)
