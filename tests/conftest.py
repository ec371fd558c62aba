"""The template as it stands, products made from it, and one environment that all of them run in."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any
from uuid import uuid4

import pytest
from checkout import ROOT, git, snapshot
from children import children_environment, default_signals
from copier import run_copy
from filelock import FileLock
from mesh import Mesh

from meshwright.check.engine import check
from meshwright.check.findings import Finding

BUILD = ROOT / "build" / "tests"
BIN = Path(sys.executable).parent
OWNER = {"owner_name": "Ada Example", "owner_email": "ada@example.org"}
APART = {
    "platforms": {"duckdb", "spark", "snowflake", "databricks", "bigquery", "redshift", "trino"},
    "outputs": {"view"},
}
"""What one product cannot have with all the rest: DuckDB is there anyway, the other platforms have environments of their
own, and a view keeps nothing between runs."""
ALL = {
    "inputs": ["file", "data-product", "database", "rest-api"],
    "outputs": ["parquet", "delta", "iceberg", "postgres"],
    "traits": ["aws", "incremental", "retention", "schedule", "self-update", "snapshot"],
    "platforms": ["postgres"],
}

Make = Callable[..., Path]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fail-on-skip", action="store_true", help="what CI asks for: everything it needs is there"
    )


def pytest_configure() -> None:
    with contextlib.suppress(ValueError):  # a worker of pytest-xdist may run tests in a thread
        default_signals()


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """In CI a test that is skipped has failed: nothing there can be missing."""
    if (
        item.config.getoption("--fail-on-skip")
        and call.excinfo
        and call.excinfo.errisinstance(pytest.skip.Exception)
    ):
        reason = call.excinfo.value
        failed = AssertionError(f"skipped in CI: {reason}").with_traceback(reason.__traceback__)
        call.excinfo = pytest.ExceptionInfo.from_exception(failed)


@pytest.fixture(scope="session", autouse=True)
def _modes_are_heeded() -> Iterator[None]:
    """Spares a process of git for each file that Copier renders here, which asks whether git heeds modes.

    What Copier does otherwise is for Windows; where tests run it as a command, it asks.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("copier._main.is_git_available", lambda: False, raising=False)
        yield


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template, committed and tagged."""
    # Caches of hooks outlive the tests, and know a template by its path and version: no path comes twice.
    target = snapshot(tmp_path_factory.mktemp(f"template-{uuid4().hex}") / "meshwright")
    git("tag", "v1.0.0", cwd=target)
    return target


@pytest.fixture(scope="session")
def make(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Makes a product as `copier copy --defaults` does, with the answers that are given."""

    def product(name: str = "product", **answers: object) -> Path:
        target = tmp_path_factory.mktemp(name) / "repository"
        run_copy(str(template), target, data={**OWNER, **answers}, defaults=True, quiet=True)
        return target

    return product


@pytest.fixture(scope="session")
def departures(make: Make) -> Path:
    """A source-oriented product with every output. Only to be read."""
    return make("departures", outputs=["parquet", "delta"])


@pytest.fixture(scope="session")
def punctuality(make: Make) -> Path:
    """A consumer-oriented product. Only to be read."""
    return make("punctuality", type="consumer-oriented")


@pytest.fixture(scope="session")
def every_port(make: Make) -> Iterator[Path]:
    """A product with every output, and the platform that shares code with one. Its package `pipeline` can be imported here, as long as no other one's is."""
    product = make(
        "ports", outputs=[*ALL["outputs"], "view"], inputs=["file", "data-product"], platforms=["postgres"]
    )
    sys.path.insert(0, str(product))
    yield product
    sys.path.remove(str(product))


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Path], Path]:
    """A copy of a product that a test may break."""
    return lambda product: Path(shutil.copytree(product, tmp_path / "copy"))


@pytest.fixture(scope="session")
def product_python(make: Make) -> Path:
    """The Python of an environment with all that any product needs, built once and kept between runs."""
    product = make("environment", **ALL)
    wanted = hashlib.sha256((product / "pyproject.toml").read_bytes()).hexdigest()[:12]
    environment = BUILD / f"environment-{wanted}"
    with FileLock(BUILD.parent / "tests.lock"):
        if not (environment / "ready").exists():
            uv("sync", "--quiet", cwd=product, UV_PROJECT_ENVIRONMENT=str(environment))
            (environment / "ready").touch()
    return environment / "bin" / "python"


@pytest.fixture
def mesh(tmp_path: Path) -> Mesh:
    """A template with two releases."""
    mesh = Mesh(tmp_path)
    mesh.change()
    return mesh


def uv(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs uv as a user would, and fails with what it said."""
    program = shutil.which("uv") or str(ROOT / "build" / "uv" / "bin" / "uv")
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"} | variables
    done = subprocess.run([program, *arguments], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@dataclass
class Begun:
    """A run of `python -m pipeline`, in a session of its own."""

    command: list[object]
    runner: subprocess.Popen[str]
    pid: int
    out: IO[str]
    errors: IO[str]
    code: int | None = None

    def said(self) -> str:
        self.out.seek(0)
        return self.out.read()

    def alive(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def kill(self) -> None:
        """Kills it, if it has not ended yet."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def ended(self) -> subprocess.CompletedProcess[str]:
        """Waits until it ends."""
        if self.code is None:
            assert self.runner.stdout
            self.code = int(self.runner.stdout.readline())
        return subprocess.CompletedProcess(self.command, self.code, self.said(), self.errors.read())


@contextlib.contextmanager
def begun(
    python: Path,
    product: Path,
    *arguments: str,
    module: str = "pipeline",
    out: str = "",
    environment: dict[str, str] | None = None,
    **variables: str,
) -> Iterator[Begun]:
    """`python -m pipeline`, with nothing of this machine's environment that a spec could name.

    `module`: another one that the product's Python runs instead. `out`: the file that takes its standard output, instead
    of one that is read. `environment`: all its variables.
    """
    with (
        NamedTemporaryFile("r", encoding="utf-8") as said,
        NamedTemporaryFile("r", encoding="utf-8") as errors,
    ):
        asked = {
            "folder": str(product),
            "module": module,
            "arguments": arguments,
            "environment": children_environment(**variables) if environment is None else environment,
            "out": out or said.name,
            "errors": errors.name,
        }
        runner = pipeline_runner(python)
        assert runner.stdin and runner.stdout
        print(json.dumps(asked), file=runner.stdin, flush=True)
        pid = int(runner.stdout.readline())
        run = Begun([python, "-m", module, *arguments], runner, pid, said, errors)
        try:
            yield run
        finally:
            if run.code is None:
                run.kill()
                run.ended()


def pipeline(
    python: Path, product: Path, *arguments: str, **options: Any
) -> subprocess.CompletedProcess[str]:
    """The same, to its end."""
    with begun(python, product, *arguments, **options) as run:
        return run.ended()


@cache
def pipeline_runner(python: Path) -> subprocess.Popen[str]:
    """See tests/pipeline_runner.py."""
    script = Path(__file__).with_name("pipeline_runner.py")
    runner = subprocess.Popen([python, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(runner.communicate)
    return runner


def findings(product: Path) -> list[Finding]:
    """What the check finds wrong, run where a team runs it: in the product's repository. What it only tells is left out."""
    with contextlib.chdir(product):
        return [finding for finding in check([Path()]) if finding.level != "note"]
