"""What the definitions of views and check constraints tell."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlglot


def listed_values(checks: Iterable[str], dialect: str) -> dict[str, tuple[str, ...]]:
    """Return the texts that check constraints allow in a column: `status in ('new', 'paid')`."""
    found: dict[str, tuple[str, ...]] = {}
    for text in checks:
        try:
            parsed: Any = sqlglot.parse_one(text, read=dialect)
        except sqlglot.errors.SqlglotError:
            continue
        parsed = parsed.unnest()
        column, values = _in_list(parsed)
        if column and values:
            found[column] = tuple(values)
    return found


def _in_list(parsed: Any) -> tuple[str, list[str]]:
    """Return column and texts of `column in (…)` or `column = any (array[…])`; empty for any other condition."""
    exp = sqlglot.exp
    if isinstance(parsed, exp.In):
        values = parsed.expressions
    elif isinstance(parsed, exp.EQ) and isinstance(parsed.expression, exp.Any):
        arrays = list(parsed.expression.find_all(exp.Array))
        values = arrays[0].expressions if len(arrays) == 1 else []
    else:
        return "", []
    columns = {column.name for column in parsed.this.find_all(exp.Column)}
    texts = [literal for value in values for literal in value.find_all(exp.Literal)]
    if len(columns) != 1 or len(texts) != len(values) or not all(text.is_string for text in texts):
        return "", []
    return columns.pop(), [str(text.this) for text in texts]


def tables_read(sql: str, dialect: str, schema: str, but: str = "") -> tuple[str, ...]:
    """Return the tables that a statement reads, sorted, without the view `but`; those of the same schema without it."""
    try:
        parsed = sqlglot.parse_one(sql, read=dialect)
    except sqlglot.errors.SqlglotError:
        return ()
    within = {str(cte.alias) for cte in parsed.find_all(sqlglot.exp.CTE)}
    return tuple(
        sorted(
            {
                f"{table.db}.{table.name}" if table.db and table.db != schema else table.name
                for table in parsed.find_all(sqlglot.exp.Table)
                if table.name and table.name != but and (table.db or table.name not in within)
            }
        )
    )
