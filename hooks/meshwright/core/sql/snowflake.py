"""Snowflake. https://docs.snowflake.com/en/sql-reference/data-types-text"""

from __future__ import annotations

from datetime import date

from meshwright.core.sql.standard import identifier

__all__ = ["day", "identifier", "literal"]


def literal(text: str) -> str:
    """Return a text in which only letters, digits and harmless signs stand for themselves.

    Snowflake reads escapes with a backslash; beyond the Basic Multilingual Plane it has none, and nothing to escape.
    """
    signs = (
        sign if sign.isalnum() or sign in " _-.,:@/+" or ord(sign) > 0xFFFF else f"\\u{ord(sign):04x}"
        for sign in text
    )
    return "'" + "".join(signs).replace("--", "-\\u002d") + "'"


def day(value: date) -> str:
    """Return a date that no session parameter changes."""
    return f"DATE_FROM_PARTS({value.year}, {value.month}, {value.day})"
