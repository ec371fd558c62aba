"""What a product is in its environments: the pipeline, the checks and the grants see the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import git
from edits import edit
from products import Make

from meshwright.access.output_ports import variables
from meshwright.access.product_access import load
from meshwright.core.yaml import Document, Unreadable
from meshwright.product.environments import bind, names

SPEC = {
    "spec": {
        "platform": {"uses": "duckdb@1", "properties": {"memory": "1GB", "threads": 2}},
        "inputs": [
            {
                "name": "a",
                "uses": "file@1",
                "from": "system:x",
                "properties": {"path": "a.csv", "nulls": ["NA"]},
            },
            {"name": "b", "uses": "file@1", "from": "system:x", "properties": {"path": "b.csv"}},
        ],
        "outputs": [{"name": "lake", "uses": "parquet@1", "properties": {"path": "build/ports/lake"}}],
    }
}
CASES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"platform": {"properties": {"memory": "8GB"}}}, {"platform": {"uses": "duckdb@1", "properties": {"memory": "8GB", "threads": 2}}}),
    ({"platform": {"uses": "spark@1"}}, {"platform": {"uses": "spark@1"}}),
    (
        {"inputs": {"a": {"properties": {"path": "real.csv"}}}},
        {"a": {"name": "a", "uses": "file@1", "from": "system:x", "properties": {"path": "real.csv", "nulls": ["NA"]}}},
    ),
    (
        {"inputs": {"b": {"uses": "database@1", "properties": {"url": "${B}", "table": "b"}}}},
        {"b": {"name": "b", "uses": "database@1", "from": "system:x", "properties": {"url": "${B}", "table": "b"}}},
    ),
    (
        {"outputs": {"lake": {"uses": "delta@1", "properties": {"path": "s3://lake.example.org/x"}}}},
        {"lake": {"name": "lake", "uses": "delta@1", "properties": {"path": "s3://lake.example.org/x"}}},
    ),
]  # fmt: skip


def bound(spec: dict[str, Any]) -> dict[str, Any]:
    """What can be bound otherwise, by its name."""
    body = spec["spec"]
    return {"platform": body["platform"]} | {
        entry["name"]: entry for entry in body["inputs"] + body["outputs"]
    }


@pytest.mark.parametrize(("said", "changed"), CASES)
def test_an_environment_changes_what_it_says_and_nothing_else(
    said: dict[str, Any], changed: dict[str, Any]
) -> None:
    spec = {"spec": SPEC["spec"] | {"environments": {"production": said}}}
    document = Document(Path("data-product.yaml"), spec)
    assert names(document) == ("production",)
    found = bind(document, "production").value
    assert bound(found) == bound(SPEC) | changed
    assert "environments" in spec["spec"] and bound(spec) == bound(SPEC)


@pytest.mark.parametrize(
    ("said", "name", "problem"),
    [
        ({}, "test", "no environment test"),
        ({"inputs": {"c": {}}}, "production", "no input c"),
        ({"outputs": {"pond": {}}}, "production", r"no (port|output) pond"),
    ],
)
def test_what_is_not_there_cannot_be_bound(said: dict[str, Any], name: str, problem: str) -> None:
    spec = {"spec": SPEC["spec"] | {"environments": {"production": said}}}
    with pytest.raises(Unreadable, match=problem):
        bind(Document(Path("data-product.yaml"), spec), name)


def test_a_product_without_environments_is_not_told_to_choose_one() -> None:
    with pytest.raises(Unreadable, match="it has none") as error:
        bind(Document(Path("data-product.yaml"), SPEC), "production")
    assert "leave out --environment" in error.value.fix


def test_access_is_granted_where_the_ports_lie_in_an_environment(make: Make) -> None:
    product = make("bound", outputs=["parquet"])
    there = {"production": {"outputs": {"lake": {"properties": {"path": "${LAKE}/departures"}}}}}
    edit(product / "data-product.yaml", lambda spec: {**spec, "spec": spec["spec"] | {"environments": there}})
    git("init", "--quiet", cwd=product)
    git("add", ".", cwd=product)
    git("commit", "--quiet", "--message", "Ours", cwd=product)
    variables = {"LAKE": "/srv/lake"}
    (here,) = load(product, environment=variables).ports
    (lies,) = load(product, environment=variables, target="production").ports
    assert (here.properties["path"], lies.properties["path"]) == ("/srv/lake", "/srv/lake/departures")
    with pytest.raises(Unreadable, match="no environment staging"):
        load(product, environment=variables, target="staging")
    assert yaml.safe_load((product / "data-product.yaml").read_text())["spec"]["environments"] == there


@pytest.mark.parametrize("text", ["[1]", "1", '[["A", "b"]]', "{", '{"A": 1}', '{"A": {}}', "[" * 100_000], ids=lambda text: text[:15])  # fmt: skip
def test_variables_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(Unreadable, match="PIPELINE_VARIABLES is not a JSON object"):
        variables({"PIPELINE_VARIABLES": text})
