"""The workflow of the self-update trait: its own shell steps, run in a repository with an origin and a newer template."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from checkout import ROOT, git
from children import children_environment
from copier import run_copy
from products import BIN, OWNER

WORKFLOW = ".github/workflows/update.yml"
BRANCH = "meshwright/v1.1.0"

# Each answers as the real one does to what the workflow asks of it, and writes down what that was.
GH = """#!/usr/bin/env bash
echo "$@" >> "$STATE/gh"
case "$1 $2" in
  "pr list") cat "$STATE/asked" 2>/dev/null ;;
  "pr create") echo OPEN > "$STATE/asked" ;;
esac
exit 0
"""
UVX = """#!/usr/bin/env bash
[ "$1" = "copier@$COPIER" ] || exit 99
shift
exec "$BIN/copier" "$@"
"""


class Repository:
    """A product that updates itself, with its template and its origin."""

    def __init__(self, folder: Path, template: Path) -> None:
        self.folder, self.origin, self.template = folder, folder / "origin.git", folder / "template"
        git("clone", "--quiet", str(template), str(self.template), cwd=folder)
        self.product = folder / "product"
        answers = OWNER | {"traits": ["self-update"]}
        run_copy(str(self.template), self.product, data=answers, defaults=True, quiet=True)
        git("init", "--quiet", "--bare", "--initial-branch", "main", str(self.origin), cwd=folder)
        git("init", "--quiet", "--initial-branch", "main", cwd=self.product)
        git("remote", "add", "origin", self.origin.as_uri(), cwd=self.product)
        self.commit(self.product)
        git("push", "--quiet", "origin", "main", cwd=self.product)
        for name, text in (("gh", GH), ("uvx", UVX)):
            (folder / "bin").mkdir(exist_ok=True)
            (folder / "bin" / name).write_text(text)
            (folder / "bin" / name).chmod(0o755)

    def commit(self, repository: Path) -> None:
        git("add", "--all", cwd=repository)
        git("commit", "--quiet", "--message", "Work", cwd=repository)

    def release(self) -> None:
        """A newer version of the template, with a changed file."""
        file = self.template / "template" / "ruff.toml"
        file.write_text(file.read_text().replace("line-length = 110", "line-length = 111"))
        self.commit(self.template)
        git("tag", "v1.1.0", cwd=self.template)

    def run(self, token: str = "token") -> subprocess.CompletedProcess[str]:  # noqa: S107 - no password
        """The workflow's own steps, as a runner takes them: one after the other, on a fresh checkout."""
        checkout = self.folder / f"checkout-{len(list(self.folder.glob('checkout-*')))}"
        git("clone", "--quiet", "--depth", "1", self.origin.as_uri(), str(checkout), cwd=self.folder)
        steps = yaml.safe_load((checkout / WORKFLOW).read_text("utf-8"))["jobs"]["update"]["steps"]
        wanted = re.search(r"copier@(\S+)", (checkout / WORKFLOW).read_text("utf-8"))
        assert wanted
        environment = children_environment(
            PATH=f"{self.folder / 'bin'}:{os.environ['PATH']}",
            HOME=str(self.folder),
            BIN=str(BIN),
            COPIER=wanted[1],
            STATE=str(self.folder),
            GH_TOKEN=token,
            GITHUB_REF_NAME="main",
        )
        for step in steps:
            if "pipx install" in (script := step.get("run", "pipx install")):
                continue
            command = ["bash", "--noprofile", "--norc", "-e", "-c", script]
            done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True)
            if done.returncode:
                break
        return done

    @property
    def branches(self) -> list[str]:
        return git("branch", "--format", "%(refname:short)", cwd=self.origin).split()

    def tip(self) -> str:
        return git("rev-parse", BRANCH, cwd=self.origin)

    @property
    def created(self) -> list[str]:
        """The pull requests that were asked for."""
        said = self.folder / "gh"
        lines = said.read_text().splitlines() if said.exists() else []
        return [line for line in lines if line.startswith("pr create")]


@pytest.fixture
def repository(template: Path, tmp_path: Path) -> Repository:
    return Repository(tmp_path, template)


