"""Which columns of the tables that a query reads its own columns are made of. What is not certain is not known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope, build_scope

from meshwright.inspection.query_shape import (
    Node,
    alias_before,
    fold_tables,
    is_changed,
    is_natural,
    left_out,
    looks_around,
    merged_side,
    merges,
    parts,
    plain,
    reads_hidden_tables,
    renames,
    sides,
    source_name,
    unwrapped,
)

Origin = tuple[str, str]
"""A table, as the query names it, and a column of it."""
LONGEST, STEPS = 200_000, 20_000
"""Characters of a query that is read, and steps that are taken for it."""


class NotKnown(Exception):
    """It cannot be said for certain where a column comes from."""


@dataclass(frozen=True)
class TableColumns:
    """The columns of a table, or of a query."""

    names: Sequence[str] = ()
    complete: bool = False
    """Whether these are all."""
    declared: bool = False
    """Whether somebody has declared them, so that a name that is not among them is none of the table."""

    def has(self, name: str) -> bool:
        return plain(name) in map(plain, self.names)

    def lacks(self, name: str) -> bool:
        return (self.complete or self.declared) and not self.has(name)


NOTHING = TableColumns()
Outputs = list[tuple[str, Callable[[], set[Origin]]]]


class QueryOrigins:
    """One query."""

    def __init__(self, sql: str, dialect: str, tables: Callable[[str], TableColumns]) -> None:
        """`tables`: the columns of a table that the query names. Raises NotKnown for what is not one query."""
        if len(sql) > LONGEST:
            raise NotKnown("it is too long")
        try:
            tree = sqlglot.parse_one(sql, dialect=dialect)
            scope = build_scope(tree) if isinstance(tree, exp.Query) and fold_tables(tree) else None
        except (SqlglotError, RecursionError, ValueError) as error:
            raise NotKnown("it cannot be read") from error
        if scope is None:
            raise NotKnown("it is no query")
        if any(one.recursive for one in tree.find_all(exp.With)):
            raise NotKnown("it reads itself")
        self._scope, self._tables, self._steps = scope, tables, 0
        self._open: set[tuple[int, str]] = set()
        self._known: dict[int, TableColumns] = {}

    def columns(self) -> TableColumns:
        """Return the query's columns, as far as they are known."""
        try:
            return self._columns(self._scope)
        except (NotKnown, RecursionError):
            return NOTHING

    def of(self, column: str) -> set[Origin]:
        """Return the columns of tables that a column of the query is made of; empty for a constant or a count of rows.
        Raises NotKnown."""
        try:
            return self._named(self._scope, column)
        except RecursionError as error:
            raise NotKnown("it is nested too deeply") from error

    # -- a column of a query by its name, or by its place -----------------------------------------------------------

    def _named(self, scope: Scope, name: str) -> set[Origin]:
        self._steps += 1
        if self._steps > STEPS:
            raise NotKnown("it takes too long")
        key = (id(scope), plain(name))
        if key in self._open:  # a query that reads itself brings nothing else in
            return set()
        self._open.add(key)
        try:
            return self._resolved(scope, name)
        finally:
            self._open.discard(key)

    def _resolved(self, scope: Scope, name: str) -> set[Origin]:
        query = unwrapped(scope.expression)
        if isinstance(query, exp.SetOperation):
            return self._of_set(scope, query, name)
        if not isinstance(query, exp.Select):
            raise NotKnown("it is no select")
        explicit = [one for one in query.selects if not one.is_star and plain(one.output_name) == plain(name)]
        stars = [one for one in query.selects if one.is_star]
        if len(explicit) > 1:
            raise NotKnown("two columns have this name")
        if explicit:
            # Some engines take the first of two columns with one name, the others refuse them.
            before = [one for one in stars if query.selects.index(one) < query.selects.index(explicit[0])]
            if all(self._lacks(scope, star, name) for star in before):
                return self._expression(scope, explicit[0])
            raise NotKnown("a * may have a column of this name")
        having = [star for star in stars if not self._lacks(scope, star, name)]
        if len(having) != 1:
            raise NotKnown("no column has this name for certain")
        return self._of_star(scope, having[0], name)

    def _of_set(self, scope: Scope, query: exp.SetOperation, name: str) -> set[Origin]:
        left, right = sides(scope)
        if isinstance(query, exp.Except | exp.Intersect):
            return self._named(left, name)
        if query.args.get("by_name"):
            having = [side for side in (left, right) if not self._columns(side).lacks(name)]
            if not having:
                raise NotKnown("no side has this name")
            return set().union(*(self._named(side, name) for side in having))
        firsts, seconds = self._outputs(left), self._outputs(right)
        places = [place for place, (one, _) in enumerate(firsts) if plain(one) == plain(name)]
        if len(places) != 1 or len(firsts) != len(seconds):
            raise NotKnown("the sides have other columns")
        return firsts[places[0]][1]() | seconds[places[0]][1]()

    def _outputs(self, scope: Scope) -> Outputs:
        """Return name and origins of each column, in order. Raises NotKnown."""
        query = unwrapped(scope.expression)
        if isinstance(query, exp.SetOperation):
            left, right = sides(scope)
            if query.args.get("by_name"):
                raise NotKnown("the order of its columns is not known")
            firsts = self._outputs(left)
            if isinstance(query, exp.Except | exp.Intersect):
                return firsts
            seconds = self._outputs(right)
            if len(firsts) != len(seconds):
                raise NotKnown("the sides have other columns")
            return [
                (name, partial(_both, one, two))
                for (name, one), (_, two) in zip(firsts, seconds, strict=True)
            ]
        if not isinstance(query, exp.Select):
            raise NotKnown("it is no select")
        found: Outputs = []
        for one in query.selects:
            if one.is_star:
                found += self._outputs_of_star(scope, query, one)
            else:
                found.append((one.output_name, partial(self._expression, scope, one)))
        return found

    def _outputs_of_star(self, scope: Scope, query: exp.Select, star: Node) -> Outputs:
        excluded = self._left_out(star)
        found: Outputs = []
        for source in self._starred(scope, star):
            columns = self._columns(scope.sources[source])
            if not columns.complete or merges(query):
                raise NotKnown("a * stands for columns that are not known")
            found += [
                (name, partial(self._of_source, scope, source, name))
                for name in columns.names
                if plain(name) not in excluded
            ]
        return found

    # -- `*` --------------------------------------------------------------------------------------------------------

    def _left_out(self, star: Node) -> set[str]:
        names = left_out(star)
        if names is None:
            raise NotKnown("a * replaces, renames or chooses columns")
        return names

    def _starred(self, scope: Scope, star: Node) -> list[str]:
        """Return the sources that a `*` stands for. Raises NotKnown."""
        if isinstance(star, exp.Column) and star.table:
            return [self._source(scope, star.table)]
        return self._selected(scope)

    def _selected(self, scope: Scope) -> list[str]:
        """Return the tables that a select reads. Raises NotKnown where others are there that have columns, too."""
        if reads_hidden_tables(scope):
            raise NotKnown("it reads something that is no table")
        return list(scope.selected_sources)

    def _lacks(self, scope: Scope, star: Node, name: str) -> bool:
        """Return True if it is certain that no column of a `*` has a name."""
        excluded = self._left_out(star)
        known = [self._columns(scope.sources[source]) for source in self._starred(scope, star)]
        return plain(name) in excluded or all(one.lacks(name) for one in known)

    def _of_star(self, scope: Scope, star: Node, name: str) -> set[Origin]:
        sources = self._starred(scope, star)
        if len(sources) == 1:
            return self._of_source(scope, sources[0], name)
        return self._of_one(scope, sources, name, alone=True)

    # -- expressions ------------------------------------------------------------------------------------------------

    def _expression(self, scope: Scope, expression: Node) -> set[Origin]:
        made: set[Origin] = set()
        for part in parts(expression):
            if isinstance(part, exp.Query):
                made |= self._nested(scope, part)
            elif isinstance(part, exp.Column) and not isinstance(part.this, exp.Star):
                made |= self._column(scope, part, expression)
            else:
                raise NotKnown("it has a part that may be any column")
        return made

    def _nested(self, scope: Scope, query: exp.Query) -> set[Origin]:
        inner = next((one for one in scope.subquery_scopes if one.expression is unwrapped(query)), None)
        if inner is None:
            raise NotKnown("a query inside of it is not known")
        return set().union(*(origins() for _, origins in self._outputs(inner)))

    def _column(self, scope: Scope, column: exp.Column, inside: Node) -> set[Origin]:
        if not column.table:
            return self._unqualified(scope, column.name, inside)
        here: Scope | None = scope
        while here is not None:
            if (source := source_name(here, column.table)) is not None:
                return self._of_source(here, source, column.name)
            here = here.parent if here.is_subquery else None
        raise NotKnown("it names a table that is not known")

    def _unqualified(self, scope: Scope, name: str, inside: Node) -> set[Origin]:
        sources = self._selected(scope)
        known = [self._columns(scope.sources[source]) for source in sources]
        has = any(one.has(name) for one in known)
        if looks_around(scope) and not has:
            raise NotKnown("it may be a column of the query around it")
        if not has and source_name(scope, name) is not None:
            raise NotKnown("it may be the whole row of a table")
        # A column comes before an alias of the same select.
        if not has and (alias := alias_before(scope, name, inside)) is not None:
            if all(one.lacks(name) for one in known):
                return self._expression(scope, alias)
            raise NotKnown("it may be an alias of the same select")
        if len(sources) == 1:
            return self._of_source(scope, sources[0], name)
        return self._of_one(scope, sources, name)

    def _of_one(self, scope: Scope, sources: Sequence[str], name: str, alone: bool = False) -> set[Origin]:
        """Return the origins of a column that one of several sources has: an engine refuses a name that two of them have.

        `alone`: by a `*`, of which it does not refuse that.
        """
        query = scope.expression
        if is_natural(query):
            raise NotKnown("a natural join chooses the columns")
        side = merged_side(query, name)
        if side is not None:
            return self._merged(scope, sources, name, side)
        columns = {source: self._columns(scope.sources[source]) for source in sources}
        having = [source for source in sources if columns[source].has(name)]
        others = [source for source in sources if not columns[source].lacks(name) and source not in having]
        if not having and len(others) == 1:  # all others are known not to have it
            having, others = others, []
        if len(having) != 1 or (alone and others):
            raise NotKnown("several tables may have this column")
        return self._of_source(scope, having[0], name)

    def _merged(self, scope: Scope, sources: Sequence[str], name: str, side: str) -> set[Origin]:
        """Return the origins of a column that a join merges: of the first table, unless the other one's can be there alone."""
        if len(sources) != 2:
            raise NotKnown("a join of more than two tables merges this column")
        chosen = {"RIGHT": sources[1:], "FULL": sources}.get(side, sources[:1])
        return set().union(*(self._of_source(scope, one, name) for one in chosen))

    # -- sources ----------------------------------------------------------------------------------------------------

    def _source(self, scope: Scope, name: str) -> str:
        source = source_name(scope, name)
        if source is None:
            raise NotKnown("it names a table that is not known")
        return source

    def _columns(self, source: Any) -> TableColumns:
        """Return the columns of a table or of a query, as far as they are known."""
        if isinstance(source, exp.Table):
            return NOTHING if is_changed(source) else self._tables(source.name)
        if not isinstance(source, Scope):
            return NOTHING
        if id(source) not in self._known:
            self._known[id(source)] = NOTHING  # of a query that reads itself
            self._known[id(source)] = self._columns_of_query(source)
        return self._known[id(source)]

    def _columns_of_query(self, scope: Scope) -> TableColumns:
        try:
            return TableColumns([name for name, _ in self._outputs(scope)], complete=True)
        except NotKnown:
            pass
        query = unwrapped(scope.expression)
        if not isinstance(query, exp.Select):
            return NOTHING
        names = [one.output_name for one in query.selects if not one.is_star]
        declared = True
        try:
            for star in (one for one in query.selects if one.is_star):
                excluded = self._left_out(star)
                for source in self._starred(scope, star):
                    columns = self._columns(scope.sources[source])
                    names += [name for name in columns.names if plain(name) not in excluded]
                    declared = declared and (columns.complete or columns.declared)
        except NotKnown:
            return TableColumns(names)
        return TableColumns(names, declared=declared)

    def _of_source(self, scope: Scope, source: str, name: str) -> set[Origin]:
        read = scope.sources[source]
        if renames(scope, source):
            raise NotKnown("its columns have other names where it is read")
        if isinstance(read, Scope):
            return self._named(read, name)
        if not isinstance(read, exp.Table) or is_changed(read):
            raise NotKnown("it is no plain table")
        columns = self._tables(read.name)
        if columns.complete and not columns.has(name):
            raise NotKnown("the table has no such column")
        spelled = (one for one in columns.names if plain(one) == plain(name))
        return {(read.name, next(spelled, name))}


def _both(one: Callable[[], set[Origin]], two: Callable[[], set[Origin]]) -> set[Origin]:
    return one() | two()
