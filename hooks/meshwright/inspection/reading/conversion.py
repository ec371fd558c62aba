# Written by `make reference`: a copy of template/pipeline/conversion.py.
"""Convert text to typed columns in DuckDB's SQL: a text that is not exactly a value of its type is refused.

DuckDB's own casts round (`1.9` becomes the integer 2), trim, and drop time zones. Here a value either fits or is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from meshwright.core.sql.duckdb import identifier, literal
from meshwright.product.column_types import CERTAIN, DATE, ZONE, Certainty, ColumnType, decimal, parse

Query = Callable[[str], list[tuple[Any, ...]]]

AT_ONCE = 200
"""Columns in one query: the time that DuckDB plans a query for grows faster than the number of its expressions."""
SAMPLE_ROWS = 1_000
"""Rows examined in Python to guess the one type that all rows are then checked for."""

INTEGERS = tuple(
    f"{sign}{size}" for sign in ("", "U") for size in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
)

TEXTUAL = ("VARCHAR", "JSON", "UUID")
"""Types whose values land as text."""

_FRACTION = r"(\.[0-9]{{0,{digits}}}0*)?"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]" + _FRACTION + ")?"
_MIDNIGHT = r"([T ]00:00(:00(\.0*)?)?)?"
_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_WHOLE = r"[+-]?[0-9]+(\.0*)?"
_STRING = r'"(?:\\.|[^"\\])*"'
_NO_STRING = '[^"]+'
_JSON_NUMBER = "-?[0-9][0-9.eE+-]*"
_FORGIVEN = r"(?i),\s*[\]}]|nan|inf"
_DIRECTIVES = {
    "c": "%Y-%m-%d %H:%M:%S",
    "x": "%Y-%m-%d",
    "X": "%H:%M:%S",
    "Y": "[0-9]{4}",
    "G": "[0-9]{4}",
    "y": "[0-9]{2}",
    "f": "[0-9]{1,6}",
    "g": "[0-9]{1,3}",
    "n": "[0-9]{1,9}",
    "j": "[0-9]{1,3}",
    "u": "[1-7]",
    "w": "[0-6]",
    **dict.fromkeys("dmHIMSUVW", "[0-9]{1,2}"),
    **dict.fromkeys("aAbB", r"\pL+"),
    "p": "[AaPp][Mm]",
    "z": "[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?",
    "Z": "(?i:UTC|GMT)",
    "%": "%",
}
"""Directive of `strptime`, without its percent sign -> the texts that it matches, or the directives that it abbreviates."""
_DIRECTIVE = re.compile(r"%-?(.)", re.DOTALL)
_OF_YEARS_DAYS = frozenset("jUWVG")
"""Directives that name a day without month and day of the month."""
_WEEKDAYS = frozenset("aAuw")
LIKE_A_DATE = r"[0-9]{1,4}([/. -])[0-9]{1,2}[/. -][0-9]{1,4}( [0-9:. APMapm]+)?"
"""Texts that may be dates or timestamps in another form than ISO 8601."""
_UUID = r"[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"


@dataclass(frozen=True)
class Spelling:
    """The spelling of a column's texts, for types with several."""

    decimal: str = "."
    """The decimal separator. With a comma, the point separates thousands."""
    format: str = ""
    """The `strptime` format of dates or timestamps; empty for ISO 8601."""
    is_certain: bool = False
    """True if only the spellings of CERTAIN count: the type is not declared, so `007` may not be a number."""


