"""Every verb names the extras that bring the packages it imports, so that what it prints for a missing one helps."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from importlib import import_module, metadata
from pathlib import Path

import pytest
from checkout import ROOT

from meshwright.cli import VERBS

PACKAGE = ROOT / "hooks" / "meshwright"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
SHARED = "only `catalog share` and `catalog serve --shares`, which name their extras"
AGENTS = "only `catalog mcp`, which names its extras"
ELSEWHERE = {
    "meshwright.catalog.agents.port_query": AGENTS,
    "meshwright.catalog.agents.query_process": AGENTS,
    "meshwright.catalog.agents.server": AGENTS,
    "meshwright.serve.routes.sharing_routes": SHARED,
    "meshwright.serve.sharing.shared_ports": SHARED,
    "meshwright.serve.sharing.shared_table": SHARED,
    "meshwright.catalog.sample": "only `catalog sample`, which names its extras, and `publish`, which goes on without",
    "meshwright.product.breaking.contract_rules": "only `check --against`, which names its extra",
    "meshwright.product.column_types": "only conversions of Arrow's types, by those that have such data",
}
"""Modules whose imports other verbs reach, but do not execute."""


def modules() -> Mapping[str, Path]:
    files = {}
    for file in PACKAGE.rglob("*.py"):
        parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
        files[".".join(parts).removesuffix(".__init__")] = file
    return files


MODULES = modules()


def imported(module: str) -> Iterator[str]:
    tree = ast.parse(MODULES[module].read_text("utf-8"))
    blocks = [
        one for one in ast.walk(tree) if isinstance(one, ast.If) and "TYPE_CHECKING" in ast.dump(one.test)
    ]
    for_types = {id(node) for block in blocks for node in ast.walk(block)}
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def third_party(start: str) -> Mapping[str, set[str]]:
    """Package -> modules of ours that import it, as far as they are reached."""
    reached: set[str] = set()
    packages: dict[str, set[str]] = defaultdict(set)
    left = [start]
    while left:
        module = left.pop()
        if module in reached or module in ELSEWHERE:
            continue
        reached.add(module)
        left += [parent] if (parent := module.rpartition(".")[0]) in MODULES else []
        for name in imported(module):
            top = name.partition(".")[0]
            if name in MODULES:
                left.append(name)
            elif top != "meshwright" and top not in sys.stdlib_module_names:
                packages[top].add(module)
    return packages


def canonical(requirement: str) -> str:
    return re.split(r"[\[<>=~!; (]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def installed(requirements: list[str]) -> set[str]:
    """The distributions that requirements bring, with those that they need themselves."""
    brought: set[str] = set()
    left = [canonical(one) for one in requirements]
    while left:
        name = left.pop()
        if name in brought:
            continue
        brought.add(name)
        try:
            needed = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        left += [canonical(one) for one in needed if "extra ==" not in one]
    return brought


@pytest.mark.parametrize("verb", VERBS)
def test_extras_bring_what_a_verb_imports(verb: str) -> None:
    command = getattr(import_module(f"meshwright.{verb}.command"), VERBS[verb])
    extras = [PROJECT["optional-dependencies"][extra] for extra in command.extra.split(",") if extra]
    brought = installed([*PROJECT["dependencies"], *(one for extra in extras for one in extra)])
    distributions = metadata.packages_distributions()
    lacking = {
        package: sorted(by)
        for package, by in third_party(f"meshwright.{verb}.command").items()
        if not brought & {canonical(one) for one in distributions.get(package, [package])}
    }
    assert not lacking
