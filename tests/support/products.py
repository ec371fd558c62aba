"""Products that are made, run and checked as a team does it."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any

from checkout import ROOT
from children import children_environment

from meshwright.check.engine import check
from meshwright.check.findings import Finding
from meshwright.product.registry import capabilities

SUPPORT = Path(__file__).parent
BUILD = ROOT / "build" / "tests"


BIN = Path(sys.executable).parent


OWNER = {"owner_name": "Ada Example", "owner_email": "ada@example.org"}


def every(kind: str, *, first: str = "", apart: Collection[str] = ()) -> list[str]:
    """The capabilities of a kind, as an answer to a question of copier.yml."""
    names = [
        entry.name
        for entry in capabilities()
        if entry.kind == kind and entry.name not in apart and entry.maturity != "deprecated"
    ]
    return sorted(names, key=lambda name: name != first)


ALL = {
    "inputs": every("inputs", first="file"),
    "outputs": every("outputs", first="parquet", apart=["view"]),
    "traits": every(
        "traits", apart=["trigger", "airflow", "dagster"]
    ),  # nothing has them and a schedule of CI
    "platforms": ["postgres"],
}
"""All that one product can have: a view keeps nothing between runs, an orchestrator replaces the schedule of CI, and the
other platforms have environments of their own."""


Make = Callable[..., Path]


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
