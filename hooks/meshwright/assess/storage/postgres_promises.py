"""Count in PostgreSQL how often the rows of a port break each promise of the contract: aggregates of all rows, no values.

What a promise means is decided by the modules that verify a run. What PostgreSQL's SQL cannot say of texts is decided by
them on the different texts of the column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import duckdb

from meshwright.assess.storage import Blocker, Field, Tallies, Tally, TooSlow
from meshwright.assess.storage.postgres import Relation
from meshwright.assess.storage.promise_values import FEWER, is_absurd, part_of_rows
from meshwright.core.sql import duckdb as duck_sql
from meshwright.core.sql.postgres import identifier, literal
from meshwright.inspection.reading import conformance
from meshwright.inspection.reading.comparisons import Type, number
from meshwright.product.physical_types import read
from meshwright.product.promises import PERCENT, Promise

TEXTS = ("text", "character varying", "character", "citext", "uuid")
FLOATS = ("real", "double precision")
NUMBERS = ("smallint", "integer", "bigint", "numeric", *FLOATS)
MOMENTS = ("date", "timestamp without time zone", "timestamp with time zone")
SAME_PATTERN = re.compile(r"(?:[^\\(]|\((?!\?)|\\[ds.\-/+*?()\[\]{}|^$])*")
"""Regular expressions that RE2 and PostgreSQL read alike."""
DIFFERENT = 20_000
"""Different texts of a column that are compared here, at most."""
OPERATORS = {"minimum": "<", "maximum": ">", "exclusiveMinimum": "<=", "exclusiveMaximum": ">="}


class _Inexpressible(Exception):
    """PostgreSQL's SQL has no condition for it; the message says what."""


def tallies(table: Relation, promises: Sequence[Promise]) -> Tallies:
    """Return how often each promise is broken; of a large table, in its first rows. Raises Unseen."""
    try:
        rows, each = _each(table, promises, table.qualified)
        return Tallies(rows, rows, each)
    except TooSlow:
        rows = table.count()
        if rows <= FEWER:
            raise
    examined, each = _each(table, promises, f"(select * from {table.qualified} limit {FEWER}) part")
    of_part = [part_of_rows(promise, tally, rows) for promise, tally in zip(promises, each, strict=True)]
    return Tallies(rows, examined, of_part)


def _each(table: Relation, promises: Sequence[Promise], source: str) -> tuple[int, list[Tally]]:
    """Return the number of rows of a source, and the answers, most of them from one pass."""
    fields = {field.name.lower(): field for field in table.fields}
    planned: list[str | Tally] = [_aggregate(table, promise, fields, source) for promise in promises]
    counted = ["count(*)", *(one for one in planned if isinstance(one, str))]
    try:
        numbers: list[Any] = [Tally(one) for one in table.aggregates(counted, source)]
    except TooSlow:
        raise
    except Blocker:  # One of them cannot be computed: which?
        numbers = [_one(table, aggregate, source) for aggregate in counted]
    waiting = iter(numbers[1:])
    return int(numbers[0].number or 0), [next(waiting) if isinstance(one, str) else one for one in planned]


def _one(table: Relation, aggregate: str, source: str) -> Tally:
    try:
        return Tally(table.aggregates([aggregate], source)[0])
    except TooSlow:
        raise
    except Blocker:
        return Tally(unseen="PostgreSQL cannot compare these values with the contract's.")


def _aggregate(table: Relation, promise: Promise, fields: Mapping[str, Field], source: str) -> str | Tally:
    """Return SQL that counts what breaks a promise; an answer if that is known otherwise."""
    if is_absurd(promise):
        return Tally(unseen="The contract's value is too large to be compared.")
    try:
        return _counting(promise, fields, source)
    except _Inexpressible as problem:
        field = fields.get(promise.path[0].lower()) if len(promise.path) == 1 else None
        if field is not None and field.type in TEXTS and promise.kind in conformance.PREDICATES:
            return _of_texts(table, promise, field)
        return Tally(unseen=str(problem))
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError):
        return Tally(unseen="The contract's value cannot be compared with this column.")


def _counting(promise: Promise, fields: Mapping[str, Field], source: str) -> str | Tally:
    kind, rule = promise.kind, promise.value
    if kind == "rowCount":
        return "count(*)"
    if kind == "sql":
        raise _Inexpressible("The query is in DuckDB's dialect, and the data is in PostgreSQL.")
    if len(promise.path) > 1:
        raise _Inexpressible("Nested fields are not compared in PostgreSQL.")
    if kind in ("primaryKey", "unique", "duplicateValues"):
        names = _key(promise)
        missing = [name for name in names if name.lower() not in fields]
        if missing:
            return Tally(unseen="The data has no such column.")
        repeated, extra = _duplicates(source, [identifier(fields[name.lower()].name) for name in names])
        return _share(extra) if kind == "duplicateValues" and _is_percent(rule) else repeated
    field = fields.get(promise.path[0].lower())
    if field is None:
        return Tally(unseen="The data has no such column.")
    if kind in ("nullValues", "missingValues", "invalidValues"):
        count = f"count(*) filter (where {_counted(promise, field)})"
        return _share(count) if _is_percent(rule) else count
    condition = _condition(promise, field)
    return f"count(*) filter (where {condition})" if condition else Tally(0)


def _key(promise: Promise) -> list[str]:
    if promise.kind == "primaryKey":
        return [str(name) for name in promise.value]
    if promise.kind == "duplicateValues" and not promise.path:
        return [str(name) for name in promise.value["arguments"]["properties"]]
    return [promise.path[0]]


def _is_percent(rule: Any) -> bool:
    return str(rule.get("unit") or "").strip().lower() in PERCENT