def fits(kind: ColumnType, text: str, spelling: Spelling = Spelling()) -> str:
    """Return an SQL condition that is true if the SQL `text`, which is not null, is exactly a value of the type."""
    text = _point(kind, text, spelling)
    name = kind.name
    if spelling.is_certain and not spelling.format:
        form = CERTAIN["BIGINT" if name in INTEGERS else name] if name in INTEGERS or name in CERTAIN else ""
        if form:
            return f"({_matches(text, form)} and {fits(kind, text)})"
    match name:
        case "VARCHAR":
            return f"(length({text}) <= {kind.numbers[0]})" if kind.numbers else "true"
        case "JSON":
            return is_json(text)
        case "UUID":
            return _matches(text, _UUID)
        case "BOOLEAN":
            return f"(try_cast({text} as boolean) is not null)"
        case "DECIMAL":
            scale = kind.numbers[1]
            form = rf"[0-9]+(\.[0-9]{{0,{scale}}}0*)?" + (rf"|\.[0-9]{{1,{scale}}}0*" if scale else "")
            return f"({_matches(text, f'[+-]?({form})')} and try_cast({text} as {kind}) is not null)"
        case "FLOAT" | "DOUBLE":
            special = "'nan', 'inf', '-inf', '+inf', 'infinity', '-infinity', '+infinity'"
            number = f"try_cast({text} as {kind})"
            whole = f"{number} <> 0 or {_matches(text, '[^1-9eE]*([eE].*)?')}"  # a number other than zero must not become zero
            finite = f"({_matches(text, _NUMBER)} and isfinite({number}) and ({whole}))"
            return f"({finite} or lower({text}) in ({special}))"
        case "DATE" | "TIME" | "TIMESTAMP" | "TIMESTAMP_NS" | "TIMESTAMP WITH TIME ZONE":
            return _time_fits(kind, text, spelling.format)
        case "STRUCT" | "LIST" | "MAP":
            return f"({_is_strict(text)} and {_nested_fits(kind, text)})"
        case "BLOB":
            return f"(try_cast({text} as blob) is not null)"
    # An integer that DuckDB writes back unchanged needs no further check.
    plain = f"try_cast({text} as {kind})"
    return (
        f"(cast({plain} as varchar) is not distinct from {text}"
        f" or ({_matches(text, _WHOLE)} and {plain} is not null))"
    )


def _time_fits(kind: ColumnType, text: str, form: str) -> str:
    """Return SQL that is true where a text is exactly a date, a time or a timestamp, written as `form` says."""
    match kind.name:
        case "DATE" if form:
            when = f"try_strptime({text}, {literal(form)})"
            return f"({_is_written(text, form, kind)} and {when} = date_trunc('day', {when}))"
        case "DATE":
            day = f"try_cast(left({text}, 10) as date)"
            return f"({_matches(text, DATE + _MIDNIGHT)} and {day} >= date '0001-01-01')"
        case "TIME":
            return f"({_matches(text, _CLOCK.format(digits=6))} and try_cast({text} as time) is not null)"
        case "TIMESTAMP" | "TIMESTAMP_NS" | "TIMESTAMP WITH TIME ZONE" if form:
            return _is_written(text, form, kind)
        case "TIMESTAMP" | "TIMESTAMP_NS":
            clock = _CLOCK.format(digits=9 if kind.name == "TIMESTAMP_NS" else 6)
            when = f"try_cast({text} as {kind})"
            return f"({_matches(text, f'{DATE}([T ]{clock})?')} and {when} is not null and left({text}, 4) <> '0000')"
        case _:
            zoned = f"{DATE}[T ]{_CLOCK.format(digits=6)} ?{ZONE}"
            when = f"try_cast({_zoned(text)} as timestamptz)"
            return f"({_matches(text, zoned)} and {when} is not null and left({text}, 4) <> '0000')"


def date_formats(kind: str) -> Iterator[str]:
    """Yield the formats that DuckDB tries, in its order of preference."""
    clocks = ("",) if kind == "DATE" else (" %H:%M:%S", " %H:%M:%S.%f", " %I:%M:%S %p")
    for form in (
        "%y{0}%m{0}%d",
        "%Y{0}%m{0}%d",
        "%d{0}%m{0}%y",
        "%d{0}%m{0}%Y",
        "%m{0}%d{0}%y",
        "%m{0}%d{0}%Y",
    ):
        for sign in "/-. ":
            for clock in clocks:
                yield form.format(sign) + clock


def reads_as(kind: ColumnType, text: str, spelling: Spelling) -> str:
    """Return the condition of `fits`, with a year of four digits where the format has one."""
    test = fits(kind, text, spelling)
    # `%Y` also accepts a year of two digits.
    return f"({test} and regexp_matches({text}, '[0-9][0-9][0-9][0-9]'))" if "%Y" in spelling.format else test


