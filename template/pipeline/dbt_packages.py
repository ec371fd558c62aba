"""The packages of a dbt project. All are in the repository, because a run fetches none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from pipeline.dbt_folders import settings
from pipeline.errors import UnreadableInput

FILES = ("packages.yml", "dependencies.yml")
MOST = 100
"""Packages that are looked into."""


def refuse_fetched(root: Path) -> None:
    """Raises UnreadableInput for a package that dbt would fetch from its hub or a git server."""
    if are_committed(root):
        return
    waiting = [root]
    seen: set[Path] = set()
    while waiting and len(seen) < MOST:
        folder = waiting.pop()
        seen.add(folder.resolve())
        for file, package in _packages(folder):
            if isinstance(local := package.get("local"), str):
                if (inner := folder / local).resolve() not in seen:
                    waiting.append(inner)
                continue
            name = next(
                (str(package[key]) for key in ("package", "git", "tarball") if key in package), "a package"
            )
            place = file.relative_to(root) if file.is_relative_to(root) else file
            raise UnreadableInput(
                f"{place}: a run fetches no packages, and {name} is not in the repository.",
                fix="Copy it to packages/NAME, commit it, and name it in packages.yml as `- local: packages/NAME`"
                f"{'' if folder == root else f'; remove it from {place}'}. Nothing was read.",
            )


def are_committed(root: Path) -> bool:
    """Return True if the packages are where dbt installs them, in a folder of the repository's own."""
    folder = root / str(settings(root).get("packages-install-path") or "dbt_packages")
    inside = (
        folder.resolve().is_relative_to(root.resolve()) and "build" not in folder.relative_to(root).parts[:1]
    )
    return inside and folder.is_dir() and any(folder.iterdir())


def _packages(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the packages that a project names, and the file that does; dbt reports what cannot be read."""
    for file in (folder / name for name in FILES):
        try:
            value = yaml.safe_load(file.read_text("utf-8-sig"))
        except (OSError, ValueError, RecursionError, yaml.YAMLError):
            continue
        listed = value.get("packages") if isinstance(value, dict) else None
        for one in listed if isinstance(listed, list) else []:
            if isinstance(one, dict):
                yield file, one
