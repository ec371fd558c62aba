"""Find which columns of the inputs each column of the data set is made of, by the SQL that dbt has compiled.

Each model is looked at by itself, and what is known of the models before it is put in. What cannot be parsed (a model in
Python, SQL that sqlglot does not know) is unknown: its columns have no lineage, and others still do.
"""

from __future__ import annotations

import contextlib
import csv
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sqlglot import MappingSchema, exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.lineage import lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

DIRECT, INDIRECT = "DIRECT", "INDIRECT"
ORDER = ("IDENTITY", "TRANSFORMATION", "AGGREGATION")
"""Subtypes of direct lineage; the one further to the right says more of a chain of models."""
CLAUSES = {
    exp.Where: "FILTER",
    exp.Having: "FILTER",
    exp.Qualify: "FILTER",
    exp.Join: "JOIN",
    exp.Group: "GROUP_BY",
    exp.Order: "SORT",
}
"""Part of a query -> subtype of the lineage of what it names, which decides on rows and not on values."""
HASHES = (exp.MD5, exp.MD5Digest, exp.SHA, exp.SHA2)
UNKNOWN = (SqlglotError, ValueError, KeyError, AttributeError, TypeError, RecursionError, IndexError)
"""What sqlglot raises for SQL that it does not know."""


class Origin(NamedTuple):
    """A column of an input, and what becomes of it on the way."""

    input: str
    column: str
    subtype: str
    masking: bool = False


class Columns(NamedTuple):
    """What a relation is made of."""

    fields: Mapping[str, frozenset[Origin]]
    """Column -> the columns of inputs that it is made of."""
    rows: frozenset[Origin] = frozenset()
    """The columns of inputs that decide which rows there are, and in which order."""


def traced(manifest: Mapping[str, Any], dataset: str, inputs: Mapping[str, Sequence[str]]) -> Columns:
    """Return what the model of the data set is made of. `inputs`: the columns of each, as they are on the platform.

    `manifest`: dbt's, with the compiled code of the last run.
    """
    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    dialect = str(manifest["metadata"]["adapter_type"])
    nodes = {**manifest["sources"], **manifest["nodes"]}
    models = [
        id
        for id, node in nodes.items()
        if node.get("name") == dataset and id.startswith(("model.", "snapshot."))
    ]
    known: dict[str, Columns] = {}
    relations = _Relations(dialect)
    for id in _in_order(nodes, models[0]) if models else ():
        node = nodes[id]
        columns = inputs.get(str(node.get("identifier", ""))) if id.startswith("source.") else None
        if columns is not None:
            known[id] = Columns({column.lower(): frozenset({_of_input(node, column)}) for column in columns})
        elif node.get("compiled_code") and node.get("language", "sql") == "sql":
            with contextlib.suppress(*UNKNOWN):
                known[id] = _of_query(str(node["compiled_code"]), relations)
        if id not in known and (names := _named_columns(id, node)):
            known[id] = Columns(dict.fromkeys(names, frozenset()))
        if id in known and node.get("relation_name"):
            relations.add(str(node["relation_name"]), known[id])
    return known.get(models[0], Columns({})) if models else Columns({})


def _named_columns(id: str, node: Mapping[str, Any]) -> list[str]:
    """Return the columns of a relation that is made of no input, as far as known: a seed's header, or what is documented.

    Without them, sqlglot could not say whose column a name is, in queries that read the relation beside others.
    """
    names = list(node.get("columns") or {})
    if id.startswith("seed."):
        file = Path(str(node.get("root_path") or "")) / str(node.get("original_file_path"))
        with (
            contextlib.suppress(OSError, UnicodeDecodeError, csv.Error),
            file.open(encoding="utf-8-sig", newline="") as lines,
        ):
            names = next(csv.reader(lines, delimiter=node.get("config", {}).get("delimiter") or ","), names)
    return [str(name).lower() for name in names]


def _of_input(node: Mapping[str, Any], column: str) -> Origin:
    return Origin(str(node["identifier"]), column, "IDENTITY")


def _in_order(nodes: Mapping[str, Any], last: str) -> list[str]:
    """Return a node and all that it depends on, each after those that it depends on."""
    order: dict[str, None] = {}
    path = [(last, False)]
    begun: set[str] = set()
    while path:
        id, is_done = path.pop()
        if is_done:
            order[id] = None
        elif id not in begun and id in nodes:
            begun.add(id)
            path.append((id, True))
            path += [(one, False) for one in nodes[id].get("depends_on", {}).get("nodes", ())]
    return list(order)


