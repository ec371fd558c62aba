"""The spec and the contract of an adopted product, as far as its dbt project tells."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from meshwright.adopt.dbt_files import OwnProject
from meshwright.core.text import identifier, latin, listed, printable
from meshwright.core.yaml_edit import edited
from meshwright.inspection.dbt_project import DbtNode
from meshwright.inspection.model import Column
from meshwright.product.column_types import ColumnType, UnknownType, parse
from meshwright.product.dbt_folders import folders
from meshwright.product.files import CONTRACT, SOURCES, SPEC
from meshwright.product.personal_columns import suggested_kind
from meshwright.product.personal_data import KINDS_BY_NAME
from meshwright.product.proposal_marks import MARK

IDENTIFIER = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
LOGICAL = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT"), "integer"),
    **dict.fromkeys(("DECIMAL", "FLOAT", "DOUBLE"), "number"),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"), "timestamp"),
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIME": "time",
    "VARCHAR": "string",
}
"""Type of a column -> its logical type."""
TO_DRAFT = re.compile(r" +# `meshwright draft` writes them from your data")
TO_CHANGE = re.compile(
    r"`models/\w+\.sql`(, with a unit test for each thing that can go wrong), and `models/sources\.yml`\."
)
"""The line of the template's README on where the model is."""
LEVELS = ("public", "internal", "confidential", "secret")


@dataclass(frozen=True)
class Input:
    """An input that the dbt project has already."""

    name: str
    system: str
    path: str
    """The file that a run without variables reads."""
    is_there: bool
    """False if the repository has no such file."""
    is_seed: bool = False
    columns: Sequence[Column] = ()
    """Of a seed: its columns, with the types that its values have."""


@dataclass
class OwnData:
    """What the dbt project says of the product."""

    dataset: DbtNode | None = None
    others: Sequence[str] = ()
    """Other models that could be the data set."""
    columns: Sequence[Column] = ()
    inputs: Sequence[Input] = ()
    written: dict[str, str] = field(default_factory=dict)
    """Models that the product needs beside the project's own: path -> SQL."""
    missing: list[str] = field(default_factory=list)
    """What keeps the pipeline from running the models, with what to do."""
    sources_file: str = SOURCES
    """Where seeds are declared as inputs."""

    @property
    def classification(self) -> str:
        """The most sensitive classification that a column's name suggests; empty if there is none."""
        found = [
            KINDS_BY_NAME[kind][0].classification for column in self.columns if (kind := self.kind(column))
        ]
        return max(found, key=LEVELS.index, default="")

    def kind(self, column: Column) -> str:
        """Return the kind of personal data that a column's name suggests; empty if there is none."""
        return suggested_kind(column.name, column.type or "", self.dataset.name if self.dataset else "")


def own_data(project: OwnProject, dataset: str | None) -> OwnData:
    """Return what the project says of the product. `dataset`: the model that was chosen. Raises Error."""
    from meshwright.adopt.columns import seed_columns

    data = OwnData()
    if project.problem:
        data.missing.append(
            f"The dbt project was not read, so its inputs and contract are yours to write: {project.problem}"
        )
        return data
    _choose(project, dataset, data)
    if places := folders(project.copy):
        data.sources_file = f"{places[0].relative_to(project.copy).as_posix()}/sources.yml"
    inputs = {}
    for name, node in project.sources.items():
        source, _, table = name.rpartition(".")
        if table in project.ambiguous or not IDENTIFIER.fullmatch(table):
            why = (
                "two sources have a table of this name"
                if table in project.ambiguous
                else "its name has more than small letters, digits and single underscores"
            )
            data.missing.append(f"source {name}: {why}, so it is not among the inputs; name it {identifier(table)} in dbt, with `identifier: {table}`.")  # fmt: skip
            continue
        seed = project.seeds.get(table)
        path = project.location(node) or (seed.path if seed else f"sample_data/{table}.csv")
        inputs[table] = Input(table, _system(source), path, (project.copy / path).is_file())
    data.missing += [
        f"source {name} is read, but described in no YAML file." for name in project.unknown_sources
    ]
    if not inputs:
        used = {name for node in project.models.values() for name in node.reads}
        for name, node in project.seeds.items():
            if name in used and IDENTIFIER.fullmatch(name):
                inputs[name] = Input(name, "seeds", node.path, True, True, seed_columns(project, name))
    data.inputs = list(inputs.values())
    if absent := [one for one in data.inputs if not one.is_there]:
        data.missing.append(
            f"inputs {listed(one.name for one in absent)}: the repository has no {listed(one.path for one in absent)}. Let `meshwright draft --from {absent[0].name}=SOURCE` make a sample for tests and CI, or put an extract there; set {listed(_variable(one.name) for one in absent)} where the product runs."
        )
    if project.hub_packages:
        data.missing.append(
            f"packages.yml: {listed(project.hub_packages)} come from dbt's hub or a git server, and a run fetches none: copy each to packages/NAME, commit it, and name it as `- local: packages/NAME`."
        )
    if not data.inputs:
        data.missing.append("No model reads a source or a seed: name the inputs in data-product.yaml.")
    return data


