"""The dbt project that a repository has, and what it says of the product: its data set, its inputs, its owner."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from meshwright.adopt.repository import TeamRepository
from meshwright.core.errors import Error
from meshwright.core.text import printable
from meshwright.inspection.dbt_project import PROJECT, DbtNode, DbtProject, read

NOT_OWN = {"dbt_packages", "dbt_modules", "integration_tests", "target", "node_modules", ".venv"}
"""Folders with projects that are not the repository's own."""


@dataclass(frozen=True)
class OwnProject:
    """A dbt project, read from a copy of its files."""

    copy: Path
    project: DbtProject
    adapter: str = ""
    """The type of the connection in a profiles.yml of the repository."""
    problem: str = ""
    """Why its files cannot be read, if so; no models and sources are known then."""

    @cached_property
    def models(self) -> Mapping[str, DbtNode]:
        return {node.name: node for node in self.project.models}

    @cached_property
    def seeds(self) -> Mapping[str, DbtNode]:
        return {node.name: node for node in self.project.of("seed") if node.path}

    @cached_property
    def sources(self) -> Mapping[str, DbtNode]:
        """The tables of sources that models read, by `source.table`."""
        used = {name for node in self.project.nodes if node.kind != "source" for name in node.reads}
        return {node.name: node for node in self.project.sources if node.name in used}

    @cached_property
    def unknown_sources(self) -> list[str]:
        """The tables of sources that models read and no YAML file describes."""
        known = {node.name for node in self.project.sources}
        return sorted({name for node in self.models.values() for name in node.reads if "." in name} - known)

    @cached_property
    def ambiguous(self) -> set[str]:
        """The names of tables that two sources have."""
        count = Counter(name.rpartition(".")[2] for name in self.sources)
        return {name for name, number in count.items() if number > 1}

    @cached_property
    def hub_packages(self) -> list[str]:
        """The packages that are not in the repository."""
        if (self.copy / "dbt_packages").is_dir():
            return []
        return [name for name in self.project.packages if not (self.copy / name).is_dir()]

    def location(self, source: DbtNode) -> str:
        """Return the file that dbt-duckdb reads for a source's table; empty if it is a table of a database."""
        text = source.meta.get("external_location")
        if not isinstance(text, str) or re.search(
            r"[\x00-\x1f(*${}]", re.sub(r"\{(name|identifier)\}", "", text)
        ):
            return ""
        if text.startswith("/") or ".." in text.split("/"):
            return ""  # outside of the repository
        table = source.name.rpartition(".")[2]
        return text.replace("{name}", table).replace("{identifier}", source.identifier or table)

    def candidates(self) -> list[DbtNode]:
        """Return the models that nothing else reads, those that read most first; never a staging model if there are others."""
        read_by_models = {name for node in self.models.values() for name in node.reads}
        leaves = [node for node in self.models.values() if node.name not in read_by_models]
        return sorted(
            leaves, key=lambda node: (-bool(node.columns), -len(self.ancestors(node.name)), node.name)
        )

    def ancestors(self, name: str) -> set[str]:
        """Return what a model reads, directly and through other models."""
        found: set[str] = set()
        left = [name]
        while left:
            node = self.models.get(left.pop())
            new = {*(node.reads if node else ())} - found
            found |= new
            left += new
        return found


def projects(repository: TeamRepository) -> list[str]:
    """Return the folders of the repository's own dbt projects, the root as an empty text."""
    found = []
    for path in repository.entries:
        folder = PurePosixPath(path).parent
        if PurePosixPath(path).name == PROJECT and not NOT_OWN.intersection(folder.parts):
            found.append("" if folder == PurePosixPath() else folder.as_posix())
    # A project below another one is a package or a test of it.
    return sorted(one for one in found if not any(one != other and _below(one, other) for other in found))


def _below(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


def own_project(repository: TeamRepository, folder: str, copy: Path) -> OwnProject | None:
    """Return the dbt project in a folder, whose files are copied; None if there is none. Raises Error for a clone without them."""
    prefix = f"{folder}/" if folder else ""
    if prefix + PROJECT not in repository.entries:
        return None
    repository.extract(repository.head, copy, prefix)
    problem = ""
    try:
        project = read(copy / folder)
    except Error as error:
        # Such as a merge key, which dbt takes: a person writes spec and contract then.
        problem = printable(error.sentence.replace(f"{copy}/", ""))
        settings = _yaml(repository.text(prefix + PROJECT))
        settings = settings if isinstance(settings, dict) else {}
        project = DbtProject(str(settings.get("name") or ""), copy / folder, ())
    return OwnProject(copy / folder, project, _adapter(repository, prefix, project.profile), problem)


def _adapter(repository: TeamRepository, prefix: str, name: str) -> str:
    for path in dict.fromkeys((f"{prefix}profiles.yml", "profiles.yml", ".dbt/profiles.yml")):
        profiles = _yaml(repository.text(path))
        profile = profiles.get(name) if isinstance(profiles, dict) else None
        outputs = profile.get("outputs") if isinstance(profile, dict) else None
        if not isinstance(outputs, dict) or not isinstance(profile, dict):
            continue
        target = outputs.get(str(profile.get("target"))) or next(iter(outputs.values()), None)
        if isinstance(target, dict):
            return str(target.get("type") or "")
    return ""


def _yaml(text: str | None) -> Any:
    try:
        return yaml.safe_load(text) if text is not None else None
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
