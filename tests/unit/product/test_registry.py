"""The registry: what each blueprint says of itself is true, and its files are ordinary code."""

from __future__ import annotations

import re
from pathlib import Path

import jsonschema_rs
import pytest
import yaml
from checkout import ROOT
from click.testing import CliRunner

from meshwright.cli import main
from meshwright.product import composed_schemas, registry, schema

BLUEPRINTS = ROOT / "blueprints"
ENTRIES = registry.capabilities()
NAMES = [entry.uses for entry in ENTRIES]


def own(entry: registry.Capability) -> list[str]:
    """What lies beside its blueprint.yaml: some bring files of another one too."""
    borrowed = [path for paths in entry.borrows.values() for path in paths]
    return [path for path in entry.files if path not in borrowed]


def test_every_folder_is_an_entry() -> None:
    folders = {path.parent for path in BLUEPRINTS.glob("*/*/blueprint.yaml")}
    assert {entry.folder for entry in ENTRIES} == folders
    assert {path for path in BLUEPRINTS.glob("*/*") if path.is_dir()} == folders


@pytest.mark.parametrize("entry", ENTRIES, ids=NAMES)
def test_an_entry_says_all_that_people_need(entry: registry.Capability) -> None:
    assert entry.name == entry.folder.name
    assert re.fullmatch(r"\d+\.\d+\.\d+", entry.version)
    assert entry.summary.endswith(".") and entry.description.endswith(".")
    assert entry.maturity in ("experimental", "stable", "deprecated")
    assert entry.kind != "inputs" or entry.reads in ("system", "data-product")
    sources = [entry.folder / path for path in own(entry) if path.startswith("pipeline/inputs/")]
    assert entry.in_place is any("\ndef reader_sql(" in source.read_text("utf-8") for source in sources)
    jsonschema_rs.meta.validate(entry.properties)
    for name, property_schema in entry.properties.get("properties", {}).items():
        assert property_schema.get("description"), f"{entry.uses}: {name} has no description"


@pytest.mark.parametrize("entry", ENTRIES, ids=NAMES)
def test_an_entry_says_how_what_it_does_can_be_shared(entry: registry.Capability) -> None:
    works = entry.kind in ("platforms", "outputs")
    assert bool(entry.platform) is works and re.fullmatch("[a-z][a-z0-9-]*|", entry.platform)
    assert bool(entry.offers) is (entry.kind == "outputs") and set(entry.offers) <= {"virtual", "native"}
    assert bool(entry.opens) is (entry.reads == "data-product")
    for uses in entry.opens:
        assert registry.find("outputs", uses), uses


def test_an_input_opens_what_its_module_opens() -> None:
    entry = registry.find("inputs", "data-product@1")
    assert entry
    text = (entry.folder / "pipeline/inputs/data_product.py").read_text("utf-8")
    (table,) = re.findall(r"^OPEN = \{(.*?)\}$", text, re.MULTILINE | re.DOTALL)
    assert tuple(re.findall(r'"([^"]+)":', table)) == entry.opens


@pytest.mark.parametrize("entry", ENTRIES, ids=NAMES)
def test_an_entry_lists_just_the_files_that_lie_beside_it(entry: registry.Capability) -> None:
    beside = {
        path.relative_to(entry.folder).as_posix()
        for path in entry.folder.rglob("*")
        if path.is_file() and path.name != "blueprint.yaml" and "__pycache__" not in path.parts
    }
    assert set(own(entry)) == beside
    for folder, paths in entry.borrows.items():
        assert all((ROOT / folder / path).is_file() for path in paths)


@pytest.mark.parametrize("entry", ENTRIES, ids=NAMES)
def test_a_file_of_a_blueprint_is_what_it_becomes(entry: registry.Capability) -> None:
    # It passes through Jinja on its way into a product, so it must hold nothing that Jinja would read, except
    # between `{% raw %}` and `{% endraw %}` on one line (an expression of GitHub's). What holds answers is named.
    assert set(entry.templated) <= set(entry.files)
    for path in set(own(entry)) - set(entry.templated):
        text = (entry.folder / path).read_text("utf-8")
        whole = re.DOTALL if path.endswith(".sql") else 0  # a macro is dbt's from end to end
        # The answers file has another name beside those of another template.
        text = re.sub(r"\{% if _copier_conf\.answers_file .*?\{% endif %\}", "", text)
        text = text.replace("{{ _copier_conf.answers_file }}", "")
        assert not re.search(r"\{[{%#]", re.sub(r"\{% raw %\}.*?\{% endraw %\}", "", text, flags=whole)), path