def _choose(project: OwnProject, dataset: str | None, data: OwnData) -> None:
    """Set the data set and its columns. Raises Error."""
    from meshwright.adopt.columns import columns_of
    from meshwright.core.errors import Error

    candidates = [node for node in project.candidates() if IDENTIFIER.fullmatch(node.name)]
    candidates = candidates or project.candidates()
    if dataset is not None:
        if dataset not in project.models:
            raise Error(f"There is no model {dataset}.", f"The models are {listed(sorted(project.models))}.")
        candidates = [project.models[dataset]]
    if candidates:
        data.dataset, data.others = candidates[0], [node.name for node in candidates[1:]]
        own = data.dataset.name
        data.columns, are_all = columns_of(project, own)
        if not are_all:
            data.missing.append(
                f"model {data.dataset.name}: without a run it is not certain which columns it has, because of Jinja or of `*`."
                f" {CONTRACT} has {listed(column.name for column in data.columns)}; a run names others: add them there."
            )
        if not IDENTIFIER.fullmatch(own):
            _rename(project, data)


def _rename(project: OwnProject, data: OwnData) -> None:
    """Give the data set a name that a product may have, by a model that reads the team's: `stg_shop__orders` is none."""
    assert data.dataset is not None
    own, number = data.dataset.name, 2
    name = free = identifier(own)
    while free in project.models or free in project.seeds:
        free, number = f"{name}_{number}", number + 1
    places = folders(project.copy)
    folder = places[0].relative_to(project.copy).as_posix() if places else "models"
    path = f"{folder}/{free}.sql"
    data.written[path] = f"-- The data set, which {own} makes: a product's names have single underscores.\nselect * from {{{{ ref('{own}') }}}}\n"  # fmt: skip
    data.dataset = replace(data.dataset, name=free, path=path)


