# Written by `make reference`: a copy of template/pipeline/conformance.py.
"""Check with DuckDB, on the files to publish, the promises of the contract that datacontract-cli does not check."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from meshwright.core.sql.duckdb import identifier, literal
from meshwright.inspection.reading.comparisons import (
    FLOATS,
    INTEGERS,
    TIMESTAMPS,
    Type,
    holds,
    is_no_multiple,
    is_one_of,
    number,
)
from meshwright.product.promises import OPERATORS, PERCENT, STEPS, Promise, dotted, strftime

STORED_AS = {
    "string": ("varchar", "uuid", "enum"),
    "date": ("date",),
    "timestamp": TIMESTAMPS,
    "time": ("time", "time with time zone", "time_ns"),
    "number": (*INTEGERS, *FLOATS, "decimal"),
    "boolean": ("boolean",),
    "object": ("struct", "map"),
    "array": ("list", "array"),
    "vector": ("list", "array"),
    "map": ("map",),
}
"""Logical type -> DuckDB's names of the types that store it."""

UNTYPED = ("blob", "interval", "bit", "json")
"""Types without a logical type: the contract has `string`, and their physical type."""


@dataclass(frozen=True)
class Check:
    """A promise of the contract and the result of its check.

    `result` is `passed`, `failed`, `error`, `warning`, or `unchecked`.
    """

    name: str
    field: str
    result: str
    reason: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.result}" + (f" ({self.reason})" if self.reason else "")


def types(connection: duckdb.DuckDBPyConnection, scan: str) -> dict[str, Type]:
    """Return the columns of a query, and the type of each."""
    relation = connection.sql(f"from {scan}")
    return {column: _type(kind) for column, kind in zip(relation.columns, relation.types, strict=True)}


def _type(kind: Any) -> Type:
    known, text = str(kind.id).lower(), str(kind)
    children: dict[str, Type] = {}
    if known == "struct":
        children = {name: _type(inner) for name, inner in kind.children}
    elif known in ("list", "array"):
        children = {"[]": _type(kind.children[0][1])}
    elif known == "map":
        children = {f"[{name}]": _type(inner) for name, inner in kind.children}
    if text.upper() == "JSON":
        known = "json"
    return Type(known, text, children)


# -- structure ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Undescribed:
    """A nested field of the data that the contract does not describe, or an object without described fields."""

    path: tuple[str, ...]
    type: Type
    whole: bool
    """True: the object has no `properties` at all."""


def undescribed(columns: Iterable[Mapping[str, Any]], actual: Mapping[str, Type]) -> Iterator[Undescribed]:
    """Yield nested data below the contract's columns that the contract does not describe."""
    known = {name.lower(): (name, kind) for name, kind in actual.items()}
    for column in columns:
        name = str(column.get("physicalName") or column.get("name"))
        if name.lower() in known:
            yield from _undescribed(column, (known[name.lower()][0],), known[name.lower()][1])


def _undescribed(node: Mapping[str, Any], path: tuple[str, ...], kind: Type) -> Iterator[Undescribed]:
    if kind.kind == "struct":
        described = {
            str(inner.get("physicalName") or inner.get("name")).lower(): inner
            for inner in node.get("properties") or []
            if isinstance(inner, Mapping)
        }
        if not described:
            yield Undescribed(path, kind, whole=True)
            return
        for name, inner in kind.children.items():
            if name.lower() in described:
                yield from _undescribed(described[name.lower()], (*path, name), inner)
            else:
                yield Undescribed((*path, name), inner, whole=False)
        return
    pairs = node.get("map")
    for step, inner in kind.children.items():
        below = node.get("items") if step == "[]" else (pairs or {}).get(step.strip("[]"))
        yield from _undescribed(below if isinstance(below, Mapping) else {}, (*path, step), inner)


