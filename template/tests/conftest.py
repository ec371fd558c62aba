"""The result of the pipeline on the sample, for all tests: of the last run, or of a new one in a copy of the repository.

The last run is used only if nothing that it depends on has changed since: see pipeline/sample_run.py.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline import sample_run as last_run
from pipeline import spec
from pipeline.run import run

ROOT = Path(__file__).parent.parent
ORIGIN = pytest.StashKey[str]()


@dataclass(frozen=True)
class Run:
    """The result of a run: the product as it ran, and build/run.json."""

    product: spec.Product
    report: dict[str, Any]


@pytest.fixture(scope="session")
def sample_run(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Run:
    report, reason = last_run.reusable(ROOT)
    if report:
        pytestconfig.stash[ORIGIN] = (
            f"the run of {report['startedAt']}: nothing that it depends on has changed since"
        )
        return Run(spec.load(ROOT, environment={}), report)
    pytestconfig.stash[ORIGIN] = f"a run of its own: {reason}"
    root = tmp_path_factory.mktemp("product") / ROOT.name
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns("build", ".git", ".venv", "__pycache__"))
    # Without variables, so that it runs on the sample whatever this machine has set.
    report = run(root, environment={})
    return Run(spec.load(root, environment={}), report)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if origin := config.stash.get(ORIGIN, ""):
        terminalreporter.write_line(f"sample_run: {origin}")