def value(kind: ColumnType, text: str, spelling: Spelling = Spelling()) -> str:
    """Return SQL for the value of a text that fits."""
    text = _point(kind, text, spelling)
    match kind.name:
        case name if name in TEXTUAL:
            return text
        case "DATE" if spelling.format:
            return f"cast(strptime({text}, {literal(spelling.format)}) as date)"
        case "DATE":
            return f"cast(left({text}, 10) as date)"
        case "TIMESTAMP" | "TIMESTAMP_NS" | "TIMESTAMP WITH TIME ZONE" if spelling.format:
            return f"cast(strptime({text}, {literal(spelling.format)}) as {kind})"
        case "TIMESTAMP WITH TIME ZONE":
            return f"cast({_zoned(text)} as timestamptz)"
        case "STRUCT" | "LIST" | "MAP":
            return _nested_value(kind, text)
    return f"cast({text} as {kind})"


def problem(kind: ColumnType, form: str) -> str:
    """Return what is wrong with a format for the dates or timestamps of a type; empty if nothing is."""
    unknown = [sign for sign in _DIRECTIVE.findall(form) if sign not in _DIRECTIVES]
    if unknown or _DIRECTIVE.sub("", form).endswith("%"):
        return f"it has {f'%{unknown[0]}' if unknown else 'a percent sign at its end'}, which strptime does not support"
    signs = set(_DIRECTIVE.findall(_plain(form)))
    if not signs & {"Y", "y", "G"}:
        return "it has no year: %Y, or %y for two digits"
    if "I" in signs and "p" not in signs:
        return "it has %I (12-hour clock) without %p (AM or PM)"
    zoned = bool(signs & {"z", "Z"})
    if zoned and kind.name != "TIMESTAMP WITH TIME ZONE":
        return f"it has a time zone, but {kind} has none: declare TIMESTAMP WITH TIME ZONE"
    if not zoned and kind.name == "TIMESTAMP WITH TIME ZONE":
        return "it has no time zone: add %z (an offset), or %Z (UTC or GMT), or declare TIMESTAMP"
    return ""


def checked(kind: ColumnType, text: str, spelling: Spelling = Spelling()) -> str:
    """Return SQL for the value of a text; the query fails if the text does not fit."""
    if kind.name == "VARCHAR" and not kind.numbers:
        return text
    return (
        f"case when {text} is null then null when {fits(kind, text, spelling)}"
        f" then {value(kind, text, spelling)} else error(concat({literal(f'not {kind}: ')}, {text})) end"
    )


def certain_types(
    query: Query, columns: Mapping[str, str], among: Mapping[str, frozenset[str]] | None = None
) -> dict[str, str]:
    """Return the type that all texts of each column certainly have; empty for a column without any.

    `query` runs SQL on the rows as `texts`, several times; `columns` has the SQL of each column's text. `among`
    has, for columns that cannot have every type, the possible ones of CERTAIN.
    """
    found: dict[str, str] = {}
    names = list(columns)
    for start in range(0, len(names), AT_ONCE):
        found |= _certain_types(
            query, {name: columns[name] for name in names[start : start + AT_ONCE]}, among
        )
    return found


