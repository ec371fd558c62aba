"""A problem that a rule found, with its place."""

from __future__ import annotations

from dataclasses import dataclass

from meshwright.core.yaml import Document, Keys


@dataclass(frozen=True)
class Problem:
    """A place where a rule is broken."""

    document: Document | str
    """The document, or the path of a file of another kind."""
    keys: Keys
    """Path within the document."""
    detail: str
    """What is wrong, as a sentence."""
    fix: str
    line: int = 1
    """Line in a file of another kind."""
