"""Add what inputs that a product has already lack: their samples, and the types of columns that no YAML declares."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from meshwright.check.rules.inputs import declared_tables
from meshwright.check.rules.sample import is_example
from meshwright.core import git
from meshwright.core.errors import Error
from meshwright.core.text import listed
from meshwright.core.yaml import Document, Unreadable, inside, read, read_text
from meshwright.core.yaml_edit import edited
from meshwright.draft import models, plan, sample, sample_files, spec
from meshwright.draft.dataset import Input
from meshwright.draft.layout import SOURCE, layout
from meshwright.draft.record import Record
from meshwright.draft.texts import Flow, ruamel
from meshwright.inspection.landed_names import landed_name
from meshwright.inspection.model import Source
from meshwright.product.dbt_folders import described
from meshwright.product.files import CONTRACT, SPEC
from meshwright.product.grammar import default
from meshwright.product.personal_data import KINDS_BY_NAME

PACKED = (".gz", ".zip", ".zst", ".bz2", ".xz")


@dataclass
class Missing:
    """What is added for inputs of the product."""

    inputs: Mapping[str, Input]
    files: dict[str, bytes] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    """Input -> rows of its new sample."""
    types: dict[str, list[str]] = field(default_factory=dict)
    """Input -> columns that get a type, as `name TYPE`."""
    notes: list[str] = field(default_factory=list)


def own_inputs(product: Document, old: Record | None) -> dict[str, dict[str, Any]]:
    """Return the inputs that a team has named itself: neither the template's example nor those of a draft."""
    drafted = {*(old.sources if old else ())}
    return {
        str(item.get("name")): item
        for _, item in product.items("spec.inputs")
        if not is_example(item)
        and item.get("name") not in drafted
        and not str(item.get("name")).startswith("REPLACE")
    }


def missing(
    root: Path,
    own: Mapping[str, Mapping[str, Any]],
    given: Mapping[str, tuple[str, Source]],
    count: int | None = None,
    seed: bytes | None = None,
) -> Missing:
    """Return what inputs lack; `own`: those of the product. Raises Error for a source that belongs to none of them."""
    sources = {name: source for name, (_, source) in given.items() if name in own}
    others = [name for name in given if name not in own]
    several = [where for where, _ in given.values()]
    if unknown := [name for name in others if several.count(given[name][0]) == 1]:
        raise Error(
            f"{SPEC} has no input {listed(unknown)}; it has {listed(own)}. Nothing was changed.",
            f"Add it to spec.inputs of {SPEC} first, or leave out --from {unknown[0]}=….",
        )
    inputs, found = plan.examined(sources)
    real = sample.choose(sources, inputs, found, count)
    real |= plan.invented_rows(sources, inputs, found)
    made = sample.made_up(sources, inputs, real, seed)
    result = Missing({name: _landed(entry, str(own[name].get("uses"))) for name, entry in inputs.items()})
    result.notes = [f"{name} is no input of the product, and was left out." for name in others]
    _samples(root, own, result, made)
    _types(root, result)
    paths = {name: path for name in result.rows if (path := _place(own[name])).startswith(f"{spec.SAMPLE}/")}
    if paths and not inside(root, plan.SAMPLE_README):
        result.files[plan.SAMPLE_README] = plan.sample_readme(inputs, sources, paths, result.rows).encode()
    ignored = [path for path in result.files if _is_ignored(root, path)]
    if ignored:
        result.notes.append(
            f"git ignores {listed(ignored)}; for tests and CI: git add --force {' '.join(ignored)}"
        )
    return result


def _landed(entry: Input, uses: str) -> Input:
    """Return an input whose columns have the names that the product loads them with."""
    return replace(
        entry,
        fields={
            name: replace(one, landed=landed_name(one.column.name, uses))
            for name, one in entry.fields.items()
        },
    )


def _place(item: Mapping[str, Any]) -> str:
    """Return the file that an input reads without variables; empty if it reads none. Paths are from the product's root."""
    properties = item.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    where = str(properties.get("path") or properties.get("url") or "")
    place = default(where).removeprefix("sqlite:///")
    is_file = place and "://" not in place and "${" not in place and not re.search(r"[*?\[]", place)
    is_packed = place.lower().endswith(PACKED)
    return PurePosixPath(place).as_posix() if is_file and not is_packed else ""


