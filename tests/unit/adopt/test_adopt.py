"""`meshwright adopt` on repositories of teams, with a small template."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import yaml
from adoption import BRANCH, FILES, NEW, adopt, adopted, plan, release, repository, state, states, template
from checkout import git
from copier import run_copy, run_update
from mesh import Mesh, replace, write

DBT = {
    "dbt_project.yml": "# Ours\nname: 'shop'\nprofile: 'warehouse'\nmodel-paths: [\"models\"]\nmacro-paths: [\"macros\"]\n",
    "models/orders.sql": "select * from {{ source('raw', 'orders') }}\n",
    "models/sources.yml": "sources:\n  - name: raw\n    tables:\n      - name: orders\n",
    "README.md": "# Shop\n\nOurs.\n",
}
OWN_SETTINGS = {
    "pyproject.toml": '[project]\nname = "shop"\ndependencies = [\n    "pandas",\n]\n\n[tool.black]\nline-length = 99\n',
    ".pre-commit-config.yaml": "repos:\n- repo: https://example.org/ours\n  rev: v1\n  hooks: [{id: ours}]\n",
    "renovate.json": '{"extends": ["local>ours"], "packageRules": [{"labels": ["ours"]}]}\n',
    ".gitignore": "ours/\n",
}
AFTERWARDS = {
    "pyproject.toml": {'"pandas",', '"dlt[duckdb]>=1.21,<2",', "line-length = 99"},
    ".pre-commit-config.yaml": {
        "- repo: https://example.org/ours",
        "additional_dependencies: &tools [ruff==0.18.0]",
    },
    "renovate.json": {'"matchManagers": ["pep621"],', '"extends": ["config:recommended", "local>ours"],'},
    "dbt_project.yml": {"use_colors: false", "name: 'shop'", "# Ours"},
    ".gitignore": {".cache/", "ours/"},
}
"""Lines of the team's and of the template's new release."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small template. Only to be read."""
    return template(tmp_path_factory.mktemp("small") / "template")


def committed(place: Path, path: str, revision: str = "HEAD") -> str:
    return git("show", f"{revision}:{path}", cwd=place)


def test_a_plan_changes_nothing_and_names_each_file(small: Path, tmp_path: Path) -> None:
    place = repository(
        tmp_path / "shop", DBT | {"ruff.toml": "line-length = 80\n", "Containerfile": "FROM ours\n"}
    )
    before = state(place)
    found = plan(place, small)
    assert state(place) == before
    now = states(found)
    assert now["pipeline/run.py"] == "new"
    assert now["README.md"] == now["dbt_project.yml"] == "merged"
    assert now["ruff.toml"] == now["Containerfile"] == "declined"
    assert found["answers"]["product_name"] == {"value": "shop", "reason": "the name of the dbt project"}
    assert found["branch"] is None
    text = adopt(place, small).stdout
    assert "--apply" in text
    assert "ruff.toml" in text


def test_what_is_adopted_is_on_a_branch_of_its_own_and_equals_a_copy(small: Path, tmp_path: Path) -> None:
    place = repository(tmp_path / "shop", DBT | {"ruff.toml": "line-length = 80\n"})
    head = git("rev-parse", "HEAD", cwd=place)
    found = plan(place, small, "--apply")
    assert git("rev-parse", "HEAD", cwd=place) == head
    assert git("status", "--porcelain", cwd=place) == ""
    assert git("rev-parse", f"{BRANCH}^", cwd=place) == head
    answers = yaml.safe_load(committed(place, ".copier-answers.yml", BRANCH))
    assert answers["declined"] == ["profiles.yml", "ruff.toml"]
    copy = tmp_path / "copy" / "shop"
    given = {name: one["value"] for name, one in found["answers"].items()}
    run_copy(str(small), copy, data=given | {"declined": answers["declined"]}, defaults=True, quiet=True)
    for step in found["files"]:
        if step["state"] == "new" and step["path"] not in ("data-product.yaml", "contract.odcs.yaml"):
            assert committed(place, step["path"], BRANCH) == (copy / step["path"]).read_text(), step["path"]
    assert committed(place, "ruff.toml", BRANCH) == "line-length = 80\n"
    for path in ("models/orders.sql", "models/sources.yml"):
        assert committed(place, path, BRANCH) == DBT[path]


@pytest.mark.parametrize("profile", ["corp", "default", "product", None])
def test_dbt_by_hand_goes_on_with_the_teams_profile(small: Path, tmp_path: Path, profile: str | None) -> None:
    """dbt takes a profiles.yml of the project before ~/.dbt/profiles.yml."""
    settings = f"name: shop\n{f'profile: {profile}' if profile else ''}\n"
    place = repository(tmp_path / "shop", DBT | {"dbt_project.yml": settings, ".gitignore": "profiles.yml\n"})
    found = adopted(place, small)
    assert states(found)["profiles.yml"] == "declined"
    assert not (place / "profiles.yml").exists()
    assert "--profiles-dir build/dbt --profile product" in adopt(place, small).output + str(found["files"])
    run_update(place, defaults=True, overwrite=True, quiet=True)
    assert not (place / "profiles.yml").exists()


