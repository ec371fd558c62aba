"""What the syntax tree of a query says: its joins, its aliases, and what stands in an expression."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

Node = Any
"""A part of a query's tree: releases of sqlglot call its type by other names."""


def plain(name: str) -> str:
    """Return a name for comparing: two names that differ in case only are taken for one, and no column may have both."""
    return name.casefold()


def fold_tables(tree: Any) -> bool:
    """Write all names of tables in small letters; return False where two of them differ in case only."""
    named = {one.alias for one in tree.find_all(exp.CTE, exp.Table, exp.Subquery) if one.alias}
    if len(set(map(plain, named))) < len(named):
        return False
    places = [(one, "this") for one in tree.find_all(exp.Table, exp.TableAlias)]
    for node, key in [*places, *((one, "table") for one in tree.find_all(exp.Column))]:
        identifier = node.args.get(key)
        if isinstance(identifier, exp.Identifier):
            identifier.set("this", plain(identifier.name))
    return True


def unwrapped(query: Any) -> Any:
    """Return a query without the parentheses around it."""
    while isinstance(query, exp.Subquery):
        query = query.this
    return query


def sides(scope: Scope) -> tuple[Scope, Scope]:
    """Return the two queries of a union, or the like."""
    now_called: Any = getattr(scope, "set_operation_scopes", None)
    left, right = now_called or getattr(scope, "union_scopes")  # noqa: B009 - older releases
    return left, right


def parts(expression: Node) -> Iterator[Node]:
    """Yield the columns in an expression and the queries inside of it, not what is in these; and what may be any column.

    A `*` in count(*) is no column. A window that is defined elsewhere may have any.
    """
    if isinstance(expression, exp.Query | exp.Column | exp.Star | exp.Columns):
        yield expression
        return
    if isinstance(expression, exp.Window) and expression.args.get("alias") is not None:
        yield expression
        return
    if isinstance(expression, exp.Count) and isinstance(expression.this, exp.Star):
        return
    for child in expression.iter_expressions():
        yield from parts(child)


def source_name(scope: Scope, name: str) -> str | None:
    """Return the table that a select reads by a name; None if it reads none, or two that differ in case."""
    selected = [one for one in scope.selected_sources if plain(one) == plain(name)]
    return selected[0] if len(selected) == 1 else None


def is_changed(table: exp.Table) -> bool:
    """Return True for a table whose columns are not those that it has: pivoted, renamed, or made by a function."""
    alias = table.args.get("alias")
    renamed = isinstance(alias, exp.TableAlias) and bool(alias.columns)
    made = not isinstance(table.this, exp.Identifier)
    return bool(table.args.get("pivots") or table.args.get("joins")) or renamed or made


def renames(scope: Scope, source: str) -> bool:
    """Return True if what a select reads has its columns renamed, or turned, there or where it is defined."""
    node, inner = scope.selected_sources.get(source, (None, None))
    around = [node]
    if isinstance(inner, Scope):
        outer = inner.expression.parent
        while isinstance(outer, exp.Subquery | exp.CTE):
            around.append(outer)
            outer = outer.parent
    return any(_is_renamed(one) for one in around)


def _is_renamed(node: Any) -> bool:
    if not isinstance(node, exp.Table | exp.Subquery | exp.CTE):
        return False
    alias = node.args.get("alias")
    return bool(node.args.get("pivots")) or (isinstance(alias, exp.TableAlias) and bool(alias.columns))


def _joins(query: Any) -> Sequence[exp.Join]:
    return unwrapped(query).args.get("joins") or ()


def merges(query: Any) -> bool:
    """Return True if a join makes one column of two."""
    return any(join.args.get("using") for join in _joins(query)) or is_natural(query)


def is_natural(query: Any) -> bool:
    """Return True if a join goes by the names of columns that nobody lists."""
    return any((join.args.get("method") or "").upper() == "NATURAL" for join in _joins(query))


def merged_side(query: Any, name: str) -> str | None:
    """Return the side of the join that merges a column: empty, LEFT, RIGHT or FULL; None if no join merges it."""
    for join in _joins(query):
        if any(plain(one.name) == plain(name) for one in join.args.get("using") or ()):
            return str(join.args.get("side") or "").upper()
    return None


def reads_hidden_tables(scope: Scope) -> bool:
    """Return True if a select reads anything beside the tables and queries that its scope names."""
    query = unwrapped(scope.expression)
    if query.args.get("laterals") or query.args.get("pivots"):
        return True
    kept = [join for join in _joins(query) if (join.kind or "").upper() not in ("SEMI", "ANTI")]
    from_ = query.args.get("from_") or query.args.get("from")
    read = [join.this for join in kept] + ([from_.this] if from_ is not None else [])
    plain_ones = all(isinstance(one, exp.Table | exp.Subquery) for one in read)
    return not plain_ones or len(scope.selected_sources) != len(read)


def looks_around(scope: Scope) -> bool:
    """Return True if a query may read columns of a query around it, or of a table beside it, as DuckDB lets it."""
    here: Scope | None = scope
    while here is not None:
        beside = here.parent is not None and len(here.parent.selected_sources) > 1
        if here.is_subquery or (here.is_derived_table and beside):
            return True
        here = here.parent
    return False


def left_out(star: Node) -> set[str] | None:
    """Return the columns that a `*` leaves out; None for one that replaces, renames or chooses columns."""
    inner = star.this if isinstance(star, exp.Column) else star
    if not isinstance(inner, exp.Star):
        return None
    changes = {key: value for key, value in inner.args.items() if value}
    excluded = [*(changes.pop("except_", None) or ()), *(changes.pop("except", None) or ())]
    return None if changes else {plain(one.name) for one in excluded}


def alias_before(scope: Scope, name: str, inside: Node) -> Node | None:
    """Return the expression that an alias names earlier in the same select; None if a table has a column of this name."""
    query = unwrapped(scope.expression)
    for one in query.selects if isinstance(query, exp.Select) else ():
        if one is inside:
            return None
        if isinstance(one, exp.Alias) and plain(one.alias) == plain(name):
            # What reads a column of this name itself, before the alias is there, reads a table's, and that comes first.
            return None if _reads(one, name) else one
    return None


def _reads(expression: Node, name: str) -> bool:
    return any(
        isinstance(one, exp.Column) and not one.table and plain(one.name) == plain(name)
        for one in parts(expression)
    )