def _samples(
    root: Path, own: Mapping[str, Mapping[str, Any]], result: Missing, made: Mapping[str, sample.Rows]
) -> None:
    """Add the samples of inputs whose file is not there."""
    databases: dict[str, dict[str, tuple[Sequence[Any], sample.Rows]]] = {}
    for name, entry in result.inputs.items():
        uses, path = str(own[name].get("uses")), _place(own[name])
        if not path or uses not in ("file@1", "database@1"):
            result.notes.append(
                f"{name}: {SPEC} names no single file that a run reads without variables, so it gets no sample."
            )
            continue
        target = (root.resolve() / path).resolve()
        if not target.is_relative_to(root.resolve()):
            result.notes.append(f"{name}: {path} is outside of the product, so it gets no sample.")
            continue
        if target.exists():
            continue
        properties = {**own[name]["properties"], "path": path}
        fields, rows = list(entry.fields.values()), made[name]
        if uses == "file@1":
            result.files[path] = sample_files.file(properties, fields, rows)
        else:
            databases.setdefault(path, {})[str(properties.get("table", name))] = (fields, rows)
        result.rows[name] = len(rows)
    result.files |= {path: sample_files.sqlite(tables) for path, tables in databases.items()}


def _types(root: Path, result: Missing) -> None:
    """Add the types of columns that have none to the YAML that declares each input."""
    places, usual = _declared(root), layout(root).sources
    texts: dict[str, str] = {}
    for name, entry in result.inputs.items():
        path, source = places.get(name, (usual, SOURCE))
        text = texts.get(path) or (read_text(root, path) if inside(root, path) else "")
        added: list[str] = []
        if text:
            new = edited(text, lambda value: added.extend(_declare(value, source, entry)), path)  # noqa: B023 - called at once
        else:
            new, added = (
                models.sources([entry]),
                [f"{one.landed} {one.type}" for one in entry.fields.values()],
            )
        if added:
            texts[path] = new
            result.types[name] = added
    result.files |= {path: text.encode() for path, text in texts.items()}


def _declared(root: Path) -> dict[str, tuple[str, str]]:
    """Return the file and the source that declare each input."""
    documents = []
    for file in described(root):
        path = file.relative_to(root).as_posix()
        try:
            documents.append(read(root, path))
        except Unreadable as error:
            raise error.of(path) from error
    return {
        name: (
            table.document.path.as_posix(),
            str(table.document.value["sources"][table.keys[1]].get("name")),
        )
        for name, table in declared_tables(documents, read(root, SPEC)).items()
    }


def _declare(value: Any, source: str, entry: Input) -> list[str]:
    """Declare the columns of an input that have no type, in the value of a YAML file; return each as `name TYPE`."""
    sources = value.setdefault("sources", ruamel([]))
    own = next((one for one in sources if one.get("name") == source), None)
    if own is None:
        sources.append(own := ruamel({"name": source}))
    tables = own.setdefault("tables", ruamel([]))
    table = next((one for one in tables if entry.name in (one.get("identifier"), one.get("name"))), None)
    if table is None:
        tables.append(table := ruamel({"name": entry.name}))
    columns = table.get("columns") or []
    known = {landed_name(str(one.get("name")), "file@1"): one for one in columns}
    added = []
    for one in entry.fields.values():
        present = known.get(one.landed)
        if present is None:
            columns.append(ruamel(Flow(name=one.landed, data_type=str(one.type))))
        elif not present.get("data_type"):
            present["data_type"] = str(one.type)
        else:
            continue
        added.append(f"{one.landed} {one.type}")
    if not table.get("columns"):
        table["columns"] = ruamel([Flow(one) for one in columns])
    return added


def _is_ignored(root: Path, path: str) -> bool:
    """Return True if git would not commit a file."""
    command = ["git", *git.CAREFUL, "check-ignore", "-q", "--", path]
    try:
        return git.run(command, git.ALWAYS, ok=(), cwd=root).returncode == 0
    except OSError:
        return False


def lines(found: Missing, dry_run: bool) -> list[str]:
    """Return what is added, as lines for the person; they name no value of a column."""
    result = [f"write     {path}" for path in sorted(found.files)]
    result += [f"sample    {name} {rows:,} rows" for name, rows in found.rows.items()]
    result += [f"types     {name}: {listed(columns)}" for name, columns in found.types.items()]
    result += [
        f"personal  {name}.{one.landed}: {KINDS_BY_NAME[one.kind][0].what}; made up in the sample. {one.why}"
        for name in found.rows
        for one in found.inputs[name].fields.values()
        if one.kind
    ]
    result += [f"note      {note}" for note in found.notes]
    if not found.files:
        return [*result, "These inputs lack neither samples nor types. Nothing was written."]
    if dry_run:
        return [*result, "", "Nothing was written."]
    return [
        *result,
        "",
        "Next:",
        "  uv run python -m pipeline",
        f"It names each column that {CONTRACT} lacks.",
    ]