def _certain_types(
    query: Query, columns: Mapping[str, str], among: Mapping[str, frozenset[str]] | None
) -> dict[str, str]:
    found: dict[str, str] = {}
    listed = ", ".join(f"{text} as {identifier(name)}" for name, text in columns.items())
    sample = query(f"select {listed} from texts limit {SAMPLE_ROWS}")
    candidates: dict[str, str] = {}
    for number, name in enumerate(columns):
        column = Certainty()
        for row in sample:
            column.add(row[number])
        candidates[name] = column.kind
    small = len(sample) < SAMPLE_ROWS
    while candidates:
        for name, kind in list(candidates.items()):
            allowed = (among or {}).get(name)
            if kind == "VARCHAR" or (kind and allowed is not None and kind not in allowed):
                found[name] = "VARCHAR"
                del candidates[name]
            elif not kind and small:
                found[name] = ""
                del candidates[name]
        if not candidates:
            break
        expressions = ", ".join(
            f"{_all_are(kind, columns[name]) if kind else f'any_value({columns[name]})'}"
            for name, kind in candidates.items()
        )
        (answers,) = query(f"select {expressions} from texts")
        following: dict[str, str] = {}
        for (name, kind), answer in zip(candidates.items(), answers, strict=True):
            if not kind and answer is None:
                found[name] = ""
            elif not kind:
                one = Certainty()
                one.add(answer)
                following[name] = one.kind
            elif kind == "DECIMAL":
                found[name] = decimal(*answer["digits"].values()) if answer["all"] else "VARCHAR"
            elif answer:
                found[name] = kind
            elif kind == "BIGINT":
                following[name] = "DECIMAL" if _some_points(query, columns[name]) else "VARCHAR"
            else:
                found[name] = "VARCHAR"
        candidates = following
    return found


def _some_points(query: Query, text: str) -> bool:
    """Return True if a text has a decimal point: integers that are too large do not become decimal numbers."""
    return bool(query(f"select bool_or(contains({text}, '.')) from texts")[0][0])


def _all_are(kind: str, text: str) -> str:
    """Return an SQL aggregate: whether all texts certainly have a type; for DECIMAL, also the number of digits."""
    if kind == "BIGINT":
        # Without FILTER: with one, DuckDB's memory grows by the square of the columns.
        return f"bool_and(case when {text} is not null then coalesce(cast(try_cast({text} as bigint) as varchar) = {text}, false) end)"
    matches = _matches(text, CERTAIN[kind])
    if kind == "DECIMAL":
        point = f"strpos({text}, '.')"
        whole = f"if({point} > 0, {point} - 1, length({text})) - if(starts_with({text}, '-'), 1, 0)"
        after = f"if({point} > 0, length({text}) - {point}, 0)"
        return f"{{'all': bool_and({matches}), 'digits': {{'before': max({whole}), 'after': max({after})}}}}"
    if kind.startswith(("DATE", "TIMESTAMP")):
        matches += f" and {fits(parse(kind), text)} and left({text}, 4) <> '0000'"
    return f"bool_and(case when {text} is not null then coalesce({matches}, false) end)"


def _matches(text: str, form: str) -> str:
    return f"regexp_full_match({text}, {literal(form)})"


def _is_written(text: str, form: str, kind: ColumnType) -> str:
    """Return an SQL condition that a text is written in a format, more strictly than `strptime`.

    `strptime` accepts `25` for `%Y` (the year 25), blanks at both ends, `infinity` and `epoch`, and `2025031` for `%Y%m%d`.
    """
    texts, end = "", 0
    parts: list[str] = []
    plain = _plain(form)
    found = list(_DIRECTIVE.finditer(plain))
    for number, directive in enumerate(found):
        texts += re.escape(plain[end : directive.start()])
        end = directive.end()
        pattern = _DIRECTIVES[directive[1]]
        parts.append(directive[1])
        follows = number + 1 < len(found) and found[number + 1].start() == end
        if (
            follows or plain[: directive.start()].endswith(("%Y", "%m", "%d", "%H", "%M"))
        ) and "{1,2}" in pattern:
            pattern = "[0-9]{2}"  # between digits, only a fixed length shows where the number ends
        if directive[1] == "n" and kind.name != "TIMESTAMP_NS":
            pattern = "[0-9]{1,6}0{0,3}"
        texts += f"({pattern})"
    texts += re.escape(plain[end:])
    when = f"try_cast(try_strptime({text}, {literal(form)}) as {kind})"
    known = "".join(f" and {test}" for test in _agreements(text, texts, form, parts))
    return f"({_matches(text, texts)} and {when} is not null and year({when}) > 0{known})"


