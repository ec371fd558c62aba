# Written by `make reference`: a copy of template/pipeline/comparisons.py.
"""Compare the data with values of the contract exactly, in DuckDB's SQL: neither is rounded to the type of the other.

A floating-point number is the shortest decimal number that is read as it: 0.1, although no DOUBLE is exactly a tenth.
A time without a zone is in UTC, in the data and in the contract.
"""

from __future__ import annotations

import datetime
import math
import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from meshwright.core.sql.duckdb import literal

INTEGERS = tuple(
    f"{sign}{size}" for sign in ("", "u") for size in ("tinyint", "smallint", "integer", "bigint", "hugeint")
)
FLOATS = ("float", "double")
TIMESTAMPS = ("timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns", "timestamp with time zone")

BEYOND = 10**38
"""Larger than any number of a DECIMAL."""
MAGNITUDE = 400
"""Decimal digits before and after the point that suffice to compare with any number of DuckDB."""

BELOW = {"<": "<=", "<=": "<=", ">": ">", ">=": ">"}
"""Operator for a limit -> operator for the nearest value below it, if the type does not have the limit."""
ABOVE = {"<": "<", "<=": "<", ">": ">=", ">=": ">="}
"""The same for the nearest value above it."""

_FRACTION = re.compile(r"(?<=:[0-9]{2}\.)[0-9]+")
_WITHOUT_SECONDS = re.compile(r"(.*[T ][0-9]{1,2}:[0-9]{2})( ?(?:[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?))?")
_OFFSET = re.compile(r"([+-])([0-9]{2})(?::?([0-9]{2}))?$")
_DAY = re.compile(r"[0-9]{4,}-[0-9]{1,2}-[0-9]{1,2}( ?\(BC\))?")


@dataclass(frozen=True)
class Type:
    """A type as DuckDB describes it."""

    kind: str
    """In lower case, without arguments: `decimal`, `struct`, `list`."""
    text: str
    children: Mapping[str, Type]
    """Of a struct: its fields; of a list: `[]`; of a map: `[key]` and `[value]`."""

    @property
    def is_float(self) -> bool:
        return self.kind in FLOATS

    def field(self, name: str) -> str | None:
        """Return the field of that name, as spelled in the data; like SQL, ignore case."""
        return next((known for known in self.children if known.lower() == name.lower()), None)


def holds(value: str, kind: Type, operator: str, limit: Any) -> str:
    """Return the SQL condition that a value is `<`, `<=`, `>` or `>=` a limit of the contract.

    It is not about NaN, which DuckDB takes for the largest number. Raises ValueError or ArithmeticError if the limit is
    none for this type.
    """
    if kind.kind in INTEGERS or kind.kind == "decimal":
        return _on_grid(value, _scale(kind), operator, number(limit))
    if kind.kind in FLOATS:
        nearest, side = _floating(kind.kind, number(limit))
        return f"{value} {_shifted(operator, side)} {nearest}"
    if kind.kind == "date" or kind.kind in TIMESTAMPS:
        return _moment(value, kind.kind, operator, limit)
    if kind.kind == "time":
        text, finer = _clock(limit)
        return f"{value} {BELOW[operator] if finer else operator} cast({literal(text)} as time)"
    if isinstance(limit, int | float):
        raise ValueError(f"{limit} is a number, and the column is {kind.text}")
    return f"{value} {operator} cast({constant(limit)} as {kind.text})"


def is_one_of(value: str, kind: Type, values: Iterable[Any]) -> str:
    """Return the SQL condition that a value is one of the contract's. One that the type cannot hold matches nothing."""
    scalars = (one for one in values if one is not None and not isinstance(one, dict | list))
    same = [text for one in scalars if (text := _same(kind, one))]
    if not same:
        return "false"
    if kind.kind == "timestamp_ns":
        value = f"epoch_ns({value})"
    return f"coalesce({value} in ({', '.join(same)}), false)"


