"""Render each text of a template once for each set of values that it reads.

The repositories of a mesh share most answers, so that most of their files are the same. A text whose result can depend
on more than the values that it names is rendered each time: one with a filter that draws lots or reads the clock, one
that changes a list, one that names what it includes by an expression.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import TemplateError, TemplateNotFound, meta, nodes
from jinja2.filters import FILTERS

MOST_RESULTS, MOST_CHARACTERS = 64, 65_536
"""Limits for the results that are kept for one text."""

REPEATABLE_FILTERS = (set(FILTERS) - {"random"}) | {
    *("b64decode", "b64encode", "basename", "bool", "combine", "dirname", "extract", "flatten", "from_json"),
    *("from_yaml", "hash", "mandatory", "md5", "quote", "regex_escape", "regex_findall", "regex_replace"),
    *(
        "regex_search",
        "sha1",
        "splitext",
        "subelements",
        "ternary",
        "to_json",
        "to_nice_json",
        "to_nice_yaml",
    ),
    *("to_uuid", "to_yaml", "type_debug"),
}
"""Filters whose result follows from their arguments alone."""
REPEATABLE_GLOBALS = {"dict", "namespace", "pathjoin", "range"}
CHANGING_METHODS = {
    *("add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove", "reverse"),
    *("setdefault", "sort", "update"),
}
CONFIGURATION, ANSWERS_FILE = "_copier_conf", "_copier_conf.answers_file"
"""What Copier's templates name their answers file by: the one part of its configuration that is a key here."""

MISSING = object()


class RenderedOnce:
    """A compiled template that keeps its results by the values of the names that it reads."""

    def __init__(self, template: Any, names: frozenset[str] | None) -> None:
        """`names` is None if the result depends on more than values."""
        self._template, self._names = template, names
        self._results: dict[tuple[Any, ...], str] = {}
        self._most = MOST_RESULTS

    def __getattr__(self, name: str) -> Any:
        return getattr(self._template, name)  # Jinja includes and imports it as the template that it is

    def render(self, *arguments: Any, **values: Any) -> str:
        context = dict(*arguments, **values)
        key = None if self._names is None else key_of(self._names, context)
        if key is None:
            return str(self._template.render(context))
        if key not in self._results:
            result = str(self._template.render(context))
            self._most = min(self._most, max(4, MOST_CHARACTERS // (len(result) + 1)))
            if len(self._results) >= self._most:
                self._results.clear()
            self._results[key] = result
        return self._results[key]


def key_of(names: frozenset[str], context: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """Return the values of these names in a form that can be compared; None if one has no such form."""
    try:
        return tuple(_comparable(_value(name, context)) for name in sorted(names))
    except TypeError:
        return None


def _value(name: str, context: Mapping[str, Any]) -> Any:
    if name == ANSWERS_FILE:
        return str(context[CONFIGURATION]["answers_file"])
    return context.get(name, MISSING)


def _comparable(value: Any) -> Any:
    """Return a value that can be a key, and equals another's only if both are of one type. Raises TypeError."""
    kind = type(value)
    if kind is str or value is MISSING:
        return value
    if kind in (bool, int, float, type(None)):
        return kind, value
    if kind in (list, tuple):
        return kind, *map(_comparable, value)
    if kind is dict:
        return kind, *((_comparable(key), _comparable(item)) for key, item in value.items())
    raise TypeError(f"{kind} is not compared")


def names_in(
    environment: Any, source: str, file: str | None = None, *, yields: bool = False
) -> frozenset[str] | None:
    """Return the names whose values decide what a text renders to; None if there is more that decides it.

    `file`: the template's file that the text is from, for what it includes. `yields`: with Copier's `yield` tag, which
    renders to what it leaves in the environment, names still decide.
    """
    names: set[str] = set()
    waiting, seen = [source], {file}
    while waiting:
        text = waiting.pop()
        if "yield" in text and not yields:
            return None
        try:
            tree = environment.parse(text)
            found = _names(environment, tree)
            included = list(meta.find_referenced_templates(tree))
            if found is None or None in included:
                return None
            names |= found
            for other in [name for name in included if name not in seen]:
                waiting.append(environment.loader.get_source(environment, other)[0])
                seen.add(other)
        except (TemplateError, TemplateNotFound, UnicodeDecodeError):
            return None  # the error is for whoever renders it
    return frozenset(names)


def _names(environment: Any, tree: nodes.Template) -> set[str] | None:
    if any(node.name not in REPEATABLE_FILTERS for node in tree.find_all(nodes.Filter)):
        return None
    if any(node.attr in CHANGING_METHODS for node in tree.find_all(nodes.Getattr)):
        return None
    # Jinja leaves out the globals, which a value of the same name hides.
    known = {node.name for node in tree.find_all(nodes.Name) if node.name in environment.globals}
    if known - REPEATABLE_GLOBALS:
        return None
    names = meta.find_undeclared_variables(tree) | known
    if CONFIGURATION in names:
        uses = sum(node.name == CONFIGURATION for node in tree.find_all(nodes.Name))
        if uses == sum(1 for _ in _answers_files(tree)):
            return {*names, ANSWERS_FILE} - {CONFIGURATION}
    return names


def _answers_files(tree: nodes.Template) -> Iterator[nodes.Getattr]:
    for node in tree.find_all(nodes.Getattr):
        of = node.node
        if node.attr == "answers_file" and isinstance(of, nodes.Name) and of.name == CONFIGURATION:
            yield node
