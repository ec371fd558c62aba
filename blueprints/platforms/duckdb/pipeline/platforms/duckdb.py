"""`duckdb@1`: the embedded engine. One database file holds the inputs (schema `inputs`) and the models (`main`)."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pipeline.comparisons import Type
from pipeline.conformance import types
from pipeline.errors import UnreadableInput
from pipeline.platforms import INPUTS, PART
from pipeline.spec import Product
from pipeline.sql import form, identifier, literal, scan

WIDE = re.compile(r'(?<!")\bU?HUGEINT\b(?!")')


@dataclass(frozen=True)
class Duckdb:
    """DuckDB on one file. Every method opens its own connection, because dbt and dlt have theirs."""

    database: Path
    product: Product
    metadata: Mapping[str, str]
    settings: Mapping[str, Any]
    own_table: str = "dataset"

    @property
    def file(self) -> Path:
        """The file for the data set's model, if it is a plain table: see pipeline/macros/dataset_duckdb.sql."""
        return self.product.scratch / "dataset" / f"{self.product.dataset}.parquet"

    @contextlib.contextmanager
    def connected(self) -> Iterator[duckdb.DuckDBPyConnection]:
        try:
            with duckdb.connect(str(self.database)) as connection:
                for name, value in self.settings.items():
                    connection.execute(f"set {name} = {literal(str(value))}")
                yield connection
        except duckdb.Error as error:
            raise UnreadableInput(
                f"duckdb@1: {error}",
                fix="Make room, or fix the cause. If the state of earlier runs is broken, remove build/state, and what is at PIPELINE_STATE.",
            ) from error

    def attach(self, name: str, files: Sequence[Path]) -> None:
        relation = f"{INPUTS}.{identifier(name)}"
        with self.connected() as connection:
            connection.execute(f"create schema if not exists {INPUTS}")
            _drop(connection, INPUTS, name)
            connection.execute(f"create view {relation} as from {scan(files)}")

    def landing(self) -> tuple[Any, dict[str, Any]]:
        import dlt  # heavy, and only for what dlt loads

        return dlt.destinations.duckdb(str(self.database)), {"loader_file_format": "parquet"}

    def landed(self, name: str) -> None:
        """Nothing to do: dlt has loaded it into this database."""

    def rows(self, name: str) -> int:
        ((rows,),) = self.query(f"select count(*) from {INPUTS}.{identifier(name)}")
        return int(rows)

    def profile(self) -> dict[str, Any]:
        threads = self.product.platform.properties.get("threads", os.cpu_count())
        # One model at a time, with all cores: the engine shares its memory better than dbt does.
        return {
            "type": "duckdb",
            "path": str(self.database),
            "threads": 1,
            "settings": {**self.settings, "threads": threads},
        }

    def release(self) -> None:
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager

        DuckDBConnectionManager.close_all_connections()

    def input(self, name: str) -> str:
        return f"{INPUTS}.{identifier(name)}"

    def relation(self, model: str) -> str:
        return f"main.{identifier(model)}"

    def columns(self, model: str) -> dict[str, str]:
        with self.connected() as connection:
            return dict(
                connection.execute(
                    "select column_name, data_type from information_schema.columns"
                    f" where table_schema = 'main' and table_name = {literal(model)} order by ordinal_position"
                ).fetchall()
            )

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.connected() as connection:
            return connection.execute(sql).fetchall()

    def text(self, model: str, column: str) -> str:
        return f"cast({identifier(column)} as varchar)"

    def fingerprint(self, model: str, columns: Sequence[str]) -> str:
        with self.connected() as connection:
            known = types(connection, self.relation(model))
        return f"sum(hash({', '.join(_hashed(identifier(name), known[name]) for name in columns)}))"

    def write(self, model: str, columns: Sequence[str], folder: Path, rows: str = "", by: str = "") -> None:
        if not rows and not by and self._is_written(model, columns):
            self.file.parent.rename(folder)
            return
        folder.mkdir(parents=True)
        types = self.columns(model)
        chosen = [_narrow(name, types[name]) for name in columns]
        if by:
            chosen.append(f"sha256({self.text(model, by)}) as {PART}")
        selected = f"select {', '.join(chosen)} from {self.relation(model)}"
        if rows:
            selected += f" where {rows}"
        target, options = (
            (folder, f"format parquet, compression zstd, partition_by ({PART})")
            if by
            else (folder / f"{model}.parquet", form(self.metadata))
        )
        with self.connected() as connection:
            connection.execute(f"copy ({selected}) to {literal(str(target))} ({options})")

    def delete(self, model: str, rows: str) -> None:
        with self.connected() as connection:
            if _kind(connection, "main", model) == "table":
                connection.execute(f"delete from {self.relation(model)} where {rows}")

    def _is_written(self, model: str, columns: Sequence[str]) -> bool:
        return self.file.is_file() and list(self.columns(model)) == list(columns)


@contextlib.contextmanager
def opened(product: Product, metadata: Mapping[str, str]) -> Iterator[Duckdb]:
    """Open the product's database file, which is kept as long as `Product.work`."""
    product.work.mkdir(parents=True, exist_ok=True)
    (product.scratch / "dataset").mkdir(parents=True)
    known = product.platform.properties
    settings = {
        "TimeZone": "UTC",
        "temp_directory": str(product.scratch / "spilled"),
    }  # the same data on every machine
    if memory := known.get("memory"):
        settings["memory_limit"] = memory
    engine = Duckdb(product.work / "warehouse.duckdb", product, metadata, settings)
    os.environ |= {
        "PIPELINE_FILE": literal(str(engine.file)),
        "PIPELINE_FORM": form(metadata),
    }
    yield engine


def _hashed(value: str, kind: Type, depth: int = 0) -> str:
    """Return SQL for something that DuckDB's `hash` tells from every other value of a type.

    DuckDB's hash of [], [NULL] in a list, {'a': NULL} and NULL is the same, and so is that of 0.0 and -0.0.
    """
    if kind.kind in ("float", "double", "interval", "time with time zone"):
        return f"cast({value} as varchar)"
    if not kind.children:
        return value
    parts = [f"{value} is null"]
    if kind.kind == "struct":
        for name, inner in kind.children.items():
            parts.append(_hashed(f"struct_extract({value}, {literal(name)})", inner, depth))
        return f"hash({', '.join(parts)})"
    lists = {"map": [f"map_keys({value})", f"map_values({value})"]}.get(kind.kind, [value])
    for listed, inner in zip(lists, kind.children.values(), strict=True):
        one = f"x{depth}"
        hashes = f"list_transform({listed}, lambda {one}: hash({_hashed(one, inner, depth + 1)}))"
        parts += [f"len({listed})", hashes]
    return f"hash({', '.join(parts)})"


def _narrow(name: str, kind: str) -> str:
    """Return SQL for a column to write: Parquet has no integer wider than a bigint."""
    if "HUGEINT" not in kind:
        return identifier(name)
    return f"cast({identifier(name)} as {WIDE.sub('BIGINT', kind)}) as {identifier(name)}"


def _drop(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> None:
    """Drop a view or a table: an input that was loaded before may now be read from its files, or vice versa."""
    if kind := _kind(connection, schema, name):
        connection.execute(f"drop {kind} {identifier(schema)}.{identifier(name)}")


def _kind(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> str:
    """Return whether something is a view or a table; empty if it does not exist."""
    found = connection.execute(
        "select table_type from information_schema.tables"
        f" where table_schema = {literal(schema)} and table_name = {literal(name)}"
    ).fetchone()
    if not found:
        return ""
    return "view" if found[0] == "VIEW" else "table"
