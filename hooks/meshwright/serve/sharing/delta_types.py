"""The schema of a shared table, in Delta's words. A type that Delta lacks is refused, and never another one instead."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from meshwright.access.grants import Refused

SIMPLE = {
    pa.string(): "string",
    pa.large_string(): "string",
    pa.string_view(): "string",
    pa.int8(): "byte",
    pa.int16(): "short",
    pa.int32(): "integer",
    pa.int64(): "long",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.bool_(): "boolean",
    pa.binary(): "binary",
    pa.large_binary(): "binary",
    pa.binary_view(): "binary",
    pa.date32(): "date",
}
WITHOUT_ZONE = "timestamp_ntz"
"""Delta's timestamp without a time zone, which a client has to know (reader feature `timestampNtz`)."""


def schema_string(schema: pa.Schema) -> str:
    """Return the schema as Delta writes it. Raises Refused, which names the columns that Delta has no type for."""
    lacking = [
        field.name for field in schema if any(each is None for each in _leaves(delta_type(field.type)))
    ]
    if lacking:
        kinds = ", ".join(f"{name} ({schema.field(name).type})" for name in lacking)
        raise Refused(
            f"Delta Sharing has no type for the column{'s' if len(lacking) > 1 else ''} {kinds}.",
            "Publish another type in the product, or leave the column out of the role.",
        )
    return json.dumps(_struct(schema))


def has_timestamps_without_zone(schema: pa.Schema) -> bool:
    """Return True if only a client that knows Delta's `timestampNtz` reads the table right."""
    return any(leaf == WITHOUT_ZONE for field in schema for leaf in _leaves(delta_type(field.type)))


def delta_type(kind: pa.DataType) -> Any:
    """Return Delta's type, as its JSON has it; None within where there is none."""
    if isinstance(kind, pa.BaseExtensionType):
        return None
    if pa.types.is_dictionary(kind):
        return delta_type(kind.value_type)
    if pa.types.is_timestamp(kind):
        return None if kind.unit == "ns" else "timestamp" if kind.tz else WITHOUT_ZONE
    if pa.types.is_decimal(kind):
        fits = kind.precision <= 38 and 0 <= kind.scale <= kind.precision
        return f"decimal({kind.precision},{kind.scale})" if fits else None
    if pa.types.is_struct(kind):
        return _struct(kind)
    if pa.types.is_map(kind):
        return {
            "type": "map",
            "keyType": delta_type(kind.key_type),
            "valueType": delta_type(kind.item_type),
            "valueContainsNull": kind.item_field.nullable,
        }
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return {
            "type": "array",
            "elementType": delta_type(kind.value_type),
            "containsNull": kind.value_field.nullable,
        }
    return SIMPLE.get(kind)


def _struct(fields: pa.Schema | pa.StructType) -> dict[str, Any]:
    entries = [
        {"name": field.name, "type": delta_type(field.type), "nullable": field.nullable, "metadata": {}}
        for field in fields
    ]
    return {"type": "struct", "fields": entries}


def _leaves(kind: Any) -> Iterator[Any]:
    """Yield the types without parts in a type of Delta's JSON."""
    if not isinstance(kind, dict):
        yield kind
        return
    for key in ("elementType", "keyType", "valueType"):
        if key in kind:
            yield from _leaves(kind[key])
    for field in kind.get("fields", ()):
        yield from _leaves(field["type"])
