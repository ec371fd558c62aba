"""Trino: names have no case, and its OPA plugin has them in small letters. https://trino.io/docs/current/language"""

from __future__ import annotations

from meshwright.core.sql import standard
from meshwright.core.sql.standard import day, literal

__all__ = ["day", "identifier", "literal"]


def identifier(name: str) -> str:
    """Return a name in small letters and double quotes."""
    return standard.identifier(name.lower())