def is_no_multiple(value: str, kind: Type, step: Any) -> str:
    """Return the SQL condition that a number is not a whole multiple of a step. Raises ValueError or ArithmeticError."""
    unit = number(step)
    if not unit.is_finite() or unit <= 0 or abs(unit.adjusted()) > MAGNITUDE:
        raise ValueError(f"multipleOf is {step}")
    _, digits, exponent = unit.as_tuple()
    assert isinstance(exponent, int), "it is finite"
    whole = int("".join(map(str, digits)))
    while whole % 10 == 0:
        whole, exponent = whole // 10, exponent + 1
    if kind.kind in FLOATS:
        exactly = _no_multiple_of_floats(value, whole, exponent)
        return exactly if kind.kind == "float" else _quickly(value, whole, exponent, exactly)
    scale = _scale(kind)
    unscaled = (
        f"cast(replace({value}::varchar, '.', '') as hugeint)" if scale else f"cast({value} as hugeint)"
    )
    return f"{unscaled} % {_divisor(whole, -scale - exponent)} <> 0"


def is_kept(value: str, kind: Type, threshold: str) -> str:
    """Return the SQL condition that a number, a date or a time meets a threshold in datacontract-cli's spelling: `>= 0.3`, `between 1 and 2`.

    Raises ValueError or ArithmeticError if they cannot be compared.
    """
    if kind.kind in ("date", "time", *TIMESTAMPS):
        sign, _, moment = threshold.partition(" ")
        if sign not in ("=", "!="):
            raise ValueError(f"{kind.text} is no number")
        same = is_one_of(value, kind, [moment])
        return f"case when {value} is not null then {same if sign == '=' else f'not {same}'} end"
    if kind.kind not in (*INTEGERS, *FLOATS, "decimal"):
        raise ValueError(f"{kind.text} is no number")
    match threshold.replace("not ", "not_").split():
        case ["between" | "not_between" as operator, low, "and", high]:
            within = f"({holds(value, kind, '>=', number(low))} and {holds(value, kind, '<=', number(high))})"
            condition = within if operator == "between" else f"not {within}"
        case ["=" | "!=" as operator, limit]:
            equal = is_one_of(value, kind, [number(limit)])
            condition = equal if operator == "=" else f"not {equal}"
        case [("<" | "<=" | ">" | ">=") as operator, limit]:
            condition = holds(value, kind, operator, number(limit))
        case _:
            raise ValueError(threshold)
    if kind.kind in FLOATS:  # NaN is within nothing
        other = "true" if condition.startswith("not ") else "false"
        condition = f"case when isnan({value}) then {other} else {condition} end"
    return f"case when {value} is not null then {condition} end"


def number(value: Any) -> Decimal:
    """Return a number of the contract or of the data, with all its digits. Raises InvalidOperation if it is none."""
    return Decimal(int(value)) if isinstance(value, bool) else Decimal(str(value).strip())


def constant(value: Any) -> str:
    """Return a value of the contract as an SQL literal."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value) if value == value and abs(value) != float("inf") else f"'{value}'::double"
    if isinstance(value, datetime.datetime | datetime.date):
        return literal(value.isoformat())
    return literal(str(value))


def _same(kind: Type, one: Any) -> str:
    """Return SQL for the value of a type that is the contract's, or for null; empty if there is none."""
    try:
        if kind.kind in INTEGERS or kind.kind == "decimal":
            scale = _scale(kind)
            floor, exact = _floor(number(one), scale)
            return _unscaled(floor, scale) if exact and abs(floor) < BEYOND else ""
        if kind.kind in FLOATS:
            promised = number(one)
            if promised.is_nan():
                return f"'nan'::{kind.kind}"
            nearest, side = _floating(kind.kind, promised)
            return "" if side else nearest
        if kind.kind == "date" or kind.kind in TIMESTAMPS:
            return _same_moment(kind.kind, one)
        if kind.kind == "time":
            text, finer = _clock(one)
            return "" if finer else f"try_cast({literal(text)} as time)"
    except (InvalidOperation, ValueError):
        return ""
    if kind.kind == "boolean" and isinstance(one, int | float) and one not in (0, 1):
        return ""
    return f"try_cast({constant(one)} as {kind.text})"


# -- numbers ----------------------------------------------------------------------------------------------


def _scale(kind: Type) -> int:
    """Return the digits after the point."""
    return int(kind.text.rpartition(",")[2].strip(" )")) if kind.kind == "decimal" else 0


