# Written by `make reference`: a copy of template/pipeline/values.py.
"""Convert values of other systems to the type of a column, unchanged, or raise `Unfit`. Nothing is rounded or cut."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence, Set
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa

LONGEST_SHOWN = 100
LONGEST_FORM = 30
INTEGERS = {
    "TINYINT": (-(2**7), 2**7 - 1),
    "SMALLINT": (-(2**15), 2**15 - 1),
    "INTEGER": (-(2**31), 2**31 - 1),
    "BIGINT": (-(2**63), 2**63 - 1),
    "UTINYINT": (0, 2**8 - 1),
    "USMALLINT": (0, 2**16 - 1),
    "UINTEGER": (0, 2**32 - 1),
    "UBIGINT": (0, 2**64 - 1),
}
"""The lowest and the highest value of each type."""
ARROW = {
    "BOOLEAN": pa.bool_(),
    "TINYINT": pa.int8(),
    "SMALLINT": pa.int16(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "UTINYINT": pa.int16(),
    "USMALLINT": pa.int32(),
    "UINTEGER": pa.int64(),
    "UBIGINT": pa.decimal128(20, 0),
    "FLOAT": pa.float64(),
    "DOUBLE": pa.float64(),
    "VARCHAR": pa.string(),
    "JSON": pa.string(),
    "UUID": pa.string(),
    "BLOB": pa.binary(),
    "DATE": pa.date32(),
    "TIME": pa.time64("us"),
    "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMP_NS": pa.timestamp("us"),
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", "UTC"),
}
"""Type -> the type for dlt, which supports neither unsigned numbers nor nanoseconds. `arrow` handles DECIMAL and VARCHAR(n)."""
CLOCKS = ("DATE", "TIME", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
LENGTH = re.compile(r"VARCHAR\((\d+)\)")
NUMBER_TEXT = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
DAY = r"\d{4}-\d\d-\d\d"
CLOCK = r"\d\d:\d\d(:\d\d(\.\d{1,6}0*)?)?"
DATE_TEXT = re.compile(DAY, re.ASCII)
TIME_TEXT = re.compile(CLOCK, re.ASCII)
TIMESTAMP_TEXT = re.compile(rf"{DAY}[T ]{CLOCK}", re.ASCII)
MOMENT_TEXT = re.compile(rf"{DAY}[T ]{CLOCK} ?(Z|[+-]\d\d(:?\d\d)?)", re.ASCII)


class Unfit(ValueError):
    """A value that a type cannot represent exactly."""

    position = 0
    """Its position among the values, from 0."""


class Broken(str):
    """The text of a value that a database driver cannot parse: only text columns can hold it."""


def arrow(type_: str) -> pa.DataType:
    """Return the type that a column of this type lands as. Raises KeyError for a type that dlt does not support."""
    if match := DECIMAL.fullmatch(type_):
        return pa.decimal128(int(match[1]), int(match[2]))
    return pa.string() if LENGTH.fullmatch(type_) else ARROW[type_]


def array(values: Sequence[Any], type_: str, *, utc: bool = False) -> pa.Array:
    """Return the values as a column of this type. `utc`: a time without a zone is in UTC.

    Raises Unfit for the first value that does not fit, with its position as `position`.
    """
    kind = arrow(type_)
    if _as_they_are(values, type_):
        try:
            return pa.array(values, type=kind)
        except (ValueError, TypeError, ArithmeticError, pa.ArrowException):
            pass  # one of them does not fit; the loop below finds which
    converted = []
    for position, value in enumerate(values):
        try:
            converted.append(None if value is None else convert(value, type_, utc=utc))
        except (ValueError, ArithmeticError) as error:
            unfit = Unfit(str(error))
            unfit.position = position
            raise unfit from error
    return pa.array(converted, type=kind)


def _as_they_are(values: Sequence[Any], type_: str) -> bool:
    """Return True if Arrow takes these values unchanged, or refuses them."""
    kinds = set(map(type, values)) - {_NONE}
    if kinds == {datetime}:
        zoned = {value.tzinfo is not None for value in values if value is not None}
        return zoned == {type_ == "TIMESTAMP WITH TIME ZONE"} and type_.startswith("TIMESTAMP")
    if DECIMAL.fullmatch(type_):
        return kinds <= {Decimal, int}
    return kinds <= _AS_THEY_ARE.get(type_, frozenset())


_NONE = type(None)
_AS_THEY_ARE: dict[str, Set[type]] = {
    "BOOLEAN": {bool},
    "BIGINT": {int},
    "DOUBLE": {float},
    "VARCHAR": {str},
    "BLOB": {bytes},
    "DATE": {date},
}
"""Type -> types of Python that Arrow takes unchanged."""


def convert(value: Any, type_: str, *, utc: bool = False) -> Any:
    """Return the value as Arrow takes it for a column of this type. Raises ValueError or ArithmeticError if it does not fit."""
    if match := DECIMAL.fullmatch(type_):
        return _decimal(value, int(match[1]), int(match[2]))
    if type_ in INTEGERS:
        number = _integer(value)
        lowest, highest = INTEGERS[type_]
        if not lowest <= number <= highest:
            raise Unfit(type_)
        return Decimal(number) if pa.types.is_decimal(ARROW[type_]) else number
    if match := LENGTH.fullmatch(type_):
        if len(text(value)) > int(match[1]):
            raise Unfit(type_)
        return text(value)
    if type_ == "TIMESTAMP WITH TIME ZONE":
        return _moment(value, utc)
    return _OTHERS[type_](value)


def text(value: Any) -> str:
    """Return the value as a text, as written. Raises ValueError if that would lose something."""
    match value:
        case str():
            value.encode()  # a lone surrogate cannot be encoded
            return str(value)
        case bool():
            return "true" if value else "false"
        case float():
            return repr(value)
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.isoformat(" ")
        case int() | date() | time() | UUID():
            return str(value)
        case dict() | list():
            return json.dumps(value, ensure_ascii=False)
    raise Unfit("VARCHAR")


def latest(now: datetime, ahead: timedelta) -> datetime | None:
    """Return the time that is `ahead` in the future; None if that is after the last year."""
    try:
        return now + ahead
    except OverflowError:
        return None


def shown(value: Any) -> str:
    """Return the value for a message: on one line, and cut if it is long."""
    if isinstance(value, str):
        whole = "'" + value.encode("utf-8", "backslashreplace").decode() + "'"
    elif isinstance(value, bytes | bytearray | memoryview):
        whole = f"x'{bytes(value[:LONGEST_SHOWN]).hex()}'"
    else:
        whole = str(value)
    whole = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in whole)
    return whole if len(whole) <= LONGEST_SHOWN else f"{whole[:LONGEST_SHOWN]}…"


def form(value: Any) -> str:
    """Return how a value is written, for a message without the value: `9999-99-99` of a date."""
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{len(value):,} bytes"
    whole = str(value)
    signs = (
        "A" if sign.isupper() else "a" if sign.isalpha() else "9" if sign.isdigit() else sign
        for sign in whole
    )
    text = shown("".join(signs))[1:-1]
    return (
        f"a value of the form {text}" if len(text) <= LONGEST_FORM else f"a text of {len(whole):,} characters"
    )


def fitting(values: Sequence[Any]) -> str:
    """Return the narrowest of a few types that fits all of these values; empty if none does."""
    present = [value for value in values if value is not None]
    digits = []
    for value in present:
        if isinstance(value, Decimal) and value.is_finite():
            digits.append(value.as_tuple())
    scale = max((-int(parts.exponent) for parts in digits), default=0)
    candidates = ["BIGINT", f"DECIMAL(38,{scale})"] if 0 <= scale <= 38 else []
    if any(isinstance(value, float) for value in present):
        candidates.append("DOUBLE")
    for type_ in [*candidates, "TIMESTAMP WITH TIME ZONE", "VARCHAR", "BLOB"]:
        try:
            array(values, type_)
        except Unfit:
            continue
        return type_
    return ""


def _integer(value: Any) -> int:
    match value:
        case bool():
            pass
        case int():
            return value
        case float() if value.is_integer():
            return int(value)
        case str() if NUMBER_TEXT.fullmatch(value):
            return _integer(Decimal(value))
        case Decimal() if value.is_finite() and value.adjusted() < 40 and value == value.to_integral_value():
            return int(value)
    raise Unfit("not a whole number")


def _decimal(value: Any, precision: int, scale: int) -> Decimal:
    match value:
        case bool():
            raise Unfit("not a decimal number")
        case int() | Decimal():
            number = Decimal(value)
        case float():
            number = Decimal(repr(value))
        case str() if NUMBER_TEXT.fullmatch(value):
            number = Decimal(value)
        case _:
            raise Unfit("not a decimal number")
    if not number.is_finite():
        raise Unfit("not a decimal number")
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    while digits and exponent < -scale and digits[-1] == 0:  # trailing zeros
        digits, exponent = digits[:-1], exponent + 1
    if not any(digits):
        return Decimal(0)
    if exponent < -scale or len(digits) + exponent > precision - scale:
        raise Unfit("more digits than the type allows")
    return Decimal((sign, digits, exponent))


def _double(value: Any) -> float:
    match value:
        case bool():
            pass
        case float():
            return value
        case int() if abs(value) <= 2**53 or (abs(value) < 2**1023 and int(float(value)) == value):
            return float(value)
        case Decimal() if value.is_nan():
            return math.nan
        case Decimal():
            return _finite(float(value), infinite=value.is_infinite(), zero=value.is_zero())
        case str() if NUMBER_TEXT.fullmatch(value):
            return _finite(float(value), zero=not re.search("[1-9]", value.lower().partition("e")[0]))
    raise Unfit("no number")


def _float(value: Any) -> float:
    number = _double(value)
    single = pa.scalar(number, pa.float32()).as_py()
    return float(_finite(single, infinite=math.isinf(number), zero=number == 0))


def _finite(number: float, infinite: bool = False, zero: bool = True) -> float:
    """Return the number. Raises Unfit if rounding made it infinite or zero."""
    if (math.isinf(number) and not infinite) or (number == 0 and not zero):
        raise Unfit("a number out of the range of a DOUBLE")
    return number


def _boolean(value: Any) -> bool:
    match value:
        case bool():
            return value
        case int() | float() | Decimal() if value in (0, 1):
            return bool(value)
        case str() if value in ("true", "True", "TRUE", "false", "False", "FALSE"):
            return value.lower() == "true"
    raise Unfit("neither true nor false")


def _date(value: Any) -> date:
    match value:
        case datetime():
            if value.tzinfo is None and value.time() == time():
                return value.date()
        case date():
            return value
        case Broken():
            pass
        case str() if DATE_TEXT.fullmatch(value):
            return date.fromisoformat(value)
    raise Unfit("no date")


def _time(value: Any) -> time:
    match value:
        case time() if value.tzinfo is None:
            return value
        case timedelta() if timedelta() <= value < timedelta(days=1):
            return (datetime.min + value).time()
        case Broken():
            pass
        case str() if TIME_TEXT.fullmatch(value):
            return time.fromisoformat(value)
    raise Unfit("not a time of day")


def _timestamp(value: Any) -> datetime:
    match value:
        case datetime():
            if value.tzinfo is None:
                return value
        case date():
            return datetime(value.year, value.month, value.day)
        case Broken():
            pass
        case str() if TIMESTAMP_TEXT.fullmatch(value) or DATE_TEXT.fullmatch(value):
            return datetime.fromisoformat(value)
    raise Unfit("not a date and time without a time zone")


def _moment(value: Any, utc: bool) -> datetime:
    if isinstance(value, str) and not isinstance(value, Broken) and MOMENT_TEXT.fullmatch(value):
        value = datetime.fromisoformat(re.sub(" (?=[Z+-])", "", value))
    elif utc:
        value = (
            value if isinstance(value, datetime) and value.tzinfo else _timestamp(value).replace(tzinfo=UTC)
        )
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise Unfit("not a date and time with a time zone")
    return value.astimezone(UTC)


def _uuid(value: Any) -> str:
    return str(value if isinstance(value, UUID) else UUID(text(value)))


def _binary(value: Any) -> bytes:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    raise Unfit("no bytes")


def _json(value: Any) -> str:
    if isinstance(value, str):
        json.loads(value, parse_constant=_no_json)
    return text(value)


def _no_json(word: str) -> Any:
    raise Unfit(f"{word} is not JSON")


_OTHERS: dict[str, Callable[[Any], Any]] = {
    "BOOLEAN": _boolean,
    "FLOAT": _float,
    "DOUBLE": _double,
    "VARCHAR": text,
    "JSON": _json,
    "UUID": _uuid,
    "BLOB": _binary,
    "DATE": _date,
    "TIME": _time,
    "TIMESTAMP": _timestamp,
    "TIMESTAMP_NS": _timestamp,
}
