"""Accept exactly one SELECT over exactly one table, and write it anew; refuse everything else."""

from __future__ import annotations

from typing import Any

import sqlglot
from sqlglot import exp

from meshwright.catalog.agents.sql_names import is_own_query, quote_names, unsafe_construct
from meshwright.core.errors import Error

MOST_SQL = 20_000
TABLE = "port"
"""The name that every port has in a query, beside its own."""

FORBIDDEN = (
    exp.DDL, exp.DML, exp.Command, exp.Into, exp.Lock, exp.Placeholder, exp.Parameter, exp.SessionParameter,
    exp.Pragma, exp.Set, exp.Use, exp.Describe, exp.Copy, exp.Attach, exp.Detach, exp.CurrentUser,
    exp.CurrentSchema, exp.ReadCSV, exp.XMLTable, exp.Kill, exp.Transaction,
)  # fmt: skip
"""What no query needs: statements that change something, parameters, and what says who or where one is."""
FORBIDDEN_NAMES = ("SessionUser", "CurrentRole", "CurrentCatalog", "CurrentDatabase", "ReadParquet", "CurrentSchemas", "Version", "CurrentVersion")  # fmt: skip
FUNCTIONS = {
    *(
        "age",
        "arg_max",
        "arg_min",
        "array_length",
        "btrim",
        "date_bin",
        "date_part",
        "epoch",
        "epoch_ms",
        "even",
    ),
    *(
        "gcd",
        "initcap",
        "isfinite",
        "justify_days",
        "kurtosis",
        "lcm",
        "list_aggregate",
        "list_avg",
        "list_contains",
    ),
    *("list_distinct", "list_max", "list_min", "list_sort", "list_sum", "mad", "make_date", "make_time"),
    *(
        "make_timestamp",
        "max_by",
        "median",
        "min_by",
        "mode",
        "monthname",
        "dayname",
        "nullif",
        "percentile_cont",
    ),
    *("percentile_disc", "quantile", "quantile_cont", "quantile_disc", "regexp_count", "regexp_full_match"),
    *("regexp_matches", "regr_slope", "regr_intercept", "scale", "skewness", "split_part", "string_to_array"),
    *(
        "strftime",
        "strptime",
        "struct_pack",
        "time_bucket",
        "to_char",
        "to_date",
        "to_number",
        "to_timestamp",
    ),
    *("translate", "trim_scale", "trunc", "try_strptime", "width_bucket", "yearweek"),
}
"""Functions that the parser does not know, and that read nothing but their arguments."""

FIX = "Send one SELECT over the port, such as: select * from port limit 10"


class NotOneSelect(Error):
    """The SQL is refused."""


def one_select(sql: str, dialect: str, port: str, target: exp.Table) -> str:
    """Return a query, written anew, that reads nothing but `target`. Raises NotOneSelect.

    `dialect`: `duckdb` or `postgres`. The query names the port as `port`, or by its own name.
    """
    query = _parsed(sql, dialect)
    _check(query, dialect)
    tables = [table for table in query.find_all(exp.Table) if not is_own_query(table)]
    for table in tables:
        _refuse_other(table, port)
        _put(table, target)
    if not tables:
        raise NotOneSelect("The query does not read the port.", FIX)
    try:
        written = query.sql(dialect=dialect, comments=False)
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        raise NotOneSelect("The query cannot be written anew.", FIX) from error
    _check_written(written, dialect, target)
    return written


def _check(query: exp.Query, dialect: str) -> None:
    if dialect == "postgres":
        quote_names(query)
        if why := unsafe_construct(query):
            raise NotOneSelect(f"A query may not use {why}.", FIX)
    for node in query.walk():
        _refuse(node)


def _check_written(written: str, dialect: str, target: exp.Table) -> None:
    """Read again what was written: what the writer changes must not reach anything else."""
    query = _parsed(written, dialect, most=4 * MOST_SQL)
    _check(query, dialect)
    for table in query.find_all(exp.Table):
        if not is_own_query(table) and not _is(table, target):
            raise NotOneSelect("The query is not understood in one way only.", FIX)


def _is(table: exp.Table, target: exp.Table) -> bool:
    return all(table.text(part) == target.text(part) for part in ("this", "db", "catalog"))


def _parsed(sql: str, dialect: str, most: int = MOST_SQL) -> exp.Query:
    if len(sql) > most:
        raise NotOneSelect(f"The query is longer than {most:,} characters.", "Shorten it.")
    try:
        statements = [one for one in sqlglot.parse(sql, read=dialect) if one is not None]
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        why = str(error).splitlines()[0][:200] if str(error) else "it is nested too deeply"
        raise NotOneSelect(f"The query cannot be read as SQL of {dialect}: {why}", FIX) from error
    if len(statements) != 1:
        raise NotOneSelect(f"There are {len(statements)} statements.", FIX)
    if not isinstance(statements[0], exp.Query) or isinstance(statements[0], exp.DML):
        raise NotOneSelect("It is not a SELECT.", FIX)
    return statements[0]


def _refuse(node: Any) -> None:
    if isinstance(node, FORBIDDEN) or type(node).__name__ in FORBIDDEN_NAMES:
        raise NotOneSelect(f"A query may not use {node.key}.", FIX)
    if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc | exp.CombinedAggFunc):
        name = str(node.this).lower()
        if name not in FUNCTIONS:
            fix = "Use standard functions. If this one reads nothing but its arguments, ask for it to be allowed."
            raise NotOneSelect(f"The function {name[:80]!r} is not among those that are allowed.", fix)


def _refuse_other(table: exp.Table, port: str) -> None:
    name = table.this
    if not isinstance(name, exp.Identifier) or table.args.get("db") or table.args.get("catalog"):
        raise NotOneSelect(f"It reads {table.sql()[:80]!r}, which is not the port.", FIX)
    if name.name.lower() not in (TABLE, port.lower()):
        raise NotOneSelect(f"It reads {name.name[:80]!r}, which is not the port.", FIX)


def _put(table: exp.Table, target: exp.Table) -> None:
    """Make a table the target, under the name that the query gives it."""
    if not table.alias:
        table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name, quoted=table.this.quoted)))
    for part in ("this", "db", "catalog"):
        table.set(part, target.args[part].copy() if target.args.get(part) else None)
