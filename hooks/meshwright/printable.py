"""Texts that nobody vouches for, as a terminal may see them."""

from __future__ import annotations

from meshwright.git import without_credentials


def printable(words: str, lines: bool = False) -> str:
    """A text from a repository that nobody vouches for: it steers no terminal, and keeps to its line.

    With `lines` it may have several, as files have; otherwise credentials are taken out, too.
    """
    allowed = "\n\t" if lines else ""
    return "".join(
        sign if sign in allowed or sign.isprintable() else f"\\x{ord(sign):02x}"
        for sign in (words if lines else without_credentials(words))
    )
