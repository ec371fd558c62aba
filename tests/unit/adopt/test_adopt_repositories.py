"""Repositories that another template made, that hold several projects, or that cannot be adopted as they are."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from adoption import BRANCH, NEW, adopt, adopted, plan, release, repository, state, states, template
from checkout import git
from cookiecutter.main import cookiecutter
from copier import run_copy, run_update
from mesh import replace, write

from meshwright.adopt.at_root import with_reviewers

DBT = {"dbt_project.yml": "name: shop\n", "models/orders.sql": "select 1 as id\n"}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small template. Only to be read."""
    return template(tmp_path_factory.mktemp("small") / "template")


def commit(place: Path) -> None:
    git("add", "--all", "--force", cwd=place)
    git("commit", "--quiet", "--allow-empty", "--message", "Ours", cwd=place)


def test_another_copier_template_keeps_its_answers(tmp_path: Path) -> None:
    ours = template(tmp_path / "ours")
    other = tmp_path / "other"
    write(other / "{{ _copier_conf.answers_file }}.jinja", "{{ _copier_answers | to_nice_yaml }}")
    write(other / "ours.txt", "first\n")
    write(other / "copier.yml", "name: {type: str, default: x}\n")
    git("init", "--quiet", cwd=other)
    release(other, "v1.0.0")
    run_copy(str(other), tmp_path / "shop", defaults=True, quiet=True)
    place = repository(tmp_path / "shop", DBT)
    before = (place / ".copier-answers.yml").read_text()
    found = adopted(place, ours)
    assert found["answersFile"] == ".copier-answers.meshwright.yml"
    assert (place / ".copier-answers.yml").read_text() == before
    assert yaml.safe_load((place / found["answersFile"]).read_text())["_src_path"] == str(ours)
    assert plan(place, ours)["adopted"] is True

    # Each template updates its own files.
    replace(ours / "template/pipeline/run.py", "step = 1\n", "step = 99\n")
    write(other / "ours.txt", "second\n")
    release(ours, NEW)
    release(other, "v1.1.0")
    run_update(place, defaults=True, overwrite=True, quiet=True)
    assert (place / "ours.txt").read_text() == "second\n"
    commit(place)
    run_update(place, answers_file=found["answersFile"], defaults=True, overwrite=True, quiet=True)
    assert "step = 99\n" in (place / "pipeline/run.py").read_text()


def test_what_cookiecutter_made_is_adopted_as_it_is(small: Path, tmp_path: Path) -> None:
    made = tmp_path / "cookie"
    write(made / "cookiecutter.json", '{"name": "shop"}')
    write(made / "{{cookiecutter.name}}/README.md", "# {{cookiecutter.name}}\n")
    write(made / "{{cookiecutter.name}}/.cookiecutter.json", '{"name": "{{cookiecutter.name}}"}\n')
    cookiecutter(str(made), no_input=True, output_dir=str(tmp_path), default_config=True)
    place = repository(tmp_path / "shop", {})
    found = adopted(place, small)
    assert found["answersFile"] == ".copier-answers.yml"
    assert (place / "README.md").read_text().startswith("# shop\n")
    assert (place / ".cookiecutter.json").read_text() == '{"name": "shop"}\n'


def test_each_dbt_project_of_a_monorepo_becomes_a_product_of_its_folder(small: Path, tmp_path: Path) -> None:
    files = {f"data/{name}/{path}": text for name in ("a b", "ü") for path, text in DBT.items()}
    place = repository(tmp_path / "mono", files | {"README.md": "# Mono\n", "docs/CODEOWNERS": "* @all\n"})
    done = adopt(place, small)
    assert done.exit_code == 2
    assert "data/a b, data/ü" in done.output
    found = adopted(
        place,
        small,
        "--project",
        "data/a b",
        "--data",
        "product_name=ab",
        "--data",
        "owner_email=a@example.org",
    )
    now = states(found)
    assert now["data/a b/pipeline/run.py"] == now[".github/workflows/ab.yml"] == "new"
    assert now["data/a b/.github/"] == "declined"
    assert now[".pre-commit-config.yaml"] == "new"
    assert now["docs/CODEOWNERS"] == "merged"
    assert (place / "README.md").read_text() == "# Mono\n"
    assert not (place / "pipeline").exists()
    workflow = yaml.safe_load((place / ".github/workflows/ab.yml").read_text())
    assert workflow["defaults"] == {"run": {"working-directory": "data/a b"}}
    assert workflow[True]["push"]["paths"] == ["data/a b/**", ".github/workflows/ab.yml"]
    lines = (place / "docs/CODEOWNERS").read_text().splitlines()
    assert lines.index("/data/a\\ b/ a@example.org") < lines.index("* @all")
    assert lines[-2:] == [
        "/data/a\\ b/.meshwright/exceptions.yaml platform@example.org",
        "/docs/CODEOWNERS platform@example.org",
    ]
    assert "/data/a\\ b/pipeline/ a@example.org platform@example.org" in lines
    run_update(place / "data/a b", defaults=True, overwrite=True, quiet=True)
    assert git("status", "--porcelain", cwd=place) == ""
    assert plan(place, small, "--project", "data/a b")["adopted"] is True
    assert plan(place, small, "--project", "data/ü")["adopted"] is False


