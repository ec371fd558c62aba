"""The documentation is true: made from the sources where it can be, and followed word for word where not."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from checkout import ROOT, git
from children import children_environment
from make_reference import out_of_date
from mesh import write
from products import BIN, Make, pipeline, uv

from meshwright.assess.discovery import functions
from meshwright.check.engine import PROMISES
from meshwright.check.rules import RULES

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
TUTORIAL = (ROOT / "docs/tutorials/first-data-product.md").read_text("utf-8")


def test_the_reference_is_what_the_sources_say() -> None:
    assert out_of_date() == [], "make reference"


def links(page: Path) -> list[str]:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if "://" not in link:
            assert (page.parent / link.partition("#")[0]).exists(), link


def test_every_page_can_be_found_from_the_first() -> None:
    found, waiting = set(), [ROOT / "README.md", ROOT / "docs/README.md"]
    while waiting:
        page = waiting.pop().resolve()
        if page in found or not page.is_file():
            continue
        found.add(page)
        if page.suffix == ".md":
            waiting += [page.parent / link.partition("#")[0] for link in links(page) if "://" not in link]
    assert {page.resolve() for page in (ROOT / "docs").rglob("*.md")} - found == set()


def test_a_products_links_lead_somewhere(departures: Path, punctuality: Path) -> None:
    for product in (departures, punctuality):
        for page in product.rglob("*.md"):
            for link in links(page):
                assert "://" in link or (page.parent / link.partition("#")[0]).exists(), (page, link)


def test_every_finding_leads_to_a_page() -> None:
    pages = [f"rules/{rule}" for rule in (*(rule.id for rule in RULES), *PROMISES)]
    pages += [f"fitness/{function.id}" for function in functions()]
    assert [page for page in pages if not (ROOT / "docs/reference" / f"{page}.md").is_file()] == []


def test_every_page_that_the_code_names_exists() -> None:
    for pattern in ("hooks/**/*.py", "hooks/**/*.yaml", "tools/*.py", "blueprints/**/*.yaml"):
        for file in ROOT.glob(pattern):
            for page in re.findall(
                r"\bdocs/(?:how-to|reference|tutorials)/[\w/-]+\.md", file.read_text("utf-8")
            ):
                assert (ROOT / page).is_file(), (file, page)


def build_site(source: Path, target: Path, builder: str = "dummy") -> subprocess.CompletedProcess[str]:
    """Build the site as `make docs` does; "dummy" checks all pages and writes none."""
    options = ["--quiet", "--fail-on-warning", "--keep-going", "--doctree-dir", target / "trees"]
    return subprocess.run(
        [BIN / "sphinx-build", *options, "--builder", builder, source, target], capture_output=True, text=True
    )


def test_the_site_has_no_dead_link_and_no_page_without_a_parent(tmp_path: Path) -> None:
    done = build_site(ROOT / "docs", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_site_is_refused_with_dead_links_and_pages_without_a_parent(tmp_path: Path) -> None:
    source = tmp_path / "docs"
    shutil.copytree(ROOT / "docs/_static", source / "_static")
    shutil.copy(ROOT / "docs/conf.py", source)
    write(source / "README.md", "# Home\n\n[a](a.md) [no page](gone.md) [no heading](a.md#gone)\n")
    write(source / "a.md", "# A\n\n[home](README.md) [a heading](#b)\n\n## B\n")
    write(source / "alone.md", "# Alone\n")
    done = build_site(source, tmp_path / "site", "html")
    assert done.returncode == 1
    issues = [line for line in done.stderr.splitlines() if "WARNING" in line]
    assert len(issues) == 4, issues  # a page that is not there is missing in the navigation, too
    assert "alone.md: WARNING: document isn't included in any toctree" in done.stderr
    assert "README.md:3: WARNING" in done.stderr and "'gone.md'" in done.stderr and "'gone'" in done.stderr


def test_the_site_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    source = tmp_path / "docs"
    shutil.copytree(ROOT / "docs/_static", source / "_static")
    shutil.copy(ROOT / "docs/conf.py", source)
    write(source / "README.md", "# Home\n\n[a](a.md)\n")
    write(source / "a.md", "# A\n\nA rare word: heliotrope.\n")
    assert build_site(source, tmp_path / "site", "html").returncode == 0
    for page in ("index.html", "a.html", "search.html"):
        text = (tmp_path / "site" / page).read_text("utf-8")
        loaded = re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=\"([^\"]+)", text)
        assert loaded and not [address for address in loaded if "//" in address]
    assert "heliotrop" in (tmp_path / "site/searchindex.js").read_text("utf-8")


def test_every_path_that_a_page_names_exists() -> None:
    for page in PAGES:
        if page.name not in ("CHANGELOG.md", "ownership.md") and "decisions" not in page.parts:
            paths = re.findall(
                r"`((?:hooks|template|blueprints|tests|tools)/[\w./-]+)`", page.read_text("utf-8")
            )
            of_product = [path for path in paths if path.startswith("tests/")]
            known = {
                path
                for path in of_product
                for end in ("", ".jinja")
                if (ROOT / f"template/{path}{end}").exists()
            }
            assert [path for path in paths if path not in known and not (ROOT / path).exists()] == [], page


def test_every_target_that_a_page_names_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    targets |= {f"test-{folder.name}" for folder in (ROOT / "tests/unit").iterdir()}
    for page in PAGES:
        if page.name != "CHANGELOG.md" and "decisions" not in page.parts:
            named = re.findall(r"(?:^|`|&& )make ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE)
            assert set(named) <= targets, page


def blocks(language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", TUTORIAL, re.DOTALL | re.MULTILINE)
    return [text for name, text in found if name == language]


@pytest.mark.slow
def test_the_tutorial_word_for_word(make: Make, product_python: Path) -> None:
    product = make("tutorial")
    run = lambda: pipeline(product_python, product)  # noqa: E731
    spec, contract = product / "data-product.yaml", product / "contract.odcs.yaml"
    model, tests = product / "models/departures.sql", product / "models/departures.yml"

    # 2. Run it
    assert run().returncode == 0

    # 3. Break it: the finding is the one that the page shows
    good = spec.read_text("utf-8")
    spec.write_text(good.replace("  classification: internal\n", "", 1), "utf-8")
    shown = next(block for block in blocks("") if "ClassificationGiven" in block)
    found = subprocess.run([BIN / "meshwright", "check"], cwd=product, capture_output=True, text=True).stdout
    assert all(line.strip() in found for line in shown.strip().splitlines()), found
    spec.write_text(good, "utf-8")
    good = contract.read_text("utf-8")
    contract.write_text(good.replace("validValues: [EWR, JFK, LGA]", "validValues: [EWR, JFK]"), "utf-8")
    broken = run()
    assert broken.returncode == 1 and "origin" in broken.stdout
    contract.write_text(good, "utf-8")

    # 4. Change it: three edits, where the page says
    sql, unit_test, column = blocks("sql")[0], blocks("yaml")[0], blocks("yaml")[1]
    line = "    flights.dep_delay as departure_delay_minutes,\n"
    insert(model, line, line + sql)
    insert(tests, "unit_tests:\n", "unit_tests:\n" + unit_test + "\n")
    refused = run()
    assert refused.returncode == 1
    assert "column punctuality (VARCHAR) is in the model, but not in the contract" in refused.stdout
    insert(
        contract, "      - name: arrival_delay_minutes\n", column + "      - name: arrival_delay_minutes\n"
    )
    insert(contract, "\nversion: 1.0.0\n", "\nversion: 1.1.0\n")
    done = run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 unit tests" in done.stdout and "contract.odcs.yaml 1.1.0" in done.stdout
    own = subprocess.run([product_python, "-m", "pytest", "-q"], cwd=product, capture_output=True, text=True)
    assert own.returncode == 0, own.stdout
    assert subprocess.run([BIN / "meshwright", "check"], cwd=product).returncode == 0

    # 5. Let another product read it
    consumer = make("tutorial-consumer", type="consumer-oriented")
    read = pipeline(product_python, consumer, ADDRESSES=str(product / "build/addresses.yaml"))
    assert read.returncode == 0, read.stdout + read.stderr


def insert(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert text.count(old) == 1, (file, old)
    file.write_text(text.replace(old, new), "utf-8")


@pytest.mark.slow
def test_the_tutorials_first_commands_as_they_are_typed(
    template: Path, tmp_path: Path, product_python: Path
) -> None:
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    copy = next(line for line in commands if "--defaults" in line and "consumer" not in line)
    script = copy.replace("uvx copier", str(BIN / "copier"))
    env = children_environment(MESHWRIGHT=str(template), PATH="/usr/bin:/bin", HOME=str(tmp_path))
    subprocess.run(["bash", "-euc", script], cwd=tmp_path, env=env, check=True, capture_output=True)
    uv(
        "run",
        "python",
        "-m",
        "pipeline",
        cwd=tmp_path / "departures",
        UV_PROJECT_ENVIRONMENT=str(product_python.parent.parent),
    )
    show = next(line for line in commands if "duckdb.sql" in line).replace(
        "uv run python", str(product_python)
    )
    shown = subprocess.run(
        ["bash", "-euc", show], cwd=tmp_path / "departures", capture_output=True, text=True
    )
    assert shown.returncode == 0 and "scheduled_departure" in shown.stdout, shown.stderr


def test_the_readme_shows_the_tree_of_a_product(departures: Path) -> None:
    tree = re.findall(r"^[├└]── (\S+)", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert len(tree) >= 8
    assert all((departures / name).exists() for name in tree)
    own = re.search(
        r"```\n(data-product\.yaml.*?)```", (departures / "README.md").read_text("utf-8"), re.DOTALL
    )
    assert own
    names = [line.split()[0] for line in own[1].splitlines()]
    assert all((departures / name).exists() for name in names if name != "build/")


def test_nothing_names_this_machine_or_a_registry() -> None:
    tracked = git("ls-files", "-z", cwd=ROOT).split("\0")
    for name in filter(None, tracked):
        binary = any(end in name for end in (".parquet", ".sqlite", ".png"))
        if (ROOT / name).is_file() and not binary:
            text = (ROOT / name).read_text("utf-8")
            assert str(ROOT.parent) + "/" not in text, name
            assert (
                not re.search(r"files\.pythonhosted|pypi\.org/simple|registry\.npmjs", text)
                or name == "tests/unit/tools/test_docs.py"
            )


def test_the_changelog_has_a_place_for_what_comes_next() -> None:
    assert "## Unreleased" in (ROOT / "CHANGELOG.md").read_text("utf-8")
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version and re.fullmatch(r"\d+\.\d+\.\d+", version[1])


def test_ci_runs_the_readmes_command() -> None:
    assert "make test" in (ROOT / ".ci/run").read_text() and "make test" in (ROOT / "README.md").read_text()
    assert yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())[0]["id"] == "meshwright-check"


@pytest.mark.slow
def test_the_walk_through_a_conflict_word_for_word(template: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs/tutorials/a-release-with-a-conflict.md").read_text("utf-8")
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    script = "\n".join(f"{text}\n" for language, text in found if language == "sh")
    # A conflict is told by the exit code, too.
    script = re.sub(r"(?m)^(meshwright rollout (?:plan|apply).*)$", r"\1 || test $? = 1", script)
    write(tmp_path / "bin/uvx", f'#!/bin/sh\nshift\nexec {BIN}/copier "$@"\n')
    (tmp_path / "bin/uvx").chmod(0o755)
    write(tmp_path / "config", "[user]\n\tname = Ada Example\n\temail = ada@example.org\n")
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=tmp_path,
        env=children_environment(
            MESHWRIGHT=str(template),
            PATH=f"{tmp_path / 'bin'}:{BIN}:/usr/bin:/bin",
            HOME=str(tmp_path),
            GIT_CONFIG_GLOBAL=str(tmp_path / "config"),
        ),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for language, text in found:
        assert language or text in done.stdout, done.stdout
    assert "badge" in (tmp_path / "mesh/departures/README.md").read_text("utf-8")


def test_what_is_guaranteed_is_held_by_tests_that_there_are() -> None:
    page = (ROOT / "docs" / "reference" / "access-guarantees.md").read_text("utf-8")
    named = set(re.findall(r"`(test_\w+)`", page))
    there = {
        name for file in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"^def (test_\w+)", file.read_text("utf-8"), re.M)
    }  # fmt: skip
    assert len(named) > 30
    assert named - there == set()
