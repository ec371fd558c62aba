"""Read a dbt project: its models, sources, seeds, snapshots and exposures, from its files or from a manifest.

Nothing of it is executed: Jinja is searched for `ref` and `source`, and stays text elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from meshwright.core.errors import Error
from meshwright.core.yaml import Document
from meshwright.core.yaml import read as read_yaml
from meshwright.inspection.declared_types import type_and_length
from meshwright.inspection.model import Column, ForeignKey, Table

PROJECT, MANIFEST = "dbt_project.yml", "manifest.json"
FOLDERS = {
    "model-paths": ["models"],
    "seed-paths": ["seeds"],
    "snapshot-paths": ["snapshots"],
}
"""Setting of dbt_project.yml -> the folders without it."""
SECTIONS = {"models": "model", "seeds": "seed", "snapshots": "snapshot"}
"""List in a YAML file -> kind of its nodes."""
EXTENSIONS = (".sql", ".py", ".csv")
COMMENT = re.compile(r"\{#.*?#\}|--[^\n]*|/\*.*?\*/", re.DOTALL)
_TEXT = r"""\s*(?:'([^']*)'|"([^"]*)")\s*"""
REF = re.compile(rf"\bref\s*\({_TEXT}(?:,{_TEXT})?[,)]")
SOURCE = re.compile(rf"\bsource\s*\({_TEXT},{_TEXT}\)")
MATERIALIZED = re.compile(rf"\bmaterialized\s*={_TEXT}")


@dataclass(frozen=True)
class DbtTest:
    """A generic test of a column or of a whole table."""

    name: str
    """As written: `not_null`, `dbt_utils.unique_combination_of_columns`."""
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DbtColumn:
    """A column that the project describes."""

    name: str
    data_type: str = ""
    """As written; empty if it is not declared."""
    description: str = ""
    tests: tuple[DbtTest, ...] = ()
    constraints: tuple[str, ...] = ()
    """Types of its constraints: `not_null`, `unique`, `primary_key` …"""
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def required(self) -> bool:
        return bool({"not_null", "primary_key"} & {*self.constraints, *(test.name for test in self.tests)})

    @property
    def unique(self) -> bool:
        return bool({"unique", "primary_key"} & {*self.constraints, *(test.name for test in self.tests)})


