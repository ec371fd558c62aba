"""The update contract: a repository that any release made becomes what a new one is, and no edit is lost."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import checkout
import pytest
import yaml
from answers import Answers, Questions, pairwise, read_questions
from checkout import NEXT, ROOT, git, releases_in_history, snapshot_with_releases
from copier import run_copy, run_update
from filelock import FileLock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from plumbum import local
from products import OWNER
from public_paths import Tree, lost, owned, tree

from meshwright.product.ownership import PRODUCT

CHANGED = "v999.1.0"  # a later version still, whose changes the test makes
LATEST = "v1000.0.0"
NOW = read_questions()

Render = Callable[[str, Answers], Path]
Start = Callable[[Path], Path]


def in_pairs() -> list[tuple[str, Answers]]:
    """Each release, with the answers that tests make its products of; the work tree before the first release."""
    return [
        (release, answers)
        for release, commit in releases_in_history().items()
        for answers in pairwise(NOW, read_questions(commit))
    ] or [(NEXT, {})]


def named(answers: object) -> str | None:
    """Answers in a test's name."""
    if not isinstance(answers, dict):
        return None
    return ",".join("+".join(answer) if isinstance(answer, list) else answer for answer in answers.values())


@pytest.fixture(scope="module", autouse=True)
def _alone(shared: Path) -> Iterator[None]:
    """Neither git's configuration nor Copier's settings on this machine have a say."""
    none = shared / "settings.yml"
    none.write_text("{}\n")
    git_alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    # Copier runs git through plumbum, which took its own copy of the environment.
    with pytest.MonkeyPatch.context() as patch, local.env(**git_alone):
        for name, value in {**git_alone, "COPIER_SETTINGS_PATH": str(none)}.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of pytest share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "update"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def versions(shared: Path) -> Path:
    """The template with every release, the work tree and a later version."""
    target = shared / "meshwright"
    with FileLock(shared / "meshwright.lock"):
        if not target.exists():
            making = snapshot_with_releases(shared / "making")
            change(making)
            git("add", "--all", cwd=making)
            git("commit", "--quiet", "--message", "A later version", cwd=making)
            git("tag", CHANGED, cwd=making)
            making.rename(target)
    return target


@pytest.fixture(scope="session")
def render(versions: Path, shared: Path) -> Render:
    """What `copier copy` of a version makes. Only to be read."""

    def rendered(version: str, answers: Answers) -> Path:
        told = hashlib.sha256(json.dumps(answers, sort_keys=True).encode()).hexdigest()[:16]
        target = shared / f"{version}-{told}"
        with FileLock(f"{target}.lock"):
            if not target.exists():
                run_copy(
                    str(versions),
                    target,
                    vcs_ref=version,
                    data={**OWNER, **answers},
                    defaults=True,
                    quiet=True,
                )
        return target

    return rendered


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """A repository that begins with what was rendered."""

    def started(rendered: Path) -> Path:
        product = Path(shutil.copytree(rendered, tmp_path / "product", symlinks=True))
        git("init", "--quiet", "--initial-branch", "main", cwd=product)
        commit(product)
        return product

    return started


def commit(product: Path) -> None:
    git("add", "--all", "--force", cwd=product)
    git("commit", "--quiet", "--allow-empty", "--message", "Ours", cwd=product)


def update(product: Path, version: str, **answers: object) -> None:
    """As `copier update --defaults` does it."""
    run_update(product, vcs_ref=version, data=answers, defaults=True, overwrite=True, quiet=True)


def recorded(product: Path) -> Answers:
    """The answers as Copier wrote them down: defaults, once taken, stay."""
    answers = yaml.safe_load((product / ".copier-answers.yml").read_text("utf-8"))
    return {name: answer for name, answer in answers.items() if not name.startswith("_")}


def still(answers: Answers) -> Answers:
    """The answers after an update: a product of before the question stays with CI alone, unless it has Terraform."""
    return {"infrastructure": "aws" if "aws" in answers["traits"] else "ci"} | answers


def different(one: Tree, other: Tree) -> list[str]:
    return sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path))