def test_update_and_rollout_go_on_from_there(small: Path, tmp_path: Path) -> None:
    mesh = Mesh(tmp_path / "mesh")  # of it only the way to call rollout is used
    mesh.template = template(tmp_path / "mesh/adopted-template")
    place = repository(
        tmp_path / "mesh/shop",
        DBT | OWN_SETTINGS | {"ruff.toml": "line-length = 80\n", ".github/workflows/ci.yml": "name: Ours\n"},
    )
    adopted(place, mesh.template)
    before = git("rev-parse", "HEAD^{tree}", cwd=place)
    run_update(place, defaults=True, overwrite=True, quiet=True)
    assert git("status", "--porcelain", cwd=place) == ""

    files = mesh.template / "template"
    replace(files / "pipeline/run.py", "step = 10\n", "step = 11\n")
    replace(files / "README.md.jinja", "A product.", "A data product.")
    replace(files / ".github/workflows/ci.yml", "timeout-minutes: 15", "timeout-minutes: 20")
    replace(files / "pyproject.toml.jinja", "dlt[duckdb]>=1.20", "dlt[duckdb]>=1.21")
    replace(files / ".pre-commit-config.yaml", "ruff==0.17.6", "ruff==0.18.0")
    replace(files / "renovate.json", '"matchManagers": ["pre-commit"]', '"matchManagers": ["pep621"]')
    replace(files / "dbt_project.yml", "  send_anonymous", "  use_colors: false\n  send_anonymous")
    replace(files / ".gitignore", "build/\n", "build/\n.cache/\n")
    write(files / "ruff.toml", "line-length = 120\n")
    release(mesh.template, NEW)
    mesh.products = ["shop"]
    code, found = mesh.rollout("plan", template="adopted-template")
    assert (code, found["shop"]["state"]) == (0, "clean"), found["shop"]["conflicts"]
    assert {path for _, path in found["shop"]["changes"]} == {
        ".copier-answers.yml",
        "pipeline/run.py",
        "README.md",
        "dbt_project.yml",
        *OWN_SETTINGS,
    }
    code, found = mesh.rollout("drift", template="adopted-template")
    assert found["shop"]["state"] == "kept", found

    run_update(place, defaults=True, overwrite=True, quiet=True)
    assert git("diff", "--name-only", "--diff-filter=U", cwd=place) == ""
    assert (
        committed(place, "README.md")
        != (place / "README.md").read_text()
        == "# Shop\n\nOurs.\n\n# shop\n\nA data product.\n"
    )
    for path, lines in AFTERWARDS.items():
        assert lines <= {line.strip() for line in (place / path).read_text().splitlines()}, path
    assert (place / "ruff.toml").read_text() == "line-length = 80\n"
    assert (place / ".github/workflows/ci.yml").read_text() == "name: Ours\n"
    assert git("rev-parse", "HEAD^{tree}", cwd=place) == before


@pytest.mark.parametrize("groups", ["", '\n[dependency-groups]\ndev = ["black"]\n', '\n[tool.uv]\ndefault-groups = ["dev", "docs"]\n'])  # fmt: skip
def test_a_package_keeps_the_pipelines_dependencies_in_a_group_when_updated(
    groups: str, tmp_path: Path
) -> None:
    small = template(tmp_path / "template")
    own = '[project]\nname = "lib"\nversion = "3"\ndependencies = [\n    "pandas",\n]\n\n[build-system]\nrequires = ["hatchling"]\n'
    place = repository(tmp_path / "shop", DBT | {"pyproject.toml": own + groups})
    adopted(place, small)
    file = small / "template/pyproject.toml.jinja"
    replace(file, "dlt[duckdb]>=1.20", "dlt[duckdb]>=1.21")
    replace(file, "  # What the pipeline needs\n", '  # What the pipeline needs\n  "filelock>=3",\n')
    release(small, NEW)
    run_update(place, defaults=True, overwrite=True, quiet=True)
    assert git("diff", "--name-only", "--diff-filter=U", cwd=place) == ""
    value = tomllib.loads((place / "pyproject.toml").read_text("utf-8"))
    assert value["project"]["dependencies"] == ["pandas"]
    needed = ["filelock>=3", "dbt-core>=1.12,<2", "dlt[duckdb]>=1.21,<2"]
    assert value["dependency-groups"]["pipeline"] == needed


def test_a_second_time_does_nothing(small: Path, tmp_path: Path) -> None:
    place = repository(tmp_path / "shop", DBT)
    first = plan(place, small, "--apply")
    again = plan(place, small, "--apply")
    assert again["commit"] == first["commit"]
    git("merge", "--quiet", BRANCH, cwd=place)
    before = state(place)
    assert plan(place, small, "--apply") == {"adopted": True, "version": "v1.0.0"}
    assert state(place) == before
    assert set(FILES)
