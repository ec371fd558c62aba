"""A fresh repository, used word for word as its README says: uv, pre-commit, prek, workflows."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from checkout import ROOT, git
from copier import run_copy
from products import ALL, BIN, OWNER, Make, uv

Copy = Callable[[Path], Path]
RUNNERS = ["pre-commit", "prek"]


@pytest.fixture(scope="module")
def committed(make: Make) -> Path:
    """A fresh product with all that there is, committed."""
    product = make("committed", **ALL)
    git("init", "--quiet", "--initial-branch", "main", cwd=product)
    git("add", "--all", cwd=product)
    git("commit", "--quiet", "--message", "As it was made", cwd=product)
    return product


def hooks(runner: str, product: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BIN / runner, "run", "--all-files"], cwd=product, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("runner", RUNNERS)
def test_all_hooks_pass_and_change_nothing(runner: str, committed: Path) -> None:
    done = hooks(runner, committed)
    assert done.returncode == 0, done.stdout + done.stderr
    configured = yaml.safe_load((committed / ".pre-commit-config.yaml").read_text())
    names = [
        hook.get("name", "the metamodel is kept") for repo in configured["repos"] for hook in repo["hooks"]
    ]
    for name in names:
        # The hooks that refuse files of a kind find none.
        refuses = name in ("no rejected change is left", "no file of secrets is committed")
        outcome = r"\(no files to check\) ?Skipped" if refuses else "Passed"
        assert re.search(rf"^{re.escape(name)}\.+{outcome}$", done.stdout, re.MULTILINE), name
    assert git("status", "--porcelain", cwd=committed) == ""


BREAKS = {
    "pipeline/run.py": [
        ("import json\n", "import json\nimport unused_module\n", "ruff check"),
        (
            "import json\n",
            "KEY = '-----BEGIN RSA PRIVATE KEY-----'\nimport json\n",
            "no private key is committed",
        ),
    ],
    "README.md": [("# Departures\n", "# Departures\n<<<<<<< ours\n", "no merge conflict is left")],
    "docs/notes.md": [("", "No newline at the end", "files end with one newline")],
    "docs/more.md": [("", "White space   \n", "lines end without white space")],
    ".github/workflows/ci.yml": [
        ("@08c6903cd8c0fde910a37f88322edcfb5dd907a8", "@v5", "workflows are secure")
    ],
    ".github/workflows/pipeline.yml": [
        ("\non:\n", "\nonce:\n", "workflows have the shape that GitHub wants")
    ],
    "docs/large.md": [("", "Much of it.\n" * 100_000, "no large file is added")],
    "docs/connection.md": [
        ("", "postgresql://ada:hunter2@db.example.org/flights\n", "no password or token is committed")
    ],
    ".env": [("", "ANYTHING=1\n", "no file of secrets is committed")],
    "ruff.toml.rej": [("", "@@ -1 +1 @@\n", "no rejected change is left")],
    "pipeline/run.py.orig": [("", "@@ -1 +1 @@\n", "no rejected change is left")],
}
"""File -> what becomes what, and the hook that refuses it."""
METAMODEL = [
    [
        ("data-product.yaml", "  classification: internal\n", "", "ClassificationGiven"),
        ("contract.odcs.yaml", "name: departures\n", "name: arrivals\n", "ContractDescribesDataset"),
        (".pre-commit-config.yaml", 'rev: "v1.0.0"', "rev: main", "HookAtTemplateVersion"),
    ],
    [("access/policy.yaml", "above: deny", "above: ignore", "Shape")],
]
"""The same for the hook that is Meshwright's own, with the rule that it names."""