@pytest.mark.parametrize("entry", ENTRIES, ids=NAMES)
def test_an_example_is_valid(entry: registry.Capability) -> None:
    example = yaml.safe_load(entry.example)
    shape = schema.data_product()
    single = {"transforms": "transform", "platforms": "platform"}
    part = shape["properties"]["spec"]["properties"][single.get(entry.kind, entry.kind)]
    jsonschema_rs.validator_for({**part, "$defs": shape["$defs"]}).validate(example)
    used = [example] if isinstance(example, dict) else example
    assert {item["uses"] for item in used} == {entry.uses}


def test_no_two_blueprints_bring_the_same_file() -> None:
    files = [path for entry in ENTRIES for path in own(entry)]
    assert len(files) == len(set(files))
    for path in files:
        assert not (ROOT / "template" / path).exists(), f"{path} is in template/ too"


def test_what_starts_the_runs_in_place_of_ci_is_known_wherever_a_schedule_is_made() -> None:
    names = {entry.name for entry in ENTRIES if entry.replaces}
    brought = {path for entry in ENTRIES for path in own(entry)}
    assert names == {"airflow", "dagster"}
    assert all(path in brought for entry in ENTRIES for path in entry.replaces)
    for file in ("template/.gitlab/schedules.py", "blueprints/infrastructure/aws/infra/aws/spec/schedule.tf"):
        text = (ROOT / file).read_text("utf-8")
        assert names <= set(re.findall(r'"([a-z-]+)@"', text)), file


def test_what_products_get_is_what_the_registry_composes() -> None:
    for name, composed in composed_schemas.as_written().items():
        shipped = (ROOT / "template" / ".meshwright" / name).read_text("utf-8")
        assert shipped == composed, f"{name} is out of date: make reference"


def test_the_command_lists_and_explains() -> None:
    listed = CliRunner().invoke(main, ["capabilities"])
    assert listed.exit_code == 0
    assert all(entry.uses in listed.output and entry.summary in listed.output for entry in ENTRIES)
    explained = CliRunner().invoke(main, ["capabilities", "file"])
    assert explained.exit_code == 0
    assert "path (required)" in explained.output and "uses: file@1" in explained.output
    unknown = CliRunner().invoke(main, ["capabilities", "stone"])
    assert unknown.exit_code == 2
    assert "the registry has no stone" in unknown.output
    programs = yaml.safe_load(CliRunner().invoke(main, ["capabilities", "--format", "json"]).output)
    assert [entry["uses"] for entry in programs] == NAMES


def test_the_registry_travels_with_the_package(tmp_path: Path) -> None:
    import subprocess
    import zipfile

    from products import uv

    uv("build", "--quiet", "--wheel", "--out-dir", str(tmp_path), cwd=ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for entry in ENTRIES:
        assert f"meshwright/blueprints/{entry.kind}/{entry.name}/blueprint.yaml" in names
    assert {"meshwright/product/schemas/odcs/odcs-3.1.0.schema.json", "meshwright/py.typed"} <= set(names)
    shipped = {f"meshwright/template/.meshwright/{name}" for name in composed_schemas.as_written()}
    assert shipped <= set(names), "every check reads them"
    assert (
        subprocess.run(["git", "status", "--porcelain", "dist"], cwd=ROOT, capture_output=True).stdout == b""
    )


GRANTED = {"parquet@1", "delta@1", "postgres@1"}
"""Outputs with a target; a fork may add others that have none."""


@pytest.mark.parametrize("entry", [entry for entry in ENTRIES if entry.kind == "outputs"], ids=lambda entry: entry.uses)  # fmt: skip
def test_access_to_every_output_can_be_granted_or_is_refused_with_a_reason(
    entry: registry.Capability,
) -> None:
    from meshwright.access.grants import Refused
    from meshwright.access.targets import target

    try:
        way = target(entry.uses)
    except Refused as refused:
        assert entry.uses in str(refused) and refused.fix
        assert entry.uses not in GRANTED
        return
    assert all(
        callable(getattr(way, verb)) for verb in ("plan", "apply", "verify", "audit_records", "address")
    )
