"""Split a text into words, in the same way for indexing and for searching."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

LONGEST = 40
"""Maximum characters of a word; more would not distinguish it better."""

_WORD = re.compile(r"[^\W_]+")


def words(text: str) -> Iterator[str]:
    """Yield lower-case words without accents, of letters and digits only."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return (found[0][:LONGEST] for found in _WORD.finditer(bare))
