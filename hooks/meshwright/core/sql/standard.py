"""Standard SQL: a quote is written twice."""

from __future__ import annotations

import re
from datetime import date

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Characters that not every engine has a way to write."""


def identifier(name: str) -> str:
    """Return a name in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text in single quotes."""
    return "'" + text.replace("'", "''") + "'"


def day(value: date) -> str:
    """Return a date."""
    return f"DATE '{value.isoformat()}'"
