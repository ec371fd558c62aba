"""A small template to adopt with, and repositories of teams."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from checkout import ROOT, git
from click.testing import CliRunner, Result
from mesh import ANSWERS, write

from meshwright.cli import main

OLD, NEW = "v1.0.0", "v1.1.0"
BRANCH = "meshwright/adopt"

COPIER = """\
_subdirectory: template
_exclude:
  - "{% for path in declined | default([]) %}/{{ path }}\\n{% endfor %}"
  - "{% if _copier_operation == 'update' %}/models/\\n/tests/\\n/profiles.yml\\n/data-product.yaml\\n/contract.odcs.yaml{% endif %}"
product_name:
  type: str
  default: x
  validator: "{% if not product_name | regex_search('^[a-z][a-z0-9-]*$') %}Use small letters.{% endif %}"
domain: {type: str, default: my-domain}
owner_name: {type: str, default: ""}
owner_email: {type: str, default: ""}
forge: {type: str, default: github}
declined: {type: yaml, ask: false, default: []}
"""
OWNERSHIP = """\
product: [/models/, /data-product.yaml, /contract.odcs.yaml, /profiles.yml, /tests/]
shared:
  - /README.md
  - /.gitignore
  - /.gitattributes
  - /pyproject.toml
  - /renovate.json
  - /.pre-commit-config.yaml
  - /dbt_project.yml
  - /Containerfile
template: [/.github/, /.gitlab/, /.meshwright/, /pipeline/, /ruff.toml, /.copier-answers.yml, /.copier-answers.meshwright.yml]
"""
SPEC = """\
metadata: {name: x}
spec:
  description:
    purpose: "REPLACE-ME"
  dataset:
    name: x
  inputs: []  # `meshwright draft` writes them from your data
extensions: {}
"""
CONTRACT = """\
description:
  purpose: "REPLACE-ME"
schema:
  - name: x
    description: "REPLACE-ME"
    properties: []  # `meshwright draft` writes them from your data
"""
REVIEWERS = """\
* {{ owner_email }}
/.github/ {{ owner_email }} platform@example.org
/.meshwright/ {{ owner_email }} platform@example.org
/pipeline/ {{ owner_email }} platform@example.org
/ruff.toml {{ owner_email }} platform@example.org
/data-product.yaml {{ owner_email }}
/models/ {{ owner_email }}
/access/ {{ owner_email }}
/.meshwright/exceptions.yaml {{ owner_email }}
/.meshwright/exceptions.yaml platform@example.org
"""
CI = (ROOT / "template/.github/workflows/ci.yml").read_text("utf-8")
FILES = {
    ANSWERS: "{{ _copier_answers | to_nice_yaml }}",
    ".meshwright/ownership.yaml": OWNERSHIP,
    ".github/workflows/ci.yml": CI,
    ".github/CODEOWNERS.jinja": REVIEWERS,
    "pipeline/__init__.py": '"""The pipeline."""\n',
    "pipeline/run.py": "".join(f"step = {number}\n" for number in range(30)),
    "ruff.toml": "line-length = 100\n",
    "Containerfile": "FROM scratch\n",
    "README.md.jinja": "# {{ product_name }}\n\nA product.\n",
    ".gitignore": "build/\n.venv/\n",
    ".gitattributes": "* text=auto eol=lf\n",
    "models/sample.sql": "select 1 as sample\n",
    "data-product.yaml": SPEC,
    "contract.odcs.yaml": CONTRACT,
    "pyproject.toml.jinja": """\
[project]
name = "{{ product_name }}"
version = "0"
requires-python = ">=3.11"
dependencies = [
  # What the pipeline needs
  "dbt-core>=1.12,<2",
  "dlt[duckdb]>=1.20,<2",
]

[dependency-groups]
dev = ["pytest>=8.3"]

[tool.uv] # https://docs.astral.sh/uv/
package = false

[tool.pytest.ini_options]
testpaths = ["tests"]

[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"
""",
    "renovate.json": """\
{
  "extends": ["config:recommended"],
  "copier": {
    "enabled": true
  },
  "packageRules": [
    {
      "matchManagers": ["pre-commit"],
      "enabled": false
    }
  ]
}
""",
    ".pre-commit-config.yaml": """\
minimum_pre_commit_version: "3.2.0"

repos:
  - repo: local
    hooks:
      - id: check
        name: check
        entry: meshwright check
        language: system
        additional_dependencies: &tools [ruff==0.17.6]
      - id: last
        name: last
        entry: meshwright check
        language: system
        additional_dependencies: *tools
""",
    "tests/conftest.py": "import pytest\n",
    "tests/test_pipeline.py": "def test_sample(sample_run: object) -> None: ...\n",
    "profiles.yml": "product: {target: hand, outputs: {hand: {type: duckdb, path: build/hand.duckdb}}}\n",
    "dbt_project.yml": """\
name: product
version: "1.0"
profile: product
model-paths: [models]
macro-paths: [macros, pipeline/macros]
snapshot-paths: [snapshots, build/snapshots]
packages-install-path: build/dbt_packages

models:
  product:
    +materialized: table

flags:
  send_anonymous_usage_stats: false
""",
}


def template(folder: Path) -> Path:
    """Make the template, with one release."""
    write(folder / "copier.yml", COPIER)
    for path, text in FILES.items():
        write(folder / "template" / path, text)
    git("init", "--quiet", "--initial-branch", "main", cwd=folder)
    release(folder, OLD)
    return folder


def release(folder: Path, version: str) -> None:
    git("add", "--all", "--force", cwd=folder)
    git("commit", "--quiet", "--message", version, cwd=folder)
    git("tag", version, cwd=folder)


def repository(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Make a team's repository with one commit."""
    folder.mkdir(parents=True, exist_ok=True)
    git("init", "--quiet", "--initial-branch", "main", cwd=folder)
    for key, value in (("user.name", "Team"), ("user.email", "team@example.org")):
        git("config", key, value, cwd=folder)
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
    git("add", "--all", "--force", cwd=folder)
    git("commit", "--quiet", "--allow-empty", "--message", "Ours", cwd=folder)
    return folder


def adopt(place: Path, template: Path, *arguments: str) -> Result:
    """Run `meshwright adopt` as a user does."""
    done = CliRunner().invoke(main, ["adopt", str(place), "--template", str(template), *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def plan(place: Path, template: Path, *arguments: str) -> dict[str, Any]:
    """Return the plan as JSON."""
    done = adopt(place, template, "--format", "json", *arguments)
    assert done.exit_code == 0, done.output
    value: dict[str, Any] = json.loads(done.stdout)
    return value


def states(plan: Mapping[str, Any]) -> dict[str, str]:
    return {step["path"]: step["state"] for step in plan["files"]}


def adopted(place: Path, template: Path, *arguments: str) -> dict[str, Any]:
    """Adopt, and merge the branch."""
    result = plan(place, template, "--apply", *arguments)
    git("merge", "--quiet", BRANCH, cwd=place)
    return result


def state(place: Path) -> str:
    """All refs, objects' number aside, and the state of the work tree."""
    return git("for-each-ref", cwd=place) + git("status", "--porcelain", "--ignored", "--branch", cwd=place)
