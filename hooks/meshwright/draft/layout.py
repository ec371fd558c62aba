"""Where a draft's models and sources go: the folder that dbt reads models from, and files that nobody else wrote."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from meshwright.core.errors import Error
from meshwright.core.yaml import Document, Unreadable, inside, read
from meshwright.draft.record import recorded
from meshwright.product.dbt_folders import described, folders
from meshwright.product.files import SOURCES, SPEC
from meshwright.product.sample_files import is_untouched

SOURCE = "inputs"
READ = re.compile(r"source\(\s*['\"]([^'\"]+)['\"]\s*,\s*['\"]([^'\"]+)['\"]")
BESIDE = "product_inputs.yml"
"""Name of the file of sources where the team has a sources.yml of its own."""


@dataclass(frozen=True)
class Layout:
    """Paths of a draft's files below `models`, or the folder that dbt_project.yml names instead."""

    folder: str
    sources: str

    def model(self, name: str) -> str:
        return f"{self.folder}/{name}.sql"

    def properties(self, name: str) -> str:
        return f"{self.folder}/{name}.yml"


def layout(root: Path) -> Layout:
    """Return where a draft's files go. Raises Error if the last draft's record cannot be read."""
    places = folders(root)
    folder = places[0].relative_to(root).as_posix() if places else Path(SOURCES).parent.as_posix()
    usual, beside = f"{folder}/{Path(SOURCES).name}", f"{folder}/{BESIDE}"
    old = recorded(root)
    for path in (usual, beside):
        if old and path in old.files:
            return Layout(folder, path)
    is_free = not (root / usual).exists() or is_untouched(root, usual) or _has_source(root, usual)
    return Layout(folder, usual if is_free else beside)


def refuse_broken_project(root: Path, name: str, inputs: Collection[str], changes: Collection[str]) -> None:
    """Raise Error if the team's part of the dbt project would no longer run with a draft. `name`: its data set.

    `changes`: the paths that the draft writes or removes.
    """
    kept = [file for folder in folders(root) for file in sorted(folder.rglob("*"))]
    kept = [file for file in kept if file.relative_to(root).as_posix() not in changes]
    own_data = {source for file in described(root) for source in _with_own_data(root, file)}
    for file in kept:
        path = file.relative_to(root).as_posix()
        if file.suffix in (".sql", ".py") and file.stem == name:
            raise Error(
                f"{path} is the model {name}, which the draft would write too. Nothing was changed.",
                f"Give the draft another name, as spec.dataset.name of {SPEC}, or move the model away.",
            )
        if file.suffix in (".yml", ".yaml") and _has_source(root, path):
            raise Error(
                f"{path} has the source {SOURCE}, which the draft would write too. Nothing was changed.",
                "Move the source away if its tables are not needed.",
            )
        for source, table in (
            READ.findall(file.read_text("utf-8", "replace")) if file.suffix == ".sql" else ()
        ):
            if source == SOURCE and table not in inputs:
                raise Error(
                    f"{path} reads the input {table}, which the draft would remove. Nothing was changed.",
                    f"Remove the model if it is not needed, or draft {table} too: --from {table}=SOURCE",
                )
            if source != SOURCE and source not in own_data:
                raise Error(
                    f"{path} reads the source {source}.{table}, which would be no input. Nothing was changed.",
                    f"Remove the model if it is not needed; or write `source('{SOURCE}', '{table}')` there, and draft "
                    f"{table} too: --from {table}=SOURCE",
                )


def _with_own_data(root: Path, file: Path) -> list[str]:
    """Return the sources of a file that dbt itself reads files for, wherever the product's inputs are."""
    document = _sources(root, file.relative_to(root).as_posix())
    return (
        [str(one.get("name")) for _, one in document.items("sources") if "external_location" in str(one)]
        if document
        else []
    )


def _sources(root: Path, path: str) -> Document | None:
    """Return a YAML file; None if it has no sources. Raises Error if it cannot be read."""
    if not inside(root, path) or b"sources" not in (root / path).read_bytes():
        return None
    try:
        return read(root, path)
    except Unreadable as error:
        raise error.of(path) from error


def _has_source(root: Path, path: str) -> bool:
    """Return True if a YAML file has the source that inputs are read as."""
    document = _sources(root, path)
    return document is not None and any(
        SOURCE in (one.get("name"), one.get("schema")) for _, one in document.items("sources")
    )