def as_yaml(kind: Type, indent: str = "") -> str:
    """Return YAML that describes the nested part of a type, for the user to paste and complete."""
    if kind.kind == "struct":
        lines = [f"{indent}properties:"]
        for name, inner in kind.children.items():
            lines.append(f"{indent}  - name: {_scalar(name)}")
            lines.append(f"{indent}    logicalType: {logical(inner)}")
            if inner.children:
                lines.append(as_yaml(inner, f"{indent}    "))
        return "\n".join(lines)
    if kind.kind == "map":
        sides = []
        for side in ("key", "value"):
            inner = kind.children[f"[{side}]"]
            sides.append(f"{indent}  {side}:\n{indent}    logicalType: {logical(inner)}")
            if inner.children:
                sides.append(as_yaml(inner, f"{indent}    "))
        return "\n".join([f"{indent}map:", *sides])
    inner = kind.children["[]"]
    below = [as_yaml(inner, f"{indent}  ")] if inner.children else []
    return "\n".join([f"{indent}items:", f"{indent}  logicalType: {logical(inner)}", *below])


def _scalar(text: str) -> str:
    return text if text.replace("_", "").isalnum() and not text[0].isdigit() else json.dumps(text)


def logical(kind: Type) -> str:
    """Return the logical type of a column of this type."""
    if kind.kind in ("float", "double", "decimal"):
        return "number"
    if kind.kind in STORED_AS["number"]:
        return "integer"
    if kind.kind == "map":  # an object may be stored as one, too
        return "map"
    return next(
        (
            name
            for name, kinds in STORED_AS.items()
            if kind.kind in kinds and name not in ("number", "vector")
        ),
        "string",
    )


# -- places ---------------------------------------------------------------------------------------------


class NoSuchPath(Exception):
    """The data has no such path; the check of presence or type reports that."""


def type_at(path: tuple[str, ...], actual: Mapping[str, Type]) -> Type:
    """Return the type at a path. Raises NoSuchPath."""
    column = next((name for name in actual if name.lower() == path[0].lower()), None)
    if column is None:
        raise NoSuchPath
    kind = actual[column]
    for step in path[1:]:
        field = kind.field(step)
        if field is None:
            raise NoSuchPath
        kind = kind.children[field]
    return kind


Predicate = Callable[[str, Type], str]
"""SQL of a value, and its type -> SQL condition that is true if the value breaks the promise."""


def violation(path: tuple[str, ...], actual: Mapping[str, Type], predicate: Predicate) -> str:
    """Return the SQL condition for rows in which `predicate` is true for a value at the path. Raises NoSuchPath."""
    column = next((name for name in actual if name.lower() == path[0].lower()), None)
    if column is None:
        raise NoSuchPath
    return _violation(identifier(column), actual[column], path[1:], predicate, 0)


def _violation(value: str, kind: Type, path: tuple[str, ...], predicate: Predicate, depth: int) -> str:
    if not path:
        return f"coalesce({predicate(value, kind)}, false)"
    field = kind.field(path[0])
    if field is None:
        raise NoSuchPath
    inner = kind.children[field]
    if path[0] not in STEPS:
        below = _violation(f"struct_extract({value}, {literal(field)})", inner, path[1:], predicate, depth)
        return f"({value} is not null and {below})"
    values = {"[]": value, "[key]": f"map_keys({value})", "[value]": f"map_values({value})"}[path[0]]
    item = f"x{depth}"
    below = _violation(item, inner, path[1:], predicate, depth + 1)
    return f"coalesce(len(list_filter({values}, lambda {item}: {below})) > 0, false)"


def example(path: tuple[str, ...], actual: Mapping[str, Type], predicate: Predicate) -> str:
    """Return SQL for the text of a value at the path for which `predicate` is true, in one row. Raises NoSuchPath."""
    column = next((name for name in actual if name.lower() == path[0].lower()), None)
    if column is None:
        raise NoSuchPath
    return _example(identifier(column), actual[column], path[1:], predicate, 0)


def _example(value: str, kind: Type, path: tuple[str, ...], predicate: Predicate, depth: int) -> str:
    if not path:
        return f"case when {predicate(value, kind)} then {value}::varchar end"
    field = kind.field(path[0])
    if field is None:
        raise NoSuchPath
    inner = kind.children[field]
    if path[0] not in STEPS:
        return _example(f"struct_extract({value}, {literal(field)})", inner, path[1:], predicate, depth)
    values = {"[]": value, "[key]": f"map_keys({value})", "[value]": f"map_values({value})"}[path[0]]
    item = f"x{depth}"
    below = _example(item, inner, path[1:], predicate, depth + 1)
    texts = f"list_transform({values}, lambda {item}: {below})"
    return f"list_extract(list_filter({texts}, lambda z{depth}: z{depth} is not null), 1)"


