"""The folders of a dbt project, as its dbt_project.yml names them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

USUAL = {
    "analysis": "analyses",
    "macro": "macros",
    "model": "models",
    "seed": "seeds",
    "snapshot": "snapshots",
    "test": "tests",
}
"""Kind of file -> its folder where `<kind>-paths` names none."""


def described(root: Path) -> list[Path]:
    """Return the YAML files in the folders of models, sorted."""
    found = {file for folder in folders(root) for end in ("*.yml", "*.yaml") for file in folder.rglob(end)}
    return sorted(found)


def folders(root: Path, kind: str = "model") -> list[Path]:
    """Return the folders of one kind, those outside of the repository left out."""
    named = settings(root).get(f"{kind}-paths")
    names = [name for name in named if isinstance(name, str)] if isinstance(named, list) else [USUAL[kind]]
    inside = root.resolve()
    return [folder for name in names if (folder := root / name).resolve().is_relative_to(inside)]


def settings(root: Path) -> dict[str, Any]:
    """Return the content of dbt_project.yml; nothing if it cannot be read, which dbt reports."""
    try:
        value = _project((root / "dbt_project.yml").read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return {}
    return value if isinstance(value, dict) else {}


@lru_cache(maxsize=8)
def _project(text: str) -> Any:
    """Return the content of dbt_project.yml, which a run asks for often."""
    return yaml.safe_load(text)
