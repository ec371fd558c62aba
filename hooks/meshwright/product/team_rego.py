"""Check a team's own Rego: it may only deny more, and read only its input.

Its tokens are compared with an allowlist; anything else is refused. So no builtin that an engine adds later
(a clock, a network, an environment) becomes available by accident.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

PACKAGE = ("package", "product", ".", "access")
IMPORT = ("import", "rego", ".", "v1")
RULES = {"deny": "deny contains reason if { … }", "deny_subject": "deny_subject[id] contains reason if { … }"}
BUILTINS = frozenset(
    [
        "abs",
        "all",
        "any",
        "ceil",
        "contains",
        "count",
        "endswith",
        "floor",
        "indexof",
        "is_array",
        "is_boolean",
        "is_null",
        "is_number",
        "is_object",
        "is_string",
        "lower",
        "max",
        "min",
        "object.get",
        "object.keys",
        "product",
        "round",
        "set",
        "sort",
        "startswith",
        "sum",
        "upper",
    ]
)
KEYWORDS = frozenset(["as", "contains", "else", "every", "false", "if", "in", "not", "null", "some", "true"])
INPUT = {"now": None, "product": None, "role": None, "subjects": None,
         "agreement": frozenset(["approved", "consumer", "description", "end", "id", "product", "purpose", "requester", "role", "start", "status"])}  # fmt: skip
"""The fields of `input`, and the fixed fields within them; a rule with a misspelt one would never deny."""

TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r]+|\#[^\n]*)
  | (?P<newline>\n)
  | (?P<template>\$["`])
  | (?P<text>"(?:[^"\\\n]|\\.)*"|`[^`]*`)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<number>[0-9]+(?:\.[0-9]+)?)
  | (?P<sign>:=|==|!=|<=|>=|[-+*/%&|<>=.,;:\[\]{}()])
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
PLAIN = re.compile(r"[ !#$&-\[\]-~]*")


RESERVED = {name.partition(".")[0] for name in BUILTINS} | {"agreement", "everybody", "columns", "members"}


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    line: int
    head: bool
    """True for the first token of a line outside of all brackets: where rules begin."""


def problems(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield what is not allowed in a team's Rego: line (from 1), what is wrong, fix."""
    tokens = list(_tokens(text))
    for token in tokens:
        if token.kind in ("other", "template"):
            yield token.line, f"{token.text!r} is not allowed here.", "Use plain Rego v1."
        if token.kind == "text" and not PLAIN.fullmatch(token.text[1:-1]):
            fix = "Use plain printable ASCII in it, without backslash, quotation mark and percent sign."
            yield token.line, f"The text {token.text} does not mean the same in every engine.", fix
    words = [token.text for token in tokens]
    if tuple(words[:4]) != PACKAGE or tuple(words[4:8]) != IMPORT:
        yield (
            1,
            "It does not begin with the required lines.",
            "Begin with `package product.access` and `import rego.v1`.",
        )
        return
    body = tokens[8:]
    own = {token.text for index, token in enumerate(body) if _defines_function(body, index)}
    for index, token in enumerate(body):
        if token.kind == "name" and (index == 0 or body[index - 1].text != "."):
            yield from _name(body, index, own)
        elif token.head and token.kind != "name":
            yield token.line, f"A rule cannot begin with {token.text}.", f"Write `{RULES['deny']}`."


def _tokens(text: str) -> Iterator[_Token]:
    line, fresh, depth = 1, True, 0
    for found in TOKEN.finditer(text):
        kind = found.lastgroup or "other"
        depth -= found[0] in ("}", "]", ")")
        if kind not in ("space", "newline"):
            yield _Token(kind, found[0], line, fresh and depth == 0 and found[0] not in ("}", "]", ")"))
        depth += found[0] in ("{", "[", "(")
        fresh = kind == "newline" or (fresh and kind == "space")
        line += found[0].count("\n")


