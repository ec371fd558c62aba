"""The dbt project that a repository has: its sources, seeds and models, read from the files, without dbt."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import yaml

from meshwright.adopt.repository import TeamRepository

PROJECT = "dbt_project.yml"
INSTALLED = {"dbt_packages", "dbt_modules", "integration_tests", "target", "node_modules", ".venv"}
"""Folders with projects that are not the repository's own."""
REF = re.compile(r"\bref\s*\(\s*(?:['\"][\w.-]+['\"]\s*,\s*)?['\"]([\w.-]+)['\"]")
SOURCE = re.compile(r"\bsource\s*\(\s*['\"]([^'\"]+)['\"]\s*,\s*['\"]([^'\"]+)['\"]")
COMMENT = re.compile(r"\{#.*?#\}|--[^\n]*|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True)
class SourceTable:
    """A table of a dbt source."""

    source: str
    name: str
    location: str = ""
    """The file that dbt-duckdb reads for it, relative to the project; empty for a table of a database."""


@dataclass(frozen=True)
class Model:
    """A model: its file, what it reads, and what its YAML says of it."""

    name: str
    file: str
    reads: frozenset[str] = frozenset()
    """Models, seeds and snapshots."""
    sources: frozenset[tuple[str, str]] = frozenset()
    described: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DbtProject:
    """A dbt project, as far as its files tell."""

    folder: str
    """Its folder in the repository; empty for the root."""
    settings: Mapping[str, Any]
    """dbt_project.yml."""
    models: Mapping[str, Model]
    tables: tuple[SourceTable, ...]
    seeds: Mapping[str, str]
    """Name -> file."""
    adapter: str = ""
    """The type of the connection in a profiles.yml of the repository."""
    unread: tuple[str, ...] = ()
    """YAML files that are not plain YAML."""

    @property
    def name(self) -> str:
        return str(self.settings.get("name") or "")

    def leaves(self) -> list[Model]:
        """Return the models that no other model reads, those that read most first."""
        read = {name for model in self.models.values() for name in model.reads}
        return sorted(
            (model for model in self.models.values() if model.name not in read),
            key=lambda model: (-len(self.ancestors(model.name)), model.name),
        )

    def ancestors(self, name: str) -> set[str]:
        """Return what a model reads, directly and through other models."""
        found: set[str] = set()
        left = [name]
        while left:
            model = self.models.get(left.pop())
            new = (model.reads if model else frozenset()) - found
            found |= new
            left += new
        return found

    def ambiguous(self) -> set[str]:
        """Return the names of tables that two sources have."""
        return {name for name, count in Counter(table.name for table in self.tables).items() if count > 1}


def projects(repository: TeamRepository) -> list[str]:
    """Return the folders of the repository's own dbt projects, the root as an empty text."""
    found = []
    for path in repository.entries:
        folder = PurePosixPath(path).parent
        if PurePosixPath(path).name == PROJECT and not INSTALLED.intersection(folder.parts):
            found.append("" if folder == PurePosixPath() else folder.as_posix())
    # A project below another one is a package or a test of it.
    return sorted(one for one in found if not any(one != other and _below(one, other) for other in found))


def _below(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


def read(repository: TeamRepository, folder: str) -> DbtProject | None:
    """Return the dbt project in a folder; None if there is none, or if its dbt_project.yml is not YAML."""
    prefix = f"{folder}/" if folder else ""
    settings = _yaml(repository, prefix + PROJECT)
    if not isinstance(settings, dict):
        return None
    unread: list[str] = []
    models: dict[str, Model] = {}
    described: dict[str, dict[str, Any]] = {}
    tables: list[SourceTable] = []
    for path in _files(repository, prefix, _paths(settings, ("model-paths", "source-paths"), "models")):
        name, suffix = PurePosixPath(path).stem, PurePosixPath(path).suffix
        if suffix in (".sql", ".py"):
            code = COMMENT.sub("", repository.text(path) or "")
            models[name] = Model(
                name, path.removeprefix(prefix), frozenset(REF.findall(code)), frozenset(SOURCE.findall(code))
            )
        elif suffix in (".yml", ".yaml"):
            value = _yaml(repository, path)
            if not isinstance(value, dict):
                unread.append(path)
                continue
            described |= {str(item["name"]): item for item in _items(value, "models") if item.get("name")}
            tables += _tables(value)
    seeds = {
        PurePosixPath(path).stem: path.removeprefix(prefix)
        for path in _files(repository, prefix, _paths(settings, ("seed-paths", "data-paths"), "seeds"))
        if path.endswith(".csv")
    }
    models = {
        name: Model(name, model.file, model.reads, model.sources, described.get(name, {}))
        for name, model in models.items()
    }
    adapter = _adapter(repository, prefix, settings)
    return DbtProject(folder, settings, models, tuple(tables), seeds, adapter, tuple(unread))


def _yaml(repository: TeamRepository, path: str) -> Any:
    text = repository.text(path)
    try:
        return yaml.safe_load(text) if text is not None and len(text) < 1_000_000 else None
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def _paths(settings: Mapping[str, Any], keys: tuple[str, ...], default: str) -> list[str]:
    for key in keys:
        value = settings.get(key)
        if isinstance(value, list):
            return [str(path).strip("/").removeprefix("./") for path in value]
    return [default]


def _files(repository: TeamRepository, prefix: str, folders: list[str]) -> Iterator[str]:
    starts = tuple(f"{prefix}{folder}/" if folder not in ("", ".") else prefix for folder in folders)
    yield from (path for path in repository.entries if path.startswith(starts))


def _items(value: Any, key: str) -> Iterator[dict[str, Any]]:
    items = value.get(key) if isinstance(value, dict) else None
    yield from (item for item in (items if isinstance(items, list) else []) if isinstance(item, dict))


def _tables(value: Any) -> Iterator[SourceTable]:
    for source in _items(value, "sources"):
        for table in _items(source, "tables"):
            name = str(table.get("name") or "")
            if not name or not source.get("name"):
                continue
            yield SourceTable(str(source["name"]), name, _location(source, table, name))


def _location(source: Mapping[str, Any], table: Mapping[str, Any], name: str) -> str:
    """Return dbt-duckdb's `external_location`, if it is a path."""
    for item in (table, source):
        for meta in (
            item.get("meta"),
            (item.get("config") or {}).get("meta") if isinstance(item.get("config"), dict) else None,
        ):
            location = meta.get("external_location") if isinstance(meta, dict) else None
            if isinstance(location, str) and "(" not in location:
                return location.replace("{name}", name).replace(
                    "{identifier}", str(table.get("identifier") or name)
                )
    return ""


def _adapter(repository: TeamRepository, prefix: str, settings: Mapping[str, Any]) -> str:
    for path in dict.fromkeys((f"{prefix}profiles.yml", "profiles.yml", ".dbt/profiles.yml")):
        profiles = _yaml(repository, path)
        profile = profiles.get(settings.get("profile")) if isinstance(profiles, dict) else None
        outputs = profile.get("outputs") if isinstance(profile, dict) else None
        if not isinstance(outputs, dict) or not isinstance(profile, dict):
            continue
        target = outputs.get(profile.get("target")) or next(iter(outputs.values()), None)
        if isinstance(target, dict):
            return str(target.get("type") or "")
    return ""