@dataclass(frozen=True)
class DbtNode:
    """A model, source table, seed, snapshot or exposure."""

    kind: str
    """`model`, `source`, `seed`, `snapshot` or `exposure`."""
    name: str
    """For a table of a source: `source.table`."""
    path: str = ""
    """File that defines it, from the project's folder; empty if there is none."""
    described_in: str = ""
    """YAML file that describes it; empty if there is none."""
    description: str = ""
    columns: tuple[DbtColumn, ...] = ()
    tests: tuple[DbtTest, ...] = ()
    reads: tuple[str, ...] = ()
    """Names of the nodes that it reads, sorted; `source.table` for a source."""
    materialized: str = ""
    """Only if the project says so for this node."""
    database: str = ""
    schema: str = ""
    identifier: str = ""
    """Name of the table in the database."""
    owner: str = ""
    """E-mail address or name, from `owner`, `group` or `meta`."""
    loaded_at: str = ""
    """The column that tells the freshness of a source."""
    tags: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)
    constraints: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Type and columns of constraints of the whole table."""
    url: str = ""
    """Exposures only."""

    def table(self) -> Table:
        """Return it as a table. The type of a column that declares none is empty."""
        columns, foreign = [], []
        for column in self.columns:
            kind, length = type_and_length(column.data_type) if column.data_type else ("", None)
            values: tuple[str, ...] = ()
            for test in column.tests:
                if test.name == "accepted_values":
                    values = tuple(map(str, test.arguments.get("values") or ()))
                if test.name == "relationships" and (other := _target(str(test.arguments.get("to", "")))):
                    fields = (str(test.arguments.get("field", "")),)
                    foreign.append(ForeignKey((column.name,), other, fields))
            columns.append(
                Column(
                    column.name, kind, column.data_type, column.required, length, column.description, values
                )
            )
        unique: list[tuple[str, ...]] = [
            (column.name,) for column in self.columns if column.unique and column.required
        ]
        primary: list[tuple[str, ...]] = [
            (column.name,) for column in self.columns if "primary_key" in column.constraints
        ]
        primary += [names for kind, names in self.constraints if kind == "primary_key" and names]
        for test in self.tests:
            if test.name.endswith("unique_combination_of_columns"):
                unique.append(tuple(map(str, test.arguments.get("combination_of_columns") or ())))
        unique += [names for kind, names in self.constraints if kind == "unique" and names]
        keys = list(dict.fromkeys(key for key in [*primary, *unique] if key))
        return Table(
            self.identifier or self.name.rpartition(".")[2],
            tuple(columns),
            self.schema,
            keys[0] if keys else (),
            tuple(keys[1:]),
            tuple(foreign),
            description=self.description,
            is_view=self.materialized == "view",
            reads_from=self.reads,
        )


@dataclass(frozen=True)
class DbtProject:
    """A dbt project."""

    name: str
    folder: Path
    nodes: tuple[DbtNode, ...]
    profile: str = ""
    version: str = ""
    packages: tuple[str, ...] = ()
    """Packages that packages.yml or dependencies.yml names."""

    def of(self, kind: str) -> list[DbtNode]:
        """Return the nodes of one kind, by name."""
        return sorted((node for node in self.nodes if node.kind == kind), key=lambda node: node.name)

    @property
    def models(self) -> list[DbtNode]:
        return self.of("model")

    @property
    def sources(self) -> list[DbtNode]:
        return self.of("source")

    @property
    def exposures(self) -> list[DbtNode]:
        return self.of("exposure")


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
        return _of_manifest(place)
    if not place.is_file():
        raise Error(f"{place} does not exist.", "Correct the path.")
    nodes = _described(read_yaml(place.parent, place.name), place.name)
    return DbtProject(place.stem, place.parent, tuple(nodes.values()))


def is_project(place: Path) -> bool:
    """Return True for the folder of a dbt project, a manifest, or a YAML file that describes models or sources."""
    if place.is_dir():
        return (place / PROJECT).is_file()
    if place.name == MANIFEST:
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
    described: dict[tuple[str, str], DbtNode] = {}
    code: dict[tuple[str, str], DbtNode] = {}
    groups: dict[str, str] = {}
    for setting, usual in FOLDERS.items():
        kind = setting.partition("-")[0]
        for below in config.get(setting) or usual:
            for file in _files(folder, folder / str(below)):
                path = file.relative_to(folder).as_posix()
                if file.suffix in (".yml", ".yaml"):
                    document = read_yaml(folder, path)
                    described |= _described(document, path)
                    groups |= _groups(document)
                elif file.suffix in EXTENSIONS:
                    for node in _code(file, kind, path):
                        code[node.kind, node.name] = node
    nodes = [_joined(described.pop(key, None), node, groups) for key, node in code.items()]
    nodes += [
        _joined(None, node, groups) for node in described.values() if node.kind in ("source", "exposure")
    ]
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
            yield DbtNode("snapshot", one[1], path, reads=_reads(one[2]))
    elif kind == "model":
        materialized = MATERIALIZED.search(text)
        yield DbtNode(
            "model",
            file.stem,
            path,
            reads=_reads(text),
            materialized=(materialized[1] or materialized[2] or "") if materialized else "",
        )


def _reads(text: str) -> tuple[str, ...]:
    """Return the nodes that code reads by `ref` and `source`."""
    refs = {match[3] or match[4] or match[1] or match[2] for match in REF.finditer(text)}
    sources = {f"{match[1] or match[2]}.{match[3] or match[4]}" for match in SOURCE.finditer(text)}
    return tuple(sorted((refs | sources) - {None}))


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


def _groups(document: Document) -> dict[str, str]:
    return {str(group["name"]): _owner(group) for _, group in document.items("groups") if group.get("name")}


def _packages(folder: Path) -> tuple[str, ...]:
    names = []
    for file in ("packages.yml", "dependencies.yml"):
        if (folder / file).is_file():
            for _, entry in read_yaml(folder, file).items("packages"):
                found = entry.get("package") or entry.get("local") or entry.get("git") or entry.get("tarball")
                names.append(str(found))
    return tuple(names)


def _described(document: Document, path: str) -> dict[tuple[str, str], DbtNode]:
    """Return the nodes that a YAML file describes, by kind and name."""
    nodes: dict[tuple[str, str], DbtNode] = {}
    if not isinstance(document.value, dict):
        return nodes
    for section, kind in SECTIONS.items():
        for _, entry in document.items(section):
            if entry.get("name"):
                nodes[kind, str(entry["name"])] = _node(kind, str(entry["name"]), entry, path)
    for _, source in document.items("sources"):
        for table in source.get("tables") or []:
            if isinstance(table, dict) and table.get("name") and source.get("name"):
                name = f"{source['name']}.{table['name']}"
                config = _mapping(source, "config") | _mapping(table, "config")
                given = {
                    "database": source.get("database"),
                    "schema": source.get("schema") or source["name"],
                    "identifier": table["name"],
                    "loaded_at_field": source.get("loaded_at_field"),
                    "description": source.get("description"),
                    **{key: value for key, value in table.items() if value is not None},
                    "config": config,
                    "meta": _meta(source) | _meta(table),
                }
                nodes["source", name] = _node("source", name, given, path)
    for _, entry in document.items("exposures"):
        if entry.get("name"):
            nodes["exposure", str(entry["name"])] = _node("exposure", str(entry["name"]), entry, path)
    return nodes


def _node(kind: str, name: str, entry: Mapping[str, Any], path: str) -> DbtNode:
    config = _mapping(entry, "config")
    depends = " ".join(f"{{{{ {one} }}}}" for one in entry.get("depends_on") or [] if isinstance(one, str))
    return DbtNode(
        kind,
        name,
        described_in=path,
        description=str(entry.get("description") or "").strip(),
        columns=tuple(
            _column(column)
            for column in entry.get("columns") or []
            if isinstance(column, dict) and column.get("name")
        ),
        tests=_tests(entry),
        reads=_reads(depends) if kind == "exposure" else (),
        materialized=str(config.get("materialized") or ""),
        database=str(entry.get("database") or config.get("database") or ""),
        schema=str(entry.get("schema") or config.get("schema") or ""),
        identifier=str(entry.get("identifier") or config.get("alias") or ""),
        owner=_owner(entry),
        loaded_at=str(entry.get("loaded_at_field") or config.get("loaded_at_field") or ""),
        tags=_texts(entry.get("tags")) + _texts(config.get("tags")),
        meta=_meta(entry),
        constraints=tuple(
            (str(one.get("type")), _texts(one.get("columns")))
            for one in entry.get("constraints") or []
            if isinstance(one, dict)
        ),
        url=str(entry.get("url") or ""),
    )


def _column(entry: Mapping[str, Any]) -> DbtColumn:
    return DbtColumn(
        str(entry["name"]),
        str(entry.get("data_type") or ""),
        str(entry.get("description") or "").strip(),
        _tests(entry),
        tuple(str(one.get("type")) for one in entry.get("constraints") or [] if isinstance(one, dict)),
        _meta(entry),
    )


def _tests(entry: Mapping[str, Any]) -> tuple[DbtTest, ...]:
    """Return the tests of a column or a table, in any of dbt's spellings."""
    tests = []
    for one in [*(entry.get("tests") or []), *(entry.get("data_tests") or [])]:
        if isinstance(one, str):
            tests.append(DbtTest(one))
        elif isinstance(one, dict) and one:
            named = one.get("test_name")
            name, given = (str(named), one) if named else next(iter(one.items()))
            given = given if isinstance(given, dict) else {}
            tests.append(DbtTest(str(name), {**given, **_mapping(given, "arguments")}))
    return tuple(tests)


