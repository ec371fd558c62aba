"""The project's former words of its own are gone: docs and design say what is written instead."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from checkout import ROOT

FORMER = re.compile(r"(?i)mend(?:s|ed|ing)?|flaws?|residuals?|troubles?|books?|carried")
"""Words that names and headings have no part of: fix, issue, manual action, blocker, registry, inherited."""
REPORTED = re.compile(r"_?(?:told|said|tell|telling)")
"""Names of functions that do not say what they return."""
ANSWERS = re.compile(r"(?i)(?:un)?wanted|told|said|asked")
"""Names that do not say what they hold: what is desired, what was reported, what somebody answered."""
PUBLIC = {"PurposeSaid", "UseCasesTold", "SharingTold"}
"""Ids of fitness functions and of a rule, which fitness.yaml, findings and stored assessments name."""
STATES = re.compile(r"(?i)found|there")
"""Names that do not say which state they hold; elsewhere than in these rooms they hold what a search returns."""
CLEAR_ROOMS = ("access", "core/git_history")
PHRASES = re.compile(r"(?i)\b(?:mend(?:s|ed|ing)?|flaws?|residuals?|address books?)\b")
"""What no message and no page says."""
OLD_KEYS = {"mend", "flaws", "residuals"}
"""Keys of JSON, which older releases wrote: see meshwright.core.renamed."""
SOURCES = ("hooks", "template", "blueprints", "tools", "bench", "tests")


def modules(*folders: str) -> list[Path]:
    return [
        path
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not {".venv", "build", "hooks.py"} & {*path.parts} and path != Path(__file__)
    ]


def parsed(path: Path) -> ast.Module | None:
    try:
        return ast.parse(path.read_text("utf-8"))
    except SyntaxError:  # Jinja, until Copier or Cookiecutter has read it
        return None


def names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                if not name.startswith("test_"):
                    yield node.lineno, name
            case ast.keyword(arg=str(name)):
                yield node.value.lineno, name
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
            ):
                yield node.lineno, name
            case ast.alias(name=imported, asname=name):
                yield node.lineno, name or imported.rpartition(".")[2]


def test_no_name_has_a_former_word() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in modules(*SOURCES)
        if (tree := parsed(path))
        for line, name in names(tree)
        if any(FORMER.fullmatch(part) for part in re.split(r"_|(?<=[a-z])(?=[A-Z])", name))
    ]
    assert not found, "\n".join(found)


def vague(folder: str, words: re.Pattern[str]) -> list[str]:
    """Return the places in a folder where a name has one of these words."""
    return [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in modules(folder)
        if (tree := parsed(path))
        for line, name in [(0, path.stem), *names(tree)]
        if name not in PUBLIC
        if not name.endswith("NotFoundError")  # Python's own, and deltalake's
        if any(words.fullmatch(part) for part in re.split(r"_|(?<=[a-z])(?=[A-Z])", name))
    ]


@pytest.mark.parametrize("folder", [folder for folder in SOURCES if folder != "tests"])
def test_a_name_says_what_it_holds(folder: str) -> None:
    assert not (places := vague(folder, ANSWERS)), "\n".join(places)


@pytest.mark.parametrize("room", CLEAR_ROOMS)
def test_a_name_says_which_state_it_holds(room: str) -> None:
    assert not (places := vague(f"hooks/meshwright/{room}", STATES)), "\n".join(places)


def test_a_function_is_called_what_it_does() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.name}"
        for path in modules("hooks", "template", "blueprints", "tools")
        if (tree := parsed(path))
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and REPORTED.fullmatch(node.name)
    ]
    assert not found, "\n".join(found)


def test_no_message_says_a_former_word() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.value[:80]!r}"
        for path in modules("hooks", "template", "blueprints", "tools")
        if (tree := parsed(path))
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and PHRASES.search(node.value)
        and node.value not in OLD_KEYS
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("folder", ["docs/tutorials", "docs/how-to", "docs/reference", "."])
def test_no_page_says_a_former_word(folder: str) -> None:
    pages = (ROOT / folder).glob("*.md") if folder == "." else (ROOT / folder).rglob("*.md")
    found = [
        f"{page.relative_to(ROOT)}:{number}: {line[:100]}"
        for page in sorted(pages)
        if page.name != "CHANGELOG.md"
        for number, line in enumerate(page.read_text("utf-8").splitlines(), 1)
        if PHRASES.search(re.sub(r"`[^`]*`", "", line))
    ]
    assert not found, "\n".join(found)
