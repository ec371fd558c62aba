"""Let the tests use the last run on the sample, if nothing that it depends on has changed since.

A run leaves in build/run.json the hash of everything that decided its result: all files of the repository, the
interpreter, the installed packages, and the environment variables that the files name. Where an input, a platform or a
port is outside of the repository, no hash knows its content, and the tests run the pipeline themselves.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from pipeline import grammar, spec
from pipeline.spec import Capability, Product

LOCAL = {
    "inputs": {"file@1", "data-product@1", "database@1", "rest-api@1"},
    "platforms": {"duckdb@1"},
    "outputs": {"parquet@1", "delta@1", "iceberg@1"},
}
"""Capabilities that read and write only where their properties say."""
NO_CONTENT = {
    *("build", ".git", ".github", ".gitlab", ".venv"),
    *("__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache"),
}
"""Folders that a run does not read: what it makes itself, the forge's, and caches."""
OF_DBT = {"logs", "target", "dbt_packages"}
"""Folders at the root that dbt makes when it is called by hand."""
YOUNG = timedelta(hours=1)
"""Age up to which a run is used: SQL may read the clock."""
DATA = {".csv", ".tsv", ".json", ".jsonl", ".parquet", ".gz", ".zst", ".sqlite"}
LARGE = 2**20
"""Suffixes, and bytes of a file from which on it is data, which names no environment variables."""
OURS = "PIPELINE_"
"""Prefix of the variables that the pipeline sets itself."""
OF_THE_SHELL = {"_", "PATH", "PWD", "OLDPWD", "SHLVL", "TERM", "LINES", "COLUMNS"}
"""Variables that differ from command to command, and decide no result."""

_started_with = dict(os.environ)
"""The environment before a library or the pipeline changed it."""


def reusable(root: Path) -> tuple[dict[str, Any], str]:
    """Return the report of the last run on the sample, and why there is none to use; one of both is empty."""
    try:
        product = spec.load(root, environment={})
        if not (now := basis(product, {})):
            return {}, "an input, the platform or a port is outside of the repository"
        report: dict[str, Any] = json.loads((root / "build" / "run.json").read_text("utf-8"))
        known = report.get("sample")
        if report["outcome"] != "published" or known is None:
            return {}, "the last run is not a green one on the sample without variables"
        if datetime.now(UTC) - datetime.fromisoformat(report["startedAt"]) > YOUNG:
            return {}, "the last run is more than an hour old"
        if known["basis"] != now:
            return {}, "something has changed since the last run"
        if known["ports"] != served(report):
            return {}, "a port's files have changed since the last run"
        return report, ""
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}, "there is no readable run"


def basis(product: Product, environment: Mapping[str, str]) -> str:
    """Return the hash of what decides the result of a run on the sample; empty if this is no such run, or nothing can tell."""
    if product.target or not _is_local(product) or _is_changed(product, environment):
        return ""
    digest = hashlib.sha256()
    named: set[str] = set()
    names = re.compile(rb"\b(?:" + b"|".join(re.escape(name.encode()) for name in _started_with) + rb")\b")
    try:
        for file in _files(product.root):
            content = file.read_bytes()
            digest.update(f"{file.relative_to(product.root).as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
            if file.suffix not in DATA and len(content) < LARGE:
                named.update(name.decode() for name in names.findall(content))
        installed = sorted(_installed())
    except (OSError, ValueError):
        return ""
    variables = {
        name: _started_with[name] for name in sorted(named - OF_THE_SHELL) if not name.startswith(OURS)
    }
    digest.update(json.dumps([sys.version, os.path.realpath(sys.prefix), installed, variables]).encode())
    return digest.hexdigest()


def served(report: Mapping[str, Any]) -> str:
    """Return a hash of the state of all ports' files."""
    state = []
    for location in report["ports"].values():
        place = Path(location)
        files = [place] if place.is_file() else sorted(file for file in place.rglob("*") if file.is_file())
        state += [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return hashlib.sha256(json.dumps(state).encode()).hexdigest()


def _files(root: Path) -> Iterator[Path]:
    """Yield all files that a run may read, in order. Raises ValueError for a link to a folder, whose content is elsewhere."""
    for folder, folders, files in os.walk(root, onerror=_fail):
        folders[:] = entered(root, Path(folder), folders)
        for name in folders:
            if (link := Path(folder, name)).is_symlink():
                raise ValueError(f"{link} is a link to a folder")
        for name in sorted(files):
            file = Path(folder, name)
            # Other tests than dbt's, which are SQL and YAML, only look at the result.
            if not (file.suffix == ".py" and file.is_relative_to(root / "tests")):
                yield file


def entered(root: Path, folder: Path, names: Iterable[str]) -> list[str]:
    """Return the folders in `folder` that a run may read, in order."""
    others = NO_CONTENT | OF_DBT if folder == root else NO_CONTENT
    return sorted(
        name for name in names if name not in others and not (folder / name / "pyvenv.cfg").exists()
    )


def _fail(error: OSError) -> None:
    raise error


def _installed() -> Iterator[str]:
    """Yield the names and versions of the installed packages, which are those of their metadata's folders."""
    for folder in sys.path:
        if os.path.isdir(folder):
            yield from (
                name for name in os.listdir(folder) if name.endswith((".dist-info", ".egg-info", ".pth"))
            )


def _is_changed(product: Product, environment: Mapping[str, str]) -> bool:
    """Return True if a variable that the spec names has a value."""
    text = (product.root / spec.FILE).read_text("utf-8")
    return any(environment.get(match["name"]) for match in grammar.VARIABLE.finditer(text))


def is_sample(product: Product, environment: Mapping[str, str]) -> bool:
    """Return True for a run on the sample: in no environment, without variables of the spec, and on files of the repository."""
    return not (product.target or _is_changed(product, environment)) and _are_inside(product, product.inputs)


def _is_local(product: Product) -> bool:
    """Return True if everything that is read and written is in the repository."""
    return _are_inside(product, (*product.inputs, product.platform, *product.outputs))


def _are_inside(product: Product, used: tuple[Capability, ...]) -> bool:
    """Return True if what capabilities name is in the repository."""
    if any(one.uses not in LOCAL[one.kind] for one in used):
        return False
    named = [text for one in used for text in texts(one.properties)]
    for source in product.inputs:
        if (registry := source.properties.get("addresses")) and _is_inside(registry):
            named += texts(yaml.safe_load((product.root / registry).read_text("utf-8")))
    return all(map(_is_inside, named))


def texts(value: Any) -> Iterator[str]:
    """Yield all texts in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def _is_inside(text: str) -> bool:
    """Return True unless a text is an address, or a path out of the repository."""
    path = Path(text.removeprefix("sqlite:///"))
    return not (
        "://" in str(path)
        or ":/" in str(path)
        or path.is_absolute()
        or ".." in path.parts
        or text.startswith("~")
    )