# -- values ---------------------------------------------------------------------------------------------


def _bound(comparison: str) -> Callable[[Any], Predicate]:
    def of(value: Any) -> Predicate:
        def predicate(value_sql: str, kind: Type) -> str:
            nan = f"isnan({value_sql}) or " if kind.is_float else ""
            return f"{nan}{holds(value_sql, kind, comparison, value)}"

        return predicate

    return of


def _enum(values: list[Any]) -> Predicate:
    return lambda value_sql, kind: f"{value_sql} is not null and not {is_one_of(value_sql, kind, values)}"


def _length(comparison: str) -> Callable[[Any], Predicate]:
    return lambda value: (
        lambda value_sql, kind: f"length({value_sql}::varchar) {comparison} {number(value):f}"
    )


def _pattern(value: Any) -> Predicate:
    return lambda value_sql, kind: f"not regexp_matches({value_sql}::varchar, {literal(str(value))})"


def _multiple(value: Any) -> Predicate:
    return lambda value_sql, kind: is_no_multiple(value_sql, kind, value)


LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
HOST = rf"({LABEL})(\.{LABEL})*\.?"
BYTE = r"(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
IPV4 = rf"{BYTE}(\.{BYTE}){{3}}"
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
OF_URI = r"([^\s<>\"{}|\\^`%#]|%[0-9A-Fa-f]{2})"
H16 = r"[0-9A-Fa-f]{1,4}"


def _ipv6() -> str:
    """Return the regular expression of RFC 4291: eight groups, the last two perhaps as IPv4; `::` for one or more."""
    forms = [rf"({H16}:){{7}}{H16}", rf"({H16}:){{6}}{IPV4}"]
    for before in range(8):
        left = rf"{H16}(:{H16}){{{before - 1}}}" if before else ""
        right = [rf"({H16}:){{0,{6 - before}}}{H16}"] if before < 7 else []
        right += [rf"({H16}:){{0,{5 - before}}}{IPV4}"] if before < 6 else []
        forms.append(rf"{left}::({'|'.join([*right, ''])})")
    return f"({'|'.join(forms)})"


DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?"
OFFSET = r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
TEXTS = {
    "email": rf"{ATOM}(\.{ATOM})*@{HOST}",
    "idn-email": r"[^\s@]+@[^\s@]+",
    "uuid": r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
    "uri": rf"[A-Za-z][A-Za-z0-9+.-]*:{OF_URI}*(#{OF_URI}*)?",
    "url": rf"[A-Za-z][A-Za-z0-9+.-]*://{OF_URI}+(#{OF_URI}*)?",
    "hostname": HOST,
    "ipv4": IPV4,
    "ipv6": _ipv6(),
    "byte": r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?",
    "date": DAY,
    "date-time": rf"{DAY}[Tt]{CLOCK}{OFFSET}",
    "time": rf"{CLOCK}{OFFSET}?",
}
"""Format of a text -> regular expression for the whole text. A leap second (`23:59:60`) is refused: no column type holds it."""

DATED = ("date", "date-time")
"""Formats that begin with a day, which must exist, after the year 0000, as in inputs."""

LONGEST = {"hostname": 253, "email": 254}
"""Format of a text -> maximum length in characters (RFC 1035, RFC 5321), without a final dot."""


