"""Read the declared columns and types of an input: models/sources.yml, the spec, and the last publication.

sources:
  - name: inputs
    tables:
      - name: flights
        columns:
          - {name: carrier, data_type: VARCHAR}
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from pipeline.column_types import UnknownType, canonical
from pipeline.dbt_folders import described, folders
from pipeline.errors import UnreadableInput
from pipeline.inputs import column_name
from pipeline.platforms import INPUTS
from pipeline.spec import Capability, Product

SOURCES = "models/sources.yml"
SPEC = "data-product.yaml"
RECORD_VERSION = 2
"""Version of the record of inputs. Files of release 0.2.0 have no version, and types in Arrow's and dlt's spelling."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Place(NamedTuple):
    """Where the columns of an input are declared, or can be."""

    file: str = SOURCES
    source: str = INPUTS


USUAL = Place()


@dataclass(frozen=True)
class Declaration:
    """The declared columns of an input; empty if it has none."""

    columns: dict[str, str] = field(default_factory=dict)
    """Column, as it lands -> canonical type. Other columns may come; they get the type that is certain."""
    origins: dict[str, str] = field(default_factory=dict)
    """Column -> the file that declares it."""
    earlier: dict[str, str] = field(default_factory=dict)
    """Column -> type published by release 0.2.0. It is not a declaration, but must not change silently."""
    place: Place = USUAL

    def origin(self, column: str) -> str:
        """Return the file that declares a column; empty if none does."""
        return self.origins.get(column, "")

    def is_recorded(self, column: str) -> bool:
        """Return True if a column's type is known only from the last publication."""
        return self.origin(column).startswith("build/")


def declared(source: Capability, product: Product) -> Declaration:
    """Return the declarations of an input. Raises UnreadableInput if they cannot be read or contradict each other.

    The order of precedence is models/sources.yml, `types` in data-product.yaml, and the record of the last publication.
    """
    columns: dict[str, str] = {}
    origins: dict[str, str] = {}
    for name, (kind, place) in _of_models(product.root, source.name).items():
        columns[name], origins[name] = kind, place
    for given, text in (source.properties.get("types") or {}).items():
        name = column_name(given)
        place = f"{SPEC}: input {source.name}: `types`"
        kind = _type(text, name, place)
        if columns.get(name, kind) != kind:
            raise UnreadableInput(
                f"{place}: {name} is {kind}, but {origins[name]} has {columns[name]}.",
                fix=f"Remove {given} from `types` in {SPEC}, or correct its data_type in {origins[name].partition(':')[0]}.",
            )
        columns[name] = kind
        origins.setdefault(name, SPEC)
    record, earlier = _of_record(product, source.name)
    for name, kind in record.items():
        if name not in columns:
            columns[name], origins[name] = kind, recorded(product).relative_to(product.root).as_posix()
    earlier = {name: kind for name, kind in earlier.items() if name not in columns}
    return Declaration(columns, origins, earlier, place_of(product.root, source.name))


def declared_at(source: Capability) -> Place:
    """Return where the columns of an input are declared, or can be: what every message about them names."""
    return place_of(source.root, source.name)


def place_of(root: Path, name: str) -> Place:
    """Return the file and the source that have an input's table: `inputs`, or the one other source that has it.

    Without either it is the source `inputs` in the first folder of models.
    """
    models = folders(root)
    own, others = Place((models[0] / "sources.yml").relative_to(root).as_posix()) if models else USUAL, []
    for file in described(root):
        try:
            document = yaml.load(file.read_text("utf-8-sig"), _LOADER)  # noqa: S506 - a safe loader
            sources = [one for one in document["sources"] if isinstance(one["name"], str)]
        except (OSError, ValueError, LookupError, TypeError, yaml.YAMLError):
            continue  # it has no sources, or reading its columns reports it
        for source in sources:
            place = Place(file.relative_to(root).as_posix(), source["name"])
            tables = source.get("tables")
            tables = [one for one in tables if isinstance(one, dict)] if isinstance(tables, list) else []
            if INPUTS in (source["name"], source.get("schema")):
                if name in [one.get("identifier") or one.get("name") for one in tables]:
                    return place
                own = place
            else:
                others += [place for one in tables if one.get("name") == name]
    return others[0] if len(others) == 1 else own