def _share(count: str) -> str:
    return f"case when count(*) = 0 then 0 else round(100.0 * {count} / count(*), 6) end"


def _duplicates(source: str, columns: Sequence[str]) -> tuple[str, str]:
    """Return SQL for the number of values that occur more than once, and of rows that repeat one."""
    filled = " and ".join(f"{column} is not null" for column in columns)
    groups = f"(select count(*) as n from {source} where {filled} group by {', '.join(columns)} having count(*) > 1) repeated"
    return f"(select count(*) from {groups})", f"(select coalesce(sum(n - 1), 0) from {groups})"


def _missing(field: Field) -> str:
    column = identifier(field.name)
    nan = f" or {column} = 'NaN'" if field.type in (*FLOATS, "numeric") else ""
    return f"({column} is null{nan})"


def _counted(promise: Promise, field: Field) -> str:
    """Return the condition for what a metric of missing or invalid values counts."""
    column, arguments = identifier(field.name), promise.value.get("arguments") or {}
    if promise.kind != "invalidValues":
        values = arguments.get("missingValues") or [] if promise.kind == "missingValues" else []
        listed = f" or coalesce({_is_one_of(field, values)}, false)" if values else ""
        return f"({_missing(field)}{listed})"
    wrong = []
    if arguments.get("validValues") is not None:
        wrong.append(f"not {_is_one_of(field, arguments['validValues'])}")
    if arguments.get("pattern") is not None:
        wrong.append(_no_match(field, arguments["pattern"]))
    return f"{column} is not null and ({' or '.join(wrong)})"


def _is_one_of(field: Field, values: Sequence[Any]) -> str:
    column = identifier(field.name)
    scalars = [one for one in values if isinstance(one, str | int | float)]
    if field.type in TEXTS:
        same = [literal(one) for one in scalars if isinstance(one, str)]
        same += [literal(str(one)) for one in scalars if type(one) is int]
        return f"{column}::text in ({', '.join(same)})" if same else "false"
    if field.type in NUMBERS:
        same = [f"{number(one):f}" for one in scalars if _is_number(one)]
        return f"{column}::numeric in ({', '.join(same)})" if same else "false"
    raise _Inexpressible(f"PostgreSQL cannot compare a list of values of {field.type}.")


def _is_number(value: Any) -> bool:
    try:
        return number(value).is_finite()
    except ArithmeticError:
        return False


def _no_match(field: Field, pattern: Any) -> str:
    if field.type not in TEXTS or not SAME_PATTERN.fullmatch(str(pattern)):
        raise _Inexpressible("PostgreSQL reads the regular expression differently.")
    return f"{identifier(field.name)}::text !~ {literal(str(pattern))}"


def _condition(promise: Promise, field: Field) -> str:
    """Return the condition for rows that break a promise on single values; empty if no value of this type can."""
    column, value, kind = identifier(field.name), promise.value, promise.kind
    if kind == "required":
        return _missing(field)
    if kind == "logicalType":
        fractions = value == "integer" and field.type in (*FLOATS, "numeric")
        return f"{column}::numeric <> trunc({column}::numeric)" if fractions else ""
    if kind == "physicalType":
        physical = read(str(value))
        length = physical.length if physical and field.type in TEXTS and not physical.bytes else None
        return "" if length is None else f"length({column}::text) > {length}"
    if kind == "enum":
        return f"{column} is not null and not {_is_one_of(field, value)}"
    if kind in ("minLength", "maxLength") and field.type in TEXTS:
        return f"length({column}::text) {'<' if kind == 'minLength' else '>'} {number(value):f}"
    if kind == "pattern":
        return _no_match(field, value)
    if kind in OPERATORS:
        return _beyond(field, OPERATORS[kind], value)
    if kind == "multipleOf" and field.type in NUMBERS:
        return f"{column}::numeric % {number(value):f} <> 0"
    raise _Inexpressible(f"PostgreSQL cannot compare {kind} of {field.type}.")


def _beyond(field: Field, operator: str, limit: Any) -> str:
    column = identifier(field.name)
    if field.type in NUMBERS:
        nan = f"{column} = 'NaN' or " if field.type in (*FLOATS, "numeric") else ""
        return f"({nan}{column}::numeric {operator} {number(limit):f})"
    if field.type in MOMENTS and not isinstance(limit, int | float):
        text = limit.isoformat() if hasattr(limit, "isoformat") else str(limit)
        moment = column if field.type == MOMENTS[2] else f"{column}::timestamp at time zone 'UTC'"
        return f"{moment} {operator} {literal(text)}::timestamptz"
    raise _Inexpressible(f"PostgreSQL cannot compare limits of {field.type}.")


def _of_texts(table: Relation, promise: Promise, field: Field) -> Tally:
    """Return how many of the column's different texts break a promise, by the condition of the modules that verify a run."""
    made: Callable[[str, Type], str] = conformance.PREDICATES[promise.kind](promise.value)
    condition = made("text", Type("varchar", "VARCHAR", {}))
    try:
        texts = table.texts(field.name, DIFFERENT)
        with duckdb.connect(":memory:", config={"threads": 1, "enable_external_access": False}) as connection:
            found = connection.execute(
                f"select count(*) filter (coalesce({condition}, false)) from (select unnest(?::varchar[]) as {duck_sql.identifier('text')})",
                [list(texts)],
            ).fetchone()
    except (Blocker, duckdb.Error):
        return Tally(unseen="The texts of the column cannot be compared with the contract's value.")
    count = found[0] if found else 0
    if not count and len(texts) >= DIFFERENT:
        return Tally(unseen=f"None of {DIFFERENT:,} different texts breaks it; there are more.")
    return Tally(count)