# What a later version might bring, as close to the team's lines as can be: below a file's name, what is
# there and what takes its place.
LATER = {
    ".gitignore": {
        ".ruff_cache/\n": ".ruff_cache/\n.mypy_cache/\n",
        "logs/\n": "logs/\nlogs.txt\n",
    },
    ".github/workflows/ci.yml": {
        "timeout-minutes: 15": "timeout-minutes: 20",
        "        run: uv run pytest\n": "        run: uv run pytest --strict-markers\n",
    },
    ".pre-commit-config.yaml.jinja": {
        "--maxkb=1024": "--maxkb=2048",
        "      - id: zizmor\n": (
            "      - id: mixed-line-ending\n"
            "        name: line ends are the same\n"
            "        entry: mixed-line-ending\n"
            "        language: python\n"
            "        additional_dependencies: *tools\n"
            "      - id: zizmor\n"
        ),
    },
    "README.md.jinja": {
        "## What is where\n": "## Look at it\n\nOpen `build/`.\n\n## What is where\n",
        "comes with `copier update`": "comes by `copier update`",
    },
    "pyproject.toml.jinja": {
        '"dlt[duckdb,parquet]>=1.20': '"dlt[duckdb,parquet]>=1.21',
    },
    "data-product.yaml.jinja": {"  version: 1.0.0\n": "  version: 2.0.0\n"},
}

# What a team writes: below a file's name, its lines and the line that they stand before.
OURS = {
    "data-product.yaml": {
        "  serviceLevels:\n": (
            "    - name: archive\n"
            "      uses: parquet@1\n"
            '      properties: {path: "${ARCHIVE:-build/ports/archive}"}\n'
        ),
    },
    "README.md": {"## Change it\n": "## On call\n\nThe operations desk, day and night.\n\n"},
    "pyproject.toml": {"  # What the pipeline needs\n": '  "httpx>=0.28",\n'},
    ".gitignore": {"# dbt, when it is called by hand\n": ".direnv/\n"},
    ".github/workflows/ci.yml": {
        "      - name: Run the tests\n": "      - name: Check our SQL\n        run: uvx sqlfluff lint models\n",
    },
    ".github/workflows/schedule.yml": {'    - cron: "0 5 * * *"\n': '    - cron: "0 17 * * *"\n'},
    ".pre-commit-config.yaml": {
        "      - id: detect-private-key\n": (
            "      - id: our-names\n"
            "        name: models are named as we name them\n"
            "        entry: python ours/names.py\n"
            "        language: system\n"
        ),
    },
}

# What a team appends, where everybody would: at the ends, which the template leaves to them.
OURS_AT_THE_END = {
    "README.md": {
        "([.meshwright/ownership.yaml](.meshwright/ownership.yaml) says what that is).\n": "\n## Ours\n\nRing first.\n"
    },
    "pyproject.toml": {
        '  "jsonschema>=4.23",\n': '  "pandas>=2.3",\n',
        'dev = ["pytest>=8.3"': ', "pytest-cov>=6"',
    },
    ".gitignore": {"target/\n": "notes/\n"},
    ".gitattributes": {"*.parquet binary\n": "*.avro binary\n"},
    ".pre-commit-config.yaml": {
        "        files: ^\\.github/workflows/.*\\.ya?ml$\n        additional_dependencies: *tools\n": (
            "  - repo: local\n"
            "    hooks:\n"
            "      - {id: ours, name: ours, entry: python ours/check.py, language: system}\n"
        ),
    },
}


def change(template: Path) -> None:
    """What LATER says, new files, and changes of what belongs to the teams."""
    for path, changes in LATER.items():
        for old, new in changes.items():
            put(template / "template" / path, old, new)
    (template / "template/pipeline/new.py").write_text('"""New."""\n')
    (template / "template/models/new.sql").write_text("select 1 as nothing_for_those_who_are_there\n")
    (template / "template/access/policy.yaml.jinja").write_text("# Not for those who are there\n")