@dataclass(frozen=True)
class Change:
    """The types that undeclared columns of an input would get, and how to keep the types published by 0.2.0."""

    input: str
    columns: dict[str, tuple[str, str]]
    """Columns that change: the published type, and the certain one."""
    declaration: dict[str, str]
    """Types for all columns of the input."""
    formats: dict[str, dict[str, str]] = field(default_factory=dict)
    """`date_format` and `timestamp_format` of `file@1`: column -> format."""
    notes: tuple[str, ...] = ()
    place: Place = USUAL


class TypesChanged(UnreadableInput):
    """Undeclared columns of some inputs would have another type than published by 0.2.0."""

    changes: tuple[Change, ...] = ()

    @classmethod
    def of(cls, changes: Sequence[Change]) -> TypesChanged:
        """Return the error, with a fix that declares all columns of these inputs."""
        listed = [
            f"  {change.input}.{name} was published as {was}, and would be {now}"
            for change in changes
            for name, (was, now) in change.columns.items()
        ]
        places = {change.input: change.place for change in changes}
        block = yaml_block({change.input: change.declaration for change in changes}, places)
        fix = [f"Declare the types in {files_of(places)}. This keeps the published types:", block]
        for change in changes:
            if change.formats:
                fix.append(f"And add to the `properties` of the input {change.input} in {SPEC}:")
            for name, formats in change.formats.items():
                listed_formats = (f"{scalar(column)}: {json.dumps(form)}" for column, form in formats.items())
                fix.append(f"  {name}: {{{', '.join(listed_formats)}}}")
        notes = [f"  {change.input}.{note}" for change in changes for note in change.notes]
        if notes:
            fix += ["Check these:", *notes]
        lines = ["Undeclared columns would change their types with this version of the template:", *listed]
        error = cls("\n".join(lines), fix="\n".join(fix))
        error.changes = tuple(changes)
        return error


