"""Compute every file of a draft, without writing one."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePath
from typing import Any

from meshwright.core.errors import Error
from meshwright.core.text import listed
from meshwright.core.yaml import Document, read_text
from meshwright.core.yaml_edit import edited
from meshwright.draft import contract, invented, models, sample, sample_files, spec
from meshwright.draft.columns import BY_VALUES, NO_KEYS, Field, examine, is_about_people, user_names
from meshwright.draft.dataset import Dataset, Input, dataset
from meshwright.draft.joins import Link, links, unverified
from meshwright.draft.layout import layout
from meshwright.draft.recognition import shows_people
from meshwright.draft.texts import yaml
from meshwright.inspection.described import DescribedSource
from meshwright.inspection.file_source import FileSource
from meshwright.inspection.landed_names import landed_name
from meshwright.inspection.model import Source, TableProfile
from meshwright.product.files import CONTRACT, SAMPLE_DIRECTORY, SPEC
from meshwright.product.metamodel import CLASSIFICATIONS

SEEN = 2_000
"""Rows in which values of columns are looked at."""
MOST_COLUMNS = 1_500
"""Columns that a contract of at most a million bytes can describe."""
SAMPLE_README = "sample_data/README.md"
EXAMPLE_SUBJECT = re.compile(
    r"(?m)^  svc-punctuality: \{kind: machine, name: The data product punctuality\}$"
)


@dataclass
class Plan:
    """A draft that is ready to be written."""

    data: Dataset
    sources: Mapping[str, Source]
    files: dict[str, bytes] = field(default_factory=dict)
    """New files, and those that a draft writes whole."""
    edits: dict[str, bytes] = field(default_factory=dict)
    """Files that stay the team's, and in which a draft changes single places."""
    rows: Mapping[str, int] = field(default_factory=dict)
    """Input -> rows of its sample."""
    found: Sequence[Link] = ()
    level: str = ""
    """The classification of the product."""
    notes: list[str] = field(default_factory=list)
    """Sentences for the person; they name no value."""


def plan(
    root: Path,
    product: Document,
    given: Mapping[str, tuple[str, Source]],
    count: int | None = None,
    seed: bytes | None = None,
) -> Plan:
    """Return the files of a draft. `given`: input -> what a person named as its source, and the source."""
    sources = {name: source for name, (_, source) in given.items()}
    inputs, found = examined(sources)
    data = dataset(str(product.get("spec.dataset.name")), inputs, found)
    real = sample.choose(sources, inputs, found, count)
    real |= invented_rows(sources, inputs, found)
    made = sample.made_up(sources, inputs, real, seed)
    result = Plan(data, sources, rows={name: len(rows) for name, rows in made.items()}, found=found)
    where = spec.places(given, product.value)
    levels = spec.service_levels(
        data, _shares(data, made), min(len(made[data.base.name]), data.base.profile.rows)
    )
    level = str(product.get("spec.classification"))
    result.level = level = level if level in CLASSIFICATIONS else "internal"
    result.edits[SPEC] = edited(
        read_text(root, SPEC),
        partial(spec.change, data=data, sources=sources, where=where, levels=levels, notes=result.notes),
        SPEC,
    ).encode()
    result.files[str(product.get("spec.dataset.contract", CONTRACT))] = contract.contract(
        data, product.value, level
    ).encode()
    place = layout(root)
    result.files[place.sources] = models.sources(list(inputs.values())).encode()
    result.files[place.model(data.name)] = models.model(data).encode()
    result.files[place.properties(data.name)] = models.properties(data, made).encode()
    result.files |= _samples(inputs, sources, where, made)
    paths = {name: where[name].path for name in sources}
    result.files[SAMPLE_README] = sample_readme(
        inputs, sources, paths, result.rows, _command(sources, where)
    ).encode()
    result.edits |= _edits(root)
    result.notes += [f"{name}: {note}" for name, entry in inputs.items() for note in entry.profile.notes]
    profiles = {name: entry.profile for name, entry in inputs.items()}
    for name in data.apart:
        columns = unverified(profiles, name)
        why = (
            f"there are no rows to verify {' or '.join(columns)} on"
            if columns
            else "no key that joins it was found"
        )
        result.notes.append(f"{name} is an input, but not part of the data set: {why}.")
    if not data.key:
        result.notes.append(
            f"{data.base.name} has no key that identifies its rows. If there is one, add it to the contract."
        )
    return result


