"""Run the pipeline once on the sample, in a copy of the repository, for all tests."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline import spec
from pipeline.run import run

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Run:
    """The result of a run: the product as it ran, and build/run.json."""

    product: spec.Product
    report: dict[str, Any]


@pytest.fixture(scope="session")
def sample_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    root = tmp_path_factory.mktemp("product") / ROOT.name
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns("build", ".git", ".venv", "__pycache__"))
    # Without variables, so that it runs on the sample whatever this machine has set.
    report = run(root, environment={})
    return Run(spec.load(root, environment={}), report)