def changed_types(before: Declaration, now: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return the columns that 0.2.0 published with another type: that type, and the one that they would have now.

    `now` has the types of all columns except those without values, whose type is unknown.
    """
    return {
        name: (kind, now[name])
        for name, kind in before.earlier.items()
        if name in now and _LANDED.get(now[name], now[name]) != _LANDED.get(kind, kind)
    }


def refuse_changed(source: Capability, before: Declaration, now: Mapping[str, str]) -> None:
    """Raise TypesChanged if a column that 0.2.0 published would have another type now: see `changed_types`."""
    if changed := changed_types(before, now):
        kept = {name: was for name, (was, _) in changed.items()}
        raise TypesChanged.of(
            [Change(source.name, changed, {**now, **before.columns, **kept}, place=before.place)]
        )


_LANDED = {"JSON": "VARCHAR", "UUID": "VARCHAR"}
"""Types that land as another type."""


def files_of(places: Mapping[str, Place]) -> str:
    """Return the files of some places, for a sentence."""
    return ", ".join(dict.fromkeys(place.file for place in places.values()))


def yaml_block(tables: Mapping[str, Mapping[str, str]], places: Mapping[str, Place] | None = None) -> str:
    """Return the sources that declare the columns of some inputs: those of their places, or else `inputs`."""
    places = {name: (places or {}).get(name, USUAL) for name in tables}
    lines = ["sources:"]
    for place in dict.fromkeys(places.values()):
        lines += [f"  - name: {scalar(place.source)}", "    tables:"]
        lines += _tables({name: columns for name, columns in tables.items() if places[name] == place})
    return "\n".join(lines)


def _tables(tables: Mapping[str, Mapping[str, str]]) -> list[str]:
    lines = []
    for table, columns in tables.items():
        lines.append(f"      - name: {scalar(table)}")
        entries = [f"{{name: {scalar(name)}, data_type: {scalar(kind)}}}" for name, kind in columns.items()]
        if not entries:
            continue
        if len(entries) <= _MANY:
            lines += ["        columns:", *(f"          - {entry}" for entry in entries)]
            continue
        line = "        columns: ["
        for entry in entries:
            if len(line) + len(entry) > _WIDTH:
                lines.append(line.rstrip())
                line = " " * 10
            line += f"{entry}, "
        lines.append(f"{line.rstrip(', ')}]")
    return lines


_MANY, _WIDTH = 8, 110


def recorded(product: Product) -> Path:
    """Return the file with the columns of the inputs, as last published."""
    return product.build / "inputs" / f"{product.target or 'default'}.json"


def read_record(product: Product) -> tuple[dict[str, dict[str, str]], bool]:
    """Return the columns of the last publication, input -> column -> type, and whether 0.2.0 recorded them."""
    try:
        value = json.loads(recorded(product).read_text("utf-8"))
        old = value.get("version") != RECORD_VERSION
        tables = value if old else value["inputs"]
        return {
            str(name): {str(column): str(kind) for column, kind in columns.items()}
            for name, columns in tables.items()
        }, old
    except (OSError, ValueError, KeyError, AttributeError):
        return {}, False


def published_types(product: Product) -> dict[str, str]:
    """Return the columns of the data set as last published, with DuckDB's types; empty if unknown."""
    try:
        return dict(json.loads(recorded(product).read_text("utf-8"))["dataset"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def published_rows(product: Product) -> int | None:
    """Return the rows of the data set as last published; None if unknown."""
    try:
        rows = json.loads(recorded(product).read_text("utf-8"))["datasetRows"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return rows if type(rows) is int and 0 <= rows < 2**63 else None


_OLD = {
    "bool": "BOOLEAN",
    "string": "VARCHAR",
    "large_string": "VARCHAR",
    "text": "VARCHAR",
    "double": "DOUBLE",
    "float": "FLOAT",
    "bigint": "BIGINT",
    "date32[day]": "DATE",
    "date": "DATE",
    "time": "TIME",
    "time64[us]": "TIME",
    "timestamp[us]": "TIMESTAMP",
    "timestamp[ns]": "TIMESTAMP_NS",
    "timestamp[us, tz=UTC]": "TIMESTAMP WITH TIME ZONE",
    "binary": "BLOB",
    "json": "JSON",
} | {f"{sign}int{bits}": name for sign, bits, name in (
    ("", 8, "TINYINT"), ("", 16, "SMALLINT"), ("", 32, "INTEGER"), ("", 64, "BIGINT"),
    ("u", 8, "UTINYINT"), ("u", 16, "USMALLINT"), ("u", 32, "UINTEGER"), ("u", 64, "UBIGINT"),
)}  # fmt: skip
"""Names of Arrow and dlt for complete types; a decimal of dlt, for example, has no precision and is not here."""


def known_columns(product: Product) -> dict[str, dict[str, str]]:
    """Return the columns of the inputs as last published; the type is empty if it cannot be compared."""
    tables, old = read_record(product)
    return {
        name: {column: _recorded_type(text, old) or ("" if old else text) for column, text in columns.items()}
        for name, columns in tables.items()
    }


def _recorded_type(text: str, old: bool) -> str:
    """Return the canonical type of a name in a record; empty for an input that describes itself, such as Parquet."""
    if old:
        nested = re.sub(r"list<\w+: ", "list<", text).replace(" not null", "")
        words = re.sub(r"\w+(\[[^\]]*\])?", lambda word: _OLD.get(word[0], word[0]), nested)
        text = words.replace("decimal128", "decimal") if text in _OLD or "(" in text or "<" in text else ""
    try:
        return canonical(text)
    except UnknownType:
        return ""


def _of_record(product: Product, name: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the recorded columns of an input that count as declarations, and those that 0.2.0 recorded."""
    tables, old = read_record(product)
    kinds = {column: _recorded_type(text, old) for column, text in tables.get(name, {}).items()}
    kinds = {column: kind for column, kind in kinds.items() if kind}
    return ({}, kinds) if old else (kinds, {})


def _of_models(root: Path, name: str) -> dict[str, tuple[str, str]]:
    """Return the columns of an input in all YAML files of models/: column -> type and place.

    They are those of its table in the source `inputs`, or else in the one other source that has such a table.
    """
    found: dict[str, dict[str, tuple[str, str]]] = {}
    others: dict[str, list[dict[str, tuple[str, str]]]] = {}
    for file in described(root):
        place = file.relative_to(root).as_posix()
        try:
            text = file.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise UnreadableInput(f"{place}: {error}", fix="Save it as UTF-8.") from error
        if "sources" in text:
            _read_sources(text, place, found, others)
    elsewhere = others.get(name, [])
    return found.get(name) or (elsewhere[0] if len(elsewhere) == 1 else {})


def _read_sources(
    text: str,
    place: str,
    found: dict[str, dict[str, tuple[str, str]]],
    others: dict[str, list[dict[str, tuple[str, str]]]],
) -> None:
    try:
        document = yaml.compose(text, _LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise UnreadableInput(
            f"{place}{line}: this is not valid YAML: {reason}.", fix="Correct the syntax here, or just above."
        ) from error
    if document is None or not isinstance(document, yaml.MappingNode):
        return
    for source in _list(_get(document, "sources", place), "`sources`", place):
        names = {_text(_get(source, key, place)) for key in ("name", "schema")}
        if INPUTS not in names:
            for table_name, nodes in _of_team(source):
                others.setdefault(table_name, []).append(_of_team_columns(nodes, place))
            continue
        for table in _list(_get(source, "tables", place), f"`tables` of the source {INPUTS}", place):
            name = _text(_get(table, "identifier", place)) or _text(_get(table, "name", place))
            if name is None:
                raise _misshapen(table, place, "a table has no name", "Give it `name: <the input's name>`.")
            columns = _list(_get(table, "columns", place), f"`columns` of {name}", place)
            if name in found:
                raise _misshapen(table, place, f"the table {name} is listed twice", "Keep one of the two.")
            found[name] = {}
            seen: set[str] = set()
            for column in columns:
                given = _text(_get(column, "name", place))
                if not given:
                    raise _misshapen(
                        column, place, f"a column of {name} has no name", "Write `- {name: …, data_type: …}`."
                    )
                landed = column_name(given)
                if landed in seen:
                    raise _misshapen(column, place, f"{name} has {landed} twice", "Keep one of the two.")
                seen.add(landed)
                kind = _get(column, "data_type", place)
                if kind is None or (word := _text(kind)) is None:
                    if kind is not None and kind.tag != "tag:yaml.org,2002:null":
                        raise _misshapen(
                            kind,
                            place,
                            f"the data_type of {landed} is not a text",
                            "Write a type, such as BIGINT.",
                        )
                    continue
                at = f"{place}:{kind.start_mark.line + 1}"
                found[name][landed] = (_type(word, landed, at), at)


def _of_team(source: Any) -> Iterator[tuple[str, list[Any]]]:
    """Yield the tables of a source of another name, with the nodes of their columns; dbt itself reports what is wrong."""
    if not isinstance(source, yaml.MappingNode):
        return
    for table in _nodes(source, "tables"):
        name = next((_text(value) for key, value in table.value if key.value == "name"), None)
        if name:
            yield name, _nodes(table, "columns")


def _nodes(node: Any, key: str) -> list[Any]:
    """Return the mappings in the list of a key."""
    found = next((value for name, value in node.value if name.value == key), None)
    items = found.value if isinstance(found, yaml.SequenceNode) else []
    return [item for item in items if isinstance(item, yaml.MappingNode)]


def _of_team_columns(columns: list[Any], place: str) -> dict[str, tuple[str, str]]:
    """Return the columns whose `data_type` is a type here; others may be of the warehouse that the team runs dbt on."""
    found = {}
    for column in columns:
        values = {key.value: value for key, value in column.value}
        name, word = _text(values.get("name")), _text(values.get("data_type"))
        if name and word:
            landed, at = column_name(name), f"{place}:{column.start_mark.line + 1}"
            with contextlib.suppress(UnreadableInput):
                found[landed] = (_type(word, landed, at), at)
    return found


def _get(node: Any, key: str, place: str) -> Any:
    """Return the value node of a key; None if missing. Raises UnreadableInput if the node is not a mapping."""
    if not isinstance(node, yaml.MappingNode):
        raise _misshapen(node, place, "this is not a mapping", f"Write `{key}: …` here.")
    values = [value for name, value in node.value if name.value == key]
    if len(values) > 1:
        raise _misshapen(values[1], place, f"the key {key} is listed twice", "Keep one of the two.")
    return values[0] if values else None


def _list(node: Any, what: str, place: str) -> list[Any]:
    if node is None or (isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"):
        return []
    if not isinstance(node, yaml.SequenceNode):
        raise _misshapen(node, place, f"{what} is not a list", "Begin each of its entries with `- `.")
    return list(node.value)


def _text(node: Any) -> str | None:
    """Return the text of a plain value; None if it is empty, a list or a mapping."""
    if not isinstance(node, yaml.ScalarNode) or node.tag == "tag:yaml.org,2002:null":
        return None
    return str(node.value)


def _type(text: Any, column: str, place: str) -> str:
    try:
        return canonical(str(text))
    except UnknownType as error:
        raise UnreadableInput(
            f"{place}: the type of {column}: {error}", fix="Choose one of these; VARCHAR accepts any value."
        ) from None


def _misshapen(node: Any, place: str, what: str, fix: str) -> UnreadableInput:
    return UnreadableInput(f"{place}:{node.start_mark.line + 1}: {what}.", fix=fix)


_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[A-Z][A-Z0-9_ ]*(\(\d+\))?")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


def scalar(text: str) -> str:
    """Return a name or a type as it is written in YAML within `{…}`."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return text if plain else json.dumps(text, ensure_ascii=False)
