"""What `copier copy` makes: for every kind of answer, complete, clean and for every platform."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from checkout import ROOT, git
from conftest import BIN, OWNER, Make, findings
from copier import run_copy

COPIER = yaml.safe_load((ROOT / "copier.yml").read_text("utf-8"))
QUESTIONS = {
    name: question
    for name, question in COPIER.items()
    if not name.startswith("_") and question.get("when") is not False
}

# Each pair of answers that belong together at least once; the first is what --defaults gives.
ANSWERS = [
    {},
    {"type": "consumer-oriented"},
    {"outputs": ["delta"], "traits": [], "classification": "secret"},
    {"inputs": ["file", "data-product"], "outputs": ["delta", "parquet"], "access_mode": "open"},
    {
        "type": "consumer-oriented",
        "inputs": ["data-product", "file"],
        "outputs": ["delta"],
        "classification": "public",
    },
    {
        "type": "consumer-oriented",
        "outputs": ["parquet", "delta"],
        "traits": [],
        "product_name": "a",
        "domain": "z9",
    },
    {"product_name": "select", "domain": "order", "classification": "confidential"},
    {
        "product_name": "x2-y-3z",
        "owner_name": 'Zoë "Ops" O\'Brien: #1 {a} [b] \\ & <c> % @ ! | > * ?',
        "owner_email": "zoe.o+x_1%2@mail-1.example.org",
    },
    {"owner_name": "{{ 7 * 7 }} {% raw %}", "type": "consumer-oriented"},
    {"owner_name": "山田 太郎 – 🙂"},
    {"product_name": "a" * 40, "domain": "b" * 40},
]


def tracked(product: Path) -> list[Path]:
    return [
        path
        for path in product.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(product).parts
    ]


@pytest.fixture(
    scope="module",
    params=ANSWERS,
    ids=lambda answers: ",".join(map(str, answers.values()))[:40] or "defaults",
)
def answers(request: pytest.FixtureRequest) -> dict:
    return request.param


@pytest.fixture(scope="module")
def product(make: Make, answers: dict) -> Path:
    return make(**answers)


def test_nothing_needs_trust() -> None:
    assert not {"_tasks", "_migrations", "_jinja_extensions"} & set(COPIER)
    assert COPIER["_envops"]["undefined"] == "jinja2.StrictUndefined"


def test_a_dozen_questions_at_most_and_each_explains_itself() -> None:
    assert len(QUESTIONS) <= 12
    for name, question in QUESTIONS.items():
        assert question["help"], name
        assert "default" in question, name
        assert "choices" in question or "validator" in question, name


def test_every_answer_makes_a_product_that_keeps_the_metamodel(product: Path) -> None:
    assert findings(product) == []


def test_no_jinja_is_left_over(product: Path, answers: dict) -> None:
    for path in tracked(product):
        name = path.relative_to(product).as_posix()
        assert not re.search(r"\{[{%#]|[%#}]\}|\.jinja$", name), name
        if path.suffix == ".parquet" or "{{" in str(answers.get("owner_name")):
            continue
        text = path.read_text("utf-8")
        # What dbt and GitHub are meant to find is theirs.
        text = re.sub(r"\{\{ source\('inputs', '\w+'\) \}\}", "", text) if path.suffix == ".sql" else text
        text = re.sub(r"\$\{\{ [\w.()]+ \}\}", "", text) if ".github" in name else text
        text = text.replace("{{{settings}}}", "") if path.suffix == ".py" else text
        assert not re.search(r"\{[{%]", text), name


def test_every_path_can_be_checked_out_on_windows(product: Path) -> None:
    reserved = re.compile(r"(?i)^(con|prn|aux|nul|com\d|lpt\d)(\.|$)")
    names = [path.relative_to(product) for path in product.rglob("*")]
    for path in names:
        for part in path.parts:
            assert not re.search(r'[<>:"|?*\\\x00-\x1f]|[ .]$', part), path
            assert not reserved.match(part), path
        assert len(str(path)) < 150, path
    assert len({str(path).lower() for path in names}) == len(names)


def test_formatting_a_fresh_product_changes_nothing(product: Path) -> None:
    for command in (["format", "--check"], ["check"]):
        done = subprocess.run(
            [BIN / "ruff", *command, "--no-cache", "."], cwd=product, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout
    for path in tracked(product):
        if path.suffix not in (".parquet", ".csv"):
            text = path.read_text("utf-8")
            assert text == "" or (text.endswith("\n") and not text.endswith("\n\n")), path
            assert not re.search(r"[ \t]+$", text, re.MULTILINE), path


def test_the_answers_reach_the_spec_as_they_were_given(product: Path, answers: dict) -> None:
    spec = yaml.safe_load((product / "data-product.yaml").read_text("utf-8"))
    assert spec["spec"]["owner"]["name"] == answers.get("owner_name", OWNER["owner_name"])
    assert spec["metadata"]["name"] == answers.get("product_name", spec["metadata"]["name"])
    assert [port["uses"] for port in spec["spec"]["outputs"]] == [
        f"{name}@1" for name in sorted(answers.get("outputs", ["parquet"]))
    ]
    assert [trait["uses"] for trait in spec["spec"]["traits"]] == [
        f"{name}@1" for name in answers.get("traits", ["schedule"])
    ]
    tomllib.loads((product / "pyproject.toml").read_text("utf-8"))


@pytest.mark.parametrize(
    ("question", "answer", "says"),
    [
        ("product_name", "Departures", "small letters"),
        ("product_name", "de--partures", "single hyphens"),
        ("product_name", "../up", "small letters"),
        ("product_name", "nul", "Windows"),
        ("product_name", "true", "YAML"),
        ("domain", "no", "YAML"),
        ("product_name", "x" * 41, "at most 40"),
        ("domain", "air port", "small letters"),
        ("domain", "", "small letters"),
        ("owner_name", "  ", "name on one line"),
        ("owner_name", "Ada\nExample", "name on one line"),
        ("owner_email", "ada", "one address"),
        ("owner_email", "ada@example.org, b@example.org", "one address"),
        ("owner_email", "ada@example", "one address"),
        ("classification", "top-secret", "Invalid choice"),
        ("outputs", [], "at least one"),
        ("outputs", ["stone"], "Invalid choice"),
        ("inputs", ["data-product"], "operational system"),
    ],
)
def test_a_wrong_answer_is_refused_with_what_is_wrong(
    template: Path, tmp_path: Path, question: str, answer: object, says: str
) -> None:
    with pytest.raises(ValueError, match=f"(?is){says}"):
        run_copy(
            str(template), tmp_path / "product", data={**OWNER, question: answer}, defaults=True, quiet=True
        )
    assert not (tmp_path / "product").exists()


def test_answers_that_contradict_each_other_are_refused(template: Path, tmp_path: Path) -> None:
    for answers, says in (
        ({"classification": "secret", "access_mode": "open"}, "cannot be open"),
        ({"type": "consumer-oriented", "inputs": ["file"]}, "choose data-product"),
    ):
        with pytest.raises(ValueError, match=says):
            run_copy(
                str(template), tmp_path / "product", data={**OWNER, **answers}, defaults=True, quiet=True
            )


def test_defaults_alone_make_a_product_that_asks_for_its_owner(template: Path, tmp_path: Path) -> None:
    run_copy(str(template), tmp_path / "product", defaults=True, quiet=True)
    found = findings(tmp_path / "product")
    assert {finding.rule for finding in found} == {"PlaceholderReplaced"}
    assert {finding.message.split()[0] for finding in found} == {
        f"spec.{role}.{field}" for role in ("owner", "steward") for field in ("name", "email")
    }


def test_copiers_own_settings_can_name_the_owner(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "settings.yml"
    settings.write_text("defaults: {user_name: Grace Example, user_email: grace@example.org}\n")
    monkeypatch.setenv("COPIER_SETTINGS_PATH", str(settings))
    done = subprocess.run(
        [BIN / "copier", "copy", "--defaults", "--quiet", template, tmp_path / "product"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    spec = yaml.safe_load((tmp_path / "product" / "data-product.yaml").read_text("utf-8"))
    assert spec["spec"]["owner"]["name"] == "Grace Example"


def test_what_belongs_to_the_product_is_what_updates_leave_out() -> None:
    ownership = yaml.safe_load((ROOT / "template" / ".meshwright" / "ownership.yaml").read_text("utf-8"))
    left_out = [
        re.fullmatch(r"\{% if _copier_operation == 'update' %\}(.+)\{% endif %\}", pattern)
        for pattern in COPIER["_exclude"]
    ]
    assert [match[1] for match in left_out if match] + COPIER["_skip_if_exists"] == ownership["product"]


def test_an_update_brings_a_capability_and_leaves_the_teams_files_alone(make: Make) -> None:
    product = make("updated")
    git("init", "--quiet", cwd=product)
    (product / "models" / "departures.sql").write_text("select 1 as mine\n")
    (product / "sample_data" / "planes.csv").unlink()
    git("add", "--all", cwd=product)
    git("commit", "--quiet", "--message", "Ours", cwd=product)
    done = subprocess.run(
        [BIN / "copier", "update", "--defaults", "--data", "outputs=[parquet, delta]"],
        cwd=product,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (product / "pipeline" / "outputs" / "delta.py").is_file()
    assert "deltalake" in (product / "pyproject.toml").read_text()
    assert (product / "models" / "departures.sql").read_text() == "select 1 as mine\n"
    assert not (product / "sample_data" / "planes.csv").exists()
    assert "spec" in (product / "data-product.yaml").read_text()
    assert set(git("status", "--porcelain", cwd=product).split()[1::2]) <= {
        "pyproject.toml",
        ".copier-answers.yml",
        "pipeline/outputs/delta.py",
    }
