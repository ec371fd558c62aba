"""Query rows with DuckDB in bounded memory: rows lie in Parquet files of a temporary folder."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import weakref
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from meshwright.core.errors import Error
from meshwright.core.sql.duckdb import identifier, literal
from meshwright.inspection.model import Table
from meshwright.inspection.relation import Relation, SqlWriting

MEMORY = "2GB"
GROUP_VALUES = 4_000_000
"""Values of one row group of a Parquet file."""

WRITING = SqlWriting(
    quote=identifier,
    literal=literal,
    length="length({})",
    matches="regexp_full_match({text}, {form})",
    # DuckDB takes isnan for false where the statistics of a Parquet file have no NaN, which Arrow leaves out of them.
    finite="case when hash({0}::double) = hash('nan'::double) then null else {0} end",
    estimate="approx_count_distinct({})",
)


class Workspace:
    """A temporary folder, and a connection that spills there; both are gone with the object."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="meshwright-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._relations: dict[str, str] = {}

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            self._connection = duckdb.connect(
                config={
                    "memory_limit": MEMORY,
                    "temp_directory": str(self.folder / "spill"),
                    "autoinstall_known_extensions": "false",
                }
            )
            self._connection.execute("set timezone = 'UTC'")
        return self._connection

    def define(self, name: str, relation: str) -> None:
        """Let queries read a relation by a name. A view would do the same, but takes seconds if it has 5,000 columns."""
        self._relations[name] = relation

    @contextlib.contextmanager
    def registered(self, name: str, rows: Any) -> Iterator[None]:
        """Make rows of Arrow queryable by a name."""
        self.connection.register(name, rows)
        try:
            yield
        finally:
            if self._connection is not None:
                self._connection.unregister(name)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        for name, relation in self._relations.items():
            sql = sql.replace(f" from {name}", f" from {relation} as {name}")
        try:
            return self.connection.execute(sql).fetchall()
        except duckdb.Error:
            self.reset()
            raise

    def reset(self) -> None:
        """Close the connection: after a failed query it may stay busy."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def copy(self, select: str, name: str, columns: int) -> Path:
        """Write the rows of a query to a Parquet file of the folder. Raises Error if there is no room."""
        file = self.folder / name
        size = max(2_048, min(122_880, GROUP_VALUES // max(1, columns)))
        try:
            self.query(f"copy ({select}) to {literal(str(file))} (format parquet, row_group_size {size})")
        except duckdb.IOException as error:
            if "space" in str(error).lower():
                raise Error(
                    f"{self.folder} has no room for the rows.",
                    "Make room, or set TMPDIR to a folder that has.",
                ) from error
            raise
        return file


def scan(files: Sequence[Path], more: str = "") -> str:
    """Return SQL for the rows of Parquet files."""
    listed = ", ".join(literal(str(file)) for file in files)
    return f"read_parquet([{listed}], hive_partitioning = false, union_by_name = true{more})"


def relation(
    workspace: Workspace, table: Table, files: Sequence[Path], values: Mapping[str, str], notes: Sequence[str]
) -> Relation:
    """Return the rows of Parquet files as a relation to profile. `values`: column -> SQL of its value."""

    def sample(size: int) -> list[tuple[Any, ...]]:
        listed = ", ".join(values[column.name] for column in table.columns) or "1"
        ((rows,),) = workspace.query(f"select count(*) from {scan(files)}")
        step = -(-rows // size)
        if step <= 1:
            return workspace.query(f"select {listed} from {scan(files)}")
        numbered = scan(files, ", file_row_number = true")
        return workspace.query(
            f"select {listed} from {numbered} where file_row_number % {step} = 0 limit {size}"
        )

    return Relation(
        table, scan(files), values, workspace.query, WRITING, lambda _, value: value, sample, list(notes)
    )


def rows(
    workspace: Workspace,
    table: Table,
    files: Sequence[Path],
    values: Mapping[str, str],
    order: Sequence[str],
    limit: int,
    among: Mapping[str, Collection[Any]] | None,
) -> Iterator[tuple[Any, ...]]:
    """Yield rows in the order of some columns, and of the files: see model.Source.rows."""
    listed = ", ".join(values[column.name] for column in table.columns)
    by = ", ".join([*(values[name] for name in order), "filename", "file_row_number"])
    numbered = scan(files, ", file_row_number = true, filename = true")
    with _condition(workspace, values, among) as where:
        found = workspace.query(f"select {listed} from {numbered}{where} order by {by} limit {int(limit)}")
    yield from found


def distinct(
    workspace: Workspace,
    files: Sequence[Path],
    values: Mapping[str, str],
    columns: Sequence[str],
    limit: int,
    among: Mapping[str, Collection[Any]] | None,
) -> Iterator[tuple[Any, ...]]:
    """Yield different combinations of values: see model.Source.distinct."""
    listed = ", ".join(values[name] for name in columns)
    with _condition(workspace, values, among) as where:
        where += " and " if where else " where "
        where += " and ".join(f"{values[name]} is not null" for name in columns)
        found = workspace.query(
            f"select distinct {listed} from {scan(files)}{where} order by all limit {int(limit)}"
        )
    yield from found


@contextlib.contextmanager
def _condition(
    workspace: Workspace, values: Mapping[str, str], among: Mapping[str, Collection[Any]] | None
) -> Iterator[str]:
    """Make lists of values queryable, and yield the condition that rows have one of them in each column."""
    import pyarrow as pa

    conditions = []
    with contextlib.ExitStack() as stack:
        for number, (name, given) in enumerate((among or {}).items()):
            stack.enter_context(workspace.registered(f"among_{number}", pa.table({"value": list(given)})))
            conditions.append(f"{values[name]} in (select value from among_{number})")
        yield f" where {' and '.join(conditions)}" if conditions else ""
