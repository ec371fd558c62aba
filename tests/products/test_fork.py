"""A fork is green: an organisation adds what is its own by the how-to pages, word for word, and releases it."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml
from checkout import ROOT, git, snapshot
from children import children_environment
from copier import run_copy
from products import BIN, OWNER, pipeline

PAGES = ROOT / "docs/how-to"
VERSION = "900.0.0"
HELD = {
    "tests/unit/assess/test_assess_functions.py": ("test_every_function_is_shown_a_bad_product",),
    "tests/unit/check/test_check.py": (
        "test_legal_styles_are_read",
        "test_a_promise_that_nobody_checks_is_a_warning_at_its_place",
    ),
    "tests/unit/check/test_rules.py": (
        "test_a_fresh_product_keeps_every_rule",
        "test_a_rule_is_broken_by_its_example[CostCentreGiven]",
        "test_a_rule_is_broken_by_its_example[TitleGiven]",
        "test_a_rule_is_broken_by_its_example[PromisesChecked]",
        "test_a_rule_says_what_it_promises",
        "test_a_rule_takes_facts_as_the_engine_has_them",
        "test_the_metamodel_has_its_twelve_mandatory_attributes",
        "test_what_no_product_fails_by",
        "test_without_a_mandatory_attribute_its_rule_speaks_once['removed'-extensions.costCentre]",
    ),
    "tests/unit/mesh/test_mesh_records.py": (
        "test_a_number_that_nobody_can_write_is_refused_where_it_stands",
    ),
    "tests/unit/product/test_registry.py": (
        "test_every_folder_is_an_entry",
        "test_an_entry_says_all_that_people_need[feather@1]",
        "test_an_entry_says_all_that_people_need[server@1]",
        "test_an_entry_says_how_what_it_does_can_be_shared[feather@1]",
        "test_an_entry_lists_just_the_files_that_lie_beside_it[feather@1]",
        "test_an_entry_lists_just_the_files_that_lie_beside_it[server@1]",
        "test_a_file_of_a_blueprint_is_what_it_becomes[feather@1]",
        "test_an_example_is_valid[feather@1]",
        "test_an_example_is_valid[server@1]",
        "test_no_two_blueprints_bring_the_same_file",
        "test_what_products_get_is_what_the_registry_composes",
        "test_the_command_lists_and_explains",
        "test_access_to_every_output_can_be_granted_or_is_refused_with_a_reason[feather@1]",
    ),
    "tests/unit/tools/test_docs.py": (
        "test_the_reference_is_what_the_sources_say",
        "test_every_page_can_be_found_from_the_first",
        "test_every_finding_leads_to_a_page",
        "test_every_path_that_a_page_names_exists",
    ),
    "tests/unit/tools/test_own_files.py": (
        "test_hooks_are_those_of_products",
        "test_each_blueprint_is_reviewed_by_its_owner",
        "test_what_is_made_is_written_by_make_reference",
    ),
    "tests/unit/tools/test_release.py": (
        "test_a_release_is_two_commits_and_a_tag",
        "test_a_version_that_cannot_be_is_refused",
    ),
    "tests/products/test_cookiecutter.py": (
        "test_it_asks_the_same_questions_in_the_same_order",
        "test_the_result_is_copiers[choices]",
    ),
    "tests/products/test_template.py": (
        "test_nothing_needs_trust",
        "test_the_questions_are_few_and_each_explains_itself",
        "test_defaults_alone_make_a_product_that_asks_for_its_owner",
        "test_the_manifest_names_nothing_that_is_not_there",
        "test_the_reference_lists_the_files_of_a_product",
        "test_codeowners_says_what_the_manifest_says[defaults]",
        "test_every_answer_makes_a_product_that_keeps_the_metamodel[defaults]",
        "test_formatting_a_fresh_product_changes_nothing[defaults]",
        "test_renovate_leaves_alone_what_the_template_owns[defaults]",
    ),
}
"""The tests that what a fork adds can break, by module."""


def blocks(page: str) -> dict[str, str]:
    """Return the code of a page, by the file that its first line names."""
    found = re.findall(
        r"^( *)```\w+\n *# ([\w./-]+)\n(.*?)^\1```$",
        (PAGES / page).read_text("utf-8"),
        re.DOTALL | re.MULTILINE,
    )
    return {file: textwrap.dedent(code) if indent else code for indent, file, code in found}


def run(fork: Path, *command: str | Path) -> str:
    """Run a command in the fork, with the fork's package; return what it prints. It must succeed."""
    environment = children_environment(PYTHONPATH=str(fork / "hooks"), PYTHONDONTWRITEBYTECODE="1")
    done = subprocess.run(command, cwd=fork, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-9000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert text.count(old) == 1, (file, old)
    file.write_text(text.replace(old, new), "utf-8")


@pytest.fixture(scope="module")
def fork(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fork with all that the pages say, released."""
    fork = snapshot(tmp_path_factory.mktemp("fork") / "meshwright")
    rule, capability, question = map(blocks, ("add-a-rule.md", "add-a-capability.md", "add-a-question.md"))

    # Rows and questions have a place in a file; everything else is a file.
    place = blocks("add-a-place-to-run.md")
    manifest = "template/.meshwright/ownership.yaml"
    replace(fork / manifest, "  - /infra/aws/\n", f"  - /infra/aws/\n  {place.pop(manifest)}")
    (row,) = (rule.pop(file) for file in list(rule) if file.endswith("metamodel.py"))
    replace(
        fork / "hooks/meshwright/product/metamodel.py",
        '}\n"""Rule id -> its attributes',
        f'{row}}}\n"""Rule id -> its attributes',
    )
    replace(fork / "copier.yml", "# COMPUTED ---", f"{question['copier.yml']}\n# COMPUTED ---")
    spec = "template/data-product.yaml.jinja"
    replace(fork / spec, "extensions: {}\n", question[spec])
    limit = "tests/products/test_template.py"
    replace(fork / limit, "MOST_QUESTIONS = 14\n", question[limit])
    page = (PAGES / "add-a-fitness-function.md").read_text("utf-8")
    (function, *_) = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    for name, text in (
        rule | capability | place | {"hooks/meshwright/assess/functions/ours.py": function}
    ).items():
        assert not (fork / name).exists(), name
        (fork / name).parent.mkdir(parents=True, exist_ok=True)
        (fork / name).write_text(text, "utf-8")

    # host-meshwright.md: who reviews, and what is an error here
    replace(fork / "copier.yml", "default: platform@example.org", "default: data-platform@example.org")
    levels = "LEVELS: dict[str, str] = {"
    replace(fork / "hooks/meshwright/product/metamodel.py", levels, f'{levels}"PromisesChecked": "error"')
    replace(fork / "CHANGELOG.md", "## Unreleased\n", "## Unreleased\n\n- What is ours.\n")

    run(fork, sys.executable, "tools/make_reference.py")
    for name, value in (("user.name", "Ada Example"), ("user.email", "ada@example.org")):
        git("config", name, value, cwd=fork)
    git("add", "--all", cwd=fork)
    git("commit", "--quiet", "--message", "What is ours", cwd=fork)
    run(fork, sys.executable, "tools/release.py", VERSION)
    return fork


@pytest.mark.slow
def test_the_pages_say_what_a_fork_adds(fork: Path) -> None:
    changed = git("diff", "--name-only", "HEAD~3", cwd=fork).splitlines()
    assert {
        ".github/CODEOWNERS",
        "blueprints/outputs/feather/blueprint.yaml",
        "cookiecutter/cookiecutter.json",
        "docs/reference/capabilities/output-feather.md",
        "docs/reference/fitness/CostCentreNamed.md",
        "docs/reference/rules/CostCentreGiven.md",
        "docs/reference/rules/TitleGiven.md",
        "template/.meshwright/data-product.schema.json",
        "releases.yaml",
    } <= set(changed)
    assert git("tag", cwd=fork).split() == [f"v{VERSION}"]


@pytest.mark.slow
def test_the_checks_of_a_fork_pass(fork: Path) -> None:
    run(fork, BIN / "ruff", "check", "--no-cache", ".")
    run(fork, BIN / "ruff", "format", "--no-cache", "--check", ".")
    run(fork, BIN / "lint-imports", "--no-logo", "--no-cache")
    stale = run(
        fork, sys.executable, "-c", "import sys; sys.path.insert(0, 'tools'); import make_reference as m; print(m.out_of_date())"
    )  # fmt: skip
    assert stale.strip() == "[]"


@pytest.mark.slow
def test_the_tests_of_a_fork_pass(fork: Path) -> None:
    tests = [f"{module}::{test}" for module, chosen in HELD.items() for test in chosen]
    run(fork, sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "0", "-q", *tests)
    assert git("status", "--porcelain", cwd=fork) == ""


@pytest.mark.slow
def test_a_product_of_a_fork_runs_and_keeps_the_forks_rules(
    fork: Path, product_python: Path, tmp_path: Path
) -> None:
    product = tmp_path / "product"
    answers = {**OWNER, "outputs": ["parquet", "feather"], "cost_centre": "CC-0042"}
    run_copy(str(fork), product, data=answers, defaults=True, quiet=True)
    spec = product / "data-product.yaml"
    assert yaml.safe_load(spec.read_text("utf-8"))["extensions"] == {"costCentre": "CC-0042"}
    done = pipeline(product_python, product)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (product / "build/ports/feather/departures.arrow").is_file()

    check = [sys.executable, "-m", "meshwright", "check", str(product), "--format", "github"]
    run(fork, *check)
    replace(spec, 'costCentre: "CC-0042"', "building: B7")
    replace(spec, "  title: Departures\n", "")
    environment = children_environment(PYTHONPATH=str(fork / "hooks"))
    broken = subprocess.run(check, env=environment, capture_output=True, text=True)
    assert broken.returncode == 1
    assert "CostCentreGiven" in broken.stdout and "TitleGiven" in broken.stdout


@pytest.mark.slow
def test_another_place_to_run_is_one_folder(fork: Path, tmp_path: Path) -> None:
    product = tmp_path / "product"
    answers = {**OWNER, "infrastructure": "server", "cost_centre": "CC-0042"}
    run_copy(str(fork), product, data=answers, defaults=True, quiet=True)
    assert [path.name for path in product.glob("infra/*/*")] == ["product.service"]
    assert "**It has not been installed.**" in (product / "README.md").read_text("utf-8")
    assert yaml.safe_load((product / "data-product.yaml").read_text("utf-8"))["spec"]["infrastructure"] == {
        "uses": "server@1",
        "properties": {"host": "runs.example.org"},
    }
    run(fork, sys.executable, "-m", "meshwright", "check", str(product))
    by_hand = {"blueprints", "docs/how-to", "template"}
    changed = git("diff", "--name-only", "HEAD~3", "--", *by_hand, cwd=fork).splitlines()
    assert {path for path in changed if "infrastructure/" in path} == {
        "blueprints/infrastructure/server/blueprint.yaml",
        "blueprints/infrastructure/server/infra/server/product.service",
    }