def put(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert len(re.findall(f"^{re.escape(old)}" if old.endswith("\n") else re.escape(old), text, re.M)) == 1, (
        file.name,
        old,
    )
    file.write_text(text.replace(old, new), "utf-8")


@pytest.mark.slow
@pytest.mark.parametrize(("release", "answers"), in_pairs(), ids=named)
def test_an_update_makes_what_a_copy_would(
    release: str, answers: Answers, render: Render, start: Start
) -> None:
    old = render(release, answers)
    product = start(old)
    update(product, NEXT)
    equals_a_copy(product, old, render(NEXT, still(recorded(old))))


DROPPED = {
    "profiles.yml",
    "pipeline/macros/table_duckdb.sql",
    "pipeline/postgres/place.py",
}
"""What was the template's in a release, and is no longer in it; profiles.yml is the product's now."""


def equals_a_copy(product: Path, before: Path, copy: Path) -> None:
    """All is as in a copy, but for what the team owns: that is as it was, or came new and whole."""
    whose = owned(copy)
    was, now, wanted = tree(before), tree(product), tree(copy)
    for path in was:
        if whose(path) == PRODUCT and path not in DROPPED:
            wanted[path] = was[path]
    for path in wanted.keys() - (was.keys() - DROPPED) - now.keys():
        if whose(path) == PRODUCT:
            del wanted[path]
    assert different(now, wanted) == []


@pytest.mark.slow
@pytest.mark.parametrize("type_", NOW.one["type"])
@pytest.mark.parametrize(
    ("release", "to"), [*((release, NEXT) for release in releases_in_history()), (NEXT, CHANGED)]
)
def test_a_teams_work_is_kept_and_nothing_conflicts(
    release: str, to: str, type_: str, render: Render, start: Start
) -> None:
    before = render(release, {"type": type_})
    product = start(before)
    written = work(product)
    ours = tree(product)
    update(product, to)

    assert git("diff", "--diff-filter=U", "--name-only", cwd=product) == ""
    now, copy = tree(product), tree(render(to, still(recorded(before))))
    whose = owned(product)
    dropped = DROPPED - copy.keys() if release == NEXT else DROPPED
    assert not now.keys() & dropped
    for path in (ours.keys() | copy.keys()) - dropped:
        if whose(path) == PRODUCT:
            assert now.get(path) == ours.get(path), path
            continue
        text = now[path][1].decode()
        for lines in written.get(path, []):
            assert text.count(lines) == 1, (path, lines)
            text = text.replace(lines, "")
        assert text == copy[path][1].decode(), path
    assert not now.keys() - ours.keys() - copy.keys()


def work(product: Path) -> dict[str, list[str]]:
    """What a team did in the time between: edits, own files, a deletion. Returns the lines by file."""
    written: dict[str, list[str]] = {}
    for path, edits in OURS.items():
        for line, ours in edits.items():
            put(product / path, line, ours + line)
            written.setdefault(path, []).append(ours)
    for path, edits in OURS_AT_THE_END.items():
        for line, ours in edits.items():
            put(product / path, line, line + ours)
            written.setdefault(path, []).append(ours)
    (model,) = (product / "models").glob("*.sql")
    put(model, "select\n", "select\n    carrier || '!' as our_column,\n")
    model.with_name("ours.sql").write_text("select * from {{ ref('" + model.stem + "') }}\n")
    (product / "ours").mkdir()
    (product / "ours/names.py").write_text("print('ours')\n")
    next((product / "sample_data").glob("[!R]*")).unlink()
    commit(product)
    return written


@pytest.mark.slow
@pytest.mark.parametrize(("release", "answers"), in_pairs(), ids=named)
def test_no_path_that_teams_edit_goes_missing(release: str, answers: Answers, render: Render) -> None:
    old = render(release, answers)
    assert lost(release, old, render(NEXT, still(recorded(old)))) == []


def test_a_history_without_a_release_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git("clone", "--quiet", "--depth", "1", ROOT.as_uri(), str(tmp_path / "shallow"), cwd=tmp_path)
    monkeypatch.setattr(checkout, "ROOT", tmp_path / "shallow")
    (tmp_path / "shallow/releases.yaml").write_text(f"- {{version: v0.0.1, commit: '{'0' * 40}'}}\n")
    with pytest.raises(LookupError, match=r"(?s)v0\.0\.1 is commit 0+.*git fetch --unshallow.*squashed"):
        snapshot_with_releases(tmp_path / "target")
    # A fork that begins anew has no releases, and tests go on without.
    (tmp_path / "shallow/releases.yaml").write_text("# None yet\n")
    assert git("tag", cwd=snapshot_with_releases(tmp_path / "target")).split() == [NEXT]


@pytest.mark.main
def test_a_renamed_path_is_told(versions: Path, render: Render, tmp_path: Path) -> None:
    template = Path(shutil.copytree(versions, tmp_path / "template"))
    git("mv", "template/.gitattributes", "template/attributes.txt", cwd=template)
    git("mv", "template/pipeline/sql.py", "template/pipeline/queries.py", cwd=template)
    git("commit", "--quiet", "--message", "Renamed", cwd=template)
    run_copy(str(template), tmp_path / "product", vcs_ref="HEAD", data=OWNER, defaults=True, quiet=True)
    (told,) = lost("v1.2.3", render(NEXT, {}), tmp_path / "product")
    assert told.startswith(".gitattributes, which v1.2.3 wrote") and "bring it back" in told


def taken_off_and_put_on() -> Iterator[tuple[Answers, Answers]]:
    """From one choice of capabilities to another, until each has been taken off and put on."""
    questions = replace(NOW, one={name: choices[:1] for name, choices in NOW.one.items()})
    # A source-oriented product, the first of its choices, waits for no other: `trigger` has rows of its own.
    consumer = {
        "type": "consumer-oriented",
        "platforms": [],
        "inputs": ["data-product"],
        "outputs": ["parquet"],
    }
    waits, has_times = ({**consumer, "traits": [trait]} for trait in ("trigger", "schedule"))
    rows = [*pairwise(questions, questions)]
    chosen = {(kind, name) for kind, names in NOW.many.items() for name in names if NOW.allow({kind: [name]})}
    off, on = set(chosen), set(chosen)
    for one, other in [(has_times, waits), (waits, has_times), *itertools.pairwise(rows)]:
        if off or on:
            yield one, other
        was, will_be = ({(kind, name) for kind in NOW.many for name in row[kind]} for row in (one, other))
        off -= was - will_be
        on -= will_be - was
    assert not (off or on), (off, on)


@pytest.mark.slow
@pytest.mark.parametrize(("one", "other"), list(taken_off_and_put_on()), ids=named)
def test_capabilities_can_be_taken_off_and_put_on(
    one: Answers, other: Answers, render: Render, start: Start
) -> None:
    before = render(NEXT, one)
    product = start(before)
    update(product, NEXT, **other)
    equals_a_copy(product, before, render(NEXT, other))


@pytest.mark.slow
@pytest.mark.parametrize(("one", "other"), [("aws", "kubernetes"), ("kubernetes", "aws")])
def test_another_place_to_run_is_an_answer(one: str, other: str, render: Render, start: Start) -> None:
    """The files of one place go, and those of the other come; what the team has written beside them stays."""
    before = render(NEXT, {"infrastructure": one})
    product = start(before)
    ours = product / "infra/ours.md"
    ours.write_text("Ours.\n", "utf-8")
    commit(product)
    update(product, NEXT, infrastructure=other)
    assert ours.read_text("utf-8") == "Ours.\n"
    ours.unlink()
    equals_a_copy(product, before, render(NEXT, {"infrastructure": other}))
    assert (product / "infra/kubernetes").exists() is (other == "kubernetes")
    assert (product / "infra/main.tf").exists() is (other == "aws")


@pytest.mark.slow
@pytest.mark.parametrize("start_with", ["sample", "own-data"])
def test_a_drafted_product_takes_other_capabilities(start_with: str, render: Render, start: Start) -> None:
    """A draft edits no line of a shared file, so no answer can conflict with it."""
    from meshwright.draft.run import prepare, write
    from meshwright.inspection.sources import open_source

    before = render(NEXT, {"start_with": start_with})
    product = start(before)
    (product.parent / "orders.csv").write_text("id,state\n1,new\n2,paid\n")
    (source,) = open_source("orders", "../orders.csv", product)
    write(product, prepare(product, {"orders": ("../orders.csv", source)}))
    commit(product)
    drafted = tree(product)
    update(product, NEXT, inputs=["file", "database"])
    whose = owned(product)
    now, copy = tree(product), tree(render(NEXT, {"start_with": start_with, "inputs": ["file", "database"]}))
    ours = {path for path in {*drafted, *copy} if whose(path) == PRODUCT}
    assert different({path: now[path] for path in now.keys() - ours}, {path: copy[path] for path in copy.keys() - ours}) == []  # fmt: skip
    assert all(now.get(path) == drafted[path] for path in ours & drafted.keys())


@dataclass(frozen=True)
class Edit:
    path: str
    kind: str
    line: int


@dataclass(frozen=True)
class Work:
    """What the team, or the template, did between two versions."""

    edits: list[Edit]
    new: set[str]
    gone: str | None = None


@dataclass(frozen=True)
class Ground:
    """A template that an example may change, and what it rendered before that, committed."""

    template: Path
    product: Path
    version: str


SMALL = {
    "copier.yml": "_subdirectory: template\nname: {type: str, default: punctuality}\n",
    "template/{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers | to_nice_yaml -}}\n",
    "template/notes.md": "# Notes\n\nFirst.\n\nSecond.\n\n- a\n- b\n- c\n\nLast.\n",
    "template/steps.yml": "steps:\n"
    + "  - name: one\n    run: true\n\n" * 3
    + "  - name: last\n    run: true\n",
    "template/deep/code.py.jinja": (
        "import os\n\n\ndef main():\n    name = '{{ name }}'\n{%- if name %}\n    print(name)\n{%- endif %}\n"
        "    return os.name\n"
    ),
    "template/list.toml.jinja": "name = '{{ name }}'\nlist = [\n  'x',\n  'y',\n  # Yours\n]\n\n[end]\n",
}
SMALL_PATHS = ("notes.md", "steps.yml", "deep/code.py", "list.toml")
REAL_PATHS = (
    "README.md",
    "pyproject.toml",
    ".gitignore",
    ".pre-commit-config.yaml",
    ".github/workflows/ci.yml",
    "pipeline/run.py",
)
NEW = ("new.txt", "deep/new.txt")
EXAMPLES = settings(
    derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def works(paths: tuple[str, ...], deletes: bool) -> SearchStrategy[Work]:
    kinds = ("insert", "insert", "replace", "delete", "end without a newline")
    edit = st.builds(Edit, st.sampled_from(paths), st.sampled_from(kinds), st.integers(0, 80))
    gone = st.none() | st.sampled_from(paths) if deletes else st.none()
    return st.builds(Work, st.lists(edit, min_size=5, max_size=20), st.sets(st.sampled_from(NEW)), gone)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """A template small enough for many examples."""
    folder = tmp_path_factory.mktemp("small")
    for name, text in SMALL.items():
        (folder / "template" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "template" / name).write_text(text, "utf-8")
    git("init", "--quiet", "--initial-branch", "main", cwd=folder / "template")
    commit(folder / "template")
    git("tag", "v1.0.0", cwd=folder / "template")
    return ground(folder, "v1.0.0")


@pytest.fixture(scope="module")
def real(versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    folder = tmp_path_factory.mktemp("real")
    shutil.copytree(versions, folder / "template")
    return ground(folder, NEXT)


def ground(folder: Path, version: str) -> Ground:
    template, product = folder / "template", folder / "product"
    run_copy(str(template), product, vcs_ref=version, data=OWNER, defaults=True, quiet=True)
    git("init", "--quiet", "--initial-branch", "main", cwd=product)
    commit(product)
    return Ground(template, product, version)


@pytest.mark.slow
@settings(EXAMPLES, max_examples=25)
@given(team=works(SMALL_PATHS, deletes=True), platform=works(SMALL_PATHS, deletes=False))
def test_no_line_is_lost_whatever_a_team_and_a_template_do(small: Ground, team: Work, platform: Work) -> None:
    nothing_is_lost(small, team, platform)


@pytest.mark.slow
@settings(EXAMPLES, max_examples=5)
@given(team=works(REAL_PATHS, deletes=True), platform=works(REAL_PATHS, deletes=False))
def test_no_line_is_lost_in_the_real_template(real: Ground, team: Work, platform: Work) -> None:
    nothing_is_lost(real, team, platform)


def nothing_is_lost(ground: Ground, team: Work, platform: Work) -> None:
    """Every line that either of them wrote is in its file, if need be between markers; git knows of these."""
    with TemporaryDirectory() as folder:
        product = Path(shutil.copytree(ground.product, Path(folder, "product"), symlinks=True))
        ours = do(team, "ours", lambda path: product / path)
        commit(product)
        git("reset", "--quiet", "--hard", ground.version, cwd=ground.template)
        theirs = do(platform, "theirs", lambda path: source(ground.template, path))
        release_of(ground)
        update(product, LATEST)

        now = {
            path: content.decode("utf-8").splitlines()
            for path, (_, content) in tree(product).items()
            if b"\0" not in content
        }
        missing = [(path, line) for path in ours for line in ours[path] if line not in now.get(path, [])]
        for path in theirs.keys() - {team.gone}:
            if source(ground.template, path).suffix != ".jinja":  # where Jinja may have left it out
                missing += [(path, line) for line in theirs[path] if line not in now.get(path, [])]
        back = {team.gone} & now.keys()
        marked = {
            path
            for path, lines in now.items()
            if any(line.startswith(("<<<<<<< ", ">>>>>>> ")) for line in lines)
        }
        untold = marked - set(git("diff", "--diff-filter=U", "--name-only", cwd=product).splitlines())
        rejected = [path for path in now if path.endswith(".rej")]
        assert not (missing or back or untold or rejected), (
            f"{missing=} {back=} {untold=} {rejected=}\n\n{team=}\n\n{platform=}\n\n"
            + "\n".join(
                f"--- {path}\n" + "\n".join(now.get(path, []))
                for path in {path for path, _ in missing} | untold
            )
        )


def do(work: Work, who: str, place: Callable[[str], Path]) -> dict[str, list[str]]:
    """Does it; returns the lines that are in each file because of it."""
    for number, edit in enumerate(work.edits):
        file = place(edit.path)
        lines = file.read_text("utf-8").splitlines(keepends=True)
        at = edit.line % (len(lines) + 1)
        if edit.kind == "insert":
            if at and not lines[at - 1].endswith("\n"):
                lines[at - 1] += "\n"
            lines.insert(at, f"{who} {number}\n")
        elif edit.kind == "end without a newline":
            lines[-1:] = [line.removesuffix("\n") for line in lines[-1:]]
        elif at < len(lines) and "{" not in lines[at]:  # what Jinja says stays as it is
            lines[at : at + 1] = [f"{who} {number}\n"] if edit.kind == "replace" else []
        file.write_text("".join(lines), "utf-8")
    for name in work.new:
        place(name).parent.mkdir(exist_ok=True)
        place(name).write_text(f"{who} first\nsame\n{who} last\n")
    if work.gone:
        place(work.gone).unlink()
    touched = {edit.path for edit in work.edits} | work.new
    return {
        path: [line for line in place(path).read_text("utf-8").splitlines() if line.startswith(who)]
        for path in sorted(touched - {work.gone})
    }


def source(template: Path, path: str) -> Path:
    """The file of the template that a file of the product comes from."""
    jinja = template / "template" / f"{path}.jinja"
    return jinja if jinja.exists() else template / "template" / path


def release_of(ground: Ground) -> None:
    commit(ground.template)
    git("tag", "--force", LATEST, cwd=ground.template)


def test_what_a_template_renames_takes_the_teams_lines_away(small: Ground, start: Start) -> None:
    # Why there is a guard. If Copier keeps them one day, the docs say too much.
    product = start(small.product)
    (product / "notes.md").write_text("Ours.\n")
    commit(product)
    git("reset", "--quiet", "--hard", small.version, cwd=small.template)
    git("mv", "template/notes.md", "template/remarks.md", cwd=small.template)
    release_of(small)
    update(product, LATEST)
    assert not (product / "notes.md").exists()
    assert "Ours." not in (product / "remarks.md").read_text("utf-8")


@pytest.mark.main
def test_each_two_choices_that_may_meet_do_meet() -> None:
    questions = Questions(
        {"shape": ["round", "square"], "size": ["s", "m", "l"], "colour": ["red", "green", "blue"]},
        {"extras": ["lid", "handle"]},
        [
            "{% if shape == 'round' and size == 'l' %}None so large is round.{% endif %}",
            "{% if extras == ['handle'] and shape == 'round' %}A handle alone does not hold.{% endif %}",
        ],
    )

    def met(rows: list[Answers]) -> set[tuple[object, object]]:
        flat = [
            [
                *(row[name] for name in questions.one),
                *((extra, extra in row["extras"]) for extra in ("lid", "handle")),
            ]
            for row in rows
        ]
        return {pair for choices in flat for pair in itertools.combinations(choices, 2)}

    every = [
        {"shape": shape, "size": size, "colour": colour, "extras": extras}
        for shape, size, colour in itertools.product(*questions.one.values())
        for extras in ([], ["lid"], ["handle"], ["lid", "handle"])
    ]
    allowed = [row for row in every if questions.allow(row)]
    rows = list(pairwise(questions, questions))
    assert all(row in allowed for row in rows)
    assert met(rows) == met(allowed)
    assert len(rows) < len(allowed) / 3
