"""The issue about a scheduled run that fails: the jobs of either forge, run as a runner does, against a forge."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from checkout import ROOT
from children import children_environment
from issue_forge import TOKEN, Issues, issue_forge

GITHUB = yaml.safe_load((ROOT / "template/.github/workflows/run-issue.yml").read_text("utf-8"))
GITLAB = yaml.safe_load((ROOT / "template/.gitlab/ci/run-issue.yml").read_text("utf-8"))["run-issue"]
STEP = next(step for step in GITHUB["jobs"]["report"]["steps"] if step.get("name") == "Report")
TRIGGER = ROOT / "blueprints/traits/trigger/.github/workflows/trigger.yml"
HOSTILE = "https://forge.example.org/$(touch pwned)`touch pwned`;'\"; touch pwned"


@pytest.fixture
def forge() -> Iterator[Issues]:
    with issue_forge() as known:
        yield known


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".meshwright").mkdir()
    (tmp_path / "build").mkdir()
    script = ".meshwright/run_issue.py"
    (tmp_path / script).write_bytes((ROOT / "template" / script).read_bytes())
    return tmp_path


def ended(
    root: Path,
    forge: Issues,
    where: str,
    good: bool,
    address: str = "https://forge.example.org/run/1",
    **more: str,
) -> subprocess.CompletedProcess[str]:
    """Runs the job after a scheduled run."""
    if where == "github":
        script, variables = STEP["run"], {
            "CONCLUSION": "success" if good else "failure",
            "ADDRESS": address,
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_API_URL": forge.url,
            "GITHUB_REPOSITORY": "hotels/bookings",
        }  # fmt: skip
    else:
        script = "\n".join(GITLAB["script"])
        (root / "build/run.json").write_text(json.dumps({"exitCode": 0 if good else 1}))
        variables = {
            "GITLAB_CI": "true",
            "CI_PIPELINE_URL": address,
            "ISSUES_TOKEN": TOKEN,
            "CI_API_V4_URL": forge.url,
            "CI_PROJECT_ID": "7",
        }
    environment = children_environment(PATH=os.environ["PATH"], **(variables | more))
    command = ["bash", "-e", "-o", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert TOKEN not in done.stdout + done.stderr
    return done


@pytest.mark.parametrize("where", ["github", "gitlab"])
def test_an_issue_lives_as_long_as_scheduled_runs_fail(root: Path, forge: Issues, where: str) -> None:
    forge.drops_labels = where == "github"
    forge.issues.append({"number": 1, "title": "A change", "texts": [], "labels": ["scheduled-run-failed"], "open": True, "pull": True})  # fmt: skip
    if where == "gitlab":
        forge.issues[0]["labels"] = ["bug"]
    states = []
    for good in (True, False, False, True, True, False):
        done = ended(root, forge, where, good, HOSTILE)
        assert done.returncode == 0 and "warning" not in done.stdout, done.stdout + done.stderr
        states.append([(issue["number"], len(issue["texts"])) for issue in forge.open()[1:]])
    assert states == [[], [(2, 1)], [(2, 2)], [], [], [(3, 1)]]
    assert forge.issues[0]["texts"] == [] and forge.issues[0]["open"]
    assert {issue["title"] for issue in forge.issues[1:]} == {"The scheduled run fails"}
    assert [HOSTILE in text for text in forge.issues[1]["texts"]] == [True] * 3
    assert {*forge.issues[1]["labels"]} == {"scheduled-run-failed"}
    assert not (root / "pwned").exists()


@pytest.mark.parametrize("where", ["github", "gitlab"])
@pytest.mark.parametrize(("hours", "texts"), [(0.1, 1), (5.9, 1), (6.1, 3)])
def test_what_fails_every_few_minutes_does_not_fill_the_issue(
    root: Path, forge: Issues, where: str, hours: float, texts: int
) -> None:
    forge.hours = hours
    for _ in range(3):
        assert ended(root, forge, where, good=False).returncode == 0
    assert [len(issue["texts"]) for issue in forge.issues] == [texts]
    assert ended(root, forge, where, good=True).returncode == 0 and not forge.open()


@pytest.mark.parametrize(
    ("ask", "run", "result"),
    [
        ("success", "skipped", None),  # nothing to do yet
        ("skipped", "skipped", None),  # no catalog
        ("cancelled", "skipped", None),
        ("success", "cancelled", None),
        ("failure", "skipped", "failure"),  # late
        ("success", "failure", "failure"),
        ("success", "success", "success"),
    ],
)
def test_asking_opens_no_issue_and_closes_none_before_it_runs(ask: str, run: str, result: str | None) -> None:
    text = TRIGGER.read_text("utf-8").replace("{% raw %}", "").replace("{% endraw %}", "")
    job = yaml.safe_load(text)["jobs"]["issue"]
    condition, conclusion = job["if"], job["steps"][1]["env"]["CONCLUSION"]
    assert job["needs"] == ["ask", "run"] and job["steps"][1]["run"] == STEP["run"]
    needs = SimpleNamespace(ask=SimpleNamespace(result=ask), run=SimpleNamespace(result=run))
    known = {
        "needs": needs,
        "cancelled": lambda: False,
        "contains": lambda values, value: value in values,
        "fromJSON": json.loads,
    }

    def evaluated(expression: str) -> Any:
        inner = expression.removeprefix("${{").removesuffix("}}").strip()
        return eval(inner.replace("!", "not ").replace("&&", "and").replace("||", "or"), known)  # noqa: S307 - of our own workflow

    assert (evaluated(conclusion) if evaluated(condition) else None) == result


@pytest.mark.parametrize("where", ["github", "gitlab"])
@pytest.mark.parametrize("code", [401, 403, 404, 410, 500, 302, 200])
def test_what_the_forge_does_not_let_do_is_a_warning(
    root: Path, forge: Issues, where: str, code: int
) -> None:
    forge.code = code
    done = ended(root, forge, where, good=False)
    assert done.returncode == (0 if where == "github" else 77), done.stderr
    assert done.stdout.startswith("::warning::") is (where == "github")
    assert "could not be updated" in done.stdout and len(forge.requests) == 1
    assert ("Fix: " in done.stdout) is (code != 200) and done.stderr == ""


def test_a_forge_that_is_not_there_is_a_warning(root: Path, forge: Issues) -> None:
    done = ended(root, forge, "github", good=False, GITHUB_API_URL="http://127.0.0.1:1")
    assert (
        done.returncode == 0 and done.stdout.startswith("::warning::") and "cannot be reached" in done.stdout
    )


def test_without_a_token_gitlab_warns_only_when_a_run_failed(root: Path, forge: Issues) -> None:
    done = ended(root, forge, "gitlab", good=False, ISSUES_TOKEN="")
    assert done.returncode == 77 and "ISSUES_TOKEN is not set. Fix: " in done.stdout
    assert ended(root, forge, "gitlab", good=True, ISSUES_TOKEN="").returncode == 0
    assert forge.requests == [] and GITLAB["allow_failure"] == {"exit_codes": 77}


@pytest.mark.parametrize("content", ["", "{}", '{"exitCode": "0; touch pwned"}', '{"outcome": "failed", "problem": "killed"}', None])  # fmt: skip
def test_a_run_that_left_nothing_has_failed(root: Path, forge: Issues, content: str | None) -> None:
    script = "\n".join(GITLAB["script"]).replace("python3 .meshwright/run_issue.py", "echo")
    if content is not None:
        (root / "build/run.json").write_text(content)
    environment = children_environment(PATH=os.environ["PATH"], CI_PIPELINE_URL="https://x")
    command = ["bash", "-e", "-o", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "failed https://x\n"


def test_only_the_job_that_needs_it_may_write_issues() -> None:
    granted: dict[str, Any] = {}
    files = [*(ROOT / "template").glob(".github/workflows/*.yml"), *(ROOT / "blueprints").glob("*/*/.github/workflows/*.yml")]  # fmt: skip
    for file in sorted(files, key=lambda file: file.name):
        workflow = yaml.safe_load(file.read_text("utf-8"))
        assert "issues" not in (workflow.get("permissions") or {})
        for name, job in workflow["jobs"].items():
            granted |= {f"{file.name}: {name}": job.get("permissions")} if "issues" in (job.get("permissions") or {}) else {}  # fmt: skip
    only = {"contents": "read", "issues": "write"}
    assert granted == {"run-issue.yml: report": only, "trigger.yml: issue": only}
    # The event's texts reach the script as variables alone, and its code is the main branch's.
    assert "${{" not in STEP["run"]
    checkout = GITHUB["jobs"]["report"]["steps"][0]
    assert "ref" not in checkout["with"] and checkout["with"]["persist-credentials"] is False
    schedule = yaml.safe_load(
        (ROOT / "blueprints/traits/schedule/.github/workflows/schedule.yml").read_text()
    )
    assert GITHUB[True]["workflow_run"]["workflows"] == [schedule["name"]]