def examined(sources: Mapping[str, Source]) -> tuple[dict[str, Input], Sequence[Link]]:
    """Return inputs with what their sources show, and the links between them. Raises Error for those that cannot be used."""
    _refuse_wide(sources)
    profiles = {name: _as_declared(source.profile()) for name, source in sources.items()}
    found = links(sources, profiles)
    inputs = sample.linked(
        {name: _input(name, sources[name], profile) for name, profile in profiles.items()}, found
    )
    _refuse_unusable(inputs, sources)
    return inputs, found


def invented_rows(
    sources: Mapping[str, Source], inputs: Mapping[str, Input], found: Sequence[Link]
) -> dict[str, list[list[Any]]]:
    """Return rows for the sources that have none: input -> rows."""
    made = invented.rows(inputs, found)
    return {name: rows for name, rows in made.items() if _is_described(sources[name])}


def _as_declared(profile: TableProfile) -> TableProfile:
    """Return a profile without the keys that are a part of the primary key: their values will repeat."""
    whole = {*profile.table.primary_key}
    return replace(profile, keys=tuple(key for key in profile.keys if not {*key} < whole))


def _refuse_wide(sources: Mapping[str, Source]) -> None:
    """Raise Error for more columns than a contract can describe."""
    count = 0
    for source in sources.values():
        count += source.width() if isinstance(source, FileSource) else len(source.table().columns)
    if count > MOST_COLUMNS:
        raise Error(
            f"The inputs have {count:,} columns, and a contract describes at most {MOST_COLUMNS:,}.",
            "Read a view, or a file, that has those that matter.",
        )


def _refuse_unusable(inputs: Mapping[str, Input], sources: Mapping[str, Source]) -> None:
    """Raise Error for inputs that no data set can be made of."""
    for name, entry in inputs.items():
        if not entry.fields:
            raise Error(f"{name} has no columns.", "Name a source with columns.")
        if not entry.profile.rows and not _is_described(sources[name]):
            raise Error(
                f"{name} has no rows.",
                "Draft from data that has some: the sample and the promises come from them.",
            )
        landed = [field.landed for field in entry.fields.values()]
        if twice := sorted({one for one in landed if landed.count(one) > 1}):
            raise Error(
                f"{name} has columns whose names are the same after loading: {listed(twice)}.",
                "Rename one of them at the source, or in a view.",
            )


def _is_described(source: Source) -> bool:
    """Return True for a source that describes columns, and has no rows."""
    return isinstance(source, DescribedSource)


def _input(name: str, source: Source, profile: TableProfile) -> Input:
    columns = profile.table.columns
    names = [landed_name(column.name, source.uses) for column in columns]
    seen = [list(row) for row in source.rows(SEEN)]
    table = "people" if is_about_people(name, [column.name for column in columns]) else name
    values = [[row[place] for row in seen] for place in range(len(columns))]

    def examined(place: int, of_people: bool) -> Field:
        column = columns[place]
        return examine(
            table,
            column,
            profile.columns[column.name],
            names[place],
            values[place],
            profile.rows,
            of_people,
        )

    fields = {column.name: examined(place, False) for place, column in enumerate(columns)}
    if any(field.why == BY_VALUES and shows_people(field.kind) for field in fields.values()):
        fields |= {
            column.name: examined(place, True)
            for place, column in enumerate(columns)
            if not fields[column.name].kind
        }
    fields |= user_names(fields, dict(zip(fields, values, strict=True)))
    keys = tuple(key for key in profile.keys if not any(fields[column].kind in NO_KEYS for column in key))
    declared = profile.table.primary_key
    return Input(name, replace(profile, keys=keys or ((declared,) if declared else ())), fields)


def _shares(data: Dataset, made: Mapping[str, sample.Rows]) -> dict[str, float]:
    """Return the per cent of rows with a value, for columns of the base that are not required."""
    rows = made[data.base.name]
    result = {}
    for column in data.columns:
        if (
            column.input != data.base.name
            or column.required
            or column.field.is_nested
            or not data.base.profile.rows
        ):
            continue
        place = list(data.base.fields).index(column.field.column.name)
        there = sum(row[place] is not None and row[place] == row[place] for row in rows)
        whole = data.base.profile.rows - column.field.profile.missing
        result[column.name] = min(100 * there / max(1, len(rows)), 100 * whole / data.base.profile.rows)
    return result


