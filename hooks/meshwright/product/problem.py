"""One place of a product that is not as it has to be."""

from __future__ import annotations

from dataclasses import dataclass

from meshwright.core.yaml import Document, Keys


@dataclass(frozen=True)
class Problem:
    """One place where a rule is not kept."""

    document: Document | str
    """The document, or the path of a file that is none."""
    keys: Keys
    """Where in the document."""
    detail: str
    """What is wrong there, as a sentence."""
    fix: str
    line: int = 1
    """For a file that is no document."""