def _format(value: Any) -> Predicate:
    name = str(value)

    def predicate(value_sql: str, kind: Type) -> str:
        if kind.kind in STORED_AS["number"]:
            return _of_bits(name, value_sql, kind)
        if kind.kind in (*STORED_AS["date"], *STORED_AS["timestamp"], *STORED_AS["time"]):
            form = literal(strftime(name))
            is_time = kind.kind in STORED_AS["time"]
            moment = f"('2000-01-01'::date + {value_sql})" if is_time else value_sql
            moment = (
                f"{moment}::timestamp" if "with time zone" in kind.kind or kind.kind == "date" else moment
            )
            round_trip = f"try_strptime(strftime({moment}, {form}), {form})"
            if is_time:
                return f"{round_trip}::time is distinct from {value_sql}::time and {value_sql} is not null"
            return f"{round_trip}::timestamp is distinct from {moment}::timestamp and {value_sql} is not null"
        text = f"{value_sql}::varchar"
        wrong = f"not regexp_full_match({text}, {literal(TEXTS[name])})"
        if name in DATED:
            wrong += f" or try_cast(left({text}, 10) as date) is null or left({text}, 4) = '0000'"
        if name in LONGEST:
            wrong += f" or length(rtrim({text}, '.')) > {LONGEST[name]}"
        return f"{value_sql} is not null and ({wrong})"

    return predicate


def _of_bits(name: str, value_sql: str, kind: Type) -> str:
    bits = int(name[1:])
    if name.startswith("f"):
        if kind.is_float:
            return f"{value_sql}::float::double <> {value_sql}::double" if bits == 32 else "false"
        floating = "float" if bits == 32 else "double"
        return f"try_cast({value_sql}::{floating} as {kind.text}) is distinct from {value_sql}"
    low, high = (0, 2**bits) if name.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1))
    return f"{holds(value_sql, kind, '<', low)} or {holds(value_sql, kind, '>=', high)}"


def _fields(kind: Type, value_sql: str) -> str:
    """Return SQL for the number of fields of an object that have a value."""
    if kind.kind == "map":
        return f"cardinality({value_sql})"
    each = (f"(struct_extract({value_sql}, {literal(name)}) is not null)::int" for name in kind.children)
    return " + ".join(each) or "0"


def _count(comparison: str) -> Callable[[Any], Predicate]:
    return lambda value: (
        lambda value_sql, kind: (
            f"{value_sql} is not null and {_fields(kind, value_sql)} {comparison} {number(value):f}"
        )
    )


def _needed(names: Any) -> Predicate:
    def predicate(value_sql: str, kind: Type) -> str:
        if kind.kind == "map":
            return " or ".join(f"not map_contains({value_sql}, {literal(str(name))})" for name in names)
        missing = [
            f"struct_extract({value_sql}, {literal(field)}) is null"
            if (field := kind.field(str(name)))
            else "true"
            for name in names
        ]
        return f"{value_sql} is not null and ({' or '.join(missing)})"

    return predicate


def _items(comparison: str) -> Callable[[Any], Predicate]:
    return lambda value: lambda value_sql, kind: f"len({value_sql}) {comparison} {number(value):f}"


def _unique_items(value: Any) -> Predicate:
    return lambda value_sql, kind: (
        f"len(list_distinct({value_sql})) < len(list_filter({value_sql}, lambda y: y is not null))"
    )


def _missing(value: Any = True) -> Predicate:
    return lambda value_sql, kind: (
        f"{value_sql} is null" + (f" or isnan({value_sql})" if kind.is_float else "")
    )


def _nan(value: Any = True) -> Predicate:
    return lambda value_sql, kind: f"isnan({value_sql})"


def not_whole(value: Any = "integer") -> Predicate:
    def predicate(value_sql: str, kind: Type) -> str:
        return (
            f"not isfinite({value_sql}) or {value_sql} <> trunc({value_sql})"
            if kind.is_float
            else f"{value_sql} <> trunc({value_sql})"
        )

    return predicate


def _normalized(value: Any) -> Predicate:
    def predicate(value_sql: str, kind: Type) -> str:
        length = f"sqrt(list_sum(list_transform({value_sql}, lambda y: y * y)))"
        wrong = f"abs({length} - 1) > 1e-6 or list_count({value_sql}) < len({value_sql})"
        return f"{value_sql} is not null and coalesce({wrong}, true)"  # an empty vector has no length

    return predicate


