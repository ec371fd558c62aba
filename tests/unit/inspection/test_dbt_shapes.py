"""A dbt project is read whatever shapes its YAML files and its manifest have."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from meshwright.core.errors import Error
from meshwright.inspection.dbt_nodes import DbtProject
from meshwright.inspection.dbt_project import read
from meshwright.inspection.sources import open_source

COLUMN = {
    "name": "id",
    "data_type": "bigint",
    "description": "x",
    "tests": ["unique", {"accepted_values": {"values": ["a"], "arguments": {"values": ["b"]}}}],
    "data_tests": [{"test_name": "relationships", "to": "ref('b')", "field": "id"}],
    "constraints": [{"type": "not_null", "columns": ["id"]}],
    "meta": {"classification": "internal"},
}
NODE = {
    "name": "orders",
    "description": "x",
    "columns": [COLUMN],
    "tests": [{"dbt_utils.unique_combination_of_columns": {"combination_of_columns": ["id"]}}],
    "constraints": [{"type": "primary_key", "columns": ["id"]}],
    "tags": ["x"],
    "freshness": {"error_after": {"count": 1, "period": "day"}},
    "owner": {"name": "A", "email": ["a@example.org"]},
    "config": {"group": "g", "meta": {"owner": "A"}, "tags": ["y"], "schema": "s"},
    "depends_on": ["ref('orders')"],
}
SCHEMA = {
    "models": [NODE],
    "seeds": [NODE],
    "sources": [{"name": "raw", "schema": "s", "meta": {}, "config": {}, "tables": [NODE]}],
    "exposures": [NODE],
    "groups": [{"name": "g", "owner": {"email": "g@example.org"}}],
}
PROJECT = {"name": "shop", "profile": "corp", "model-paths": ["models"], "seed-paths": ["seeds"]}
PACKAGES = {"packages": [{"package": "a/b", "version": "1.0.0"}]}
OF_MANIFEST = NODE | {
    "resource_type": "model",
    "package_name": "shop",
    "columns": {"id": COLUMN},
    "depends_on": {"nodes": ["source.shop.raw.orders"]},
}
MANIFEST = {
    "metadata": {"project_name": "shop"},
    "nodes": {
        "model.shop.orders": OF_MANIFEST,
        "test.shop.x": {
            "resource_type": "test",
            "test_metadata": {"namespace": "n", "name": "unique", "kwargs": {"column_name": "id"}},
            "attached_node": "model.shop.orders",
            "column_name": "id",
        },
    },
    "sources": {"source.shop.raw.orders": OF_MANIFEST | {"resource_type": "source", "source_name": "raw"}},
    "exposures": {"exposure.shop.x": OF_MANIFEST | {"resource_type": "exposure"}},
    "groups": {"group.shop.g": {"name": "g", "owner": {"email": "g@example.org"}}},
}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text("aé:{ ", max_size=4) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2) | st.integers(), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
OFTEN = settings(max_examples=150, deadline=None)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    for key, below in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():  # fmt: skip
        yield from places(below, (*path, key))


def put(document: Any, path: tuple[Any, ...], new: Any) -> Any:
    made = copy.deepcopy(document)
    inner = made
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = new
    return made


def used(project: DbtProject) -> None:
    """Use all that a project tells, as adopt and survey do."""
    for node in project.nodes:
        node.table()
        hash((node.owner, node.tags, node.constraints, node.freshness))


FILES = {"models/schema.yml": SCHEMA, "dbt_project.yml": PROJECT, "packages.yml": PACKAGES}


@OFTEN
@given(st.data())
def test_any_value_at_any_place_of_a_projects_yaml(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from([*FILES]))
    place = data.draw(st.sampled_from([*places(FILES[path])]))
    changed = FILES | {path: put(FILES[path], place, data.draw(VALUES))}
    with TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "models").mkdir()
        (root / "models/orders.sql").write_text("select 1 as id")
        for name, value in changed.items():
            (root / name).write_text(yaml.safe_dump(value, allow_unicode=True), "utf-8")
        try:
            used(read(root))
        except Error as error:
            assert path in error.sentence and error.fix


@OFTEN
@given(st.data())
def test_any_value_at_any_place_of_a_manifest(data: st.DataObject) -> None:
    changed = put(MANIFEST, data.draw(st.sampled_from([*places(MANIFEST)])), data.draw(VALUES))
    with TemporaryDirectory() as folder:
        file = Path(folder) / "manifest.json"
        file.write_text(json.dumps(changed, default=str), "utf-8")
        try:
            used(read(file))
        except Error as error:
            assert "is not a manifest" in str(error)


@pytest.mark.parametrize("value", [5, "id", {"id": {}}, None, [5, None, "id", []]])
def test_columns_of_another_shape_are_passed_over(value: Any, tmp_path: Path) -> None:
    file = tmp_path / "schema.yml"
    file.write_text(yaml.safe_dump({"models": [{"name": "orders", "columns": value}]}))
    (node,) = read(file).nodes
    assert (node.name, node.columns) == ("orders", ())


AT = "https://schemas.getdbt.com/dbt/{}.json"
VERSIONS = {
    "manifest/v4": "manifest of dbt in version 4; 9 to 12 are read",
    "manifest/v9": "",
    "manifest/v12": "",
    "manifest/v20": "is in version 20",
    "catalog/v1": "not a manifest of dbt, but its catalog",
    "run-results/v6": "not a manifest of dbt, but its run-results",
    "manifest/next": "in no version of dbt's manifest that is known",
}


@pytest.mark.parametrize("name", ["manifest.json", "production.json"])
@pytest.mark.parametrize("version", VERSIONS)
def test_what_dbt_wrote_is_never_data(version: str, name: str, tmp_path: Path) -> None:
    metadata = {"dbt_schema_version": AT.format(version), **MANIFEST["metadata"]}
    (tmp_path / name).write_text(json.dumps(MANIFEST | {"metadata": metadata}))
    expected, number = VERSIONS[version], version.rpartition("/v")[2]
    if number.isdecimal() and version.startswith("manifest") and int(number) > 8:
        (source,) = open_source("x", name, tmp_path)
        assert [note for note in source.profile().notes if expected and expected in note] or not expected
    else:
        with pytest.raises(Error, match=expected) as refused:
            open_source("x", name, tmp_path)
        assert name in str(refused.value) and "dbt parse" in refused.value.fix


@pytest.mark.parametrize(
    "value", [{}, [], {"name": "an app", "icons": []}, {"nodes": {}}, {"nodes": [], "sources": {}}]
)
def test_a_manifest_of_something_else_is_refused(value: Any, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(value))
    with pytest.raises(Error, match="is not a manifest of dbt: it") as refused:
        open_source("x", "manifest.json", tmp_path)
    assert "dbt parse" in refused.value.fix