def test_a_new_version_becomes_one_pull_request(repository: Repository) -> None:
    repository.release()
    done = repository.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert repository.branches == ["main", BRANCH]
    assert len(repository.created) == 1
    assert f"--base main --head {BRANCH} --title Update to v1.1.0" in repository.created[0]
    changed = git("diff", "--name-only", "main", BRANCH, cwd=repository.origin).split()
    assert changed == [
        ".copier-answers.yml",
        ".meshwright/requirements.txt",
        ".pre-commit-config.yaml",
        "ruff.toml",
    ]

    # Once more: there is nothing to push and nothing to ask for.
    before = repository.tip()
    again = repository.run()
    assert again.returncode == 0, again.stdout + again.stderr
    assert (repository.tip(), len(repository.created)) == (before, 1)


def test_its_own_branch_is_made_anew_from_what_was_merged_since(repository: Repository) -> None:
    repository.release()
    repository.run()
    (repository.product / "models" / "own.sql").write_text("select 1\n")
    repository.commit(repository.product)
    git("push", "--quiet", "origin", "main", cwd=repository.product)
    assert repository.run().returncode == 0
    assert git("log", "--format=%s", f"main..{BRANCH}", cwd=repository.origin).splitlines() == [
        "Update to v1.1.0 of the template"
    ]
    assert git("merge-base", "main", BRANCH, cwd=repository.origin) == git(
        "rev-parse", "main", cwd=repository.origin
    )
    assert len(repository.created) == 1


def test_a_branch_on_which_somebody_went_on_is_left_alone(repository: Repository) -> None:
    repository.release()
    repository.run()
    git("fetch", "--quiet", "origin", BRANCH, cwd=repository.product)
    git("switch", "--quiet", "--create", BRANCH, "FETCH_HEAD", cwd=repository.product)
    (repository.product / "models" / "own.sql").write_text("select 1\n")
    repository.commit(repository.product)
    git("push", "--quiet", "origin", BRANCH, cwd=repository.product)
    before = repository.tip()
    assert repository.run().returncode == 0
    assert (repository.tip(), len(repository.created)) == (before, 1)


def test_a_pull_request_that_was_closed_is_not_asked_for_again(repository: Repository) -> None:
    repository.release()
    (repository.folder / "asked").write_text("CLOSED\n")
    done = repository.run()
    assert done.returncode == 0 and "CLOSED" in done.stdout
    assert (repository.branches, repository.created) == (["main"], [])


def test_what_cannot_be_merged_fails_and_is_pushed_nowhere(repository: Repository) -> None:
    file = repository.product / "ruff.toml"
    file.write_text(file.read_text().replace("line-length = 110", "line-length = 99"))
    repository.commit(repository.product)
    git("push", "--quiet", "origin", "main", cwd=repository.product)
    repository.release()
    done = repository.run()
    assert done.returncode == 1
    assert re.search(r"^::error::.*merged: ruff\.toml$", done.stdout, re.MULTILINE), done.stdout
    assert (repository.branches, repository.created) == (["main"], [])


def test_without_a_new_version_there_is_nothing_to_do(repository: Repository) -> None:
    done = repository.run()
    assert done.returncode == 0 and "Nothing is new" in done.stdout, done.stdout + done.stderr
    assert (repository.branches, repository.created) == (["main"], [])


def test_a_token_that_is_missing_is_told_at_once(repository: Repository) -> None:
    done = repository.run(token="")
    assert done.returncode == 1 and "::error::The secret UPDATE_TOKEN is missing" in done.stdout
    assert (repository.branches, repository.created) == (["main"], [])


def test_it_runs_the_copier_that_the_template_needs() -> None:
    workflow = (ROOT / "blueprints/traits/self-update" / WORKFLOW).read_text("utf-8")
    pinned = re.search(
        r"copier@(\d+)\.(\d+)\.\d+ update.* --defaults --skip-answered$", workflow, re.MULTILINE
    )
    needed = yaml.safe_load((ROOT / "copier.yml").read_text("utf-8"))["_min_copier_version"].split(".")
    assert pinned and [int(pinned[1]), int(pinned[2])] >= [int(needed[0]), int(needed[1])]