@pytest.mark.parametrize("path", ["CODEOWNERS", ".github/CODEOWNERS", "docs/CODEOWNERS"])
def test_reviewers_are_those_of_a_copy(small: Path, tmp_path: Path, path: str) -> None:
    files = DBT | {path: "* @ours\n/models/ @analysts\n", "ruff.toml": "line-length = 80\n"}
    place = repository(tmp_path / "shop", files)
    found = adopted(place, small, "--data", "owner_email=a@example.org")
    assert states(found)[path] in ("merged", "declined")
    lines = [line for line in (place / path).read_text().splitlines() if line and not line.startswith("#")]
    both = "a@example.org platform@example.org"
    assert lines == [
        *("* a@example.org", "/models/ a@example.org", "* @ours", "/models/ @analysts"),
        *(f"/.github/ {both}", f"/.meshwright/ {both}", f"/pipeline/ {both}"),
        *("/data-product.yaml a@example.org", "/access/ a@example.org"),
        "/.meshwright/exceptions.yaml a@example.org",
        "/.meshwright/exceptions.yaml platform@example.org",
        *([f"/{path} {both}"] if not path.startswith(".github/") else []),
    ]


def test_a_section_of_gitlab_does_not_take_in_the_products_reviewers() -> None:
    template = "* a@example.org\n/pipeline/ a@example.org platform@example.org\n"
    text = with_reviewers("[Docs]\n*.md @docs\n", "CODEOWNERS", template, "", ())
    lines = text.splitlines()
    assert lines.index("*.md @docs") < lines.index("[Data product]") < lines.index("/pipeline/ a@example.org platform@example.org")  # fmt: skip


def test_a_sample_that_is_still_to_be_drafted_is_not_hidden_either(small: Path, tmp_path: Path) -> None:
    found = plan(repository(tmp_path / "shop", {".gitignore": "*.csv\n"}), small)
    (named,) = [one for one in found["missing"] if " hides " in one]
    assert "sample_data/NAME.csv" in named and named.endswith("`!/sample_data/*.csv`")


@pytest.mark.parametrize(
    ("path", "now"),
    [
        ("tests/conftest.py", {"theirs", "declined"}),
        ("tests/test_pipeline.py", {"theirs", "declined"}),
        ("tests/Conftest.py", {"theirs", "declined"}),
        ("tests/test_own.py", {"new"}),
    ],
)
def test_the_templates_tests_come_with_their_fixtures_or_not_at_all(
    small: Path, tmp_path: Path, path: str, now: set[str]
) -> None:
    found = plan(repository(tmp_path / "shop", DBT | {path: "# ours\n"}), small)
    assert {states(found)[one] for one in ("tests/conftest.py", "tests/test_pipeline.py")} <= now


@pytest.mark.parametrize(
    ("folder", "lines"),
    [
        ("", "*.csv\n"),
        ("", "pipeline/\n"),
        ("", "pipeline\n*.py\n/ruff.*\n"),
        ("", "*\n"),
        ("", "sample_data/*\n!sample_data/readme.md\n"),
        ("data/a", "data/\n*.yaml\n"),
    ],
)
def test_what_the_team_ignores_is_named_with_the_lines_that_show_it(
    small: Path, tmp_path: Path, folder: str, lines: str
) -> None:
    dbt = {
        "dbt_project.yml": "name: shop\n",
        "models/orders.sql": "select * from {{ source('raw', 'orders') }}\n",
        "models/sources.yml": "sources: [{name: raw, tables: [{name: orders}]}]\n",
    }
    files = {f"{folder}/{path}".lstrip("/"): text for path, text in dbt.items()}
    place = repository(tmp_path / "shop", files | {".gitignore": lines})
    named = [one for one in plan(place, small)["missing"] if " hides " in one]
    assert named and all(one.startswith(".gitignore") for one in named)
    adopted(place, small)
    assert git("status", "--porcelain", cwd=place) == ""
    with (place / ".gitignore").open("a") as opened:
        opened.writelines(f"{line}\n" for one in named for line in one.partition("Write at its end: ")[2].replace("`", "").split(", "))  # fmt: skip
    write(place / folder / "sample_data/orders.csv", "id\n1\n")
    git("add", "--all", cwd=place)
    assert f"{folder}/sample_data/orders.csv".lstrip("/") in git("ls-files", cwd=place).splitlines()
    hidden = git("ls-files", "--cached", "--ignored", "--exclude-standard", cwd=place).splitlines()
    assert {path.removeprefix(f"{folder}/") for path in hidden} <= {*dbt, ".gitignore"}
    commit(place)
    run_update(place / folder, defaults=True, overwrite=True, quiet=True)
    assert git("status", "--porcelain", cwd=place) == ""


