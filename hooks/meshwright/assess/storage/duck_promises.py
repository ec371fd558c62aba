"""Count with DuckDB how often the rows of a port break each promise of the contract.

What a promise means is decided by the modules that verify a run (inspection/reading/conformance.py); values stay in DuckDB.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from meshwright.assess.storage import Blocker, Corrupt, Tallies, Tally, Unseen
from meshwright.assess.storage.duck import Files
from meshwright.assess.storage.promise_values import FEWER, is_absurd, part_of_rows
from meshwright.core.sql.duckdb import identifier
from meshwright.inspection.reading import conformance
from meshwright.inspection.reading.comparisons import Type
from meshwright.product.physical_types import read
from meshwright.product.promises import METRICS, PERCENT, Promise

NOT_THERE = "The data has no such column."
OF_TEXTS = (
    "pattern",
    "minLength",
    "maxLength",
    "enum",
    "format",
    "invalidValues",
    "missingValues",
    "physicalType",
)
"""Kinds whose result depends on how a text is spelled."""
TABLE = re.compile(r"[\"'`]?\$?\{(?:model|table|schema|object|dataset)\}[\"'`]?")
COLUMN = re.compile(r"[\"'`]?\$?\{(?:field|column|property)\}[\"'`]?")


def tallies(table: Files, promises: Sequence[Promise], dataset: str) -> Tallies:
    """Return how often each promise is broken; of a large table, in its first rows. Raises Corrupt, Unseen."""
    actual = table.types
    rows = table.count()
    whole = f"({table.query})"
    try:
        return Tallies(rows, rows, _each(table, promises, actual, whole, dataset))
    except Unseen:  # too long, or too large
        if rows <= FEWER:
            raise
    part = _each(table, promises, actual, f"(select * from {whole} limit {FEWER})", "")
    of_part = [part_of_rows(promise, tally, rows) for promise, tally in zip(promises, part, strict=True)]
    return Tallies(rows, FEWER, of_part)


def _each(
    table: Files, promises: Sequence[Promise], actual: Mapping[str, Type], scan: str, dataset: str
) -> list[Tally]:
    """Return the answers, most of them from one pass over the rows."""
    planned: list[str | Tally] = [_aggregate(table, promise, actual, scan) for promise in promises]
    numbers = _numbers(table, [one for one in planned if isinstance(one, str)], scan)
    answers = [next(numbers) if isinstance(one, str) else one for one in planned]
    for index, promise in enumerate(promises):
        if promise.kind == "sql":
            answers[index] = _of_query(table, promise, actual, dataset)
    return answers


def _numbers(table: Files, aggregates: Sequence[str], scan: str) -> Any:
    if not aggregates:
        return iter(())
    try:
        return iter([Tally(number) for number in table.ask(f"select {', '.join(aggregates)} from {scan}")[0]])
    except Corrupt:  # One of them cannot be computed: which?
        return iter([_number(table, one, scan) for one in aggregates])


def _number(table: Files, aggregate: str, scan: str) -> Tally:
    try:
        return Tally(table.ask(f"select {aggregate} from {scan}")[0][0])
    except Corrupt:
        return Tally(unseen="DuckDB cannot compare these values with the contract's.")


def _aggregate(table: Files, promise: Promise, actual: Mapping[str, Type], scan: str) -> str | Tally:
    """Return SQL that counts what breaks a promise; an answer if there is nothing to count."""
    if promise.kind == "sql":
        return Tally(unseen="A part of the rows does not decide it.")
    if is_absurd(promise):
        return Tally(unseen="The contract's value is too large to be compared.")
    try:
        return _counting(table, promise, actual, scan)
    except conformance.NoSuchPath:
        return Tally(unseen=NOT_THERE)
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError):
        return Tally(unseen="The contract's value cannot be compared with this column.")


def _counting(table: Files, promise: Promise, actual: Mapping[str, Type], scan: str) -> str | Tally:
    kind = promise.kind
    if kind in ("primaryKey", "unique"):
        names = promise.value if kind == "primaryKey" else []
        paths: list[tuple[str, ...]] = [(str(name),) for name in names] or [promise.path]
        return conformance.duplicates(paths, actual, scan)[0]
    type_ = conformance.type_at(promise.path, actual) if promise.path else None
    if type_ is not None and not table.typed and kind in OF_TEXTS and _is_guessed(promise, type_):
        return Tally(unseen=f"The file does not say its types, and DuckDB takes the texts for {type_.text}.")
    if kind in METRICS:
        percent = str(promise.value.get("unit") or "").strip().lower() in PERCENT
        return conformance.metric_sql(promise, actual, percent, scan)
    assert type_ is not None, "the other promises are on columns"
    predicate = _predicate(promise, type_)
    if predicate is None:
        return Tally(0)
    return f"count(*) filter ({conformance.violation(promise.path, actual, predicate)})"


def _is_guessed(promise: Promise, type_: Type) -> bool:
    return type_.kind not in ("varchar", "struct", "list", "map")


def _predicate(promise: Promise, type_: Type) -> conformance.Predicate | None:
    """Return the condition that breaks a promise on single values; None if no value of this type can break it."""
    if promise.kind == "logicalType":
        whole = type_.is_float or (type_.kind == "decimal" and not type_.text.endswith(",0)"))
        return conformance.not_whole(promise.value) if promise.value == "integer" and whole else None
    if promise.kind == "physicalType":
        physical = read(str(promise.value))
        length = physical.length if physical and type_.kind == "varchar" and not physical.bytes else None
        return None if length is None else (lambda value, _: f"length({value}) > {length}")
    fits = conformance.FITS.get(promise.kind)
    if fits and type_.kind not in fits:
        raise ValueError(type_.text)
    return conformance.PREDICATES[promise.kind](promise.value)


def _of_query(table: Files, promise: Promise, actual: Mapping[str, Type], dataset: str) -> Tally:
    """Return the number that a query of the contract gives, which sees the rows as a table named as the data set is."""
    if not dataset:
        return Tally(unseen="A part of the rows does not decide it.")
    column = next((name for name in actual if promise.path and name.lower() == promise.path[0].lower()), "")
    query = (
        TABLE.sub(lambda _: identifier(dataset), str(promise.value.get("query") or "")).strip().rstrip(";")
    )
    query = COLUMN.sub(lambda _: identifier(column), query)
    try:
        statements = duckdb.extract_statements(query)
    except duckdb.Error:
        return Tally(unseen="DuckDB does not understand the query.")
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        return Tally(unseen="It is not one query.")
    try:
        answer = table.ask(
            f"with {identifier(dataset)} as ({table.query}) select * from (\n{query}\n) limit 2"
        )
    except Blocker as blocker:
        return Tally(unseen=f"The query gives no answer. {blocker}")
    if len(answer) != 1 or len(answer[0]) != 1:
        return Tally(unseen="The query does not return one value.")
    number = answer[0][0]
    if isinstance(number, bool) or (
        not isinstance(number, int | float) and type(number).__name__ != "Decimal"
    ):
        return Tally(unseen="The query returns no number.")
    return Tally(number)