def _agreements(text: str, pattern: str, form: str, parts: list[str]) -> Iterator[str]:
    """Yield SQL conditions that a date has the weekday, week or day of the year that its text names.

    `strptime` ignores a wrong weekday, and counts day 366 of a year with 365 into the next one. `parts` are the directives,
    one for each group of the pattern.
    """
    due = set(parts) & (_WEEKDAYS | _OF_YEARS_DAYS)
    if due & _OF_YEARS_DAYS:
        due |= set(parts) & frozenset("mdbB")
    group = {
        sign: f"regexp_extract({text}, {literal(pattern)}, {number})" for number, sign in enumerate(parts, 1)
    }
    local = f"try_strptime({text}, {literal(form)})"
    if due and {"z", "Z"} & set(parts):
        local = f"({local} at time zone 'UTC')"
    if due and "z" in parts:
        zone = f"replace({group['z']}, ':', '')"
        minutes = f"try_cast(left({zone}, 3) as integer) * 60 + try_cast(left({zone}, 1) || substr({zone} || '00', 4, 2) as integer)"
        local = f"({local} + ({minutes}) * interval '1 minute')"
    for sign in sorted(due):
        actual = f"strftime({local}, '%{sign}')"
        if sign in "aAbB":
            yield f"lower({group[sign]}) = lower({actual})"
        else:
            yield f"try_cast({group[sign]} as integer) = try_cast({actual} as integer)"


def _plain(form: str) -> str:
    """Return a format with abbreviating directives expanded."""

    def long(match: re.Match[str]) -> str:
        pattern = _DIRECTIVES.get(match[1], "")
        return pattern if pattern.startswith("%") and len(pattern) > 1 else match[0]

    return _DIRECTIVE.sub(long, form)


def _zoned(text: str) -> str:
    """Return SQL for a timestamp with seconds, because DuckDB parses a time zone only after seconds."""
    minute = rf"^(.{{10}}[T ][0-9]{{2}}:[0-9]{{2}})( ?{ZONE})$"
    return rf"regexp_replace({text}, {literal(minute)}, '\1:00\2')"


def _point(kind: ColumnType, text: str, spelling: Spelling) -> str:
    numeric = (
        kind.name in ("DECIMAL", "FLOAT", "DOUBLE") or kind.name.endswith("INT") or kind.name == "INTEGER"
    )
    return f"translate({text}, ',.', '.,')" if spelling.decimal == "," and numeric else text


def _nested_fits(kind: ColumnType, text: str) -> str:
    """Return the same condition for JSON; numbers in it are texts, so that they keep their digits."""
    if kind.name not in ("STRUCT", "LIST", "MAP"):
        # What is deeper than its type has become a text before, as it was written: DuckDB would write it anew.
        deeper = f"json_type({text}) in ('OBJECT', 'ARRAY')"
        leaf = f"json_extract_string({text}, '$')"
        return f"(not {deeper} and {fits(kind, leaf)})"
    document = f"try_cast({text} as json)"
    empty = f"json_type({document}) = 'NULL'"
    match kind.name:
        case "LIST":
            part = kind.parts[0][1]
            each = f"json_type(x{_depth(part)}) = 'NULL' or {_nested_fits(part, f'x{_depth(part)}')}"
            all_ = f"coalesce(list_bool_and(list_transform(try_cast({document} as json[]), lambda x{_depth(part)}: {each})), true)"
            return f"coalesce({empty} or (json_type({document}) = 'ARRAY' and {all_}), false)"
        case "MAP":
            key, part = kind.parts[0][1], kind.parts[1][1]
            name = f"k{_depth(kind)}"
            item = f"json_extract({document}, {json_pointer(name)})"
            each = f"{fits(key, name)} and (json_type({item}) = 'NULL' or {_nested_fits(part, item)})"
            all_ = (
                f"coalesce(list_bool_and(list_transform(json_keys({document}), lambda {name}: {each})), true)"
            )
            keys = f"list_transform(json_keys({document}), lambda {name}: {value(key, name)})"
            distinct = f"case when {all_} then len({keys}) = len(list_distinct({keys})) else false end"  # 1 and 01 are one key
            return f"coalesce({empty} or (json_type({document}) = 'OBJECT' and {distinct}), false)"
    names = ", ".join(literal(name) for name, _ in kind.parts)
    parts = "".join(
        f" and (coalesce(json_type({item}), 'NULL') = 'NULL' or {_nested_fits(part, item)})"
        for name, part in kind.parts
        for item in [f"json_extract({document}, {json_pointer(literal(name))})"]
    )
    known = f"list_has_all([{names}], json_keys({document})) and {keys_are_unique(document)}"
    return f"coalesce({empty} or (json_type({document}) = 'OBJECT' and {known}{parts}), false)"