class _Relations:
    """The relations whose columns are known, by their names in SQL."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect
        self.schema = MappingSchema(dialect=dialect)
        self._known: dict[str, Columns] = {}

    def add(self, name: str, columns: Columns) -> None:
        table = exp.to_table(name, dialect=self.dialect)
        self.schema.add_table(table, dict.fromkeys(columns.fields, "text"), dialect=self.dialect)
        self._known[_plain(table)] = columns

    def find(self, table: exp.Table) -> Columns | None:
        return self._known.get(_plain(table))


def _plain(table: exp.Table) -> str:
    return ".".join(part.name.lower() for part in table.parts)


def _of_query(sql: str, relations: _Relations) -> Columns:
    """Return what the columns of a query are made of. Raises an error of UNKNOWN."""
    parsed = parse_one(sql, dialect=relations.dialect)
    _qualify_unknown(parsed, relations)
    query = qualify(
        parsed,
        dialect=relations.dialect,
        schema=relations.schema,
        validate_qualify_columns=False,
        allow_partial_qualification=True,  # of a relation that is unknown, such as a model in Python
        identify=False,
    )
    scope = build_scope(query)
    if scope is None or not isinstance(scope.expression, exp.Query):
        raise ValueError("not a query")
    fields = {}
    for name in scope.expression.named_selects:
        with contextlib.suppress(*UNKNOWN):
            fields[name.lower()] = _origins(name, scope, relations)
    return Columns(fields, frozenset(_row_origins(scope, relations)))


def _qualify_unknown(query: exp.Expr, relations: _Relations) -> None:
    """Give columns of queries that read only an unknown relation its name, as of an incremental model that reads itself.

    Without it, sqlglot refuses such a subquery, because the column could be one of the query around it.
    """
    parts = {part.alias.lower() for part in query.find_all(exp.CTE)}
    for select in query.find_all(exp.Select):
        tables = [one.this for one in select.find_all(exp.From, exp.Join) if one.parent is select]
        table = tables[0] if len(tables) == 1 else None
        if not isinstance(table, exp.Table) or table.name.lower() in parts or relations.find(table):
            continue
        for column in select.find_all(exp.Column):
            if not column.table and column.find_ancestor(exp.Select) is select:
                column.set("table", exp.to_identifier(table.alias_or_name))


def _origins(column: str, scope: Scope, relations: _Relations) -> frozenset[Origin]:
    """Return what a column of a scope is made of."""
    start = lineage(
        column, scope.expression, schema=relations.schema, scope=scope, dialect=relations.dialect, copy=False
    )
    found: set[Origin] = set()
    path = [(start, "IDENTITY", False)]
    seen: set[tuple[int, str, bool]] = (
        set()
    )  # of a query with many parts, more ways lead to one than can be followed
    while path:
        node, subtype, masking = path.pop()
        if (id(node), subtype, masking) in seen:
            continue
        seen.add((id(node), subtype, masking))
        if isinstance(node.expression, exp.Table):
            columns = relations.find(node.expression)
            name = node.name.rpartition(".")[2].strip('"').lower()
            for origin in columns.fields.get(name, ()) if columns else ():
                found.add(
                    origin._replace(
                        subtype=_further(subtype, origin.subtype), masking=masking or origin.masking
                    )
                )
            continue
        kind = _further(subtype, _subtype(node.expression))
        hidden = masking or node.expression.find(*HASHES) is not None
        path += [(below, kind, hidden) for below in node.downstream]
    return frozenset(found)


def _further(one: str, other: str) -> str:
    return max(one, other, key=ORDER.index)


def _subtype(expression: Any) -> str:
    value = expression.unalias() if isinstance(expression, exp.Alias) else expression
    if isinstance(value, exp.Column | exp.Star | exp.Query):
        return "IDENTITY"
    return "AGGREGATION" if value.find(exp.AggFunc) else "TRANSFORMATION"


def _row_origins(root: Scope, relations: _Relations) -> Iterator[Origin]:
    """Yield the columns of inputs that filters, joins, groups and orders name, in all parts of a query."""
    for scope in root.traverse():
        for table in scope.sources.values():
            columns = relations.find(table) if isinstance(table, exp.Table) else None
            yield from columns.rows if columns else ()
        for column in scope.columns:
            clause = column.find_ancestor(*CLAUSES, exp.Select, exp.Window)
            subtype = CLAUSES.get(type(clause)) if clause is not None else None
            source = scope.sources.get(column.table)
            if subtype is None or source is None:
                continue
            with contextlib.suppress(*UNKNOWN):
                if isinstance(source, Scope):
                    found = _origins(column.name, source, relations)
                else:
                    columns = relations.find(source)
                    found = columns.fields.get(column.name.lower(), frozenset()) if columns else frozenset()
                for origin in found:
                    yield origin._replace(subtype=subtype)