def broken(product: Path, file: str, old: str, new: str) -> None:
    path = product / file
    text = path.read_text("utf-8") if path.exists() else ""
    assert old in text, (file, old)
    path.write_text(text.replace(old, new, 1), "utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("runner", RUNNERS)
def test_a_hook_refuses_what_it_is_for(runner: str, committed: Path, copy_of: Copy) -> None:
    product = copy_of(committed)
    for file, changes in BREAKS.items():
        for old, new, _ in changes:
            broken(product, file, old, new)
    git("add", "--all", "--force", cwd=product)
    done = hooks(runner, product)
    assert done.returncode != 0
    failed = set(re.findall(r"^(.+?)\.+Failed$", done.stdout, re.MULTILINE))
    wanted = {hook for changes in BREAKS.values() for *_, hook in changes}
    # What is checked is formatted, too, and the metamodel refuses the secrets that other hooks refuse.
    assert failed - {"ruff format"} == wanted | {"the metamodel is kept"}, done.stdout
    for said in ("unpinned-uses", "docs/connection.md", "ruff.toml.rej", "pipeline/run.py.orig"):
        assert said in done.stdout, said


@pytest.mark.slow
@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("changes", METAMODEL, ids=["rules", "shape"])
def test_the_hook_of_the_metamodel_refuses_what_breaks_it(
    changes: list[tuple[str, str, str, str]], runner: str, committed: Path, copy_of: Copy
) -> None:
    product = copy_of(committed)
    for file, old, new, _ in changes:
        broken(product, file, old, new)
    git("add", "--all", cwd=product)
    command = [BIN / runner, "run", "--all-files", "meshwright-check"]
    done = subprocess.run(command, cwd=product, capture_output=True, text=True)
    assert done.returncode != 0
    for *_, says in changes:
        assert says in done.stdout, done.stdout


def test_the_hooks_come_from_the_template_at_the_version_of_the_repository(
    committed: Path, template: Path
) -> None:
    answers = yaml.safe_load((committed / ".copier-answers.yml").read_text())
    (first, *others) = yaml.safe_load((committed / ".pre-commit-config.yaml").read_text())["repos"]
    assert (first["repo"], first["rev"]) == (str(template), answers["_commit"]) == (str(template), "v1.0.0")
    assert all(repo["repo"] == "local" for repo in others)
    for hook in others[0]["hooks"]:
        needs = hook["additional_dependencies"] if hook["language"] == "python" else []
        assert all(re.fullmatch(r"[\w-]+==[\w.]+", need) for need in needs)


@pytest.mark.parametrize(
    ("source", "url"),
    [
        ("gh:example/meshwright", "https://github.com/example/meshwright"),
        ("gh:example/meshwright.git", "https://github.com/example/meshwright"),
        ("gl:group/sub/meshwright", "https://gitlab.com/group/sub/meshwright"),
        ("git+https://git.example.org/meshwright.git", "https://git.example.org/meshwright.git"),
        ("git@git.example.org:mesh/wright.git", "git@git.example.org:mesh/wright.git"),
        ("/srv/git/mesh wright", "/srv/git/mesh wright"),
        ("clone", f"{Path.cwd()}/clone"),
        ("../clone", f"{Path.cwd().parent}/clone"),
        ("~/clone", f"{Path.home()}/clone"),
    ],
)
def test_copiers_short_addresses_become_ones_that_git_knows(source: str, url: str) -> None:
    from jinja2.sandbox import SandboxedEnvironment
    from jinja2_ansible_filters import AnsibleCoreFiltersExtension

    environment = SandboxedEnvironment(extensions=[AnsibleCoreFiltersExtension])
    text = (ROOT / "blueprints" / "template-url.jinja").read_text("utf-8")
    assert environment.from_string(text).render(_copier_answers={"_src_path": source}) == url


def test_a_relative_path_to_the_template_is_written_as_an_absolute_one(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(template.parent)
    run_copy(template.name, tmp_path / "x", defaults=True, quiet=True, data={"start_with": "own-data"})
    answers = yaml.safe_load((tmp_path / "x" / ".copier-answers.yml").read_text())
    assert answers["_src_path"] == str(template)
    assert f" @ git+file://{template}@" in (tmp_path / "x/.meshwright/requirements.txt").read_text()


@pytest.mark.parametrize("persona", ["regular", "pedantic", "auditor"])
def test_workflows_have_no_finding(persona: str, committed: Path) -> None:
    command = [BIN / "zizmor", "--offline", "--no-progress", "--persona", persona, ".github"]
    done = subprocess.run(command, cwd=committed, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No findings to report" in done.stdout + done.stderr


def test_workflows_are_valid(committed: Path) -> None:
    files = sorted((committed / ".github/workflows").glob("*.yml"))
    names = {
        "access.yml",
        "access-plan.yml",
        "ci.yml",
        "infra.yml",
        "pipeline.yml",
        "run-issue.yml",
        "schedule.yml",
        "update.yml",
    }
    assert {file.name for file in files} == names
    command = [BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


TAKE_A_ROLE = {
    ("access.yml", "apply"),
    ("infra.yml", "deploy"),
    ("infra.yml", "plan"),
    ("pipeline.yml", "access"),
    ("pipeline.yml", "run"),
    ("schedule.yml", "run"),
}
"""The jobs that take a role in AWS, or call one that does: they may ask GitHub who they are."""
ANCHOR = {("access.yml", "apply"), ("pipeline.yml", "access"), ("schedule.yml", "run")}
"""The job that anchors the audit chain on a branch, and those that call it."""
STATE = ("pipeline.yml", "state")
"""The job that pushes what a run leaves for the next."""


def test_workflows_pin_their_actions_and_ask_for_little(committed: Path) -> None:
    for file in (committed / ".github/workflows").glob("*.yml"):
        workflow = yaml.safe_load(file.read_text("utf-8"))
        assert workflow["permissions"] == {}
        for name, job in workflow["jobs"].items():
            # The one job that may write to a pull request runs nothing of the repository.
            comments = (file.name, name) == ("access-plan.yml", "post")
            role = {"id-token": "write"} if (file.name, name) in TAKE_A_ROLE else {}
            contents = {"contents": "write" if (file.name, name) in ANCHOR | {STATE} else "read"}
            signs = {"attestations": "write"} if (file.name, name) == ("infra.yml", "deploy") else {}
            reports = {"issues": "write"} if (file.name, name) == ("run-issue.yml", "report") else {}
            asked = {"pull-requests": "write"} if comments else contents | role | signs | reports
            assert job["permissions"] == asked, (file.name, name)
            assert not comments or not any("uses" in step for step in job["steps"])
            for step in job.get("steps", []):
                assert "uses" not in step or re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"])


@pytest.mark.slow
def test_the_commands_of_the_readme(committed: Path, copy_of: Copy, product_python: Path) -> None:
    product = copy_of(committed)
    block = re.search(r"```sh\n(uv run.*?)```", (product / "README.md").read_text("utf-8"), re.DOTALL)
    assert block
    commands = [line.partition("#")[0].split() for line in block[1].splitlines()]
    assert [command[0] for command in commands] == ["uv", "uv", "uvx"]
    environment = str(product_python.parent.parent)
    said = [
        uv(*command[1:], cwd=product, UV_PROJECT_ENVIRONMENT=environment).stdout for command in commands[:2]
    ]
    (tested,) = [out for command, out in zip(commands, said, strict=False) if "pytest" in command]
    assert " passed" in tested and "skipped" not in tested
    assert (product / "build/ports/lake/departures.parquet").is_file()
    assert commands[2][1:] == ["prek", "run", "--all-files"]  # tested above with this prek


def test_ci_runs_what_the_readme_says(committed: Path) -> None:
    steps = yaml.safe_load((committed / ".github/workflows/ci.yml").read_text())["jobs"]["checks"]["steps"]
    ran = " ".join(step.get("run", "") for step in steps)
    for command in ("run --all-files", "uv run pytest", "uv run python -m pipeline"):
        assert command in ran
    assert (BIN / "prek").exists() and subprocess.run(
        [BIN / "prek", "--version"], capture_output=True, text=True
    ).stdout.split()[1] in ran


def test_an_unreleased_template_can_be_tried(tmp_path: Path, template: Path) -> None:
    # No tag, as after a fork: Copier records the commit, and git finds it again.
    fork = tmp_path / "fork"
    git("clone", "--quiet", "--no-tags", str(template), str(fork), cwd=tmp_path)
    git("tag", "--delete", *git("tag", cwd=fork).split(), cwd=fork) if git("tag", cwd=fork).split() else None
    run_copy(str(fork), tmp_path / "product", data=OWNER, defaults=True, quiet=True)
    (first, *_) = yaml.safe_load((tmp_path / "product/.pre-commit-config.yaml").read_text())["repos"]
    assert git("rev-parse", "--verify", f"{first['rev']}^{{commit}}", cwd=fork)