def _nested_value(kind: ColumnType, text: str) -> str:
    if kind.name not in ("STRUCT", "LIST", "MAP"):
        return value(kind, f"json_extract_string({text}, '$')")
    document = f"cast({text} as json)"
    match kind.name:
        case "LIST":
            part = kind.parts[0][1]
            name = f"x{_depth(part)}"
            result = f"list_transform(cast({document} as json[]), lambda {name}: {_unless_null(name, part)})"
        case "MAP":
            key, part = kind.parts[0][1], kind.parts[1][1]
            name = f"k{_depth(kind)}"
            item = _unless_null(f"json_extract({document}, {json_pointer(name)})", part)
            entry = f"{{'k': {value(key, name)}, 'v': {item}}}"
            result = f"map_from_entries(list_transform(json_keys({document}), lambda {name}: {entry}))"
        case _:
            fields = (
                f"{identifier(name)} := {_unless_null(f'json_extract({document}, {json_pointer(literal(name))})', part)}"
                for name, part in kind.parts
            )
            result = f"struct_pack({', '.join(fields)})"
    return f"case when json_type({document}) = 'NULL' then null else {result} end"


def is_json(text: str) -> str:
    """Return an SQL condition that a text is valid JSON."""
    return f"({_is_strict(text)} and json_valid({text}))"


def _is_strict(text: str) -> str:
    """Return an SQL condition that a text has nothing that only DuckDB's parser accepts: NaN, Infinity, a trailing comma."""
    bare = f"regexp_replace({text}, {literal(_STRING)}, '0', 'g')"
    return f"not regexp_matches({bare}, {literal(_FORGIVEN)})"


def keeps_numbers(text: str) -> str:
    """Return an SQL condition that DuckDB, which reads numbers in JSON as doubles, reads all of a text's as they are written."""
    bare = f"regexp_replace({text}, {literal(_STRING)}, '', 'g')"
    numbers = f"regexp_extract_all({bare}, {literal(_JSON_NUMBER)})"
    same = "json_extract_string(try_cast(n as json), '$') is not distinct from n"
    return f"coalesce(list_bool_and(list_transform({numbers}, lambda n: {same})), true)"


def numbers_as_texts(text: str) -> str:
    """Return SQL for the same JSON with its numbers in quotes, so that DuckDB keeps their digits."""
    pieces = f"regexp_extract_all({text}, {literal(f'{_STRING}|{_NO_STRING}')})"
    number, in_quotes = literal(f"({_JSON_NUMBER})"), literal(r'"\1"')
    piece = f"case when starts_with(p, '\"') then p else regexp_replace(p, {number}, {in_quotes}, 'g') end"
    return f"array_to_string(list_transform({pieces}, lambda p: {piece}), '')"


def keys_are_unique(document: str) -> str:
    """Return an SQL condition that no key of an object occurs twice."""
    return f"len(json_keys({document})) = len(list_distinct(json_keys({document})))"


def _unless_null(item: str, kind: ColumnType) -> str:
    landed = "VARCHAR" if kind.name in TEXTUAL else str(kind)
    null = f"cast(null as {landed})"
    return f"case when coalesce(json_type({item}), 'NULL') = 'NULL' then {null} else {_nested_value(kind, item)} end"


def json_pointer(name: str) -> str:
    """Return SQL for the path (RFC 6901, so that the empty key has one) of a key; `name` is the SQL of the key."""
    return f"concat('/', replace(replace({name}, '~', '~0'), '/', '~1'))"


def _depth(kind: ColumnType) -> int:
    """Return a number that distinguishes the variables of nested lambdas."""
    return 1 + max((_depth(part) for _, part in kind.parts), default=0)
