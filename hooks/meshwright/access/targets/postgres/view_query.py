"""The query of a role's view: its columns, masks and rows, with every name quoted and every value typed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from uuid import UUID

from meshwright.access.grants import Condition, Refused, Value, View, VisibleColumn
from meshwright.access.targets.postgres.actual import MEMBERSHIP_OPTIONS, Type
from meshwright.access.targets.postgres.names import Names, display_text
from meshwright.core.sql.postgres import identifier, literal

_EXACT = 'COLLATE pg_catalog."C"'  # A collation can take different texts for equal; access must not.
_TEXT = ("text", "character varying", "character")
_WHOLE = ("smallint", "integer", "bigint")


def view_query(
    view: View,
    types: Mapping[str, Type],
    names: Names,
    version: int,
    ends: Mapping[str, datetime] | None = None,
) -> str:
    """Return the query of a role's view. `types`: column -> type. Raises Refused.

    `ends`: login -> when it reads no more by itself, of a role that is for emergencies.
    """
    missing = [display_text(column) for column in _used(view) if column not in types]
    if missing:
        raise Refused(
            f"The role {view.role} uses columns that {names.private}.{display_text(names.dataset)} does not have: "
            f"{', '.join(missing)}.",
            "Run the pipeline, so that what is published has the columns of the contract; or fix the contract.",
        )
    columns = ", ".join(
        f"{_masked(shown_, types[shown_.column.name])} AS {identifier(shown_.column.name)}"
        for shown_ in view.columns
    )
    rows = [_fits(condition, types[condition.column.name]) for condition in view.rows]
    if version < MEMBERSHIP_OPTIONS:
        # Whoever is in a SET ROLE session stays in it when the membership is revoked; asking for the login that
        # began the session ends that, and what such a role could leave behind (a view that it owns).
        rows.append(
            f"pg_catalog.pg_has_role(SESSION_USER, {literal(names.reader(view.role))}::pg_catalog.name, 'MEMBER')"
        )
    if view.break_glass:
        rows.append(_before_end(ends or {}))
    text = f"SELECT {columns} FROM {identifier(names.private, names.dataset)} AS data"
    if rows:
        text += f" WHERE {' AND '.join(rows)}"
    if view.rows or view.break_glass:
        # A reader's own conditions must not be tested on hidden rows, not even leakproof ones: EXPLAIN ANALYZE tells
        # how many rows each condition removed. Nothing is pushed into a query with an OFFSET.
        text += " OFFSET 0"
    return text


def _before_end(ends: Mapping[str, datetime]) -> str:
    """Return the condition that lets each login read until its own end.

    By the clock of the server, asked anew for each row: `now()` stands still in a transaction, and a cursor that was opened
    before the end would go on. SESSION_USER is the login, whatever role the session switches to.
    """
    each = [
        f"(SESSION_USER OPERATOR(pg_catalog.=) {literal(login)}::pg_catalog.name AND pg_catalog.clock_timestamp() "
        f"OPERATOR(pg_catalog.<) {literal(end.astimezone(UTC).isoformat(sep=' '))}::pg_catalog.timestamptz)"
        for login, end in sorted(ends.items())
    ]
    return f"({' OR '.join(each)})" if each else "false"


def closed_query(columns: Iterable[tuple[str, str, int]]) -> str:
    """Return the query of a view with these columns (name, type, collation) that reads nothing and shows no row."""
    shown = ", ".join(
        # The type of somebody else could have code of its own; PostgreSQL's own need no schema here.
        f"NULL::{'pg_catalog.text' if '.' in type_ else type_} AS {identifier(name)}"
        for name, type_, _ in columns
    )
    return f"SELECT {shown} WHERE false"


def _used(view: View) -> list[str]:
    names = [entry.column.name for entry in view.columns] + [entry.column.name for entry in view.rows]
    return list(dict.fromkeys(names))


# --- masks -----------------------------------------------------------------------------------------------------------


def _year(column: str, type_: Type) -> str:
    if type_.base == "date":
        # date_trunc would go by way of a type that depends on the session's time zone, or that holds fewer dates.
        return f"({column} OPERATOR(pg_catalog.-) (EXTRACT(doy FROM {column})::integer OPERATOR(pg_catalog.-) 1))"
    if type_.base == "timestamp with time zone":
        return f"pg_catalog.date_trunc('year', {column}, 'UTC')::{type_.full}"
    return f"pg_catalog.date_trunc('year', {column})::{type_.full}"


def _domain(column: str, type_: Type) -> str:
    text = f"{column}::pg_catalog.text {_EXACT}"
    domain = f"pg_catalog.split_part({text}, '@', -1)"  # ten times as fast as a regular expression
    has = f"pg_catalog.strpos({text}, '@') OPERATOR(pg_catalog.>) 0"
    return f'(CASE WHEN {has} THEN {domain} END COLLATE pg_catalog."default")'


_MASKS: Mapping[str, tuple[tuple[str, ...], Callable[[str, Type], str]]] = {
    "empty": ((), lambda column, type_: f"NULL::{type_.full}"),
    "redacted": (
        (),
        lambda column, type_: f"CASE WHEN {column} IS NULL THEN NULL ELSE '***'::pg_catalog.text END",
    ),
    "year": (("date", "timestamp without time zone", "timestamp with time zone"), _year),
    "domain": (_TEXT, _domain),
}
"""Mask -> the types that it can be used on (none: all), and its expression."""


def _masked(entry: VisibleColumn, type_: Type) -> str:
    column = f"data.{identifier(entry.column.name)}"
    if entry.mask is None:
        return column
    if entry.mask not in _MASKS:
        raise Refused(
            f"There is no mask {display_text(entry.mask)} in PostgreSQL.", f"Use {', '.join(_MASKS)}."
        )
    allowed, expression = _MASKS[entry.mask]
    if allowed and type_.base not in allowed:
        raise Refused(
            f"The mask {entry.mask} cannot be used on column {display_text(entry.column.name)}: it is published as "
            f"{display_text(type_.full)}, not as {' or '.join(allowed)}.",
            "Give the column's classification another mask, or publish the column in the contract's type.",
        )
    return expression(column, type_)


# --- rows ------------------------------------------------------------------------------------------------------------


def _text(value: Value) -> str:
    if not isinstance(value, str):
        raise ValueError("a text")
    return value


def _whole(value: Value) -> str:
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise ValueError("a whole number")
    return str(value)


def _number(value: Value) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("a number")
    return repr(value)


def _truth(value: Value) -> str:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return str(value).lower()


def _date(value: Value) -> str:
    with_message = "a date such as 2026-12-31"
    try:
        return date.fromisoformat(_text(value)).isoformat()
    except ValueError:
        raise ValueError(with_message) from None


def _timestamp(value: Value, zoned: bool) -> str:
    try:
        moment = datetime.fromisoformat(_text(value))
        if (moment.tzinfo is not None) == zoned:
            return moment.isoformat(sep=" ")
    except ValueError:
        pass
    raise ValueError(
        "a moment with its time zone, such as 2026-12-31T12:00:00Z"
        if zoned
        else "a moment without a time zone"
    )


def _uuid(value: Value) -> str:
    try:
        return str(UUID(_text(value)))
    except ValueError:
        raise ValueError("a UUID") from None


_VALUES: Mapping[str, Callable[[Value], str]] = {
    **dict.fromkeys(_TEXT, _text),
    **dict.fromkeys(_WHOLE, _whole),
    **dict.fromkeys(("numeric", "real", "double precision"), _number),
    "boolean": _truth,
    "date": _date,
    "timestamp without time zone": lambda value: _timestamp(value, zoned=False),
    "timestamp with time zone": lambda value: _timestamp(value, zoned=True),
    "uuid": _uuid,
}
"""Type of a column -> what a value for it has to be, and how it is written."""

_OPERATIONS = {
    "in": "{column} OPERATOR(pg_catalog.=) ANY (ARRAY[{values}]::{type}[])",
    "notIn": "{column} OPERATOR(pg_catalog.<>) ALL (ARRAY[{values}]::{type}[])",
    "atLeast": "{column} OPERATOR(pg_catalog.>=) {values}::{type}",
    "atMost": "{column} OPERATOR(pg_catalog.<=) {values}::{type}",
}


def _fits(condition: Condition, type_: Type) -> str:
    name = condition.column.name
    if type_.base not in _VALUES:
        raise Refused(
            f"Rows cannot be filtered by column {display_text(name)}: it is published as {display_text(type_.full)}.",
            f"Filter by a column of one of the types {', '.join(_VALUES)}.",
        )
    single = condition.operation in ("atLeast", "atMost")
    if (
        condition.operation not in _OPERATIONS
        or not condition.values
        or (single and len(condition.values) != 1)
    ):
        raise Refused(
            f"The condition on column {display_text(name)} is not valid.",
            "Fix `rows` in the policy: operation and values.",
        )
    values = [_value(condition, place, type_) for place in range(len(condition.values))]
    kind = "text" if type_.base in _TEXT else "bigint" if type_.base in _WHOLE else type_.base
    column = f"data.{identifier(name)}::{kind}"
    if kind == "text":
        column = f"({column} {_EXACT})"
    test = _OPERATIONS[condition.operation].format(column=column, values=", ".join(values), type=kind)
    if condition.operation == "atLeast" and kind in ("numeric", "real", "double precision"):
        # Not a number counts as more than every number.
        test = f"{test} AND {column} OPERATOR(pg_catalog.<>) 'NaN'::{kind}"
    return f"({test})"


def _value(condition: Condition, place: int, type_: Type) -> str:
    try:
        return literal(_VALUES[type_.base](condition.values[place]))
    except ValueError as error:
        raise Refused(
            f"Value {place + 1} of the condition on column {display_text(condition.column.name)} does not fit the column, "
            f"which is published as {display_text(type_.full)}: {error}.",
            "Fix the value under `rows` in the policy.",
        ) from None
