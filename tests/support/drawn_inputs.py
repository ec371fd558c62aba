"""Sources that Hypothesis draws, and what their values mean: read by Python alone, so that nothing here is the pipeline's."""

from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from drawn_tables import DATES, DOUBLES, TEXTS, TIMES, TIMESTAMPS, decimals, integers
from hypothesis import strategies as st


class Number(str):
    """A number of JSON, in the digits in which it is written."""

    __slots__ = ()


Cell = None | bool | str | list[Any] | dict[str, Any]
"""A value of CSV or JSON: `Number` for a number, `str` for a text."""


@dataclass(frozen=True)
class Flavour:
    """What the texts of a column are."""

    texts: st.SearchStrategy[str]
    fits: tuple[str, ...] = ()
    """Types that can be declared for all of them; VARCHAR always can."""


ODD_NUMBERS = ["007", "+5", "-0", ".5", "5.", "1e5", "1E-7", "0x1F", "1_000", "1,000", " 5", "5 ", "NaN", "inf", "-0.0", "٣", "１",
               "1e400", "00", "-007.50", "9223372036854775808", "1.0000000000000000000000000000000000000001", "--1", "1.2.3"]  # fmt: skip
ODD_TIMES = ["2024-02-30", "0000-01-01", "2024-1-1", "10000-01-01", "01/02/2025", "24:00:00", "10:00", "23:59:60", "2024-13-01",
             "2024-03-31T02:30:00.1234567", "2024-03-31T24:00:00", "infinity", "2024-02-29T10:00:00+25:00", "2024-02-29T10",
             "20240229", "2024-W09-4", "epoch", "2024-02-29 10:00:00 UTC", "10:00:00+02", "-2024-02-29", "2024-02-29 BC"]  # fmt: skip
ZONES = st.sampled_from(["Z", "+00:00", "+05:30", "-08:00", "+0530", "-08"])
LONG = st.integers(10**18, 10**37).map(str)

FLAVOURS = {
    "small": Flavour(st.integers(-128, 127).map(str), ("TINYINT", "INTEGER", "BIGINT", "DECIMAL(9,2)", "DOUBLE", "FLOAT")),
    "integers": Flavour(integers(64, True), ("BIGINT", "DECIMAL(38,0)", "DECIMAL(38,10)", "DOUBLE")),
    "long": Flavour(LONG, ("DECIMAL(38,0)",)),
    "money": Flavour(decimals(18, 2), ("DECIMAL(18,2)", "DECIMAL(38,10)", "DOUBLE")),
    "wide": Flavour(decimals(38, 10), ("DECIMAL(38,10)",)),
    "wider": Flavour(decimals(45, 20)),
    "doubles": Flavour(DOUBLES, ("DOUBLE",)),
    "odd numbers": Flavour(st.sampled_from(ODD_NUMBERS)),
    "dates": Flavour(DATES, ("DATE", "TIMESTAMP")),
    "times": Flavour(TIMES, ("TIME",)),
    "timestamps": Flavour(st.tuples(TIMESTAMPS, st.booleans()).map(lambda some: some[0].replace(" ", "T") if some[1] else some[0]), ("TIMESTAMP", "TIMESTAMP_NS")),
    "moments": Flavour(st.tuples(TIMESTAMPS.filter(lambda some: "0001" < some[:4] < "9999"), ZONES).map("".join), ("TIMESTAMP WITH TIME ZONE",)),
    "odd times": Flavour(st.sampled_from(ODD_TIMES)),
    "booleans": Flavour(st.sampled_from(["true", "false"]), ("BOOLEAN",)),
    "odd booleans": Flavour(st.sampled_from(["True", "FALSE", "yes", "T", "0", "1", "n", "tRuE", "on"])),
    "uuids": Flavour(st.uuids().map(str), ("UUID",)),
    "texts": Flavour(TEXTS),
}  # fmt: skip
FLAVOURS["timestamps"] = Flavour(
    FLAVOURS["timestamps"].texts, ("TIMESTAMP",)
)  # years beyond 1677 and 2262 are no TIMESTAMP_NS
TYPES = ("TINYINT", "INTEGER", "BIGINT", "UBIGINT", "DECIMAL(18,2)", "DECIMAL(38,10)", "FLOAT", "DOUBLE", "BOOLEAN", "DATE", "TIME",
         "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "VARCHAR", "VARCHAR(3)", "UUID")  # fmt: skip

JSON_NUMBERS = st.one_of(
    integers(64, True),
    LONG,
    decimals(18, 2),
    decimals(38, 10),
    decimals(45, 20),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(
        ["-0", "1E5", "1e-7", "1.10", "1e400", "5e-324", "-0.0", "0.0", "1e-400", "9223372036854775808"]
    ),
).map(Number)
JSON_INTEGERS = integers(64, True).map(Number)
JSON_TEXTS = st.one_of(TEXTS, *(flavour.texts for flavour in FLAVOURS.values()))
LEAVES = st.one_of(st.none(), st.booleans(), JSON_NUMBERS, JSON_TEXTS)
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b c", "é", 'q"', "", "a.b"]), inner, max_size=3)
    ),
    max_leaves=5,
)
MONEY = decimals(18, 2).map(Number)
NESTED: dict[str, st.SearchStrategy[Any]] = {
    "BIGINT[]": st.lists(st.none() | JSON_INTEGERS, max_size=3),
    "VARCHAR[]": st.lists(st.none() | TEXTS, max_size=3),
    'STRUCT(a BIGINT, "b c" VARCHAR, d DECIMAL(18,2)[])': st.fixed_dictionaries(
        {}, optional={"a": st.none() | JSON_INTEGERS, "b c": st.none() | TEXTS, "d": st.lists(MONEY, max_size=2)}
    ),
    "MAP(VARCHAR, DECIMAL(18,2))": st.dictionaries(st.sampled_from(["a", "b c", "é", "", "x/y~z"]), st.none() | MONEY, max_size=3),
    "STRUCT(t TIMESTAMP, s STRUCT(u UUID, b BOOLEAN))[]": st.lists(
        st.fixed_dictionaries({"t": st.none() | TIMESTAMPS, "s": st.fixed_dictionaries({"u": st.uuids().map(str), "b": st.none() | st.booleans()})}),
        max_size=2,
    ),
}  # fmt: skip


