"""A model without its Jinja, so that it can be parsed as SQL."""

from __future__ import annotations

import re

JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
NOTHING = re.compile(
    r"\{\{-?\s*(?:config|return|log|print|exceptions\.|.*\bloop\.(?:last|first)\b)", re.DOTALL
)
RELATION = re.compile(
    r"\{\{-?\s*(?:ref|source)\(.*?['\"](?P<name>\w+)['\"]\s*(?:,\s*v(?:ersion)?\s*=\s*\d+)?\)\s*-?\}\}",
    re.DOTALL,
)
TAG = re.compile(r"\{%-?\s*(?P<word>\w+)(?P<rest>.*?)-?%\}", re.DOTALL)
SKIPPED = {"macro": "endmacro", "call": "endcall", "test": "endtest", "docs": "enddocs"}


def render(text: str) -> str:
    """Return a model without its Jinja: refs are names, other expressions are columns, and every line stays where it is.

    Of an `if`, the first branch stays; what a macro or a call holds is left out.
    """
    parts: list[str] = []
    position, until, hidden = 0, "", [False]

    def add(piece: str) -> None:
        # What is left out leaves its lines.
        parts.append("\n" * piece.count("\n") if until or any(hidden) else piece)

    for found in JINJA.finditer(text):
        add(text[position : found.start()])
        position, piece = found.end(), found[0]
        lines = "\n" * piece.count("\n")
        tag = TAG.match(piece)
        word = tag["word"] if tag else ""
        if until:
            until = "" if word == until else until
        elif word in SKIPPED:
            until = SKIPPED[word]
        elif tag and word == "set" and "=" not in tag["rest"]:
            until = "endset"
        elif word == "if":
            hidden.append(False)
        elif word in ("elif", "else") and len(hidden) > 1:
            hidden[-1] = True
        elif word == "endif" and len(hidden) > 1:
            hidden.pop()
        elif not any(hidden) and piece.startswith("{{") and not NOTHING.match(piece):
            relation = RELATION.fullmatch(piece)
            parts.append(relation["name"] if relation else "jinja")
        parts.append(lines)
    add(text[position:])
    return "".join(parts)