def _mapping(entry: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = entry.get(key)
    return dict(value) if isinstance(value, dict) else {}


def _meta(entry: Mapping[str, Any]) -> dict[str, Any]:
    return _mapping(entry, "meta") | _mapping(_mapping(entry, "config"), "meta")


def _owner(entry: Mapping[str, Any]) -> str:
    """Return who answers for a node: e-mail address before name, `owner` before `meta` before `group`."""
    for given in (entry.get("owner"), _meta(entry).get("owner")):
        if isinstance(given, dict):
            given = given.get("email") or given.get("name")
            given = given[0] if isinstance(given, list) and given else given
        if isinstance(given, str) and given:
            return given
    return str(entry.get("group") or _mapping(entry, "config").get("group") or "")


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _target(to: str) -> str:
    """Return the node that the `to` of a relationships test names."""
    return next(iter(_reads(to)), "")


# The manifest -------------------------------------------------------------------------------------------------------


def _of_manifest(file: Path) -> DbtProject:
    try:
        manifest = json.loads(file.read_text("utf-8"))
        nodes, sources = dict(manifest["nodes"]), dict(manifest["sources"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise Error(
            f"{file} is not a manifest of dbt: {error}",
            "Write it with `dbt parse`; it is target/manifest.json.",
        ) from error
    exposures = dict(manifest.get("exposures") or {})
    names = {
        **{key: str(node.get("name")) for key, node in nodes.items()},
        **{key: f"{node.get('source_name')}.{node.get('name')}" for key, node in sources.items()},
    }
    tests = _manifest_tests(nodes)
    groups = {str(group.get("name")): _owner(group) for group in dict(manifest.get("groups") or {}).values()}
    project = str((manifest.get("metadata") or {}).get("project_name") or "")
    found = [
        _manifest_node(key, node, names, tests, groups)
        for key, node in {**nodes, **sources, **exposures}.items()
        if node.get("resource_type") in ("model", "seed", "snapshot", "source", "exposure")
        and (not project or node.get("package_name") in (project, None))
    ]
    folder = file.parent.parent if file.parent.name == "target" else file.parent
    return DbtProject(project or file.parent.name, folder, tuple(found))


def _manifest_tests(nodes: Mapping[str, Any]) -> dict[tuple[str, str], list[DbtTest]]:
    """Return the generic tests by node and column; the column of a test of a whole table is empty."""
    tests: dict[tuple[str, str], list[DbtTest]] = {}
    for node in nodes.values():
        about = node.get("test_metadata")
        if node.get("resource_type") != "test" or not isinstance(about, dict):
            continue
        attached = node.get("attached_node") or next(
            iter((node.get("depends_on") or {}).get("nodes") or []), ""
        )
        name = ".".join(filter(None, (about.get("namespace"), about.get("name"))))
        test = DbtTest(name, dict(about.get("kwargs") or {}))
        tests.setdefault((str(attached), str(node.get("column_name") or "").lower()), []).append(test)
    return tests


def _manifest_node(
    key: str,
    node: Mapping[str, Any],
    names: Mapping[str, str],
    tests: Mapping[tuple[str, str], list[DbtTest]],
    groups: Mapping[str, str],
) -> DbtNode:
    kind = str(node["resource_type"])
    name = names.get(key, str(node.get("name")))
    listed = node.get("columns")
    columns = list(listed.values()) if isinstance(listed, dict) else []
    entry = {**node, "columns": columns, "depends_on": [], "tests": []}
    made = _node(kind, name, entry, str(node.get("patch_path") or "").rpartition("://")[2])
    reads = (node.get("depends_on") or {}).get("nodes") or []
    identifier = node.get("identifier") or node.get("alias") or node.get("name")
    return replace(
        made,
        path=str(node.get("original_file_path") or ""),
        identifier="" if kind == "exposure" else str(identifier),
        reads=tuple(sorted({names[one] for one in reads if one in names})),
        tests=tuple(tests.get((key, ""), ())),
        columns=tuple(
            replace(column, tests=tuple(tests.get((key, column.name.lower()), ()))) for column in made.columns
        ),
        owner=groups.get(made.owner, made.owner),
    )
