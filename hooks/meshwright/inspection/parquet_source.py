"""Read Parquet files as `file@1` does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from meshwright.core.errors import Error
from meshwright.core.sql.duckdb import identifier
from meshwright.core.text import printable
from meshwright.inspection.file_source import FileSource, format_of
from meshwright.inspection.model import Column, Table
from meshwright.inspection.reading.column_names import column_name
from meshwright.inspection.reading.parquet_files import is_finer, schema_of, unreadable
from meshwright.product.column_types import UnknownType, from_arrow, parse


class ParquetSource(FileSource):
    """Parquet files, which are queried where they are."""

    @property
    def properties(self) -> Mapping[str, Any]:
        """See model.Source."""
        found: dict[str, Any] = {"path": self.path}
        if format_of(self.files[0]) != "parquet":
            found["format"] = "parquet"
        return self._with_missing(found)

    def _typed(self) -> tuple[Table, list[Path], dict[str, str]]:
        schemas = []
        for file in self.files:
            schema = schema_of(str(file))
            if found := unreadable(str(file), schema):
                raise Error(f"{self.shown(file)}{found[0]}.", found[1])
            schemas.append(schema)
        kinds: dict[str, Any] = {}
        for schema, file in zip(schemas, self.files, strict=True):
            for one in schema:
                known = kinds.setdefault(one.name, one.type)
                if pa.types.is_null(known):
                    kinds[one.name] = one.type
                elif not pa.types.is_null(one.type) and from_arrow(one.type) != from_arrow(known):
                    raise Error(
                        f"{self.shown(file)}: column {printable(one.name)} is {from_arrow(one.type)}, but"
                        f" {from_arrow(known)} in another file.",
                        "Deliver one of them again, or name the files that agree.",
                    )
        landed = [column_name(name) for name in kinds]
        if twice := sorted({name for name in landed if landed.count(name) > 1}):
            raise Error(
                f"{self.path}: several columns would have the name {', '.join(twice)}.",
                "Rename all but one of them in the file.",
            )
        self._differ = any({*schema.names} != {*schemas[0].names} for schema in schemas)
        columns, values = [], {}
        for name, kind in kinds.items():
            spelled = from_arrow(kind)
            try:
                spelled = "VARCHAR" if pa.types.is_null(kind) else str(parse(spelled))
            except UnknownType:
                raise Error(
                    f"{self.path}: column {printable(name)} has the type {spelled}, which no input can have.",
                    "Convert it before delivery.",
                ) from None
            columns.append(Column(name, spelled, str(kind)))
            finer = is_finer(kind) or pa.types.is_null(kind)
            values[name] = f"cast({identifier(name)} as {spelled})" if finer else identifier(name)
        required = [
            replace(column, required=all(not schema.field(column.name).nullable for schema in schemas))
            if not self._differ
            else column
            for column in columns
        ]
        return Table(self.name, tuple(required)), self.files, values