def _name(tokens: list[_Token], index: int, own: set[str]) -> Iterator[tuple[int, str, str]]:
    token = tokens[index]
    path = _path(tokens, index)
    after = index + 2 * len(path) - 1
    following = tokens[after].text if after < len(tokens) else ""
    name = ".".join(path)
    if token.head and token.text in RULES:
        close = after if token.text == "deny" else _closing(tokens, after) + 1
        if (following == "[") != (token.text != "deny") or _text(tokens, close) != "contains":
            yield token.line, f"`{token.text}` must be a set of reasons.", f"Write `{RULES[token.text]}`."
    elif token.head and (token.text in RESERVED or len(path) > 1):
        yield token.line, f"A rule cannot be called `{name}`.", "Give it another name, without a dot."
    elif token.text in ("data", "with", "default", "package", "import", "else"):
        yield (
            token.line,
            f"`{token.text}` is not allowed in a team's policy.",
            "Use only `input` and rules of this file.",
        )
    elif following == "(" and name not in BUILTINS | KEYWORDS | own:
        known = ", ".join(sorted(BUILTINS))
        yield token.line, f"`{name}` is not allowed in a team's policy.", f"Allowed: {known}."
    elif (
        token.text == "if"
        and _text(tokens, index + 1) != "{"
        and tokens[index].line != _line(tokens, index + 1)
    ):
        yield token.line, "The text after `if` is on another line.", "Put it between braces."
    elif token.text == "input":
        yield from _input(token, path)
        if path[1:2] in (["subjects"], ["role"]) and _negated(tokens, index):
            fix = f'Write `object.get({name}, "…", …)` with a default for when it is missing.'
            yield token.line, f"The meaning of `not` differs between engines if `{name}` is missing.", fix


def _input(token: _Token, path: list[str]) -> Iterator[tuple[int, str, str]]:
    known = len(path) > 1 and path[1] in INPUT
    fields = INPUT[path[1]] if known else None
    if not known:
        there = ", ".join(f"input.{name}" for name in sorted(INPUT))
    elif fields and len(path) > 2 and path[2] not in fields:
        there = ", ".join(f"input.{path[1]}.{name}" for name in sorted(fields))
    else:
        return
    problem = f"`{'.'.join(path)}` does not exist, so the rule would never deny."
    yield token.line, problem, f"Use one of {there}."


def _negated(tokens: list[_Token], index: int) -> bool:
    """Return True if the token is part of a negation and not an argument of `object.get`."""
    line = [token for token in tokens[:index] if token.line == tokens[index].line]
    texts = [token.text for token in line]
    since = max((place for place, text in enumerate(texts) if text in (";", "{")), default=-1)
    return "not" in texts[since + 1 :] and texts[-4:] != ["object", ".", "get", "("]


def _path(tokens: list[_Token], index: int) -> list[str]:
    """Return the names from here on that are joined by dots."""
    path = [tokens[index].text]
    while _text(tokens, index + 1) == "." and index + 2 < len(tokens) and tokens[index + 2].kind == "name":
        index += 2
        path.append(tokens[index].text)
    return path


def _defines_function(tokens: list[_Token], index: int) -> bool:
    """Return True if a rule with arguments begins here."""
    if not tokens[index].head or tokens[index].kind != "name" or _text(tokens, index + 1) != "(":
        return False
    close = _closing(tokens, index + 1)
    follows = _text(tokens, close + 1) in ("if", ":=")
    return follows and _line(tokens, close + 1) == tokens[close].line


def _closing(tokens: list[_Token], opening: int) -> int:
    """Return the index of the bracket that closes the one at `opening`; of the last token if none does."""
    depth = 0
    for index in range(opening, len(tokens)):
        depth += (tokens[index].text in ("(", "[", "{")) - (tokens[index].text in (")", "]", "}"))
        if depth == 0:
            return index
    return len(tokens) - 1


def _text(tokens: list[_Token], index: int) -> str:
    return tokens[index].text if index < len(tokens) else ""


def _line(tokens: list[_Token], index: int) -> int:
    return tokens[index].line if index < len(tokens) else 0