def test_settings_that_work_against_each_other_are_named(small: Path, tmp_path: Path) -> None:
    place = repository(
        tmp_path / "shop",
        DBT
        | {
            "pyproject.toml": "[tool.ruff]\nline-length = 99\n",
            "pytest.ini": "[pytest]\n",
            ".python-version": "3.10\n",
            "uv.lock": "version = 1\n",
            "build/a.txt": "a\n",
            "CODEOWNERS": "* @ours\n",
            ".github/renovate.json": "{}\n",
            ".github/workflows/own deploy.yml": "on: push\n",
        },
    )
    found = plan(place, small)
    now = states(found)
    assert {now[path] for path in ("ruff.toml", ".github/CODEOWNERS", "renovate.json")} == {"declined"}
    text = "\n".join(found["missing"])
    assert "exclude: '^\\.github/workflows/(own\\ deploy\\.yml)$'" in text
    for word in (
        "--data domain=",
        "extend-exclude",
        "pytest.ini",
        ".python-version is 3.10",
        "uv lock",
        "build/ has 1",
    ):
        assert word in text, word


REFUSED: dict[str, tuple[Callable[[Path], object], tuple[str, ...], str]] = {
    "the team's own package pipeline": (lambda place: write(place / "pipeline/run.py", "ours\n"), (), "git mv pipeline"),
    "a link where the pipeline goes": (lambda place: (place / "pipeline").symlink_to("/etc"), (), "git mv pipeline"),
    "another spelling of pipeline": (lambda place: write(place / "Pipeline/x.py", "ours\n"), (), "cannot do without"),
    "a folder that leads out": (lambda place: (place / "out").symlink_to(".."), ("--subdirectory", "out/x"), "symbolic link"),
    "a folder outside": (lambda place: None, ("--subdirectory", "../x"), "not a folder of the repository"),
    "a folder with signs": (lambda place: None, ("--subdirectory", "a${{ b }}"), "Rename"),
    "an unknown question": (lambda place: None, ("--data", "x=1"), "does not ask for x"),
    "an answer that is refused": (lambda place: None, ("--data", "product_name=UPPER"), "Use small letters"),
    "a version that is not there": (lambda place: None, ("--vcs-ref", "v9"), "no version v9"),
    "a project that is not there": (lambda place: None, ("--project", "x"), "dbt_project.yml"),
    "a model that is not there": (lambda place: None, ("--dataset", "x"), "no model x"),
    "a file that is another's answers": (lambda place: write(place / ".copier-answers.meshwright.yml", "a: b\n"), (), "git mv"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_adopted_is_refused_with_a_fix_and_nothing_changes(
    case: str, small: Path, tmp_path: Path
) -> None:
    change, arguments, says = REFUSED[case]
    place = repository(tmp_path / "shop", DBT)
    change(place)
    commit(place)
    before = state(place)
    done = adopt(place, small, "--apply", *arguments)
    assert done.exit_code == 2, done.output
    assert says in done.output
    assert "fix: " in done.output
    assert state(place) == before


def test_places_that_are_no_repositories_are_refused(small: Path, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    (tmp_path / "empty").mkdir()
    git("init", "--quiet", cwd=tmp_path / "empty")
    git("clone", "--quiet", "--bare", str(small), "bare", cwd=tmp_path)
    for name, says in (
        ("nothing", "not a git repository"),
        ("empty", "no commit"),
        ("bare", "without a work tree"),
        ("gone", "gone"),
    ):
        done = adopt(tmp_path / name, small)
        assert done.exit_code == 2
        assert says in done.output
    done = adopt(repository(tmp_path / "shop", DBT), tmp_path / "no-template")
    assert done.exit_code == 2
    assert "cannot be fetched" in done.output


@pytest.mark.parametrize("version", [(), ("--vcs-ref", "HEAD")], ids=["newest", "HEAD"])
def test_a_template_without_releases_is_refused_until_one_is_tagged(
    version: tuple[str, ...], small: Path, tmp_path: Path
) -> None:
    git("clone", "--quiet", str(small), "untagged template", cwd=tmp_path)
    untagged = tmp_path / "untagged template"
    for tag in git("tag", cwd=untagged).split():
        git("tag", "--delete", tag, cwd=untagged)
    place = repository(tmp_path / "shop", DBT)
    done = adopt(place, untagged, *version)
    assert done.exit_code == 2 and "has no release" in done.output
    words = shlex.split(done.output.partition("fix: ")[2].split("`")[1])
    assert words[0] == "git"
    git(*words[1:], cwd=tmp_path)
    assert adopt(place, untagged, *version).exit_code == 0


def test_a_branch_that_is_there_stays(small: Path, tmp_path: Path) -> None:
    place = repository(tmp_path / "shop", DBT)
    git("branch", BRANCH, cwd=place)
    before = state(place)
    done = adopt(place, small, "--apply")
    assert (done.exit_code, state(place)) == (2, before)
    assert f"git branch -D {BRANCH}" in done.output
    git("branch", "-m", BRANCH, "meshwright", cwd=place)
    done = adopt(place, small, "--apply")
    assert done.exit_code == 2
    assert "cannot be made" in done.output


def test_odd_repositories_are_adopted_and_keep_what_is_odd(small: Path, tmp_path: Path) -> None:
    place = repository(
        tmp_path / "Ünser Laden",
        {
            "dbt_project.yml": "name: shop\r\nmacro-paths:\r\n  - macros\r\n",
            "README.md": b"# Caf\xe9\n",
            ".gitignore": "a\r\nb\n",
            "readme.txt": "x\r\n",
            "Ruff.TOML": "line-length = 1\n",
            "models/ä ö.sql": "select 1\n",
            "run.sh": "#!/bin/sh\n",
        },
    )
    (place / "run.sh").chmod(0o755)
    (place / "out").symlink_to("/etc/passwd")
    (place / "Containerfile").symlink_to("run.sh")
    name = os.fsencode(place) + b"/models/\xff.sql"
    with open(name, "wb") as file:
        file.write(b"select 2\n")
    write(place / "sub/a.txt", "a\n")
    git("init", "--quiet", cwd=place / "sub")
    git("add", "--all", cwd=place / "sub")
    git("commit", "--quiet", "--message", "Sub", cwd=place / "sub")
    commit(place)  # with a submodule that nobody registered
    git("checkout", "--quiet", "--detach", cwd=place)
    write(place / "new.txt", "uncommitted\n")
    write(place / "run.sh", "#!/bin/sh\nchanged\n")
    before = state(place)
    text = adopt(place, small).stdout
    assert "Uncommitted work" in text
    found = plan(place, small, "--apply")
    now = states(found)
    assert {now[path] for path in ("README.md", ".gitignore", "ruff.toml", "Containerfile")} == {"declined"}
    assert now["dbt_project.yml"] == "merged"
    assert b"macro-paths:\r\n  - macros\r\n  - pipeline/macros\r\n" in blob(place, "dbt_project.yml")
    changed = git("diff", "--name-status", "--no-renames", f"HEAD...{BRANCH}", cwd=place).splitlines()
    assert {line.partition("\t")[2] for line in changed if not line.startswith("A\t")} == {"dbt_project.yml"}
    git("branch", "-D", BRANCH, cwd=place)
    assert state(place) == before


def blob(place: Path, path: str) -> bytes:
    import subprocess

    command = ["git", "-C", str(place), "cat-file", "blob", f"{BRANCH}:{path}"]
    return subprocess.run(command, check=True, capture_output=True).stdout


def test_a_data_set_with_two_underscores_gets_a_name_that_a_product_may_have(
    tmp_path: Path, small: Path
) -> None:
    place = repository(
        tmp_path / "shop",
        {
            "dbt_project.yml": "name: shop\nprofile: shop\n",
            "models/stg_shop__orders.sql": "select id from {{ source('shop', 'raw__orders') }}\n",
            "models/shop.yml": "sources: [{name: shop, tables: [{name: raw__orders}]}]\n",
        },
    )
    plan = adopted(place, small)
    assert states(plan)["models/stg_shop_orders.sql"] == "new"
    assert "ref('stg_shop__orders')" in (place / "models/stg_shop_orders.sql").read_text()
    assert "name: stg_shop_orders" in (place / "data-product.yaml").read_text()
    assert any("name it raw_orders in dbt, with `identifier: raw__orders`" in one for one in plan["missing"])


def test_what_gitlab_does_not_run_in_a_folder_is_said_before(small: Path, tmp_path: Path) -> None:
    place = repository(tmp_path / "mono", {f"shop/{path}": text for path, text in DBT.items()})
    found = plan(place, small, "--data", "forge=gitlab")
    (said,) = [
        one for one in found["missing"] if one.startswith("CI: GitLab reads .gitlab-ci.yml at the root only")
    ]
    assert "in shop" in said and "schedule" in said
