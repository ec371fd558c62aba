"""Map a type that a contract or a dbt project declares to the type of an input's column."""

from __future__ import annotations

from meshwright.product import physical_types
from meshwright.product.column_types import UnknownType, parse

LOGICAL = {
    "string": "VARCHAR",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "time": "TIME",
    "integer": "BIGINT",
    "boolean": "BOOLEAN",
    "number": "DECIMAL(38,9)",
    "object": "JSON",
    "array": "JSON",
}
"""`logicalType` of ODCS -> the type that holds its values exactly; a number with more digits is refused, with its place."""


def type_and_length(text: str) -> tuple[str, int | None]:
    """Return the canonical type for any system's spelling, and the maximum length of a text; empty if it is not known."""
    found = physical_types.read(text)
    if found is not None and not found.nested:
        if found.name == "VARCHAR":
            return "VARCHAR", None if found.bytes else found.length
        if found.name == "DECIMAL":
            return found.target or "DECIMAL(38,9)", None
        others = {"HUGEINT": "DECIMAL(38,0)", "FLOAT or DOUBLE": "DOUBLE", "INTERVAL": "VARCHAR"}
        if name := others.get(found.name, "" if found.name in ("STRUCT", "LIST", "MAP") else found.name):
            return ("VARCHAR" if name == "TIME WITH TIME ZONE" else name), None
        return "JSON", None
    try:
        kind = parse(text)
    except UnknownType:
        return "", None
    return str(kind), None
