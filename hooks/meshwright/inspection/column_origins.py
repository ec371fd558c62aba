"""Which columns of its inputs the columns of a product's data set are made of, by the SQL of its dbt models.

Nothing is run. What Jinja, Python, a snapshot or a package makes is not known, and neither is what is made of that.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from meshwright.core.errors import Error
from meshwright.inspection.dbt_nodes import DbtNode
from meshwright.inspection.dbt_project import PROJECT, read
from meshwright.inspection.sql_origins import NOTHING, NotKnown, QueryOrigins, TableColumns
from meshwright.inspection.strict_rendering import strictly_rendered

INPUTS = "inputs"
"""The source of dbt whose tables are the product's inputs."""
DIALECTS = frozenset(
    {"bigquery", "databricks", "duckdb", "postgres", "redshift", "snowflake", "spark", "trino"}
)
MOST = 50
"""Origins of a column; of one with more, nothing is said."""


@dataclass(frozen=True, order=True)
class ColumnOrigin:
    """A column that another one is made of."""

    input: str
    """The name of the input; empty if the table is none."""
    table: str
    """The name of a seed, or of a table of another source, as `source.table`; empty for an input."""
    column: str


def column_origins(
    root: Path, dataset: str, platform: str, columns: Iterable[str]
) -> Mapping[str, Sequence[ColumnOrigin]]:
    """Return the columns of the data set -> what each is made of, sorted; those of which it is not known are left out.

    `platform`: its name, for the dialect of the SQL.
    """
    if platform not in DIALECTS or not (root / PROJECT).is_file():
        return {}
    try:
        project = _Project(root, platform)
    except (Error, OSError, ValueError, RecursionError):
        return {}
    origins = {column: project.known(dataset, column) for column in columns}
    return {
        column: sorted(made) for column, made in origins.items() if made is not None and len(made) <= MOST
    }


class _Project:
    """The models of one project, each read once."""

    def __init__(self, root: Path, dialect: str) -> None:
        self._root, self._dialect = root, dialect
        self._nodes: dict[str, DbtNode] = {}
        for node in read(root).nodes:
            if node.kind == "exposure":
                continue
            if node.name in self._nodes:
                raise ValueError(f"{node.name} is there twice")
            self._nodes[node.name] = node
        self._queries: dict[str, tuple[QueryOrigins, Mapping[str, str]] | None] = {}
        self._columns_known: dict[str, TableColumns] = {}
        self._made: dict[tuple[str, str], set[ColumnOrigin]] = {}
        self._open: set[str] = set()

    def known(self, model: str, column: str) -> set[ColumnOrigin] | None:
        """Return what a column of a model is made of; None if that is not known."""
        try:
            return self.of(model, column)
        except NotKnown:
            return None
        except Exception:
            return None

    def of(self, model: str, column: str) -> set[ColumnOrigin]:
        """Return what a column of a model is made of. Raises NotKnown."""
        node = self._nodes.get(model)
        if node is None or node.kind == "snapshot":
            source, dot, table = model.partition(".")
            if node is None and dot and source == INPUTS:  # a source that nobody has described
                return {ColumnOrigin(table, "", column)}
            raise NotKnown("nothing is known of this table")
        if node.kind == "source":
            source, _, table = model.partition(".")
            of_input = source == INPUTS
            return {ColumnOrigin(table if of_input else "", "" if of_input else model, column)}
        if node.kind == "seed":
            return {ColumnOrigin("", model, column)}
        if (model, column) in self._made:
            return self._made[model, column]
        query, nodes = self._query(node)
        if model in self._open:
            raise NotKnown("it reads itself")
        self._open.add(model)
        try:
            made: set[ColumnOrigin] = set()
            for table, of_table in query.of(column):
                made |= self.of(nodes[table], of_table)
            self._made[model, column] = made
            return made
        except KeyError as error:
            raise NotKnown("it reads a table that is no node of dbt") from error
        finally:
            self._open.discard(model)

    def _query(self, node: DbtNode) -> tuple[QueryOrigins, Mapping[str, str]]:
        """Return a model's query, and the table in it -> the node. Raises NotKnown."""
        if node.name not in self._queries:
            self._queries[node.name] = None
            self._queries[node.name] = self._parsed(node)
        known = self._queries[node.name]
        if known is None:
            raise NotKnown("its SQL cannot be read")
        return known

    def _parsed(self, node: DbtNode) -> tuple[QueryOrigins, Mapping[str, str]] | None:
        if not node.path.endswith(".sql"):
            return None
        try:
            rendered = strictly_rendered((self._root / node.path).read_text("utf-8-sig"))
            if rendered is None:
                return None
            sql, nodes = rendered
            return QueryOrigins(sql, self._dialect, lambda table: self._columns(nodes.get(table, ""))), nodes
        except (OSError, UnicodeDecodeError, NotKnown):
            return None

    def _columns(self, name: str) -> TableColumns:
        """Return the columns of a model, or those that are declared of a source."""
        if name in self._columns_known:
            return self._columns_known[name]
        self._columns_known[name] = NOTHING  # of a model that reads itself
        node = self._nodes.get(name)
        if node is not None and node.kind == "source":
            declared = [column.name for column in node.columns]
            self._columns_known[name] = TableColumns(declared, declared=bool(declared))
        elif node is not None and node.kind == "model":
            with contextlib.suppress(NotKnown):
                self._columns_known[name] = self._query(node)[0].columns()
        return self._columns_known[name]