PREDICATES: dict[str, Callable[[Any], Predicate]] = {
    "required": _missing,
    "enum": _enum,
    "minLength": _length("<"),
    "maxLength": _length(">"),
    "pattern": _pattern,
    "minimum": _bound("<"),
    "maximum": _bound(">"),
    "exclusiveMinimum": _bound("<="),
    "exclusiveMaximum": _bound(">="),
    "multipleOf": _multiple,
    "format": _format,
    "minItems": _items("<"),
    "maxItems": _items(">"),
    "uniqueItems": _unique_items,
    "minProperties": _count("<"),
    "maxProperties": _count(">"),
    "requiredProperties": _needed,
    "dimensions": _items("<>"),
    "normalized": _normalized,
}
"""Kind of promise -> function that returns the condition for a row that breaks it."""

FITS = {
    **dict.fromkeys(("minItems", "maxItems", "uniqueItems", "dimensions", "normalized"), ("list", "array")),
    **dict.fromkeys(("minProperties", "maxProperties", "requiredProperties"), ("struct", "map")),
    "multipleOf": STORED_AS["number"],
}
"""Kinds that apply only to these types."""


# -- checks of each row ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PendingCheck:
    """A check of every row."""

    name: str
    path: tuple[str, ...]
    condition: str
    """True for the rows that break the promise."""
    problem: str
    """What is wrong with them."""
    broken: str = "failed"
    """The result if there are such rows."""
    fix: str = ""
    example: str = ""
    """SQL for the text of the value that breaks it; empty: the whole column's."""


def run_row_checks(
    connection: duckdb.DuckDBPyConnection,
    scan: str,
    checks: list[PendingCheck],
    shown: Callable[[tuple[str, ...]], bool],
) -> Iterator[Check]:
    """Run all the row checks in one query and yield the results; `shown` decides for a path whether its values may be printed."""
    if not checks:
        return
    try:
        rows = _counted(connection, scan, checks)
    except duckdb.Error:
        rows = []
        for check in checks:  # One of them cannot be run: which?
            try:
                rows += _counted(connection, scan, [check])
            except duckdb.Error as error:
                rows.append((None, str(error).splitlines()[0]))
    for check, (count, example) in zip(checks, rows, strict=True):
        field = dotted(check.path)
        if count is None:
            yield Check(check.name, field, "error", f"It cannot be checked: {example}", check.fix)
        elif not count:
            yield Check(check.name, field, "passed", "")
        else:
            value = such_as(example) if shown(check.path if check.example else check.path[:1]) else ""
            which = "1 row" if count == 1 else f"{count:,} rows"
            yield Check(check.name, field, check.broken, f"{which} {check.problem}{value}", check.fix)


def _counted(
    connection: duckdb.DuckDBPyConnection, scan: str, checks: list[PendingCheck]
) -> list[tuple[Any, Any]]:
    aggregates = []
    for check in checks:
        value = check.example or f"{identifier(check.path[0])}::varchar"
        aggregates.append(f"count(*) filter ({check.condition}), first({value}) filter ({check.condition})")
    row = connection.execute(f"select {', '.join(aggregates)} from {scan}").fetchone()
    assert row is not None
    return list(zip(row[::2], row[1::2], strict=True))


def such_as(value: Any) -> str:
    """Return the end of a message with an example; empty if there is none."""
    return f", such as {_short(value)}" if value is not None else ""


def _short(text: Any) -> str:
    quoted = repr(str(text))
    return quoted if len(quoted) <= 80 else f"{quoted[:77]}…'"


# -- metrics ----------------------------------------------------------------------------------------------


def metric(
    connection: duckdb.DuckDBPyConnection, scan: str, promise: Promise, actual: Mapping[str, Type]
) -> Check:
    """Compute a metric of the standard's library, and compare it with its target. Raises NoSuchPath."""
    rule, kind = promise.value, promise.kind
    name = str(
        rule.get("description") or f"Check that {promise.field or 'the data set'} has {kind} as promised"
    )
    percent = str(rule.get("unit") or "").strip().lower() in PERCENT
    value = connection.execute(f"select {metric_sql(promise, actual, percent, scan)} from {scan}").fetchone()
    assert value is not None
    operator = next(key for key in OPERATORS if rule.get(key) is not None)
    measured = 0 if value[0] is None else value[0]
    if compare(measured, operator, rule[operator]):
        return Check(name, promise.field, "passed", "")
    harmless = str(rule.get("severity") or "").strip().lower() in HARMLESS
    unit = "%" if percent else ""
    reason = f"{kind} is {measured:.15g}{unit}, and {operator} is {rule[operator]}"
    return Check(name, promise.field, "warning" if harmless else "failed", reason)


