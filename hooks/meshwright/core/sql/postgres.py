"""PostgreSQL. https://www.postgresql.org/docs/current/sql-syntax-lexical.html"""

from __future__ import annotations

from collections.abc import Mapping

from meshwright.core.sql import standard

NAME_BYTES = 63
"""The longest name; PostgreSQL cuts off the rest without an error, and would mean something else."""

KINDS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("smallint", "integer", "bigint"), frozenset({"integer", "number"})),
    **dict.fromkeys(("real", "double precision"), frozenset({"number"})),
    "numeric": frozenset({"number", "integer"}),
    **dict.fromkeys(
        ("text", "character varying", "character", "uuid", "bytea", "citext"), frozenset({"string"})
    ),
    "boolean": frozenset({"boolean"}),
    "date": frozenset({"date"}),
    **dict.fromkeys(("timestamp without time zone", "timestamp with time zone"), frozenset({"timestamp"})),
    **dict.fromkeys(("time without time zone", "time with time zone"), frozenset({"time"})),
    **dict.fromkeys(("json", "jsonb"), frozenset({"object", "array", "string"})),
}
"""Type, without its precision -> the kinds of values, as ODCS calls them, that it can be for."""


def identifier(*names: str) -> str:
    """Return a name, or a name in a schema. Raises ValueError for one that no database has."""
    for name in names:
        if "\0" in name or not is_encodable(name):
            raise ValueError("No name in a database holds this.")
    return ".".join(map(standard.identifier, names))


def literal(text: str) -> str:
    """Return a text, however the server treats backslashes. Raises ValueError for one that no database has."""
    if "\0" in text or not is_encodable(text):
        raise ValueError("No text in a database holds this.")
    quoted = standard.literal(text)
    return "E" + quoted.replace("\\", "\\\\") if "\\" in text else quoted


def is_encodable(text: str) -> bool:
    """Return True if a text has no half of a surrogate pair, which UTF-8 cannot hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def kinds(type_: str, kind: str) -> frozenset[str]:
    """Return the kinds of values that a type can be for. `kind`: its typtype in pg_type."""
    if type_.endswith("[]"):
        return frozenset({"array"})
    if kind == "e":
        return frozenset({"string"})
    return KINDS.get(type_, frozenset({"object"} if kind == "c" else ()))
