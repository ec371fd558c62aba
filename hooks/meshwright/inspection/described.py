"""Tables that a contract or a dbt project describes, without rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from meshwright.core.errors import Error
from meshwright.core.text import identifier
from meshwright.inspection import dbt_project, odcs
from meshwright.inspection.model import ColumnProfile, Table, TableProfile

NO_ROWS = "Its source has columns and no rows: nothing was verified on rows."


class DescribedSource:
    """A table without rows."""

    def __init__(
        self, name: str, uses: str, properties: Mapping[str, Any], table: Table, notes: Sequence[str] = ()
    ) -> None:
        self.name = name
        self.uses = uses
        self.properties = properties
        self._table = table
        self._notes = (NO_ROWS, *notes)

    def table(self) -> Table:
        """See model.Source."""
        return self._table

    def profile(self) -> TableProfile:
        """See model.Source."""
        keys = [self._table.primary_key, *self._table.unique_keys]
        columns = {column.name: ColumnProfile(0, values=column.values) for column in self._table.columns}
        return TableProfile(self._table, 0, columns, tuple(key for key in keys if key), None, self._notes)

    def rows(self, limit: int, among: Mapping[str, Collection[Any]] | None = None) -> Iterator[Sequence[Any]]:
        """See model.Source."""
        yield from ()

    def distinct(
        self, columns: Sequence[str], limit: int, among: Mapping[str, Collection[Any]] | None = None
    ) -> Iterator[tuple[Any, ...]]:
        """See model.Source."""
        yield from ()


def open_contract(name: str, file: Path) -> list[DescribedSource]:
    """Return the data sets of a contract. Raises Error."""
    return _named(name, "file@1", [(table, {}) for table in odcs.read(file)], odcs.rules_left(file))


def open_dbt(name: str, place: Path) -> list[DescribedSource]:
    """Return the tables of a dbt project's sources; of its models if it has none. Raises Error."""
    project = dbt_project.read(place)
    tables: list[tuple[Table, Mapping[str, Any]]] = []
    bare: list[str] = []
    for kind in ("source", "model", "seed", "snapshot"):
        found = [(node, table) for node in project.of(kind) if (table := node.table()).columns]
        for node, table in found:
            given = {"schema": node.schema, "table": table.name}
            tables.append((table, {key: value for key, value in given.items() if value}))
        if found:
            bare = [node.name for node in project.of(kind) if not node.table().columns]
            break
    if not tables:
        raise Error(
            f"{place}: it describes no columns of a source or model.",
            "Describe them in a YAML file, or name the tables themselves: --from NAME=postgresql://….",
        )
    return _named(name, "database@1", tables, [*project.notes, *(_left_out(place, name) for name in bare)])


def _left_out(place: Path, table: str) -> str:
    return f"{table} has no columns in {place.name}, and was left out. Describe them there, or name the table itself."


def _named(
    name: str, uses: str, tables: Sequence[tuple[Table, Mapping[str, Any]]], notes: Sequence[str] = ()
) -> list[DescribedSource]:
    """Return the sources: a single one has the given name, several have those of their tables. `notes`: on the first one."""
    if len(tables) == 1:
        ((table, properties),) = tables
        return [DescribedSource(name, uses, properties, table, notes)]
    return [
        DescribedSource(identifier(table.name), uses, properties, table, notes if place == 0 else ())
        for place, (table, properties) in enumerate(tables)
    ]
