"""Rules on files that the spec refers to, and on names that are duplicate or unknown."""

from __future__ import annotations

import glob
import posixpath
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from meshwright.check.rules.base import Rule
from meshwright.core.text import listed
from meshwright.core.yaml import Document, Keys, inside
from meshwright.product import registry
from meshwright.product.files import SPEC
from meshwright.product.grammar import VARIABLE, default
from meshwright.product.problem import Problem

FILES = ("spec.dataset.contract", "spec.access.policy", "spec.dataSharingAgreement.document")
URL = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^/\s]+|/[^/\s])")


class FilesExist(Rule):
    """Every file that the spec refers to is in the repository.

    So code, checks and readers find it. A property of an input is a file if its schema has
    `format: file`. Of a variable, `${NAME:-default}`, the default is checked, because the product runs on it
    without further settings.
    """

    broken = {SPEC: {"spec": {"dataSharingAgreement": {"document": "docs/gone.md"}}}}

    def check(self, root: Path, spec: Document) -> Iterator[Problem]:
        for attribute in FILES:
            path = spec.get(attribute)
            if isinstance(path, str) and path and not inside(root, path):
                yield Problem(
                    spec,
                    tuple(attribute.split(".")),
                    f"There is no file {path} in the repository.",
                    "Fix the path, or write the file.",
                )
        for keys, item in spec.items("spec.inputs"):
            properties = item.get("properties")
            for key, value in (properties if isinstance(properties, dict) else {}).items():
                if not isinstance(value, str) or not _is_file(item, key):
                    continue
                path = default(value)
                if not URL.match(path) and not _matches(root, path):
                    yield Problem(
                        spec,
                        (*keys, "properties", key),
                        f"No file of the repository matches {path!r}.",
                        f"Add {path}, or correct the path."
                        if path and path != value
                        else "Use a sample in the repository as the default, and a variable for the actual path: "
                        "`${NAME:-sample_data/…}`.",
                    )


class VariablesWellFormed(Rule):
    """A variable has the form ${NAME} or ${NAME:-default}, and no other text looks like one."""

    broken = {SPEC: {"spec": {"transform": {"properties": {"vars": {"since": "${SINCE-2013}"}}}}}}

    def check(self, spec: Document) -> Iterator[Problem]:
        for keys, text in spec.texts():
            if (
                "${" in text
                and keys[:1] == ("spec",)
                and "properties" in keys
                and "${" in VARIABLE.sub("", text)
            ):
                yield Problem(
                    spec,
                    keys,
                    f"{text!r} contains a malformed variable.",
                    "Write ${NAME} or ${NAME:-default}.",
                )


class NamesDistinct(Rule):
    """No two inputs, no two outputs, no two service levels and no two use cases have the same name."""

    broken = {
        SPEC: {
            "spec": {
                "outputs": [
                    {"name": "lake", "uses": "parquet@1", "properties": {"path": "build/a"}},
                    {"name": "lake", "uses": "parquet@1", "properties": {"path": "build/b"}},
                ]
            }
        }
    }

    def check(self, spec: Document) -> Iterator[Problem]:
        for part in ("inputs", "outputs", "serviceLevels", "useCases"):
            seen: Counter[str] = Counter()
            for keys, item in spec.items(f"spec.{part}"):
                name = item.get("name")
                if not isinstance(name, str):
                    continue
                seen[name] += 1
                if seen[name] == 2:
                    yield Problem(
                        spec,
                        (*keys, "name"),
                        f"spec.{part} has {name} twice.",
                        "Rename one of them.",
                    )


class UseCasePortsExist(Rule):
    """The output ports of a use case are ports of the product."""

    broken = {
        SPEC: {
            "spec": {
                "useCases": [
                    {"name": "Some use", "users": ["Somebody"], "action": "act", "outputs": ["gone"]}
                ]
            }
        }
    }

    def check(self, spec: Document) -> Iterator[Problem]:
        ports = [item.get("name") for _, item in spec.items("spec.outputs")]
        for keys, item in spec.items("spec.useCases"):
            outputs = item.get("outputs")
            for index, port in enumerate(outputs if isinstance(outputs, list) else []):
                if port not in ports:
                    known = listed(ports)
                    yield Problem(
                        spec,
                        (*keys, "outputs", index),
                        f"There is no output {port}.",
                        f"Use one of: {known}.",
                    )


class PortsStayInBuild(Rule):
    """The default path of an output port is below build/, which git ignores.

    So everybody can run the product, and nobody commits data by mistake. For a deployment, a
    variable sets the path: `${LAKE:-build/ports/lake}`. A URL needs no variable.
    """

    broken = {
        SPEC: {
            "spec": {"outputs": [{"name": "lake", "uses": "parquet@1", "properties": {"path": "../lake"}}]}
        }
    }

    def check(self, spec: Document) -> Iterator[Problem]:
        for keys, path in _port_paths(spec):
            first, *below = posixpath.normpath(path).split("/")
            if not URL.match(path) and (
                first != "build" or below[:1] in ([], ["scratch"], ["state"], ["dbt"])
            ):
                yield Problem(
                    spec,
                    (*keys, "properties", "path"),
                    f"{path!r} is not below build/.",
                    "Use a variable with a default below build/, such as `${LAKE:-build/ports/lake}`.",
                )


class PortPathsDistinct(Rule):
    """No two output ports write to the same path.

    Two ports with one path overwrite each other.
    """

    broken = {
        SPEC: {
            "spec": {
                "outputs": [
                    {"name": "lake", "uses": "parquet@1", "properties": {"path": "build/a"}},
                    {"name": "copy", "uses": "parquet@1", "properties": {"path": "build/a/"}},
                ]
            }
        }
    }

    def check(self, spec: Document) -> Iterator[Problem]:
        seen: set[str] = set()
        for keys, path in _port_paths(spec):
            place = posixpath.normpath(path)
            if place in seen:
                yield Problem(
                    spec,
                    (*keys, "properties", "path"),
                    f"Another port writes to {place}, too.",
                    "Give each port a path of its own.",
                )
            seen.add(place)


def _port_paths(spec: Document) -> Iterator[tuple[Keys, str]]:
    """Yield each output port that has a path, with the path's default; a port with a variable without default is skipped."""
    for keys, item in spec.items("spec.outputs"):
        properties = item.get("properties")
        path = properties.get("path") if isinstance(properties, dict) else None
        if isinstance(path, str) and default(path):
            yield keys, default(path)


def _is_file(item: dict[str, Any], key: str) -> bool:
    """Return True if a property of an input is a file, according to its schema."""
    entry = registry.find("inputs", str(item.get("uses")))
    declared = entry.properties.get("properties", {}).get(key) if entry else None
    return isinstance(declared, dict) and declared.get("format") == "file"


def _matches(root: Path, pattern: str) -> bool:
    """Return True if a pattern matches a file below the root, by the pipeline's rules."""
    if pattern.startswith("/") or ".." in pattern.split("/"):
        return False
    try:
        return any(inside(root, found) for found in glob.iglob(pattern, root_dir=root, recursive=True))
    except (ValueError, OSError, RecursionError, re.error):
        return False