def _samples(
    inputs: Mapping[str, Input],
    sources: Mapping[str, Source],
    where: Mapping[str, spec.Place],
    made: Mapping[str, sample.Rows],
) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    databases: dict[str, dict[str, Any]] = {}
    addresses = {}
    for name, entry in inputs.items():
        columns = list(entry.fields.values())
        match sources[name].uses:
            case "database@1":
                tables = databases.setdefault(where[name].path, {})
                tables[str(sources[name].properties["table"])] = (columns, made[name])
            case "data-product@1":
                files[where[name].path] = sample_files.parquet(columns, made[name])
                addresses[where[name].origin] = {"uses": "parquet@1", "location": f"{name}.parquet"}
            case _:
                files[where[name].path] = sample_files.file(sources[name].properties, columns, made[name])
    files |= {path: sample_files.sqlite(tables) for path, tables in databases.items()}
    if addresses:
        head = "# Where the sample of each input is; a relative location is relative to this file.\n"
        files["sample_data/addresses.yaml"] = (head + yaml(addresses)).encode()
    return files


def sample_readme(
    inputs: Mapping[str, Input],
    sources: Mapping[str, Source],
    paths: Mapping[str, str],
    rows: Mapping[str, int],
    command: str = "",
) -> str:
    """Return the page on the samples at `paths`: input -> file. `command`: what runs the product on the real data."""
    lines = [
        f"| {Path(path).name} | {rows[name]:,} | {_what(name, sources[name])} |"
        for name, path in paths.items()
    ]
    described = [name for name in paths if _is_described(sources[name])]
    of = "" if len(described) == len(paths) else f" of {listed(described)}"
    invented_ = f"The rows{of} are invented: the source describes columns, and no row was read."
    made = any(field.maker for name in paths for field in inputs[name].fields.values())
    values = (
        "Keys between the inputs hold. Texts and everything that may be personal are made up, in the form of the real values; other numbers, dates and codes are as they were."
        if made
        else "Keys between the inputs hold. No column was found to be personal, and no value was replaced."
    )
    return (
        "# Sample data\n\n"
        + textwrap.fill(
            invented_
            if len(described) == len(paths)
            else f"A small part of the rows that the inputs had when they were drafted. {values}"
            + (f" {invented_}" if described else ""),
            110,
        )
        + "\n\n"
        "| file | rows | what it is |\n|---|---|---|\n"
        + "\n".join(lines)
        + "\n\n"
        + (f"The product on the real data:\n\n```sh\n{command}\n```\n\n" if command else "")
        + "Licence: an internal extract, not for use outside of this organisation, until the owner of the data decides otherwise\nhere.\n"
    )


def _what(name: str, source: Source) -> str:
    words = name.replace("_", " ")
    return (
        f"rows of {words}, from the table {source.properties['table']}"
        if source.uses == "database@1"
        else f"rows of {words}"
    )


def _real(where: str) -> str:
    """Return where the real data is, without the folders of this machine."""
    scheme, _, rest = where.partition(":///")
    path = PurePath(rest or where)
    return (
        where
        if not path.is_absolute()
        else f"{scheme}:////path/to/{path.name}"
        if rest
        else f"/path/to/{path.name}"
    )


def _command(sources: Mapping[str, Source], where: Mapping[str, spec.Place]) -> str:
    """Return the command that runs the product on the real data."""
    on_server = any(spec.is_server(source) for source in sources.values())
    run = "uv run python -m pipeline" + " --environment production" * on_server
    variables = {
        where[name].variable: shlex.quote(_real(where[name].real) or "postgresql://user@host/database")
        for name, source in sources.items()
        if not (spec.is_server(source) and where[name].real)
    }
    set_ = " ".join(f"{name}={value}" for name, value in variables.items())
    return f"export {set_}\n{run}" if len(set_) >= 80 else f"{set_} {run}".lstrip()


def _edits(root: Path) -> dict[str, bytes]:
    """Return files of the team in which single lines are about the template's example."""
    if not (root / SAMPLE_DIRECTORY).is_file():
        return {}
    before = (root / SAMPLE_DIRECTORY).read_text("utf-8")
    text = EXAMPLE_SUBJECT.sub("  svc-reports: {kind: machine, name: A reporting service}", before)
    return {SAMPLE_DIRECTORY: text.encode()} if text != before else {}
