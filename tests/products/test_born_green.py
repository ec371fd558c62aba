"""Born green: whatever is answered, a fresh product passes its checks, hooks and formatter, and its texts agree.

A handful runs here; with MESHWRIGHT_ANSWERS=all, as `make soak` sets it, all of them do.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from answers import Answers, pairwise, read_questions
from checkout import git
from products import ALL, BIN, Make, findings, pipeline, uv

from meshwright.assess.discovery import functions
from meshwright.assess.evidence import Evidence
from meshwright.mesh.lineage import Lineage
from meshwright.mesh.sources import of_repository

NOW = read_questions()
PARTS = 2
"""So that workers share the work."""

NAMES = [
    ("a" * 40, "b" * 40),
    ("a", "z"),
    ("a-1", "d0-0"),
    ("select", "order"),
    ("flights", "flights"),
    ("x2-y-3z", "inputs"),
]
"""Product and domain, at the limits of what the questions allow: long, short, keywords, what an input is called."""
OWNERS = [
    ("Ada Example", "ada@example.org"),
    ('Zoë "Ops" O\'Brien: #1 {a} [b] \\ & <c> % @ ! | > * ? ` $HOME', "zoe.o+x_1%2@mail-1.example.org"),
    ("山田 太郎 – 🙂", "yamada@example.org"),
    ("{{ 7 * 7 }} {% raw %} {# no #}", "a@b.example"),
    ("- yes: 'no', ~", "1@2.example.org"),
    ("Ö" * 200, "ada@example.org"),
]


def rows() -> list[Answers]:
    """Each answer alone, then rows in which each two answers that may meet do meet; names and owners change along."""
    alone: list[Answers] = [{}, {"classification": "public", "access_mode": "open"}]
    alone += [{question: choice} for question, choices in NOW.one.items() for choice in choices]
    for question, choices in NOW.many.items():
        for choice in choices:
            fits = {"type": "consumer-oriented"} if choice in ("data-product", "trigger") else {}
            alone.append({question: [choice], **fits})
    array = [row for row in [*alone, *pairwise(NOW, NOW)] if NOW.allow(row)]
    for number, row in enumerate(array[2:]):
        row["product_name"], row["domain"] = NAMES[number % len(NAMES)]
        row["owner_name"], row["owner_email"] = OWNERS[number % len(OWNERS)]
    return array


AFTER_A_RUN = {"AddressesPublished", "LocationAnswers", "LastRunPassed", "ServiceLevelsMeasured"}
"""What fitness functions ask of a run, which there was none of yet."""
CHOSEN = {"NamesPortable", "OpenFormatOffered"}
"""What they blame the answers themselves for: a data set called `select`, no port but a view."""


def texts(product: Path) -> dict[str, str]:
    files = sorted(path for path in product.rglob("*") if path.is_file())
    return {
        path.relative_to(product).as_posix(): path.read_text("utf-8")
        for path in files
        if path.suffix not in (".parquet", ".sqlite")
    }


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_every_answer_and_each_two_answers_make_a_green_product(
    part: int, make: Make, tmp_path: Path
) -> None:
    wrong: list[Any] = []
    products: list[Path] = []
    seen: set[tuple[str, str]] = set()
    for number, answers in list(enumerate(rows()))[part::PARTS]:
        product = make("born", **answers)
        lacking = BEFORE_DATA if answers.get("start_with") == "own-data" else set()
        wrong += [(answers, finding) for finding in findings(product) if finding.rule not in lacking]
        wrong += [(answers, verdict) for verdict in unfit(product) if verdict[0] not in lacking]
        files = texts(product)
        for name, text in files.items():
            if (name, text) not in seen:  # tools look at each text once
                seen.add((name, text))
                (tmp_path / str(number) / name).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / str(number) / name).write_text(text, "utf-8")
                wrong += [(answers, name, what) for what in untidy(name, text)]
        wrong += [(answers, what) for what in contradictions(files, answers)]
        products.append(product)
    wrong += hooks(products, tmp_path)
    assert not wrong, "\n".join(map(str, wrong))[:20_000]


def unfit(product: Path) -> Iterator[tuple[str, str]]:
    """What the fitness functions blame a product for that has not run yet, from its documents alone."""
    record = of_repository(product)
    evidence = Evidence(record, Lineage([record]), datetime.now(UTC), static=True)
    for function in functions():
        for verdict in function.check(evidence):
            if verdict.state == "broken" and function.id not in AFTER_A_RUN | CHOSEN:
                yield function.id, verdict.evidence


def untidy(name: str, text: str) -> Iterator[str]:
    """What the hooks for white space would change."""
    if name.startswith("sample_data/"):
        return
    if text and (not text.endswith("\n") or text.endswith("\n\n")):
        yield "does not end with one newline"
    if re.search(r"[ \t]+$", text, re.MULTILINE):
        yield "a line ends with white space"


BEFORE_DATA = {
    *("PlaceholderReplaced", "GovernancePlaceholderReplaced", "InputsGiven"),
    *("ExamplesGiven", "MetamodelKept", "PurposeSaid", "UseCasesTold"),
}
"""Rules and fitness functions that a product without any data breaks."""


def contradictions(files: dict[str, str], answers: Answers) -> Iterator[str]:
    """Where a text says something else than what was answered."""
    spec = yaml.safe_load(files["data-product.yaml"])["spec"]
    is_open = answers.get("access_mode") == "open"
    about_access = files["access/agreements/README.md"] + files["access/policy.yaml"] + files["README.md"]
    if is_open != ("nobody may" not in about_access and "ccess is open" in about_access):
        yield "who may read it"
    used = {item["uses"] for item in spec["inputs"]}
    variables = set(re.findall(r"\$\{(\w+):-", str(spec["inputs"])))
    about = files.get("sample_data/README.md", "")
    shown = re.findall(r"^(\w+)=\S+ uv run python -m pipeline$", about, re.MULTILINE)
    if len(shown) != bool(used) or not variables.issuperset(shown):
        yield f"sample_data/README.md sets {shown}, and {used} read {variables}"
    hooks = [
        hook["id"]
        for repo in yaml.safe_load(files[".pre-commit-config.yaml"])["repos"]
        for hook in repo["hooks"]
    ]
    own = {"github": {"github-workflows", "zizmor"}, "gitlab": {"gitlab-ci"}}
    forge = answers.get("forge", "github")
    if {*hooks} - own[forge] != EVERYWHERE or len(hooks) != len(EVERYWHERE | own[forge]):
        yield f"the hooks {hooks}"


EVERYWHERE = {
    "meshwright-check", "ruff-check", "ruff-format", "end-of-file-fixer", "trailing-whitespace", "check-merge-conflict",
    "no-rejected-change", "check-added-large-files", "detect-private-key", "detect-secrets", "no-secret-file",
}  # fmt: skip


def hooks(products: list[Path], folder: Path) -> Iterator[str]:
    """What the tools behind the hooks say of many products at once; test_fresh_product.py has the hooks themselves."""
    workflows = sorted(folder.glob("*/.github/workflows/*.yml"))
    gitlab = [*folder.glob("*/.gitlab-ci.yml"), *folder.glob("*/.gitlab/ci/*.yml")]
    schema = ["check-jsonschema", "--builtin-schema"]
    secrets = ["detect-secrets-hook", "--disable-plugin", "Base64HighEntropyString", "--disable-plugin", "HexHighEntropyString"]  # fmt: skip
    no_sample = [path for path in folder.rglob("*") if path.is_file() and "sample_data" not in path.parts]
    commands: list[list[object]] = [
        ["ruff", "check", "--no-cache", "--output-format", "concise", *products],
        ["ruff", "format", "--check", "--no-cache", *products],
        [*secrets, *no_sample],
        [*schema, "vendor.github-workflows", *workflows],
        ["zizmor", "--offline", "--no-progress", *workflows],
    ]
    if gitlab:
        commands.append([*schema, "vendor.gitlab-ci", "--data-transform", "gitlab-ci", *gitlab])
    for command in commands:
        done = subprocess.run(
            [BIN / str(command[0]), *map(str, command[1:])], cwd=folder, capture_output=True, text=True
        )
        if done.returncode:
            yield done.stdout + done.stderr


RUN: list[Answers] = [
    {
        "product_name": "flights",
        "domain": "inputs",
        "inputs": ["database"],
        "outputs": ["delta"],
        "forge": "gitlab",
    },
    {"product_name": "select", "inputs": ["rest-api"], "classification": "public", "access_mode": "open"},
    {
        "product_name": "a" * 40,
        "domain": "b" * 40,
        "type": "consumer-oriented",
        "outputs": ["view", "iceberg"],
        "platforms": ["spark"],
        "classification": "secret",
        "traits": ["retention"],
    },
    {
        "product_name": "a-1",
        "owner_name": OWNERS[1][0],
        "outputs": ["postgres"],
        "traits": ["snapshot", "incremental"],
    },
]
"""A handful that runs on DuckDB: each input, output and trait that does not run in another file of tests as it is born."""


EVERY = os.environ.get("MESHWRIGHT_ANSWERS") == "all"
"""What `make soak` asks for: every row runs, on each platform that this machine has, with its tests, hooks and assessment."""
CASES = rows() if EVERY else RUN


@pytest.mark.slow
@pytest.mark.parametrize(
    "answers", CASES, ids=[f"{n}-{row.get('product_name', '')[:8]}" for n, row in enumerate(CASES)]
)
def test_what_is_born_runs_and_its_fitness_functions_are_green(
    answers: Answers, make: Make, request: pytest.FixtureRequest
) -> None:
    python = request.getfixturevalue("every_python" if EVERY else "product_python")
    product = make("runs", **answers)
    git("init", "--quiet", "--initial-branch", "main", cwd=product)
    git("add", "--all", cwd=product)
    git("commit", "--quiet", "--message", "As it was made", cwd=product)
    for environment in environments(product) if EVERY else [""]:
        done = pipeline(python, product, *(["--environment", environment] if environment else []))
        assert done.returncode == 0, (environment, done.stdout + done.stderr)
    assert findings(product) == []
    assert [*unfit(product)] == []
    if EVERY:
        done = pipeline(python, product, "--quiet", "-p", "no:cacheprovider", module="pytest")
        assert done.returncode == 0, done.stdout + done.stderr
        for command in (
            ["prek", "run", "--all-files"],
            ["meshwright", "assess", product, "--format", "json"],
        ):
            done = subprocess.run(
                [BIN / command[0], *command[1:]], cwd=product, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stdout + done.stderr
        assert git("status", "--porcelain", cwd=product) == ""


def environments(product: Path) -> list[str]:
    """The name of each environment that runs on this machine; the empty name is the product without one."""
    spec = yaml.safe_load((product / "data-product.yaml").read_text("utf-8"))["spec"]
    known = spec.get("environments", {})
    here = {"postgres@1", *(["spark@1"] if shutil.which("java") else [])}
    return ["", *(name for name, its in known.items() if its["platform"]["uses"] in here)]


@pytest.fixture(scope="session")
def every_python(make: Make) -> Path:
    """The Python of an environment with all that any product needs, Spark too."""
    product = make("everything", **{**ALL, "platforms": ["postgres", "spark"]})
    uv("sync", "--quiet", cwd=product)
    return product / ".venv" / "bin" / "python"


@pytest.mark.slow
def test_the_hooks_of_a_product_on_gitlab(make: Make) -> None:
    product = make("gitlab", forge="gitlab", classification="public", access_mode="open", inputs=["rest-api"])
    git("init", "--quiet", "--initial-branch", "main", cwd=product)
    git("add", "--all", cwd=product)
    done = subprocess.run([BIN / "prek", "run", "--all-files"], cwd=product, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (product / "notes.md").write_text("postgresql://ada:hunter2@db.example.org/flights\n")
    (product / ".env").write_text("A=1\n")
    git("add", "--all", cwd=product)
    git("add", "--force", ".env", cwd=product)
    done = subprocess.run([BIN / "prek", "run", "--all-files"], cwd=product, capture_output=True, text=True)
    failed = set(re.findall(r"^(.+?)\.+Failed$", done.stdout, re.MULTILINE))
    assert failed == {
        "the metamodel is kept",
        "no password or token is committed",
        "no file of secrets is committed",
    }
