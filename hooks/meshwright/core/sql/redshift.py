"""Amazon Redshift. https://docs.aws.amazon.com/redshift/latest/dg/r_names.html"""

from __future__ import annotations

from datetime import date

from meshwright.core.sql.standard import identifier

__all__ = ["day", "identifier", "is_plain", "literal"]

NAME_BYTES = 127


def is_plain(name: str) -> bool:
    """Return True if Redshift stores a name as it is: outside of special sessions it keeps small letters only."""
    return name == name.lower() and len(name.encode()) <= NAME_BYTES


def literal(text: str) -> str:
    """Return a text without backslashes as a literal: Redshift reads an escape in each."""
    assert "\\" not in text
    return "'" + text.replace("'", "''") + "'"


def day(value: date) -> str:
    """Return a date that no session parameter changes."""
    return f"DATE '{value.isoformat()}'"
