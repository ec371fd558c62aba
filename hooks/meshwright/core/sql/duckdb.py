"""DuckDB. https://duckdb.org/docs/stable/sql/dialect/keywords_and_identifiers"""

from __future__ import annotations

from collections.abc import Mapping

from meshwright.core.sql.standard import identifier, literal

__all__ = ["identifier", "kinds", "literal"]

KINDS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(
        (
            "TINYINT",
            "SMALLINT",
            "INTEGER",
            "BIGINT",
            "UTINYINT",
            "USMALLINT",
            "UINTEGER",
            "UBIGINT",
            "HUGEINT",
        ),
        frozenset({"integer", "number"}),
    ),
    **dict.fromkeys(("FLOAT", "DOUBLE"), frozenset({"number"})),
    **dict.fromkeys(("VARCHAR", "UUID", "ENUM", "JSON", "BLOB"), frozenset({"string"})),
    "BOOLEAN": frozenset({"boolean"}),
    "DATE": frozenset({"date"}),
    **dict.fromkeys(
        ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"),
        frozenset({"timestamp"}),
    ),
    **dict.fromkeys(("TIME", "TIME WITH TIME ZONE", "TIME_NS"), frozenset({"time"})),
    "STRUCT": frozenset({"object"}),
    "MAP": frozenset({"object"}),
}
"""Type, without its parts -> the kinds of values, as ODCS calls them, that it can be for."""


def kinds(type_: str) -> frozenset[str]:
    """Return the kinds of values that a type can be for; none for one without a counterpart."""
    if type_.endswith("]"):
        return frozenset({"array"})
    name = type_.partition("(")[0]
    if name == "DECIMAL":
        whole = type_.replace(" ", "").endswith(",0)")
        return frozenset({"number", "integer"}) if whole else frozenset({"number"})
    if name == "JSON":
        return frozenset({"string", "object", "array"})
    return KINDS.get(name, frozenset())
