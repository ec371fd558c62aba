"""Where a result has what was looked for, and how a query was probably meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

from meshwright.serve.search_index import Ranking
from meshwright.serve.search_terms import stem, words

if TYPE_CHECKING:
    from markupsafe import Markup

NAMED = 4
"""Columns and values that a result names."""
_WORD = re.compile(r"[^\W_]+")


def marked(text: str, stems: AbstractSet[str]) -> Markup:
    """Return a text, escaped, with the words marked that were looked for."""
    from markupsafe import Markup, escape

    parts, end = [], 0
    for found in _WORD.finditer(text) if stems else ():
        if _is_one(found[0], stems):
            parts += [
                escape(text[end : found.start()]),
                Markup("<mark>"),
                escape(found[0]),
                Markup("</mark>"),
            ]
            end = found.end()
    return Markup("").join([*parts, escape(text[end:])])


def found_in(summary: Mapping[str, Any], stems: AbstractSet[str]) -> Mapping[str, Sequence[str]]:
    """Return the columns and values of a result that have a word that was looked for, by what they are."""
    found = {
        part: [name for name in summary[part] if _is_one(name, stems)][:NAMED]
        for part in ("columns", "values")
    }
    return {part: names for part, names in found.items() if names} if stems else {}


def suggestion(ranking: Ranking, results: Sequence[Mapping[str, Any]]) -> str:
    """Return a query as it was probably meant, in words of the results; empty if every word is known."""
    if not ranking.meant:
        return ""
    forms: dict[str, str] = {}
    for word in _words(results):
        forms.setdefault(stem(word), word)
    meant = dict(ranking.meant)
    return " ".join(forms.get(meant[word], meant[word]) if word in meant else word for word in ranking.words)


def _words(results: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for summary in results[:5]:
        for text in (summary["title"], summary["purpose"], *summary["columns"], *summary["values"]):
            yield from words(text)


def _is_one(text: str, stems: AbstractSet[str]) -> bool:
    return any(stem(word) in stems for word in words(text))