def _floor(promised: Decimal, scale: int) -> tuple[int, bool]:
    """Return the largest number of units of 10^-scale that is not above a number, and whether it is that number."""
    if not promised.is_finite() or promised.adjusted() > MAGNITUDE:
        if promised.is_nan():
            raise ValueError("NaN is no limit")
        return (BEYOND if promised > 0 else -BEYOND), False
    if promised and promised.adjusted() < -MAGNITUDE:
        return (0 if promised > 0 else -1), False
    units = Fraction(promised) * 10**scale
    floor = math.floor(units)
    return floor, floor == units


def _unscaled(units: int, scale: int) -> str:
    """Return a number of units as SQL."""
    text = f"{'-' if units < 0 else ''}{abs(units) // 10**scale}"
    if scale:
        text += f".{abs(units) % 10**scale:0{scale}}"
    return f"cast('{text}' as {f'decimal(38,{scale})' if scale else 'hugeint'})"


def _on_grid(value: str, scale: int, operator: str, limit: Decimal) -> str:
    """Compare a number that has `scale` digits after its point, or is an integer."""
    floor, exact = _floor(limit, scale)
    if abs(floor) >= BEYOND:
        return f"{value} is not null" if (floor > 0) == operator.startswith("<") else "false"
    return f"{value} {operator if exact else BELOW[operator]} {_unscaled(floor, scale)}"


def _floating(kind: str, promised: Decimal) -> tuple[str, int]:
    """Return SQL for the floating-point number nearest to a number, and -1 if it is below, 1 if it is above, 0 if it is the one."""
    if promised.is_nan():
        raise ValueError("NaN is no limit")
    nearest, text = float(promised), repr(float(promised))
    if kind == "float" and math.isfinite(nearest):
        nearest, text = _single(nearest)
    sql = f"cast('{text}' as {kind})"
    if Decimal(text) == promised:
        return sql, 0
    if not math.isfinite(nearest):
        return sql, 1 if nearest > 0 else -1
    if abs(promised.adjusted()) > MAGNITUDE:  # it became zero
        return sql, -1 if promised > 0 else 1
    exactly = Fraction(nearest)
    return sql, (exactly > Fraction(promised)) - (exactly < Fraction(promised))


def _single(number: float) -> tuple[float, str]:
    """Return the number of 32 bits that is nearest to a finite number, and its shortest text."""
    try:
        nearest: float = struct.unpack("<f", struct.pack("<f", number))[0]
    except OverflowError:
        infinite = math.copysign(math.inf, number)
        return infinite, str(infinite)
    texts = (f"{nearest:.{digits}g}" for digits in range(1, 10))
    return nearest, next(
        text for text in texts if struct.pack("<f", float(text)) == struct.pack("<f", nearest)
    )


def _shifted(operator: str, side: int) -> str:
    return {-1: BELOW, 0: {}, 1: ABOVE}[side].get(operator, operator)