HARMLESS = ("info", "warning", "warn", "low", "minor", "trivial")
"""Severities that do not end a run, as in datacontract-cli."""


def metric_sql(promise: Promise, actual: Mapping[str, Type], percent: bool, scan: str) -> str:
    arguments = promise.value.get("arguments") or {}
    if promise.kind == "rowCount":
        return "count(*)"
    if promise.kind == "duplicateValues":
        names = [str(name) for name in arguments.get("properties") or []] if not promise.path else []
        repeated = duplicates([(name,) for name in names] or [promise.path], actual, scan)
        return _share(f"max({repeated[1]})") if percent else f"max({repeated[0]})"
    count = f"count(*) filter ({violation(promise.path, actual, counted(promise))})"
    return _share(count) if percent else count


def _share(count: str) -> str:
    """Return SQL for a share of all rows in percent, with six digits after the point; only no row is 0, only all are 100."""
    share = f"round(100.0 * {count} / count(*), 6)"
    return f"case when {count} > 0 then if({count} < count(*), least(greatest({share}, 1e-6), 99.999999), {share}) else 0 end"


def counted(promise: Promise) -> Predicate:
    """Return the predicate for values that a metric of missing or invalid values counts."""
    arguments = promise.value.get("arguments") or {}
    values = arguments.get("missingValues") or []

    def missing(value_sql: str, kind: Type) -> str:
        listed = (
            f" or {is_one_of(value_sql, kind, values)}" if promise.kind == "missingValues" and values else ""
        )
        return f"({_missing()(value_sql, kind)}{listed})"

    def invalid(value_sql: str, kind: Type) -> str:
        wrong = []
        if arguments.get("validValues") is not None:
            wrong.append(f"not {is_one_of(value_sql, kind, arguments['validValues'])}")
        if arguments.get("pattern") is not None:
            wrong.append(_pattern(arguments["pattern"])(value_sql, kind))
        return f"{value_sql} is not null and ({' or '.join(wrong)})"

    return invalid if promise.kind == "invalidValues" else missing


def duplicates(
    paths: list[tuple[str, ...]], actual: Mapping[str, Type], scan: str, among: str = ""
) -> tuple[str, str]:
    """Return SQL for the number of values that occur more than once, and of rows that repeat one. Raises NoSuchPath.

    `among`: count only the values in these rows; their duplicates may be in any row.
    """
    values = []
    for path in paths:
        column = next((name for name in actual if name.lower() == path[0].lower()), None)
        if column is None:
            raise NoSuchPath
        value, kind = identifier(column), actual[column]
        for step in path[1:]:
            field = kind.field(step)
            if field is None or step in STEPS:
                raise NoSuchPath
            value, kind = f"struct_extract({value}, {literal(field)})", kind.children[field]
        values.append(value)
    there = " and ".join(f"{value} is not null" for value in values)
    row = f"row({', '.join(values)})"
    within = f" and {row} in (select {row} from {scan} where {among})" if among else ""
    repeated = (
        f"(select count(*) as n from {scan} where {there}{within} group by {', '.join(values)} having n > 1)"
    )
    return f"(select count(*) from {repeated})", f"(select coalesce(sum(n - 1), 0) from {repeated})"


def compare(measured: Any, operator: str, expected: Any) -> bool:
    """Return True if a number meets the rule's operator."""
    actual = number(measured)
    if operator in ("mustBeBetween", "mustNotBeBetween"):
        low, high = map(number, expected)
        return (low <= actual <= high) == (operator == "mustBeBetween")
    limit = number(expected)
    kept = {
        "mustBe": actual == limit,
        "mustNotBe": actual != limit,
        "mustBeGreaterThan": actual > limit,
        "mustBeGreaterOrEqualTo": actual >= limit,
        "mustBeLessThan": actual < limit,
        "mustBeLessOrEqualTo": actual <= limit,
    }
    return kept[operator]
