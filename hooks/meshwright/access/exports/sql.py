"""What the exports have in common: names, values, and the SQL of masks and row filters.

Readers choose the settings of their sessions (time zone, formats of dates), and a row filter runs in the reader's
session. So no filter here depends on one: a date is made of numbers or of a literal with a fixed form, and a
timestamp is compared as the time since 1970 in UTC. A timestamp without a time zone counts as UTC.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from meshwright.access.grants import Column, Condition, Desired, Member, Refused, Value, View, VisibleColumn
from meshwright.product.masks import MASKS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LARGEST_INTEGER = 2**63 - 1

# Consoles and notebooks replace variables in a statement before anything parses it, between quotes too.
TEMPLATED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029$&{}<>]")

OPERATORS = {"in": "IN", "notIn": "NOT IN", "atLeast": ">=", "atMost": "<="}


def table_parts(table: str) -> tuple[str, str, str]:
    """Return catalog, schema and table of `catalog.schema.table`. Raises Refused."""
    parts = table.split(".")
    if len(parts) != 3 or not all(part and part.strip() == part for part in parts):
        raise Refused(
            f"{table!r} is not the full name of a table.",
            "Write it as catalog.schema.table; no part can have a dot in it.",
        )
    return parts[0], parts[1], parts[2]


def plain(name: str, of: str) -> str:
    """Return a name that a file of statements can have between quotes. Raises Refused."""
    if not name or TEMPLATED.search(name):
        raise Refused(
            f"The {of} {name!r} cannot be in a file of statements: it is empty, or has a control character or"
            " one of $ & { } < >, which consoles and notebooks replace.",
            "Give it another name there.",
        )
    return name


def readers_schema(schema: str, table: str) -> str:
    """Return the schema of the views on a table; no two tables share one. Raises Refused."""
    for part in (schema, table):
        if "__" in part or part != part.strip("_"):
            raise Refused(
                f"{part!r} has an underscore at an end, or two in a row, which separate the names of schemas here.",
                "Give the schema or table another name.",
            )
    return plain(f"{schema}__{table}__access", "schema")


def logins(desired: Desired, target: str) -> dict[str, list[Member]]:
    """Return login at the target -> memberships, sorted. Raises Refused if two principals have one login."""
    by_login: dict[str, list[Member]] = {}
    for member in desired.members:
        name = member.principal.login(target)
        others = by_login.setdefault(name, [])
        if not name or (others and others[0].principal.id != member.principal.id):
            also = f", as has {others[0].principal.id!r}" if others else ""
            raise Refused(
                f"The principal {member.principal.id!r} has the login {name!r} at {target}{also}.",
                f"Correct the logins for {target} in the corporate directory: each principal has one of its own.",
            )
        others.append(member)
    return dict(sorted(by_login.items()))


def of_programs(desired: Desired) -> Desired:
    """Return the same without people: whoever works in an account reads what is shared with it."""
    return replace(
        desired, members=tuple(member for member in desired.members if member.principal.kind == "machine")
    )


def accounts(desired: Desired, target: str, form: re.Pattern[str], example: str) -> dict[str, list[Member]]:
    """Return account at the target -> memberships of the program that it is. Raises Refused for what is no account."""
    by_account = logins(desired, target)
    for account, (member, *_) in by_account.items():
        if not form.fullmatch(account):
            raise Refused(
                f"The program {member.principal.id!r} has the login {account!r} at {target}, which is no account there.",
                f"Write it in the corporate directory like {example}.",
            )
    return by_account


def next_end(desired: Desired) -> str:
    """Return when the first access ends, for the head of a file that the target does not watch."""
    ends = [member.until for member in desired.members if member.until]
    return min(ends).astimezone(UTC).isoformat(timespec="seconds") if ends else ""


@dataclass(frozen=True)
class Dialect:
    """How one engine writes it. Each function takes what is quoted already, except name and text."""

    name: Callable[[str], str]
    """A quoted identifier."""
    text: Callable[[str], str]
    """A string literal."""
    day: Callable[[date], str]
    """A date literal."""
    moment: Callable[[str], str]
    """A timestamp column as a number that no session changes."""
    since_1970: Callable[[int], str]
    """The same of a point in time, given in microseconds."""
    masks: Mapping[tuple[str, str], str]
    """Mask and logical type (`*`: any other) -> the expression; `{}` stands for the column."""

    def column_expression(self, visible: VisibleColumn) -> str:
        """Return the expression of what a role sees of a column, in the column's own type. Raises Refused."""
        name, mask = self.name(visible.column.name), visible.mask
        if mask is None:
            return name
        types = MASKS.get(mask)
        if types is None or (types and visible.column.logical_type not in types):
            raise Refused(
                f"The mask {mask!r} does not fit the column {visible.column.name!r} ({visible.column.logical_type}).",
                f"Use one of {', '.join(MASKS)} that fits it in access/policy.yaml; `empty` always does.",
            )
        template = self.masks.get((mask, visible.column.logical_type)) or self.masks[mask, "*"]
        return template.replace("{}", name)

    def rows(self, view: View) -> str:
        """Return the condition of a role's rows; empty if it sees all. Raises Refused."""
        return " AND ".join(f"({self.condition(condition)})" for condition in view.rows)

    def condition(self, condition: Condition) -> str:
        name = self.name(condition.column.name)
        if condition.column.logical_type == "timestamp":
            name = self.moment(name)
        literals = [self.literal(condition.column, value) for value in condition.values]
        operator = OPERATORS.get(condition.operation)
        if operator is None or not literals or (operator in (">=", "<=") and len(literals) != 1):
            raise Refused(
                f"The condition {condition.operation!r} on {condition.column.name!r} is not understood.",
                "Use in, notIn, atLeast or atMost in access/policy.yaml; the last two with one value.",
            )
        if operator in ("IN", "NOT IN"):
            return f"{name} {operator} ({', '.join(literals)})"
        return f"{name} {operator} {literals[0]}"

    def literal(self, column: Column, value: Value) -> str:
        typed_value = typed(column, value)
        if isinstance(typed_value, bool):
            return "TRUE" if typed_value else "FALSE"
        if isinstance(typed_value, datetime):
            return self.since_1970((typed_value - EPOCH) // timedelta(microseconds=1))
        if isinstance(typed_value, date):
            return self.day(typed_value)
        if isinstance(typed_value, str):
            return self.text(typed_value)
        return repr(typed_value).upper()


def typed(column: Column, value: Value) -> str | int | float | bool | date | datetime:
    """Return a value of a row filter in its column's type; a timestamp in UTC. Raises Refused."""
    try:
        return READERS[column.logical_type](value)
    except (KeyError, TypeError, ValueError) as error:
        kinds = ", ".join(READERS)
        raise Refused(
            f"Rows cannot be filtered by {column.name!r} ({column.logical_type}) with the value {value!r}.",
            f"Filter by a column of one of these types: {kinds}. Write values of that type; dates and timestamps as in ISO 8601.",
        ) from error


def _text(value: Value) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError
    value.encode()  # half a surrogate pair is no text
    return value


def _integer(value: Value) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > LARGEST_INTEGER:
        raise ValueError
    return value


def _number(value: Value) -> int | float:
    if isinstance(value, float) and math.isfinite(value):
        return value
    return _integer(value)


def _boolean(value: Value) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _day(value: Value) -> date:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError
    return date.fromisoformat(value)


def _moment(value: Value) -> datetime:
    if not isinstance(value, str):
        raise TypeError
    read = datetime.fromisoformat(value)
    try:
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except OverflowError as error:
        raise ValueError from error


READERS: dict[str, Callable[[Value], str | int | float | bool | date | datetime]] = {
    "string": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": _day,
    "timestamp": _moment,
}


def unique(names: Iterable[str], problem: str, fix: str) -> None:
    """Raise Refused if two names are the same; `{}` in the problem stands for the name."""
    seen = set()
    for name in names:
        if name in seen:
            raise Refused(problem.replace("{}", repr(name)), fix)
        seen.add(name)


def statements(head: Iterable[str], *parts: Iterable[str]) -> str:
    """Return a file: what to know before it is run as comments, then the statements."""
    comments = "".join(f"-- {line}".rstrip() + "\n" for line in head)
    return comments + "".join("\n" + "".join(f"{statement};\n" for statement in part) for part in parts)