@dataclass
class Drawn:
    """A table of texts, or of what JSON knows."""

    columns: list[str]
    rows: list[list[Cell]]
    declared: dict[str, str] = field(default_factory=dict)
    has_to_land: bool = True
    """Whether nothing is in it that may be refused: all that is declared fits."""


NAMES = ("a", "b", "c", "d")


@st.composite
def csv_tables(draw: Any) -> Drawn:
    """A table of texts, each column with texts of one flavour, and now and then another one."""
    columns = list(NAMES[: draw(st.integers(1, 4))])
    flavours = [draw(st.sampled_from(list(FLAVOURS))) for _ in columns]
    mixed = draw(st.integers(0, 3)) == 0
    drawn = Drawn(columns, [])
    for _ in range(draw(st.integers(0, 6))):
        row: list[Cell] = []
        for flavour in flavours:
            if draw(st.integers(0, 5)) == 0:
                row.append(None)
                continue
            stray = mixed and draw(st.integers(0, 5)) == 0
            row.append(draw(FLAVOURS[draw(st.sampled_from(list(FLAVOURS))) if stray else flavour].texts))
        drawn.rows.append(row)
    for name, flavour in zip(columns, flavours, strict=True):
        match draw(st.sampled_from(["open", "open", "fits", "fits", "any"])):
            case "fits":
                drawn.declared[name] = draw(st.sampled_from([*FLAVOURS[flavour].fits, "VARCHAR"]))
                drawn.has_to_land &= not mixed or drawn.declared[name] == "VARCHAR"
            case "any":
                drawn.declared[name] = draw(st.sampled_from(TYPES))
                drawn.has_to_land &= drawn.declared[name] == "VARCHAR"
    return drawn


@st.composite
def json_tables(draw: Any, *, nested_types: bool = True) -> Drawn:
    """A table of values of JSON. `nested_types`: some columns are declared as STRUCT, LIST or MAP."""
    columns = list(NAMES[: draw(st.integers(1, 4))])
    drawn = Drawn(columns, [])
    strategies: list[st.SearchStrategy[Any]] = []
    for name in columns:
        kind = draw(
            st.sampled_from(
                ["numbers", "integers", "texts", "texts", "booleans", "documents", "mixed", "nested"]
            )
        )
        flavour = draw(st.sampled_from(list(FLAVOURS)))
        strategies.append({"numbers": JSON_NUMBERS, "integers": JSON_INTEGERS, "texts": FLAVOURS[flavour].texts, "booleans": st.booleans(),
                           "documents": DOCUMENTS, "mixed": LEAVES, "nested": DOCUMENTS}[kind])  # fmt: skip
        fits = {
            "integers": ["BIGINT", "DECIMAL(38,0)"],
            "texts": FLAVOURS[flavour].fits,
            "booleans": ["BOOLEAN"],
        }.get(kind, [])
        if kind == "nested" and nested_types:
            drawn.declared[name] = draw(st.sampled_from(list(NESTED)))
            strategies[-1] = NESTED[drawn.declared[name]]
            continue
        match draw(st.sampled_from(["open", "open", "fits", "any"])):
            case "fits":
                drawn.declared[name] = draw(st.sampled_from([*fits, "VARCHAR"]))
            case "any":
                drawn.declared[name] = draw(st.sampled_from([*TYPES, "JSON"]))
                drawn.has_to_land &= drawn.declared[name] == "VARCHAR"
    for _ in range(draw(st.integers(0, 6))):
        drawn.rows.append([None if draw(st.integers(0, 5)) == 0 else draw(some) for some in strategies])
    return drawn


def written(value: Any, *, ascii_: bool = False) -> str:
    """JSON of a value, its numbers in their digits."""
    match value:
        case Number():
            return str(value)
        case dict():
            return "{" + ", ".join(f"{json.dumps(key, ensure_ascii=ascii_)}: {written(one, ascii_=ascii_)}" for key, one in value.items()) + "}"  # fmt: skip
        case list():
            return "[" + ",".join(written(one, ascii_=ascii_) for one in value) + "]"
    return json.dumps(value, ensure_ascii=ascii_)


