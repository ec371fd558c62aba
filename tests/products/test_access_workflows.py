"""The two workflows of access, run step by step in bash with the command of this tree."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
import yaml
from git_http import git_server
from signed import People, Repository

BIN = Path(sys.executable).parent
UVX = f"""#!/bin/bash
[ "$1" = --from ] && [[ "$2" == "meshwright[access,catalog,draft] @ git+"* ]] || exit 99
shift 2
exec {BIN}/"$@"
"""


def step(product: Path, workflow: str, job: str, name: str) -> str:
    steps = yaml.safe_load((product / ".github/workflows" / workflow).read_text())["jobs"][job]["steps"]
    return next(entry["run"] for entry in steps if entry.get("name") == name)


@pytest.fixture
def repository(departures: Path, tmp_path: Path) -> Repository:
    root = Path(shutil.copytree(departures, tmp_path / "product"))
    (tmp_path / "uvx").write_text(UVX)
    (tmp_path / "uvx").chmod(0o755)
    repository = Repository(root, People(tmp_path))
    repository.git("init", "--quiet", "--initial-branch", "main", "--template=")
    repository.commit("As it was made", {}, by="ada")
    return repository


def bash(script: str, root: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    folder = root.parent
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "HOME": str(folder), "RUNNER_TEMP": str(folder), **variables}  # fmt: skip
    files = {name: str(folder / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    # As GitHub runs it: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
    return subprocess.run(
        ["bash", "-e", "-c", script], cwd=root, env=environment | files, capture_output=True, text=True
    )


def test_a_pull_request_is_told_even_what_cannot_be_read(repository: Repository) -> None:
    script = step(repository.root, "access-plan.yml", "plan", "Plan")
    policy = (repository.root / "access/policy.yaml").read_text()
    wider = policy.replace("clearance: [public, internal]", "clearance: [public]", 1)
    repository.commit("Narrower", {"access/policy.yaml": wider})
    done = bash(script, repository.root)
    assert done.returncode == 0, done.stderr
    assert (
        "reader sees the mask empty of tail_number, and saw the values"
        in (repository.root.parent / "GITHUB_OUTPUT").read_text()
    )
    repository.commit("Broken", {"access/policy.yaml": "roles: ["})
    done = bash(script, repository.root)
    assert done.returncode == 2
    assert "It is not YAML" in (repository.root.parent / "GITHUB_OUTPUT").read_text()


def test_main_grants_only_once_a_directory_is_named(repository: Repository) -> None:
    script = step(repository.root, "access.yml", "apply", "Apply and verify")
    nothing = {"PIPELINE_VARIABLES": "{}", "CONFIRM": "", "DIRECTORY": ""}
    done = bash(script, repository.root, **nothing)
    assert done.returncode == 0 and "::notice::" in done.stdout and "apply" not in done.stdout
    directory = (repository.root / "access/directory.yaml").read_text()
    done = bash(
        script, repository.root, **nothing | {"DIRECTORY": directory, "CONFIRM": "abc def", "PGPASSWORD": ""}
    )
    assert done.returncode == 1, done.stderr  # the pipeline has not run
    assert "Run the pipeline first." in done.stdout
    lines = done.stdout.splitlines()
    assert lines[0].startswith("::stop-commands::") and lines[-1] == f"::{lines[0].rpartition('::')[2]}::"


UVX_TELLS = """#!/bin/bash
[ -z "${ANCHOR_TOKEN-}" ] || exit 99
echo "$5 ${*:6}: $(git config --get-urlmatch http.extraheader https://forge.example.org/a/b)"
"""


def test_the_token_for_the_anchor_goes_to_the_forge_alone(repository: Repository) -> None:
    script = step(repository.root, "access.yml", "apply", "Apply and verify")
    (repository.root.parent / "uvx").write_text(UVX_TELLS)
    server = {"ANCHOR_TOKEN": "hush", "SERVER": "https://forge.example.org"}
    done = bash(script, repository.root, DIRECTORY="x", CONFIRM="", FIRST="true", **server)
    basic = base64.b64encode(b"x-access-token:hush").decode()
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:3] == [
        f"apply --first: AUTHORIZATION: basic {basic}",
        f"verify : AUTHORIZATION: basic {basic}",
    ]


def test_the_workflow_anchors_on_a_server_that_asks_for_the_token(
    repository: Repository, tmp_path: Path
) -> None:
    """The clone keeps no credentials: those of the step reach the server."""
    script = step(repository.root, "access.yml", "apply", "Apply and verify")
    share = tmp_path / "share"
    share.mkdir()
    duckdb.sql(columns_of(repository.root)).write_parquet(str(share / "departures.parquet"))
    bare = tmp_path / "served/departures.git"
    repository.git("init", "--quiet", "--bare", "--template=", str(bare))
    repository.git(f"--git-dir={bare}", "config", "http.receivepack", "true")
    given = {
        "DIRECTORY": (repository.root / "access/directory.yaml").read_text(),
        "PIPELINE_VARIABLES": json.dumps({"LAKE": str(share)}),
        "CONFIRM": "",
    }
    with git_server(bare.parent, "x-access-token", "hush") as address:
        repository.git("remote", "add", "origin", f"{address}/departures.git")
        codes = []
        for token, first in (("wrong", "true"), ("hush", ""), ("hush", "true"), ("hush", "")):
            step_variables = {"ANCHOR_TOKEN": token, "FIRST": first, "SERVER": address}
            done = bash(script, repository.root, **given, **step_variables)
            codes.append(
                ("hush" in done.stdout, "audit record 1," in done.stdout, "audit record 2," in done.stdout)
            )
    kept = repository.git(f"--git-dir={bare}", "ls-tree", "--name-only", "meshwright/access")
    assert kept.startswith("lake@") and "\n" not in kept
    assert codes == [(False, False, False), (False, False, False), (False, True, False), (False, False, True)]


def columns_of(product: Path) -> str:
    """SQL for one row of the product's data set."""
    contract = yaml.safe_load((product / "contract.odcs.yaml").read_text())
    kinds = {"timestamp": "timestamp", "integer": "integer", "boolean": "boolean"}
    columns = [
        f'null::{kinds.get(column["logicalType"], "varchar")} as "{column["name"]}"'
        for column in contract["schema"][0]["properties"]
    ]
    return f"select {', '.join(columns)}"
