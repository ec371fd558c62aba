"""A product that runs on a file with what was drafted for it reads exactly the values that were profiled."""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from drawn_csv import drawn_csv

from meshwright.core.errors import Error
from meshwright.inspection import file_source
from meshwright.inspection.model import Source
from meshwright.inspection.sources import open_source

DRAWN = 60
Landed = tuple[dict[str, str], list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def land(every_port: Path) -> Callable[[Source, Path], Landed]:
    """Return the types and rows that `file@1` lands with the properties and types of a source."""
    file, spec = (importlib.import_module(name) for name in ("pipeline.inputs.file", "pipeline.spec"))

    def call(source: Source, root: Path) -> Landed:
        columns = [
            {"name": column.name, "data_type": column.type} for column in source.profile().table.columns
        ]
        for folder in ("models", "build/scratch"):
            (root / folder).mkdir(parents=True)
        tables = [{"name": "t", "columns": columns}]
        (root / "models/sources.yml").write_text(
            json.dumps({"sources": [{"name": "inputs", "tables": tables}]})
        )
        transform = spec.Capability("transforms", "dbt@1")
        product = spec.Product(root, "p", "d", "1.0.0", "data", root / "c.yaml", (), transform, (), ())
        landed = file.files(
            spec.Capability("inputs", "file@1", "t", properties=dict(source.properties)), product
        )
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            rows = connection.execute(
                "from read_parquet($1)", [[str(path) for path in landed.paths]]
            ).fetchall()
        return landed.columns, rows

    return call


def agree(source: Source, landed: Landed) -> None:
    """Assert that what landed is what the profile says."""
    types, rows = landed
    profile = source.profile()
    assert [*types.values()] == [column.type for column in profile.table.columns]
    assert sorted(map(str, source.rows(len(rows) + 1))) == sorted(map(str, rows))
    for place, column in enumerate(profile.table.columns):
        values = [row[place] for row in rows]
        present = {value for value in values if value is not None}
        found = profile.columns[column.name]
        assert found.missing == values.count(None)
        assert found.distinct in (None, len(present))
        assert not found.values or {*found.values} == {*map(str, present)}
    names = [column.name for column in profile.table.columns]
    for key in profile.keys:
        assert len({tuple(row[names.index(name)] for name in key) for row in rows}) == len(rows)


def test_any_csv_file(land: Callable[[Source, Path], Landed], tmp_path: Path) -> None:
    opened = 0
    for number in range(DRAWN):
        root = tmp_path / str(number)
        root.mkdir()
        file = drawn_csv(number)
        (root / file.name).write_bytes(file.content)
        try:
            (source,) = open_source("t", file.name, root)
            source.profile()
        except Error as error:
            assert error.fix, file.shown
            continue
        opened += 1
        try:
            agree(source, land(source, root))
        except AssertionError as error:
            raise AssertionError(f"{number}: {file.shown!r} {dict(source.properties)}") from error
    assert opened > DRAWN * 0.8


@pytest.mark.parametrize("name", ["airlines.csv", "flights.csv", "planes.csv"])
def test_the_sample(
    name: str, land: Callable[[Source, Path], Landed], every_port: Path, tmp_path: Path
) -> None:
    shutil.copy(every_port / "sample_data" / name, tmp_path)
    (source,) = open_source("t", name, tmp_path)
    agree(source, land(source, tmp_path))


def test_json_lines(land: Callable[[Source, Path], Landed], tmp_path: Path) -> None:
    lines = [
        {"id": number, "at": "2024-01-02T10:00:00Z", "x": {"a": [number]}, "n": None} for number in range(30)
    ]
    (tmp_path / "rows.json").write_text("\n".join(map(json.dumps, lines)))
    (source,) = open_source("t", "rows.json", tmp_path)
    agree(source, land(source, tmp_path))


def test_a_files_name_tells_the_same_format_to_a_draft_and_to_a_run(every_port: Path) -> None:
    module = importlib.import_module("pipeline.inputs.file")
    assert (file_source.FORMATS, file_source.COMPRESSIONS) == (module.FORMATS, module.COMPRESSIONS)
