"""The template eats its own files: this repository has the hooks, the workflow and the rules that products get."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import own_files
import pytest
import yaml
from checkout import ROOT, git
from make_reference import pages
from products import BIN
from questions import COPIER

from meshwright.product import registry


def read(path: Path) -> Any:
    return yaml.load(path.read_text("utf-8"), yaml.BaseLoader)  # noqa: S506 - `on` is a key, no boolean


def hooks(repository: Path) -> dict[str, dict[str, Any]]:
    config = read(repository / ".pre-commit-config.yaml")
    return {hook["id"]: hook for repo in config["repos"] for hook in repo["hooks"]}


def test_hooks_are_those_of_products(departures: Path) -> None:
    ours, theirs = hooks(ROOT), hooks(departures)
    assert ours.keys() == theirs.keys() - {"meshwright-check"}
    for name, hook in ours.items():
        assert {**hook, "exclude": ""} == {**theirs[name], "exclude": ""}, name
        assert name in own_files.EXCLUDED or hook == theirs[name]


def test_the_tools_that_are_installed_here_are_the_hooks(departures: Path) -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    installed = {need for group in groups.values() for need in group if isinstance(need, str)}
    pinned = hooks(departures)["ruff-check"]["additional_dependencies"]
    assert {need for need in pinned if not need.startswith("pre-commit-hooks")} <= installed
    (runner,) = (need for need in installed if need.startswith("prek=="))
    assert f"uvx {runner.replace('==', '@')} run" in (ROOT / ".github/workflows/ci.yml").read_text("utf-8")


def test_the_workflow_has_the_shape_of_products(departures: Path) -> None:
    ours, theirs = (read(place / ".github/workflows/ci.yml") for place in (ROOT, departures))
    for key in ("name", "on", "permissions", "concurrency"):
        assert ours[key] == theirs[key]
    steps = theirs["jobs"]["checks"]["steps"]
    runs = []
    for job in ours["jobs"].values():
        for key in ("runs-on", "permissions"):
            assert job[key] == theirs["jobs"]["checks"][key]
        assert job["steps"][0]["uses"] == steps[0]["uses"]
        assert job["steps"][0]["with"]["persist-credentials"] == "false"
        assert not [step for step in job["steps"][1:] if "uses" in step]
        runs += [step["run"] for step in job["steps"][1:]]
    assert {steps[1]["run"], steps[2]["run"], "make check", "make test", ".ci/run"} == set(runs)


def test_the_lint_rules_are_those_of_products_and_more() -> None:
    config = tomllib.loads((ROOT / "ruff.toml").read_text("utf-8"))
    assert config["extend"] == "template/ruff.toml"
    assert not {"select", "ignore"} & config["lint"].keys()
    assert not {"line-length", "target-version", "format"} & config.keys()


def test_each_blueprint_is_reviewed_by_its_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    platform = COPIER["platform_email"]["default"]
    (delta,) = (entry for entry in registry.capabilities() if entry.name == "delta")
    monkeypatch.setattr(registry, "capabilities", lambda: [replace(delta, owner="lake@example.org")])
    lines = own_files.codeowners().splitlines()
    assert lines[2:] == [f"* {platform}", f"/blueprints/outputs/delta/ lake@example.org {platform}"]


def test_renovate_has_the_presets_of_products_and_finds_each_pin(departures: Path) -> None:
    ours, theirs = (json.loads((place / "renovate.json").read_text("utf-8")) for place in (ROOT, departures))
    assert [ours[key] for key in ("$schema", "extends")] == [theirs[key] for key in ("$schema", "extends")]
    (manager,) = ours["customManagers"]
    places = [re.compile(pattern[1:-1]) for pattern in manager["managerFilePatterns"]]
    (pin,) = (re.compile(text.replace("(?<", "(?P<")) for text in manager["matchStrings"])
    found: dict[str, set[str]] = {}
    for name in git("ls-files", "-z", "template", "blueprints", ".github", ".pre-commit-config.yaml", cwd=ROOT).split("\0"):  # fmt: skip
        if any(place.search(name) for place in places) and (ROOT / name).is_file():
            for match in pin.finditer((ROOT / name).read_text("utf-8")):
                found.setdefault(match["depName"], set()).add(match["currentValue"])
    assert {"check-jsonschema", "copier", "prek", "ruff", "uv", "zizmor"} <= found.keys()
    assert {name: versions for name, versions in found.items() if len(versions) > 1} == {}


def test_what_is_made_is_written_by_make_reference() -> None:
    assert own_files.own_files().items() <= pages().items()


@pytest.mark.parametrize("persona", ["regular", "pedantic", "auditor"])
def test_the_workflow_has_no_finding(persona: str) -> None:
    command = [BIN / "zizmor", "--offline", "--no-progress", "--persona", persona, ".github"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("schema", "file"),
    [("github-workflows", ".github/workflows/ci.yml"), ("renovate", "renovate.json")],
)
def test_files_have_the_shape_of_their_schema(schema: str, file: str) -> None:
    command = [BIN / "check-jsonschema", "--builtin-schema", f"vendor.{schema}", file]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_all_hooks_pass_on_this_repository_and_change_nothing(template: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git("clone", "--quiet", str(template), str(clone), cwd=tmp_path)
    command = [BIN / "prek", "run", "--all-files", "--show-diff-on-failure"]
    done = subprocess.run(command, cwd=clone, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert git("status", "--porcelain", cwd=clone) == ""
