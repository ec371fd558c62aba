"""Read a dbt project: its models, sources, seeds, snapshots and exposures, from its files or from a manifest.

Nothing of it is executed: Jinja is searched for `ref` and `source`, and stays text elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from meshwright.core.errors import Error
from meshwright.core.yaml import read as read_yaml
from meshwright.inspection.dbt_manifest import is_of_dbt, read_manifest
from meshwright.inspection.dbt_nodes import TEXT, listed, nodes_read
from meshwright.inspection.dbt_nodes import DbtColumn as DbtColumn
from meshwright.inspection.dbt_nodes import DbtNode as DbtNode
from meshwright.inspection.dbt_nodes import DbtProject as DbtProject
from meshwright.inspection.dbt_nodes import DbtTest as DbtTest
from meshwright.inspection.dbt_yaml import described, groups_of

PROJECT, MANIFEST = "dbt_project.yml", "manifest.json"
FOLDERS = {
    "model-paths": ["models"],
    "seed-paths": ["seeds"],
    "snapshot-paths": ["snapshots"],
}
"""Setting of dbt_project.yml -> the folders without it."""
EXTENSIONS = (".sql", ".py", ".csv")
COMMENT = re.compile(r"\{#.*?#\}|--[^\n]*|/\*.*?\*/", re.DOTALL)
MATERIALIZED = re.compile(rf"\bmaterialized\s*={TEXT}")


def read(place: Path) -> DbtProject:
    """Return the project at a folder, or in a manifest.json, or as a single YAML file describes it. Raises Error."""
    if place.is_dir():
        if (place / PROJECT).is_file():
            return _of_folder(place)
        raise Error(
            f"{place} has no {PROJECT}.",
            "Name the folder of a dbt project, its manifest.json, or its schema.yml.",
        )
    if place.suffix == ".json":
        return read_manifest(place)
    if not place.is_file():
        raise Error(f"{place} does not exist.", "Correct the path.")
    nodes = described(read_yaml(place.parent, place.name), place.name)
    return DbtProject(place.stem, place.parent, tuple(nodes.values()))


def is_project(place: Path) -> bool:
    """Return True for the folder of a dbt project, a manifest, or a YAML file that describes models or sources."""
    if place.is_dir():
        return (place / PROJECT).is_file()
    if place.name == MANIFEST or is_of_dbt(place):
        return True
    if place.suffix not in (".yml", ".yaml") or place.name.endswith((".odcs.yaml", ".odcs.yml")):
        return False
    try:
        value = read_yaml(place.parent, place.name).value
    except Error:
        return False
    return isinstance(value, dict) and bool({"models", "sources", "seeds", "snapshots"} & value.keys())


# Files --------------------------------------------------------------------------------------------------------------


def _of_folder(folder: Path) -> DbtProject:
    config = read_yaml(folder, PROJECT).value
    config = config if isinstance(config, dict) else {}
    known: dict[tuple[str, str], DbtNode] = {}
    code: dict[tuple[str, str], DbtNode] = {}
    groups: dict[str, str] = {}
    for setting, usual in FOLDERS.items():
        kind = setting.partition("-")[0]
        for below in listed(config.get(setting)) or usual:
            for file in _files(folder, folder / str(below)):
                path = file.relative_to(folder).as_posix()
                if file.suffix in (".yml", ".yaml"):
                    document = read_yaml(folder, path)
                    known |= described(document, path)
                    groups |= groups_of(document)
                elif file.suffix in EXTENSIONS:
                    for node in _code(file, kind, path):
                        code[node.kind, node.name] = node
    nodes = [_joined(known.pop(key, None), node, groups) for key, node in code.items()]
    nodes += [_joined(None, node, groups) for node in known.values() if node.kind in ("source", "exposure")]
    return DbtProject(
        str(config.get("name") or folder.name),
        folder,
        tuple(nodes),
        str(config.get("profile") or ""),
        str(config.get("version") or ""),
        _packages(folder),
    )


def _files(root: Path, folder: Path) -> Iterator[Path]:
    """Yield the regular files below a folder, sorted, without links that lead out of the project."""
    if not folder.is_dir():
        return
    inside = root.resolve()
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.resolve().is_relative_to(inside):
            yield file


def _code(file: Path, kind: str, path: str) -> Iterator[DbtNode]:
    """Yield what a file of SQL, Python or CSV defines."""
    if file.suffix == ".csv":
        if kind == "seed":
            yield DbtNode("seed", file.stem, path)
        return
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Error(f"{path}: {error}", "Save it as UTF-8.") from error
    text = COMMENT.sub(" ", text) if file.suffix == ".sql" else re.sub(r"#[^\n]*", "", text)
    snapshots = list(
        re.finditer(r"\{%-?\s*snapshot\s+(\w+)\s*-?%\}(.*?)\{%-?\s*endsnapshot", text, re.DOTALL)
    )
    if snapshots:
        for one in snapshots:
            yield DbtNode("snapshot", one[1], path, reads=nodes_read(one[2]))
    elif kind == "model":
        materialized = MATERIALIZED.search(text)
        yield DbtNode(
            "model",
            file.stem,
            path,
            reads=nodes_read(text),
            materialized=(materialized[1] or materialized[2] or "") if materialized else "",
        )


def _joined(described: DbtNode | None, code: DbtNode, groups: Mapping[str, str]) -> DbtNode:
    """Return one node of what code and YAML say."""
    node = code
    if described is not None:
        node = replace(
            described,
            path=code.path,
            reads=code.reads or described.reads,
            materialized=code.materialized or described.materialized,
        )
    return replace(node, owner=groups.get(node.owner, node.owner))


def _packages(folder: Path) -> tuple[str, ...]:
    names = []
    for file in ("packages.yml", "dependencies.yml"):
        if (folder / file).is_file():
            for _, entry in read_yaml(folder, file).items("packages"):
                found = entry.get("package") or entry.get("local") or entry.get("git") or entry.get("tarball")
                names.append(str(found))
    return tuple(names)
