"""Read JSON files as `file@1` does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from meshwright.core.errors import Error
from meshwright.core.sql.duckdb import identifier
from meshwright.inspection import csv_format, workspace
from meshwright.inspection.file_source import FileSource, format_of, suffixes
from meshwright.inspection.model import Column, Table
from meshwright.inspection.reading.column_names import column_name
from meshwright.inspection.reading.conversion import (
    checked,
)
from meshwright.inspection.reading.csv_files import FileFormatError
from meshwright.inspection.reading.json_files import LINE, JsonFile, certain_types_of
from meshwright.inspection.workspace import Workspace
from meshwright.product.column_types import parse


class JsonSource(FileSource):
    """JSON files: a list of objects, one object, or an object a line."""

    @cached_property
    def encoding(self) -> str:
        return str(self.given.get("encoding") or csv_format.encoding_of(self.files[0]))

    @cached_property
    def lines(self) -> bool:
        """True if the files have an object a line."""
        if "lines" in self.given:
            return bool(self.given["lines"])
        if {".jsonl", ".ndjson"} & suffixes(self.files[0]):
            return True
        try:
            first = [line for line in csv_format.first_lines(self.files[0], self.encoding) if line.strip()]
        except FileFormatError as error:
            raise csv_format.refusal(self.shown(self.files[0]), error) from error
        if len(first) < 2 or not first[0].lstrip().startswith("{"):
            return False
        try:
            return all(isinstance(json.loads(line), dict) for line in first[:2])
        except ValueError:
            return False

    @property
    def properties(self) -> Mapping[str, Any]:
        """See model.Source."""
        found: dict[str, Any] = {"path": self.path}
        if format_of(self.files[0]) != "json":
            found["format"] = "json"
        if self.encoding != "utf-8":
            found["encoding"] = self.encoding
        if self.lines != bool({".jsonl", ".ndjson"} & suffixes(self.files[0])):
            found["lines"] = self.lines
        if nulls := self.given.get("nulls"):
            found["nulls"] = list(nulls)
        return self._with_missing(found)

    def _typed(self) -> tuple[Table, list[Path], dict[str, str]]:
        given: dict[str, str] = {}
        parts: list[Path] = []
        kinds: dict[str, set[str]] = {}
        of_files: list[set[str]] = []

        def column(key: str) -> str:
            name = column_name(key)
            given.setdefault(name, key)
            return name

        for file in self.files:
            document = JsonFile(file, self.lines, self.encoding, frozenset(self.given.get("nulls", ())))
            seen: set[str] = set()
            try:
                for batch in document.batches(column):
                    names = [name for name in batch.schema.names if name != LINE]
                    seen |= {*names}
                    if names:
                        parts.append(_part(self.workspace, batch.select(names), len(parts)))
            except FileFormatError as error:
                raise csv_format.refusal(self.shown(file), error) from error
            if seen:
                of_files.append(seen)
            for name, found in document.kinds.items():
                kinds.setdefault(name, set()).update(found)
        if not parts:
            raise Error(f"{self.path} has no rows, so its columns are unknown.", "Deliver it with rows.")
        self._differ = any(seen != of_files[0] for seen in of_files)
        if self._differ:
            self.notes.append("Not all files have all columns: they have no values there.")

        self.workspace.define("texts", workspace.scan(parts))
        types = certain_types_of(kinds, list(given), self.workspace.query)
        selected = ", ".join(
            f"{checked(parse(types[name] or 'VARCHAR'), identifier(name))} as {identifier(name)}"
            for name in given
        )
        rows = self.workspace.copy(f"select {selected} from texts", "rows.parquet", len(given))
        for part in parts:
            part.unlink()
        table = Table(self.name, tuple(Column(key, types[name] or "VARCHAR") for name, key in given.items()))
        return table, [rows], {key: identifier(name) for name, key in given.items()}


def _part(place: Workspace, batch: pa.RecordBatch, number: int) -> Path:
    import pyarrow.parquet as pq

    file = place.folder / f"part-{number:06}.parquet"
    pq.write_table(pa.Table.from_batches([batch]), file)
    return file
