"""The places of a model that platforms understand differently."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from sqlglot import TokenType, exp

from meshwright.check.portable_sql.construct import Construct
from meshwright.check.portable_sql.constructs import CONSTRUCTS, sql_functions
from meshwright.check.portable_sql.jinja import render
from meshwright.check.portable_sql.nodes import line
from meshwright.check.portable_sql.parse import Model, parse
from meshwright.check.portable_sql.sql_tokens import EXPONENT, SqlTokens

SILENCE = re.compile(r"--\s*portable:\s*\S")
"""A comment on a line whose SQL is the same everywhere for a reason that nobody sees in it."""
NUMBER = re.compile(r"[\d.]+e[+-]?\d+")
"""A number with an exponent."""


@dataclass(frozen=True)
class Difference:
    """A place in a model where platforms differ."""

    line: int
    construct: Construct


def differences(text: str, platforms: Collection[str], floating: Collection[str] = ()) -> list[Difference]:
    """Return where a model says something that the platforms understand differently. Raises Unparsable.

    `floating` names the columns, in small letters, that are declared as floating-point numbers.
    """
    model = parse(render(text), floating)
    lines = text.splitlines()
    places: dict[tuple[int, str], Difference] = {}
    for number, construct in _constructs(model):
        silenced = number <= len(lines) and SILENCE.search(lines[number - 1])
        known = places.get((number, construct.id))
        if construct.differs(platforms) and not silenced and not (known and known.construct.certain):
            places[number, construct.id] = Difference(number, construct)
    return [places[place] for place in sorted(places)]


def _constructs(model: Model) -> Iterator[tuple[int, Construct]]:
    for number in model.backticks:
        yield number, CONSTRUCTS["backticks"]
    for place, token in enumerate(model.tokens.tokens):
        if construct := _at_token(model.tokens, place):
            yield token.line, construct
    for tree in model.trees:
        for node in tree.walk():
            for construct in _OF_NODES.get(type(node), ()):
                if construct.is_node(node):
                    yield line(node), construct.at(node)


def _at_token(tokens: SqlTokens, place: int) -> Construct | None:
    word, kind = tokens.words[place], tokens.kinds[place]
    if kind in (TokenType.STRING, TokenType.IDENTIFIER):
        return None
    if kind == TokenType.NUMBER and NUMBER.fullmatch(word):
        word = EXPONENT
    construct = _OF_WORDS.get(word)
    return construct if construct and construct.is_word(tokens, place) else sql_functions.call(tokens, place)


def _of_nodes() -> dict[type[Any], list[Construct]]:
    found: dict[type[Any], list[Construct]] = {}
    for construct in CONSTRUCTS.values():
        for kind in {getattr(exp, name, None): None for name in construct.nodes}:
            if kind:
                found.setdefault(kind, []).append(construct)
    return found


_OF_NODES = _of_nodes()
_OF_WORDS = {word: construct for construct in CONSTRUCTS.values() for word in construct.words}
