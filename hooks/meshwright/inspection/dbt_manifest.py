"""Read the manifest of a dbt project."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from meshwright.core.errors import Error
from meshwright.inspection.dbt_nodes import DbtNode, DbtProject, DbtTest
from meshwright.inspection.dbt_yaml import node_of, owner_of


def read_manifest(file: Path) -> DbtProject:
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
    groups = {
        str(group.get("name")): owner_of(group) for group in dict(manifest.get("groups") or {}).values()
    }
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
    made = node_of(kind, name, entry, str(node.get("patch_path") or "").rpartition("://")[2])
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
