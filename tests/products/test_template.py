"""What `copier copy` makes: for every kind of answer, complete, clean and for every platform."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from itertools import chain
from pathlib import Path

import pytest
import yaml
from checkout import ROOT, git
from copier import run_copy
from jinja2.sandbox import SandboxedEnvironment
from jinja2_ansible_filters import AnsibleCoreFiltersExtension
from make_reference import ownership_page
from products import ALL, BIN, OWNER, Make, every, findings, uv
from questions import COPIER, QUESTIONS

from meshwright.product.files import ANSWERS_BESIDE, CODEOWNERS, HOOKS, MANIFEST
from meshwright.product.ownership import owner

OWNERSHIP = yaml.safe_load((ROOT / "template" / MANIFEST).read_text("utf-8"))

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
        "traits": ["self-update"],
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
    {"forge": "gitlab"},
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


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"outputs": ["postgres@1"]}, "outputs: write postgres instead of postgres@1;"),
        ({"inputs": ["file", "data-product@2"]}, "inputs: write data-product instead of data-product@2;"),
        ({"outputs": '["postgres@1"]'}, "outputs: write postgres instead of postgres@1;"),
        ({"platforms": ["cellar"]}, "platforms: there is no cellar; choose of bigquery, databricks,"),
        ({"traits": [7]}, "traits: there is no 7; choose of airflow,"),
        ({"traits": "schedule"}, "traits: write a list, such as traits=[airflow]."),
        ({"outputs": {"postgres": True}}, "outputs: write a list, such as outputs=[delta]."),
        ({"outputs": "[parquet"}, "outputs: write a list, such as outputs=[delta]."),
    ],
)
def test_an_answer_that_names_no_capability_is_answered_in_a_sentence(
    tmp_path: Path, answer: dict, problem: str
) -> None:
    with pytest.raises(ValueError, match=r"^Validation error for question 'declined': ") as refused:
        run_copy(str(ROOT), tmp_path / "product", data=answer, defaults=True, vcs_ref="HEAD", quiet=True)
    assert problem in str(refused.value) and not (tmp_path / "product").exists()


MOST_QUESTIONS = 14


def test_the_questions_are_few_and_each_explains_itself() -> None:
    assert len(QUESTIONS) <= MOST_QUESTIONS
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
        text = re.sub(r"\$\{\{ [^{}]+ \}\}", "", text) if ".github" in name else text
        text = (
            text.replace("{{", "").replace("}}", "") if path.suffix in (".py", ".sh") else text
        )  # f-strings, Docker
        text = (
            "" if path.parent.name in ("macros", "monitoring") else text
        )  # dbt's, Prometheus' and Grafana's
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
        ("outputs", ["stone"], "there is no stone"),
        ("inputs", ["data-product"], "operational system"),
        ("forge", "elsewhere", "Invalid choice"),
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
        ({"forge": "gitlab", "traits": ["self-update"]}, "Renovate does it"),
        ({"traits": ["trigger"]}, "choose schedule instead of trigger"),
        ({"type": "consumer-oriented", "traits": ["schedule", "trigger"]}, "choose schedule or trigger"),
        ({"traits": ["airflow", "schedule", "dagster"]}, "choose airflow, dagster or trigger"),
        (
            {"type": "consumer-oriented", "traits": ["trigger", "airflow"]},
            "choose airflow, dagster or trigger",
        ),
    ):
        with pytest.raises(ValueError, match=says):
            run_copy(
                str(template), tmp_path / "product", data={**OWNER, **answers}, defaults=True, quiet=True
            )


def test_defaults_alone_make_a_product_that_asks_for_its_owner(template: Path, tmp_path: Path) -> None:
    run_copy(str(template), tmp_path / "product", defaults=True, quiet=True)
    found = findings(tmp_path / "product")
    assert {finding.rule for finding in found} == {"GovernancePlaceholderReplaced"}
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


def test_every_file_has_an_owner(product: Path) -> None:
    for path in tracked(product):
        name = path.relative_to(product).as_posix()
        assert owner(name, OWNERSHIP), f"template/{MANIFEST} does not say who owns {name}"


def test_the_manifest_names_nothing_that_is_not_there(make: Make) -> None:
    waiting = [trait if trait != "schedule" else "trigger" for trait in ALL["traits"]]
    products = [make("everything", **ALL)]
    products.append(make("everything", **(ALL | {"traits": waiting}), type="consumer-oriented"))
    products.append(make("everything", traits=["airflow"]))
    places = every("infrastructure", first="aws", apart="ci")[1:]  # the first is the default
    products += [make("elsewhere", forge="gitlab", infrastructure=place) for place in places]
    later = {f"/{ANSWERS_BESIDE}", "/.meshwright/draft.yaml"}  # `adopt` and `draft` write them
    later.add("/.meshwright/exceptions.yaml")  # a team does
    for entry in set(chain.from_iterable(OWNERSHIP.values())) - later:
        assert entry.startswith("/")
        there = [product / entry.strip("/") for product in products]
        assert any(path.is_dir() if entry.endswith("/") else path.is_file() for path in there), entry


def test_the_reference_lists_the_files_of_a_product(make: Make) -> None:
    listed = set(re.findall(r"^\| `(.+?)` \|", ownership_page(), re.MULTILINE))
    for kind, dataset in (("source-oriented", "departures"), ("consumer-oriented", "punctuality")):
        product = make("listed", **ALL, type=kind)
        names = {path.relative_to(product).as_posix() for path in tracked(product)}
        assert {name.replace(f"models/{dataset}.", "models/<dataset>.") for name in names} <= listed


def test_a_repository_gets_the_ci_of_its_forge_alone(product: Path, answers: dict) -> None:
    on = answers.get("forge", "github")
    for folder, forge in ((".github", "github"), (".gitlab", "gitlab"), (".gitlab-ci.yml", "gitlab")):
        assert (product / folder).exists() is (on == forge), folder


def test_codeowners_says_what_the_manifest_says(product: Path, answers: dict) -> None:
    email = yaml.safe_load((product / "data-product.yaml").read_text("utf-8"))["spec"]["owner"]["email"]
    both = f"{email} {COPIER['platform_email']['default']}"
    codeowners = CODEOWNERS[answers.get("forge", "github")]
    lines = (product / codeowners).read_text("utf-8").splitlines()
    # The last line that matches decides there, the first list here.
    assert [line for line in lines if line and not line.startswith("#")] == [
        f"* {email}",
        *(f"{entry} {both}" for entry in [*OWNERSHIP["template"], *OWNERSHIP["shared"]]),
        *(f"{entry} {email}" for entry in OWNERSHIP["product"]),
        f"/.meshwright/exceptions.yaml {COPIER['platform_email']['default']}",
    ]


@pytest.mark.main
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
        "renovate.json",
        ".copier-answers.yml",
        "pipeline/outputs/delta.py",
    }


@pytest.fixture
def upgradable(template: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A template of one's own, and a product that was made from it and committed."""
    git("clone", "--quiet", str(template), str(tmp_path / "template"), cwd=tmp_path)
    product = tmp_path / "product"
    run_copy(str(tmp_path / "template"), product, data=OWNER | {"traits": []}, defaults=True, quiet=True)
    git("init", "--quiet", "--initial-branch", "main", cwd=product)
    commit(product)
    return tmp_path / "template", product


