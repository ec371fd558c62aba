"""Tell dlt the types of columns, and refuse a type that differs from an earlier load."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pipeline import values
from pipeline.declared_columns import declared_at
from pipeline.errors import UnreadableInput
from pipeline.inputs import column_name
from pipeline.spec import Capability


@cache
def landed_name(name: str) -> str:
    """Return dlt's name for a column: `Flight No.` becomes `flight_no`, and `Größe` `gr_e`, because only ASCII is kept."""
    from dlt.common.normalizers.naming.snake_case import NamingConvention

    return str(NamingConvention().normalize_identifier(column_name(name)))


def hints(types: Mapping[str, str]) -> dict[str, Any]:
    """Return what dlt cannot derive from Arrow's types: JSON is not text, and times without a zone are not in UTC."""
    naive = {name for name, kind in types.items() if kind in ("TIMESTAMP", "TIMESTAMP_NS")}
    return {name: {"data_type": "json"} for name, kind in types.items() if kind == "JSON"} | {
        name: {"data_type": "timestamp", "timezone": False} for name in naive
    }


def loaded_columns(name: str) -> dict[str, Any]:
    """Return the columns of an input's table as loaded by earlier runs: dlt's name -> dlt's column.

    Only works while dlt reads a resource.
    """
    import dlt

    columns = dlt.current.source_schema().tables.get(name, {}).get("columns", {})
    return {name: column for name, column in columns.items() if not name.startswith("_dlt_")}


def refuse_other_types(source: Capability, types: Mapping[str, str], places: Mapping[str, str]) -> None:
    """Raise UnreadableInput if the input's table already has a column with another type.

    `places` has the file that declares a column's type. Only works while dlt reads a resource.
    """
    import dlt
    from dlt.common.libs.pyarrow import get_py_arrow_datatype

    before = loaded_columns(source.name)
    if not before:
        return
    caps = dlt.current.pipeline().destination.capabilities()
    naming = dlt.current.source_schema().naming
    for column, kind in types.items():
        known = before.get(naming.normalize_identifier(column), {})
        if "data_type" not in known:
            continue
        was = get_py_arrow_datatype(known, caps, "UTC")
        if was != values.arrow(kind) or (known["data_type"] == "json") != (kind == "JSON"):
            by = f"in {places[column]}" if places.get(column) else "at its source"
            raise UnreadableInput(
                f"Input {source.name}: the type of the column {column} has changed {by}: it was"
                f" {known['data_type']} ({was}), and is now {kind}.",
                fix=f"Declare the old type in {declared_at(source).file}, or, if the change is intended, start over with"
                " `python -m pipeline --full-refresh`.",
            )
