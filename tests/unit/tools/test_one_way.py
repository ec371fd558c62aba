"""Some things are done in one place of the package. A second way of doing them fails here."""

from __future__ import annotations

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest
from checkout import ROOT

PACKAGE = ROOT / "hooks" / "meshwright"
CLIENTS = {
    "urllib3",
    "http.client",
    "urllib.request",
    "requests",
    "httpx",
    "aiohttp",
    "pycurl",
    "socketserver",
}
HARMLESS = {"url2pathname", "pathname2url"}
"""Functions of urllib.request that ask nobody."""


def modules(*rooms: str) -> list[Path]:
    """All modules but those of the rooms."""
    homes = [PACKAGE / room for room in rooms]
    found = sorted(PACKAGE.rglob("*.py"))
    assert len(found) > 100 and all(home.exists() for home in homes)
    return [path for path in found if not any(path.is_relative_to(home) for home in homes)]


def imported(path: Path) -> set[str]:
    """The modules, and the names of modules, that a module imports anywhere."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_only_the_client_builds_http() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in modules("core/http")
        for name in sorted(imported(path))
        if any(name == client or name.startswith(f"{client}.") for client in CLIENTS)
        and name.rpartition(".")[2] not in HARMLESS
    ]
    assert not found, "\n".join(["core/http is the one client; its guards are options.", *found])


STANDALONE = {"column_types.py", "grammar.py", "physical_types.py", "promises.py"}
"""Files of product/ that products get as they are, and that import nothing of the package."""


def test_nothing_but_a_dialect_quotes() -> None:
    doubled = re.compile(
        r"""replace\(\s*(?:'"',\s*'""'|"'",\s*"''"|"\\"",\s*"\\"\\""|'\\'',\s*'\\'\\''|["']`["'],\s*["']``["'])"""
    )
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in modules("core/sql")
        if path.name not in STANDALONE
        for match in doubled.finditer(path.read_text("utf-8"))
    ]
    assert not found, "\n".join(["core/sql has one module a dialect.", *found])


@pytest.mark.parametrize(
    ("way", "home"),
    [
        (r"""client\(\s*["']s3["']""", "product/store"),
        (r"get_object\(|list_objects", "product/store"),
        (r"getaddrinfo\(", "core/http"),
    ],
)
def test_a_thing_is_done_in_one_place(way: str, home: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}"
        for path in modules(home)
        for text in [path.read_text("utf-8")]
        for match in re.finditer(way, text)
    ]
    assert not found, "\n".join([f"hooks/meshwright/{home} does that.", *found])


def test_no_module_imports_in_a_circle() -> None:
    graph = grimp.build_graph(
        "meshwright"
    )  # lazy imports too; packages count as the module that they also are
    needs = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert list(TopologicalSorter(needs).static_order())[-1]  # raises CycleError


LARGE = {"product/promises.py", "inspection/reading/"}
"""Modules that are one table with its readers, or copies of a product's, and that products get as one file."""


def test_a_module_has_room_for_one_subject() -> None:
    lines = {path: len(path.read_text("utf-8").splitlines()) for path in modules()}
    found = [f"{path.relative_to(ROOT)}: {count} lines" for path, count in lines.items() if count > 450]
    found = [one for one in found if not any(name in one for name in LARGE)]
    assert not found, "\n".join(["Split it by subject; a reader finds a module by its name.", *found])
