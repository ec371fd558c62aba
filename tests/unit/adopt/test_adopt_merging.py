"""Shared files are merged so that no line of the team's is lost, and updates still find the template's."""

from __future__ import annotations

import json
import tempfile
import tomllib
from collections import Counter
from pathlib import Path

import pytest
import yaml
from adoption import BRANCH, FILES, adopt, repository, template
from checkout import git
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshwright.adopt.merging import MERGES, Unmergeable, merge


def theirs_in(path: str, theirs: str, tracked: frozenset[str] = frozenset()) -> tuple[str, list[str]]:
    source = FILES.get(path) or FILES[f"{path}.jinja"]
    content, notes = merge(path, theirs.encode(), source.replace("{{ product_name }}", "x").encode(), tracked)
    return content.decode(), notes


def test_hooks_and_settings_of_pre_commit_are_kept() -> None:
    text, notes = theirs_in(
        ".pre-commit-config.yaml",
        "# Ours\ndefault_language_version: {python: python3.11}\nminimum_pre_commit_version: 2.0.0\nrepos:\n"
        "# the linter\n- repo: https://example.org/a\n  rev: v1\n  hooks:\n  - id: a\n    args: [--x]  # why\n"
        "exclude: ^vendor/\n",
    )
    value = yaml.safe_load(text)
    assert [one["repo"] for one in value["repos"]] == ["local", "https://example.org/a"]
    assert value["repos"][1]["hooks"] == [{"id": "a", "args": ["--x"]}]
    assert (value["exclude"], value["minimum_pre_commit_version"]) == ("^vendor/", "3.2.0")
    assert text.startswith(FILES[".pre-commit-config.yaml"])
    for line in ("# Ours", "# the linter", "# why", "# minimum_pre_commit_version: 2.0.0"):
        assert line in text
    assert len(notes) == 1


NEEDED = ["dbt-core>=1.12,<2", "dlt[duckdb]>=1.20,<2"]


def test_a_pyproject_keeps_its_lines_and_gets_what_is_missing() -> None:
    theirs = (
        '[project] # ours\nname = "shop"\nversion = "3"\nrequires-python = ">=3.9"\ndependencies = ["dbt-core==1.7.4", "pandas"]\n'
        '\n[build-system]\nrequires = ["setuptools"]\n\n[tool.pytest.ini_options]\ntestpaths = [\n  "ours", # first\n]\n'
        "[tool.black]\nline-length = 99\n"
    )
    text, notes = theirs_in("pyproject.toml", theirs)
    value = tomllib.loads(text)
    assert value["project"]["name"] == "shop"
    assert value["project"]["requires-python"] == ">=3.11"
    assert value["project"]["dependencies"] == ["dbt-core==1.7.4", "pandas"]
    assert value["dependency-groups"]["pipeline"] == NEEDED
    assert "adds to the dependency group pipeline dbt-core, dlt" in notes
    assert value["build-system"] == {"requires": ["setuptools"]}
    assert value["tool"]["pytest"]["ini_options"]["testpaths"] == ["ours", "tests"]
    assert value["tool"]["black"] == {"line-length": 99}
    assert value["tool"]["uv"] == {"default-groups": ["dev", "pipeline"]}
    assert '# requires-python = ">=3.9"' in text
    assert '"ours", # first' in text
    assert [note.partition(":")[0] for note in notes[:2]] == ["requires-python", "dbt-core"]


def test_a_package_of_the_team_goes_on_being_one() -> None:
    theirs = '[project]\nname = "a"\ndynamic = ["version"]\n[build-system]\nrequires = ["hatchling"]\n[tool.uv]\nindex-url = "https://example.org"\n'
    value = tomllib.loads(theirs_in("pyproject.toml", theirs)[0])
    assert "version" not in value["project"]
    assert value["tool"]["uv"] == {"index-url": "https://example.org", "default-groups": ["dev", "pipeline"]}
    assert "dependencies" not in value["project"] and value["dependency-groups"]["pipeline"] == NEEDED


def test_a_list_that_two_settings_of_dbt_share_is_not_changed_for_both() -> None:
    text, _ = theirs_in("dbt_project.yml", "name: shop\nmacro-paths: &mine [macros]\nanalysis-paths: *mine\n")
    value = yaml.safe_load(text)
    assert value["analysis-paths"] == ["macros"] and "pipeline/macros" in value["macro-paths"]


