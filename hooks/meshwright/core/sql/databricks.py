"""Databricks SQL. https://docs.databricks.com/en/sql/language-manual/data-types/string-type.html"""

from __future__ import annotations

from datetime import date

from meshwright.core.sql import standard

ESCAPED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"} | {sign: f"\\{sign}" for sign in "\\'\"`${}"}


def identifier(name: str) -> str:
    """Return a name in backticks."""
    return "`" + name.replace("`", "``") + "`"


def literal(text: str) -> str:
    """Return a text with the documented escapes; a backslash before another sign leaves the sign.

    Raises ValueError for a control character, which Databricks documents no way to write.
    """
    escaped = "".join(ESCAPED.get(sign, sign) for sign in text).replace("--", "-\\-")
    if standard.CONTROL.search(escaped):
        raise ValueError("a control character")
    return f"'{escaped}'"


def day(value: date) -> str:
    """Return a date."""
    return standard.day(value).replace("DATE ", "DATE")
