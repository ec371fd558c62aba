"""What the names of a query stand for, as the engine reads them: PostgreSQL calls functions by names that look like columns."""

from __future__ import annotations

from typing import Any

from sqlglot import exp


def is_own_query(table: exp.Table) -> bool:
    """Return True if a table's name is that of a query (WITH) of the same statement, which is visible there."""
    if table.args.get("db") or table.args.get("catalog") or not isinstance(table.this, exp.Identifier):
        return False
    below: Any = table
    above = table.parent
    while above is not None:
        for known in above.args.values():
            if isinstance(known, exp.With) and table.name in _visible_names(known, below):
                return True
        if isinstance(above, exp.With) and table.name in _visible_names(above, below):
            return True
        below, above = above, above.parent
    return False


def _visible_names(known: exp.With, below: Any) -> set[str]:
    """Return the names that are visible in `below`: all beside it, and within it those before, unless it is recursive."""
    names = [one.alias for one in known.expressions]
    places = [place for place, one in enumerate(known.expressions) if one is below]
    if below is known:  # it was looked at on the way
        return set()
    return set(names if not places or known.args.get("recursive") else names[: places[0]])


def quote_names(query: exp.Query) -> None:
    """Write each name as PostgreSQL reads it: without quotes it is in lower case, and with them it is never a keyword."""
    for name in query.find_all(exp.Identifier):
        if not name.args.get("quoted"):
            name.set("this", "".join(sign.lower() if sign.isascii() else sign for sign in name.name))
            name.set("quoted", True)


def unsafe_construct(query: exp.Query) -> str:
    """Return what of a query could call any function, or reach any type or operator, of PostgreSQL; empty: nothing.

    `(x).f` is `f(x)` for each function of one argument, and so is `t.f` where `t` is the row of a function in FROM.
    """
    functions = {"unnest"}
    for place in query.find_all(exp.From, exp.Join):
        if not isinstance(place.this, exp.Table | exp.Subquery | exp.Values | exp.Unnest | exp.Lateral):
            return f"{place.this.key} in FROM"
    for lateral in query.find_all(exp.Lateral):
        if not isinstance(lateral.this, exp.Subquery):
            return "a function in LATERAL"
    for table in query.find_all(exp.Unnest):
        functions.add(table.alias)
    for node in query.walk():
        if isinstance(node, exp.Dot):
            return "(…).name; name a column without parentheses"
        if isinstance(node, exp.Column) and (node.args.get("db") or node.args.get("catalog")):
            return "a column with the schema of its table"
        if isinstance(node, exp.Column) and node.table in functions:
            return "the name of a function in FROM before a column; leave it out"
        if isinstance(node, exp.Operator):
            return "OPERATOR"
        if isinstance(node, exp.ObjectIdentifier | exp.PseudoType) or (isinstance(node, exp.DataType) and node.this == exp.DataType.Type.USERDEFINED):  # fmt: skip
            return "a type that is not a standard one"
    return ""