def test_a_layout_that_changes_is_named() -> None:
    plain = "name: shop\nmacro-paths: [macros]\nquoting:\n    schema: true\n    database: false\n"
    assert not any("layout" in note for note in theirs_in("dbt_project.yml", plain)[1])


def test_renovate_and_dbt_and_ignored_files() -> None:
    text, _ = theirs_in(
        "renovate.json",
        '{"extends": ["local>org/x"], "labels": ["a"], "packageRules": [{"enabled": true}], "copier": {"enabled": false}}',
    )
    value = json.loads(text)
    assert value["extends"] == ["config:recommended", "local>org/x"]
    assert value["packageRules"] == [{"matchManagers": ["pre-commit"], "enabled": False}, {"enabled": True}]
    assert (value["labels"], value["copier"]) == (["a"], {"enabled": False})
    theirs = "name: shop\nprofile: ours\nmodels:\n  shop: {+schema: x}\nflags: {a: true}\nsnapshot-paths: [history]\n"
    text, notes = theirs_in("dbt_project.yml", theirs, frozenset({"dbt_packages/x/dbt_project.yml"}))
    value = yaml.safe_load(text)
    assert (value["name"], value["profile"], value["models"]) == ("shop", "ours", {"shop": {"+schema": "x"}})
    assert value["macro-paths"] == ["macros", "pipeline/macros"]
    assert value["snapshot-paths"] == ["history", "build/snapshots"]
    assert value["flags"] == {"a": True, "send_anonymous_usage_stats": False}
    assert "packages-install-path" not in value
    assert notes


@pytest.mark.parametrize(
    ("theirs", "last"),
    [
        ("!build/\n", "build/"),
        ("!build\n", "build/"),
        ("!/build/**\n", "build/"),
        ("!*\n", ".venv/"),
        ("!**\n", ".venv/"),
        ("*.log\n!keep.log\n", "!keep.log"),
    ],
)
def test_no_line_of_the_team_shows_what_a_run_writes(theirs: str, last: str) -> None:
    text, _ = theirs_in(".gitignore", theirs)
    assert text.splitlines()[-1] == last  # the last match decides
    assert text.startswith(FILES[".gitignore"]) and theirs in text


@pytest.mark.parametrize(
    ("path", "theirs"),
    [
        ("renovate.json", "// json5\n{}"),
        ("pyproject.toml", "not = toml = at all"),
        ("pyproject.toml", 'project = {name = "x"}'),
        (".pre-commit-config.yaml", "{repos: []}"),
        (".pre-commit-config.yaml", "- a\n"),
        ("dbt_project.yml", "name: {{ x }}\n"),
        ("dbt_project.yml", "macro-paths: 3\n"),
        ("README.md", "a\r\nb\n"),
    ],
)
def test_what_cannot_be_merged_is_left_alone(path: str, theirs: str) -> None:
    with pytest.raises(Unmergeable):
        theirs_in(path, theirs)


LINE = st.text(st.sampled_from("abc !#/*.-_:é\t"), max_size=12).map(str.rstrip)
NAMES = st.from_regex(r"[a-z]{1,6}", fullmatch=True)
TEXT = st.text(st.sampled_from("ab c#\"':{}[]%é"), max_size=8)
VALUES = st.recursive(st.one_of(st.booleans(), st.integers(-9, 9), TEXT), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6)  # fmt: skip
HOOKS = st.fixed_dictionaries({"repo": TEXT, "hooks": st.lists(st.fixed_dictionaries({"id": TEXT, "args": st.lists(TEXT, max_size=2)}), max_size=2)})  # fmt: skip
CONFIGURATION = st.fixed_dictionaries(
    {"repos": st.lists(HOOKS, max_size=3)},
    optional={"exclude": TEXT, "ci": VALUES, "fail_fast": st.booleans()},
)
PACKAGES = st.lists(
    st.sampled_from(["dbt-core>=1.12,<2", "pandas", "dlt==1.0", "Duckdb ~= 1.1", "x[y]"]), unique=True
)


