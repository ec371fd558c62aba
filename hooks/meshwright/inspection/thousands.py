"""Recognize numbers with separators of thousands, which no input reads as numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

SEPARATORS = {".": ",", ",": ".", "'": ".", "’": ".", " ": ",", "\u00a0": ",", "\u202f": ","}
"""Separator of thousands -> the sign before the decimals that goes with it."""


def note(name: str, texts: Sequence[str]) -> str:
    """Return how a model converts a column of such texts; empty if they are no such numbers."""
    for separator, comma in SEPARATORS.items():
        for point in dict.fromkeys((comma, ".", ",")):
            if point != separator and (scale := _scale(texts, separator, point)) is not None:
                number = f"replace({name}, '{separator.replace(chr(39), chr(39) * 2)}', '')"
                if point != ".":
                    number = f"replace({number}, '{point}', '.')"
                return (
                    f"{name} has numbers with separators of thousands, and is left as a text. In the model, write"
                    f" cast({number} as decimal(18, {scale}))."
                )
    return ""


def _scale(texts: Sequence[str], separator: str, point: str) -> int | None:
    """Return the most decimals; None if not all texts are numbers, or none shows what its signs mean."""
    sign, dot = re.escape(separator), re.escape(point)
    form = re.compile(rf"[-+]?\d{{1,3}}(?:({sign})\d{{3}})*(?:{dot}(\d+))?|[-+]?\d+(?:{dot}(\d+))?")
    matches = [form.fullmatch(text) for text in texts]
    if not texts or not all(matches):
        return None
    is_shown = any(
        match and match[1] and (match[2] or match[0].count(separator) > 1 or separator not in ".,")
        for match in matches
    )
    return max(len(match[2] or match[3] or "") for match in matches if match) if is_shown else None