# What a text means --------------------------------------------------------------------------------------------------


class Meaningless(ValueError):
    """A text that is no value of a type."""


EPOCH = datetime(1970, 1, 1)
DECIMAL_POINT = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")
CLOCK = r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]*))?)?"
ZONE = r"(?:(Z)|([+-])([0-9]{2}):?([0-9]{2})?)"


def meaning(text: str, kind: str) -> Any:
    """Return the value of a text, as `plain` has the values that landed. Raises Meaningless."""
    name = kind.partition("(")[0]
    try:
        if name in ("VARCHAR", "UUID"):
            return text
        if name.endswith("INT") or name in ("INTEGER", "DECIMAL"):
            if not DECIMAL_POINT.fullmatch(text):
                raise Meaningless(text)
            return Decimal(text)
        if name in ("FLOAT", "DOUBLE"):
            number = float(text)
            return real(struct.unpack("f", struct.pack("f", number))[0] if name == "FLOAT" else number)
        if name == "BOOLEAN":
            return {"true": True, "t": True, "yes": True, "y": True, "1": True, "on": True}.get(
                text.lower(), False
            )
        if name == "DATE":
            return (date.fromisoformat(text[:10]) - EPOCH.date()).days
        if name == "TIME":
            return microseconds(text)
        if name.startswith("TIMESTAMP"):
            return moment(text, zoned=kind.endswith("ZONE"))
        if name == "BLOB":
            return bytes.fromhex(text.removeprefix("\\x"))
    except (ValueError, InvalidOperation, OverflowError) as error:
        raise Meaningless(text) from error
    raise AssertionError(kind)


def moment(text: str, *, zoned: bool) -> int:
    """Return the microseconds since 1970."""
    found = re.fullmatch(rf"([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})(?:[T ]({CLOCK}))? ?{ZONE}?", text)
    if not found or zoned != bool(found[7] or found[8]):
        raise Meaningless(text)
    day = (date.fromisoformat(found[1]) - EPOCH.date()).days
    clock = microseconds(found[2]) if found[2] else 0
    offset = timedelta(hours=int(found[9] or 0), minutes=int(found[10] or 0)) // timedelta(microseconds=1)
    return day * 86_400_000_000 + clock - (-offset if found[8] == "-" else offset)


def microseconds(text: str) -> int:
    """Return how much of a day has gone."""
    found = re.fullmatch(CLOCK, text)
    if not found or (found[4] or "")[6:].strip("0"):
        raise Meaningless(text)
    clock = time(int(found[1]), int(found[2]), int(found[3] or 0), int((found[4] or "")[:6].ljust(6, "0")))
    return (((clock.hour * 60) + clock.minute) * 60 + clock.second) * 10**6 + clock.microsecond


def real(number: float) -> str:
    """Return the one spelling of a float; 0.0 and -0.0 are two values, and NaN is one."""
    return repr(number)


def agrees(cell: Any, value: Any, kind: str) -> bool:
    """Return True if what landed as a type of DuckDB's is what a value of CSV, JSON or a database's text says."""
    if cell is None or value is None:
        return cell is None and value is None
    if kind == "JSON":
        return same_json(cell, json.loads(value, parse_float=Number, parse_int=Number))
    if isinstance(cell, list | dict):
        if kind == "VARCHAR":
            return same_json(cell, json.loads(value, parse_float=Number, parse_int=Number))
        return same_nested(cell, value, kind)
    text = written(cell) if isinstance(cell, bool) else str(cell)
    try:
        return bool(meaning(text, kind) == value)
    except Meaningless:
        return False


def same_json(cell: Any, value: Any) -> bool:
    """Return True if two documents are the same, down to the digits of their numbers."""
    if type(cell) is not type(value):
        return False
    if isinstance(cell, dict):
        return cell.keys() == value.keys() and all(same_json(cell[key], value[key]) for key in cell)
    if isinstance(cell, list):
        return len(cell) == len(value) and all(map(same_json, cell, value))
    return bool(cell == value)


def same_nested(cell: Any, value: Any, kind: str) -> bool:
    """The same for what was declared as STRUCT, LIST or MAP."""
    match cell, value:
        case (None, _) | (_, None):
            return cell is None and value is None
        case list(), list() if kind.startswith("MAP"):
            return False
        case dict(), list():  # a map, as Arrow has it
            return len(cell) == len(value) and all(same_nested(cell[key], one, "") for key, one in value)
        case list(), list():
            return len(cell) == len(value) and all(
                same_nested(*both, "") for both in zip(cell, value, strict=True)
            )
        case dict(), dict():  # what is missing in an object is null
            return cell.keys() <= value.keys() and all(
                same_nested(cell.get(key), one, "") for key, one in value.items()
            )
        case bool(), _:
            return cell is value
        case Number(), _:
            return Decimal(cell) == Decimal(str(value))
        case str(), datetime():
            return moment(cell, zoned=False) == (value - EPOCH) // timedelta(microseconds=1)
    return bool(cell == value)
