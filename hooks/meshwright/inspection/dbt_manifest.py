"""Read the manifest of a dbt project."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from meshwright.core.errors import Error
from meshwright.core.text import printable
from meshwright.inspection.dbt_nodes import DbtNode, DbtProject, DbtTest, listed
from meshwright.inspection.dbt_yaml import node_of, owner_of

OLDEST, NEWEST = 9, 12
"""Versions of the manifest that are known: those of dbt 1.5 and later."""
_VERSION = re.compile(r"https?://schemas\.getdbt\.com/dbt/([a-z-]+)/v(\d+)(\.json)?")
_HEAD = 4_000
"""Characters at the beginning of a file that dbt wrote, among which its metadata is."""


def is_of_dbt(file: Path) -> bool:
    """Return True for a JSON file that dbt wrote: a manifest, whatever its name, or another one of its artifacts."""
    if file.suffix != ".json" or not file.is_file():
        return False
    with file.open("rb") as opened:
        return (
            re.match(rb'\s*\{\s*"metadata"\s*:\s*\{[^{}]*"dbt_schema_version"', opened.read(_HEAD))
            is not None
        )


def read_manifest(file: Path) -> DbtProject:
    """Return the project that a manifest describes. Raises Error."""
    try:
        manifest = json.loads(file.read_text("utf-8"))
        if not isinstance(manifest, dict):
            raise ValueError("it is no mapping")
        notes = _of_version(file, _mapping(manifest.get("metadata")).get("dbt_schema_version"))
        if missing := [name for name in ("nodes", "sources") if name not in manifest]:
            raise ValueError(f"it has no {' and no '.join(missing)}")
        nodes, sources = _parts(manifest["nodes"]), _parts(manifest["sources"])
        if not isinstance(manifest["nodes"], dict) or not isinstance(manifest["sources"], dict):
            raise ValueError("its nodes or sources are no mapping")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise Error(
            f"{file} is not a manifest of dbt: {error}",
            "Write it with `dbt parse`; it is target/manifest.json.",
        ) from error
    exposures = _parts(manifest.get("exposures"))
    names = {
        **{key: str(node.get("name")) for key, node in nodes.items()},
        **{key: f"{node.get('source_name')}.{node.get('name')}" for key, node in sources.items()},
    }
    tests = _manifest_tests(nodes)
    groups = {str(group.get("name")): owner_of(group) for group in _parts(manifest.get("groups")).values()}
    project = str(_mapping(manifest.get("metadata")).get("project_name") or "")
    found = [
        _manifest_node(key, node, names, tests, groups)
        for key, node in {**nodes, **sources, **exposures}.items()
        if str(node.get("resource_type")) in ("model", "seed", "snapshot", "source", "exposure")
        and (not project or node.get("package_name") in (project, None))
    ]
    folder = file.parent.parent if file.parent.name == "target" else file.parent
    return DbtProject(project or file.parent.name, folder, tuple(found), notes=notes)


def _of_version(file: Path, stated: Any) -> tuple[str, ...]:
    """Return a note on a version that is newer than those known. Raises Error for an older one, or another artifact."""
    if stated is None:
        return ()
    match = _VERSION.fullmatch(str(stated))
    again = f"Write it with dbt 1.{OLDEST - 4} or newer: `dbt parse`; it is target/manifest.json."
    if match is None:
        raise Error(
            f"{file} is in no version of dbt's manifest that is known: {printable(str(stated))}.", again
        )
    if match[1] != "manifest":
        raise Error(f"{file} is not a manifest of dbt, but its {match[1]}.", again)
    if int(match[2]) < OLDEST:
        raise Error(
            f"{file} is a manifest of dbt in version {match[2]}; {OLDEST} to {NEWEST} are read.", again
        )
    if int(match[2]) <= NEWEST:
        return ()
    return (
        f"{file.name} is in version {match[2]} of dbt's manifest, and {NEWEST} is the newest that is known: compare what it gives.",
    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _parts(value: Any) -> dict[str, dict[str, Any]]:
    """Return the mappings in a mapping."""
    return {key: part for key, part in _mapping(value).items() if isinstance(part, dict)}


def _reads(node: Mapping[str, Any]) -> list[str]:
    return [one for one in listed(_mapping(node.get("depends_on")).get("nodes")) if isinstance(one, str)]


def _manifest_tests(nodes: Mapping[str, Any]) -> dict[tuple[str, str], list[DbtTest]]:
    """Return the generic tests by node and column; the column of a test of a whole table is empty."""
    tests: dict[tuple[str, str], list[DbtTest]] = {}
    for node in nodes.values():
        about = node.get("test_metadata")
        if node.get("resource_type") != "test" or not isinstance(about, dict):
            continue
        attached = node.get("attached_node") or next(iter(_reads(node)), "")
        name = ".".join(str(part) for part in (about.get("namespace"), about.get("name")) if part)
        test = DbtTest(name, _mapping(about.get("kwargs")))
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
    made = node_of(kind, name, entry, str(node.get("patch_path") or "").rpartition("://")[2])
    identifier = node.get("identifier") or node.get("alias") or node.get("name")
    return replace(
        made,
        path=str(node.get("original_file_path") or ""),
        identifier="" if kind == "exposure" else str(identifier),
        reads=tuple(sorted({names[one] for one in _reads(node) if one in names})),
        tests=tuple(tests.get((key, ""), ())),
        columns=tuple(
            replace(column, tests=tuple(tests.get((key, column.name.lower()), ()))) for column in made.columns
        ),
        owner=groups.get(made.owner, made.owner),
    )