def _divisor(whole: int, shift: int) -> int:
    """Return what divides an integer m exactly if `whole` divides m * 10^shift; at most BEYOND."""
    if shift >= 0:
        return min(whole // math.gcd(whole, 10 ** min(shift, whole.bit_length())), BEYOND)
    return min(whole * 10**-shift, BEYOND) if -shift <= 38 else BEYOND


def _no_multiple_of_floats(value: str, whole: int, exponent: int) -> str:
    """Return the condition for floats, from the digits and the exponent of their shortest texts."""
    text = f"{value}::varchar"
    mantissa = f"split_part({text}, 'e', 1)"
    digits = f"replace(replace({mantissa}, '.', ''), '-', '')"
    bare = f"rtrim({digits}, '0')"
    power = (
        f"(coalesce(try_cast(split_part({text}, 'e', 2) as integer), 0) - length(split_part({mantissa}, '.', 2))"
        f" + length({digits}) - length({bare}))"
    )
    # A number without zeros at its end that has finer digits than the step is no multiple of it.
    divisors = [_divisor(whole, shift) for shift in range(whole.bit_length() + 1)]
    shift = f"({power} - ({exponent}))"
    divisor = f"list_extract([{', '.join(f'{one}::hugeint' for one in divisors)}], least({shift}, {len(divisors) - 1}) + 1)"
    return (
        f"not isfinite({value}) or case when {value} <> 0"
        f" then {shift} < 0 or cast({bare} as hugeint) % {divisor} <> 0 else false end"
    )


def _quickly(value: str, whole: int, exponent: int, otherwise: str) -> str:
    """Return the condition for a DOUBLE, without its text where 15 digits suffice: each such number is one DOUBLE."""
    scale = max(-exponent, 0)
    step = whole * 10 ** max(exponent, 0)
    if scale > 22 or step >= 2**63:  # 1e22 is the largest power of ten that is a DOUBLE
        return otherwise
    units = f"round({value} * 1e{scale})"
    multiple = f"{units} / 1e{scale} = {value} and cast({units} as bigint) % {step} = 0"
    return f"case when abs({value}) * 1e{scale} < 1e15 then not ({multiple}) else {otherwise} end"


# -- dates and times --------------------------------------------------------------------------------------


def _text(limit: Any) -> tuple[str, str]:
    """Return a moment of the contract as DuckDB reads it, with microseconds, and the digits that follow."""
    if isinstance(limit, bool | int | float):
        raise ValueError(f"{limit} is a number, not a date or time")
    text = limit.isoformat() if isinstance(limit, datetime.date) else str(limit).strip()
    if short := _WITHOUT_SECONDS.fullmatch(text):
        text = f"{short[1]}:00{short[2] or ''}"
    offset = _OFFSET.search(text) if ":" in text else None
    if offset and (int(offset[2]) > 23 or int(offset[3] or 0) > 59):
        raise ValueError(f"{limit} has an offset that does not exist")
    fraction = _FRACTION.search(text)
    if fraction is None:
        return text, ""
    microseconds, finer = fraction[0][:6], fraction[0][6:]
    return f"{text[: fraction.start()]}{microseconds}{text[fraction.end() :]}", finer.rstrip("0")


def _moment(value: str, kind: str, operator: str, limit: Any) -> str:
    text, finer = _text(limit)
    if kind == "date" and _DAY.fullmatch(text):
        return f"{value} {operator} cast({literal(text)} as date)"
    moment = f"cast({literal(text)} as timestamptz)"
    if kind == "timestamp_ns":
        return f"epoch_ns({value}) {BELOW[operator] if finer[3:] else operator} {_nanoseconds(moment, finer)}"
    if finer:
        operator = BELOW[operator]
    if kind == "timestamp with time zone":
        return f"{value} {operator} {moment}"
    moment += "::timestamp"
    if kind != "date":
        return f"{value} {operator} {moment}"
    day = f"cast({moment} as date)"
    return f"case when {day}::timestamp = {moment} then {value} {operator} {day} else {value} {BELOW[operator]} {day} end"


def _same_moment(kind: str, one: Any) -> str:
    text, finer = _text(one)
    if kind == "date" and _DAY.fullmatch(text):
        return f"try_cast({literal(text)} as date)"
    moment = f"try_cast({literal(text)} as timestamptz)"
    if kind == "timestamp_ns":
        return "" if finer[3:] else _nanoseconds(moment, finer)
    if finer:
        return ""
    if kind == "timestamp with time zone":
        return moment
    moment += "::timestamp"
    day = f"cast({moment} as date)"
    return f"case when {day}::timestamp = {moment} then {day} end" if kind == "date" else moment


def _nanoseconds(moment: str, finer: str) -> str:
    return f"(epoch_us({moment})::hugeint * 1000 + {int(finer[:3].ljust(3, '0') or 0)})"


def _clock(limit: Any) -> tuple[str, str]:
    """Return a time of day without a zone, and the digits that follow its microseconds."""
    if isinstance(limit, int) and 0 <= limit < 86_400:
        limit = f"{limit // 3600:02}:{limit // 60 % 60:02}:{limit % 60:02}"  # YAML's reading of 10:00:00
    text, finer = _text(f"T{limit}" if isinstance(limit, str) else limit)
    text = re.sub(r"( ?[Zz]|[+-]00(:?00)?)$", "", text.removeprefix("T"))
    if _OFFSET.search(text):
        raise ValueError(f"{limit} has an offset, and a TIME has no zone")
    return text, finer
