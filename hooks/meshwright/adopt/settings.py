"""Settings of the team's tools that work against the template's, or the template's against theirs."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from meshwright.adopt.repository import TeamRepository
from meshwright.core.text import listed, printable

LOWEST = (3, 11)
"""The lowest Python that the pipeline runs on."""
PYTEST_FIRST = ("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml")
"""Files that pytest reads instead of pyproject.toml."""
TESTS = ("tests/conftest.py", "tests/test_pipeline.py")
"""The template's tests and their fixtures, which need each other."""
WORKFLOW = re.compile(r"\.github/workflows/[^/'\x00-\x1f]+\.ya?ml")
RUFF_FIRST = (".ruff.toml",)


def own_ruff(repository: TeamRepository, prefix: str) -> str:
    """Return where the team configures ruff, which would no longer be read beside a ruff.toml; empty if nowhere."""
    for name in RUFF_FIRST:
        if prefix + name in repository.entries:
            return name
    return "[tool.ruff] of pyproject.toml" if "ruff" in _pyproject(repository, prefix).get("tool", {}) else ""


def sentences(repository: TeamRepository, prefix: str, kept: set[str]) -> Iterator[str]:
    """Yield what to change in settings of the team. `kept`: the template's paths where the team's file stays."""
    if "ruff.toml" in kept:
        files = ["pipeline", *(path for path in TESTS if path not in kept)]
        yield f"ruff: your settings stay, and would format the template's files anew. Add to them: extend-exclude = {json.dumps(files)}"
    if workflows := [path for path in repository.entries if WORKFLOW.fullmatch(path)] if not prefix else []:
        pattern = "|".join(re.escape(path.rpartition("/")[2]) for path in workflows)
        yield (
            f"hooks: zizmor looks at your {listed(printable(path) for path in workflows)}, too, and refuses, for example, actions"
            " that are not pinned to a commit (`uvx prek run zizmor --all-files` names each). Correct them, or add to the hook"
            f" zizmor in .pre-commit-config.yaml: exclude: '^\\.github/workflows/({pattern})$'"
        )
    if kept.intersection(TESTS):
        yield "tests/ has yours, so the template's tests are left out: let CI run `uv run python -m pipeline`, which checks the contract on the sample."
    for name in PYTEST_FIRST:
        if prefix + name in repository.entries:
            yield f"{prefix}{name} is read instead of pyproject.toml: add `pythonpath = .` and tests to its `testpaths`."
    version = re.match(r"\s*(\d+)\.(\d+)", repository.text(f"{prefix}.python-version") or "")
    if version and (int(version[1]), int(version[2])) < LOWEST:
        yield f"{prefix}.python-version is {version[0].strip()}: the pipeline needs {LOWEST[0]}.{LOWEST[1]} or newer."
    if built := sum(path.startswith(f"{prefix}build/") for path in repository.entries):
        yield f"{prefix}build/ has {built} committed files, and a run writes there: move them (`git mv {prefix}build …`)."


def _pyproject(repository: TeamRepository, prefix: str) -> dict[str, Any]:
    try:
        value = tomllib.loads(repository.text(f"{prefix}pyproject.toml") or "")
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}
    return value if isinstance(value.get("tool", {}), dict) else {}