def _system(source: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", latin(source).lower()).strip("-")
    return name if name[:1].isalpha() else f"system-{name}".rstrip("-")


def _variable(name: str) -> str:
    return f"{name.upper()}_FILE"


def written(texts: Mapping[str, str], data: OwnData, level: str) -> dict[str, str]:
    """Return the new texts of the spec and the contract, of those in `texts`. `level`: the product's classification."""
    result = {}
    if SPEC in texts:
        text = TO_DRAFT.sub("", texts[SPEC]) if data.inputs else texts[SPEC]
        result[SPEC] = edited(text, lambda spec: _spec(spec, data))
    if CONTRACT in texts and data.dataset is not None:
        text = TO_DRAFT.sub("", texts[CONTRACT]) if data.columns else texts[CONTRACT]
        result[CONTRACT] = edited(text, lambda contract: _contract(contract, data, level))
    if any(one.is_seed for one in data.inputs):
        result[data.sources_file] = _sources(data)
    return result | data.written


def readme(text: str, data: OwnData) -> str:
    """Return the product's README with the project's model in the place of the template's."""
    if data.dataset is not None and re.fullmatch(r"[\w./ -]+", data.dataset.path):
        text = TO_CHANGE.sub(f"`{data.dataset.path}`\\1, and the YAML beside it.", text)
    return text


def _sources(data: OwnData) -> str:
    """Return the source that declares seeds as inputs, with the types that their values have."""
    lines = [
        "# The seeds as inputs of the product; models go on reading them with ref().",
        "sources:",
        "  - name: inputs",
        "    tables:",
    ]
    for one in data.inputs:
        lines += [f"      - name: {one.name}", "        columns:"]
        lines += [
            f"          - {{name: {json.dumps(column.name, ensure_ascii=False)}, data_type: {column.type}}}"
            for column in one.columns
        ]
    return "\n".join([*lines, ""])


def _spec(value: Any, data: OwnData) -> None:
    spec = value["spec"]
    proposed = []
    if data.dataset is not None:
        spec["dataset"]["name"] = data.dataset.name
        if data.others:
            reason = f"No model reads it, and none reads {listed(data.others)}: choose with --dataset."
            proposed.append({"at": "spec.dataset.name", "reason": _text(reason)})
        if " " in (description := _sentence(data.dataset.description)):  # a single word is no purpose
            spec["description"]["purpose"] = _text(description)
    if data.inputs:
        inputs = spec["inputs"]
        if getattr(inputs, "fa", None) is not None:
            inputs.fa.set_block_style()
            inputs.ca.comment = None
        for one in data.inputs:
            path = f"${{{_variable(one.name)}:-{one.path}}}"
            inputs.append(
                {
                    "name": _text(one.name),
                    "uses": "file@1",
                    "from": f"system:{one.system}",
                    "properties": {"path": _text(path)},
                }
            )
    if proposed:
        value["extensions"] = {MARK: proposed}


def _contract(value: Any, data: OwnData, level: str) -> None:
    assert data.dataset is not None
    table = value["schema"][0]
    table["name"] = data.dataset.name
    if description := _sentence(data.dataset.description):
        table["description"] = _text(description)
        if " " in description:
            value["description"]["purpose"] = _text(description)
    key = data.dataset.table().primary_key
    properties = [_property(column, key, data, level) for column in data.columns]
    if properties:
        table["properties"] = properties


def _property(column: Column, key: Sequence[str], data: OwnData, level: str) -> dict[str, Any]:
    result: dict[str, Any] = {"name": _text(column.name)}
    proposed = []
    try:
        kind: ColumnType | None = parse(column.type) if column.type else None
    except UnknownType:
        kind = None
    if kind is not None and kind.name in LOGICAL:
        result["logicalType"] = LOGICAL[kind.name]
    if column.required:
        result["required"] = True
    if column.name in key:
        result |= {"primaryKey": True, "primaryKeyPosition": list(key).index(column.name) + 1}
    personal = data.kind(column)
    classification = (
        KINDS_BY_NAME[personal][0].classification if personal else min(level, "internal", key=LEVELS.index)
    )
    result["classification"] = classification
    if personal:
        proposed.append(
            {
                "field": "classification",
                "reason": _text(f"Its name suggests {KINDS_BY_NAME[personal][0].what}."),
            }
        )
    meaning = _sentence(column.description)
    if not meaning or meaning.rstrip(".").lower() == column.name.lower():
        words = column.name.replace("_", " ").strip()
        meaning = f"{words[:1].upper()}{words[1:]} of the {data.dataset.name.replace('_', ' ') if data.dataset else 'row'}."
        proposed.append({"field": "description", "reason": _text("Guessed from the name of the column.")})
    result["description"] = _text(meaning)
    if column.values:
        values = [_text(value) for value in column.values]
        result["quality"] = [
            {
                "type": "library",
                "metric": "invalidValues",
                "arguments": {"validValues": values},
                "mustBe": 0,
                "description": "One of the known values.",
            }
        ]
    if proposed:
        result["customProperties"] = [{"property": MARK, "value": proposed}]
    return result


def _sentence(text: str) -> str:
    """Return a description of dbt on one line, as a sentence; empty if it is none or a doc block."""
    plain = " ".join(printable(text, lines=True).split())
    if not plain or "{{" in plain or "{%" in plain:
        return ""
    return plain[0].upper() + plain[1:] + ("" if plain[-1] in ".!?…" else ".")


def _text(text: str) -> Any:
    """Return a text that is quoted in YAML, unless it is a plain word."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    reserved = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
    return text if IDENTIFIER.fullmatch(text) and text not in reserved else DoubleQuotedScalarString(text)