@settings(deadline=None)
@given(
    lines=st.lists(LINE, max_size=8),
    path=st.sampled_from(["README.md", ".gitignore", ".gitattributes"]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_no_line_of_a_text_is_lost(lines: list[str], path: str, end: str) -> None:
    text, _ = theirs_in(path, "".join(line + end for line in lines))
    assert not Counter(filter(None, lines)) - Counter(text.split(end))
    assert ("\r\n" in text) == (end == "\r\n" and bool(lines))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(value=CONFIGURATION, indent=st.sampled_from([2, 4]), comment=LINE)
def test_no_hook_of_the_team_is_lost(value: dict[str, object], indent: int, comment: str) -> None:
    theirs = f"# {comment}\n{yaml.safe_dump(value, indent=indent, sort_keys=False, allow_unicode=True)}"
    try:
        text, _ = theirs_in(".pre-commit-config.yaml", theirs)
    except Unmergeable:
        return  # then the team's stays
    merged = yaml.safe_load(text)
    assert merged["repos"][1:] == value["repos"]
    assert {key: merged[key] for key in value if key != "repos"} == {
        key: value[key] for key in value if key != "repos"
    }
    assert f"# {comment}" in text


@settings(deadline=None)
@given(
    value=st.dictionaries(
        st.one_of(NAMES, st.sampled_from(["extends", "packageRules", "copier"])), VALUES, max_size=4
    )
)
def test_no_setting_of_renovate_is_lost(value: dict[str, object]) -> None:
    merged = json.loads(theirs_in("renovate.json", json.dumps(value))[0])
    for key, item in value.items():
        present = merged[key]
        if isinstance(item, list) and isinstance(present, list):
            assert all(one in present for one in item)
        elif isinstance(item, dict) and isinstance(present, dict):
            assert item.items() <= present.items() or all(present[name] == item[name] for name in item)
        else:
            assert present == item


@settings(deadline=None)
@given(
    packages=PACKAGES,
    several=st.booleans(),
    table=st.sampled_from(["project", "tool.uv", "dependency-groups", "tool.x"]),
    comment=LINE,
)
def test_no_setting_of_a_pyproject_is_lost(
    packages: list[str], several: bool, table: str, comment: str
) -> None:
    array = "[\n" + "".join(f'    "{one}",\n' for one in packages) + "]" if several else json.dumps(packages)
    theirs = f"# {comment}\n[{table}]\nours = 1 # {comment}\ndependencies = {array}\n[tool.last]\na = '''\n[x]\n'''\n"
    try:
        text, _ = theirs_in("pyproject.toml", theirs)
    except Unmergeable:
        return
    merged, own = tomllib.loads(text), tomllib.loads(theirs)
    for name in table.split("."):
        merged, own = merged[name], own[name]
    assert merged["ours"] == 1
    assert merged["dependencies"][: len(packages)] == packages
    assert not Counter(
        line.strip() for line in theirs.splitlines() if line.strip() and "dependencies" not in line
    ) - Counter(line.strip() for line in text.splitlines())


PATHS = st.sampled_from(
    [
        *(path.removesuffix(".jinja") for path in FILES if "{{" not in path),
        "ours/a.txt",
        "models/b.sql",
        "RUFF.toml",
        "docs/CODEOWNERS",
        "renovate.json5",
    ]
)
REPOSITORIES = st.dictionaries(
    PATHS, st.lists(LINE, max_size=5).map(lambda lines: "".join(f"{line}\n" for line in lines)), max_size=6
)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return template(tmp_path_factory.mktemp("small") / "template")


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(files=REPOSITORIES)
def test_no_line_is_lost_in_random_repositories(small: Path, files: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = repository(Path(folder) / "shop", files)
        done = adopt(place, small, "--apply", "--data", "owner_email=a@example.org")
        if done.exit_code:  # files of the team where the pipeline has to be
            assert "cannot do without" in done.output, done.output
            assert git("branch", "--list", BRANCH, cwd=place) == ""
            return
        changed = git("diff", "--name-status", "--no-renames", f"HEAD...{BRANCH}", cwd=place).splitlines()
        assert not [line for line in changed if line.startswith(("D", "T"))]
        for path in files:
            now = git("show", f"{BRANCH}:{path}", cwd=place)
            if path not in MERGES and path != ".github/CODEOWNERS" and path != "docs/CODEOWNERS":
                assert now == files[path], path
            lines = Counter(line.strip() for line in files[path].splitlines() if line.strip())
            assert not lines - Counter(line.strip() for line in now.splitlines()), path