def commit(repository: Path) -> None:
    git("add", "--all", cwd=repository)
    git("commit", "--quiet", "--message", "Work", cwd=repository)


def update(product: Path, *arguments: str) -> None:
    """`copier update`, which must merge all."""
    command = [BIN / "copier", "update", "--defaults", "--quiet", *arguments]
    done = subprocess.run(command, cwd=product, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert git("diff", "--name-only", "--diff-filter=U", cwd=product) == ""
    assert not list(product.rglob("*.rej"))


def test_a_schedule_comes_with_its_trait_and_stays_the_teams(upgradable: tuple[Path, Path]) -> None:
    template, product = upgradable
    workflow = product / ".github/workflows/schedule.yml"
    source = template / "blueprints/traits/schedule/.github/workflows/schedule.yml"
    update(product, "--data", "traits=[schedule]")
    workflow.write_text(workflow.read_text().replace('"0 5 * * *"', '"30 4 * * 1"'))
    commit(product)

    source.write_text(source.read_text().replace("name: Schedule", "name: On schedule"))
    commit(template)
    git("tag", "v1.1.0", cwd=template)
    update(product)
    assert '"30 4 * * 1"' in workflow.read_text() and "name: On schedule" in workflow.read_text()
    workflow.unlink()
    commit(product)

    source.write_text(source.read_text().replace("name: On schedule", "name: Schedule"))
    commit(template)
    git("tag", "v1.2.0", cwd=template)
    update(product)
    assert not workflow.exists()


# What a team adds after the last line of a shared file or list, and what the template changes close to it.
INSERTIONS = [
    ("pyproject.toml", '  "jsonschema>=4.23",\n', '  "polars>=1",\n', '"dlt[duckdb,parquet]>=1.20', '"dlt[duckdb,parquet]>=1.21'),
    (
        ".pre-commit-config.yaml",
        "        files: ^\\.github/workflows/.*\\.ya?ml$\n        additional_dependencies: *tools\n",
        "  - repo: https://example.org/hooks\n    rev: v1\n    hooks: [{id: own}]\n",
        "        name: workflows are secure\n",
        "        name: workflows are safe\n        verbose: true\n",
    ),
    (".gitignore", "target/\n", "notes/\n", "logs/\n", "logs/\nlogs.txt\n"),
    (".gitattributes", "*.parquet binary\n", "*.png binary\n", "* text=auto eol=lf\n", "* text=auto eol=lf -ident\n"),
    ("README.md", "says what that is).\n", "\n## Ours\n\nAsk Grace.\n", "leave the ends alone", "leave your ends alone"),
]  # fmt: skip


def test_an_orchestrator_replaces_the_workflow_that_starts_runs(upgradable: tuple[Path, Path]) -> None:
    _, product = upgradable
    workflow = product / ".github/workflows/schedule.yml"
    update(product, "--data", "traits=[schedule]")
    assert workflow.is_file()
    commit(product)
    update(product, "--data", "traits=[schedule, airflow]")
    assert not workflow.exists() and (product / "orchestration/airflow_dag.py").is_file()
    commit(product)
    update(product, "--data", "traits=[schedule]")
    assert workflow.is_file() and not (product / "orchestration").exists()


def test_what_a_team_adds_and_what_the_template_changes_do_not_meet(upgradable: tuple[Path, Path]) -> None:
    template, product = upgradable
    for name, line, addition, old, new in INSERTIONS:
        ours = product / name
        theirs = next(
            path
            for path in (template / "template" / name, template / "template" / f"{name}.jinja")
            if path.exists()
        )
        for file, before, after in ((ours, line, line + addition), (theirs, old, new)):
            assert file.read_text("utf-8").count(before) == 1, (file, before)
            file.write_text(file.read_text("utf-8").replace(before, after), "utf-8")
    uv("add", "--quiet", "--frozen", "duckdb-engine", cwd=product)
    uv("add", "--quiet", "--frozen", "--dev", "black", cwd=product)
    # All that lies above moves too.
    pyproject = template / "template/pyproject.toml.jinja"
    pyproject.write_text("# A new line\n" * 9 + pyproject.read_text("utf-8"), "utf-8")
    commit(product)
    commit(template)
    git("tag", "v1.1.0", cwd=template)
    update(product)
    for name, line, addition, _, new in INSERTIONS:
        text = (product / name).read_text("utf-8")
        assert line in text and addition in text and new in text, name
    project = tomllib.loads((product / "pyproject.toml").read_text("utf-8"))
    assert {"polars>=1", "duckdb-engine"} <= set(project["project"]["dependencies"])
    assert project["dependency-groups"]["dev"] == ["black", "pytest>=8.3"]


RENOVATE = "renovate.json"


def left_alone(product: Path, manager: str, file: str, package: str) -> bool:
    """Whether Renovate's last rule about a dependency switches it off: lists are exact names here."""
    config = json.loads((product / RENOVATE).read_text("utf-8"))
    enabled = config.get(manager, {}).get("enabled", True)
    for rule in config["packageRules"]:
        if (
            manager in rule.get("matchManagers", [manager])
            and file in rule.get("matchFileNames", [file])
            and package in rule.get("matchPackageNames", [package])
        ):
            enabled = rule["enabled"]
    return not enabled


def test_renovate_leaves_alone_what_the_template_owns(product: Path, answers: dict) -> None:
    done = subprocess.run(
        [BIN / "check-jsonschema", "--builtin-schema", "vendor.renovate", product / RENOVATE],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout

    # Its copier manager makes the pull request, unless the repository makes its own.
    own = "self-update" in answers.get("traits", [])
    assert left_alone(product, "copier", ".copier-answers.yml", "meshwright") is own

    for file in (
        *product.glob(".github/workflows/*"),
        *product.glob(".gitlab*.yml"),
        *product.glob(".gitlab/ci/*"),
    ):
        name = file.relative_to(product).as_posix()
        pins = re.findall(r"(?:uses: |uvx |install )([\w/-]+)(?:==|@)\S+", file.read_text("utf-8"))
        assert all(left_alone(product, "github-actions", name, pin) for pin in pins), name
    assert not left_alone(product, "github-actions", ".github/workflows/own.yml", "actions/checkout")
    assert left_alone(product, "pip_requirements", ".meshwright/requirements.txt", "meshwright")

    project = tomllib.loads((product / "pyproject.toml").read_text("utf-8"))
    installed = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    for need in ["python", *project["build-system"]["requires"], *installed]:
        assert left_alone(product, "pep621", "pyproject.toml", re.split(r"[^\w.-]", need)[0]), need
    assert not left_alone(product, "pep621", "pyproject.toml", "polars")

    (hook, local) = yaml.safe_load((product / HOOKS).read_text("utf-8"))["repos"]
    assert left_alone(product, "pre-commit", HOOKS, hook["repo"])
    tools = {tool for item in local["hooks"] for tool in item.get("additional_dependencies", [])}
    for tool in tools:
        assert left_alone(product, "pre-commit", HOOKS, tool.partition("==")[0]), tool
    assert not left_alone(product, "pre-commit", HOOKS, "pre-commit/mirrors-mypy")


@pytest.mark.parametrize(
    ("url", "package"),
    [
        ("https://github.com/example/meshwright", "example/meshwright"),
        ("https://gitlab.com/group/sub/meshwright.git", "group/sub/meshwright"),
        ("git@git.example.org:mesh/wright.git", "mesh/wright"),
    ],
)
def test_renovate_knows_the_hook_by_this_name(url: str, package: str) -> None:
    from jinja2.sandbox import SandboxedEnvironment
    from jinja2_ansible_filters import AnsibleCoreFiltersExtension

    environment = SandboxedEnvironment(extensions=[AnsibleCoreFiltersExtension])
    text = (ROOT / "template/renovate.json.jinja").read_text("utf-8")
    config = json.loads(environment.from_string(text).render(template_url=url, requirements=[], traits=[]))
    assert package in config["packageRules"][1]["matchPackageNames"]


@pytest.mark.parametrize(
    ("recorded", "fetched"),
    [("v1.0.0", "v1.0.0"), ("v1.0.0-3-gabc1234", "abc1234"), ("v1.0.0-rc1-12-g0123456", "0123456"), ("abc1234", "abc1234")],
)  # fmt: skip
def test_the_requirement_of_the_command_is_one_that_git_fetches(recorded: str, fetched: str) -> None:
    """uv fetches tags, branches and commits; Copier records what `git describe` says."""
    text = (ROOT / "template/.meshwright/requirements.txt.jinja").read_text("utf-8")
    environment = SandboxedEnvironment(extensions=[AnsibleCoreFiltersExtension])
    line = environment.from_string(text).render(
        template_url="https://git.example.org/m.git", _copier_answers={"_commit": recorded}
    )
    assert line.endswith(f" @ git+https://git.example.org/m.git@{fetched}")
