"""The types that a column of an input can have, by DuckDB's names, and which of them a column's texts certainly have.

`TYPES` is the complete list; docs/reference/types.md shows it. `meshwright check` uses a copy of this module, so it
imports nothing of the pipeline.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

TYPES = {
    "BOOLEAN": ("bool", "logical"),
    "TINYINT": ("int1",),
    "SMALLINT": ("int2", "int16", "short"),
    "INTEGER": ("int", "int4", "int32", "signed"),
    "BIGINT": ("int8", "int64", "long"),
    "UTINYINT": ("uint8",),
    "USMALLINT": ("uint16",),
    "UINTEGER": ("uint32",),
    "UBIGINT": ("uint64",),
    "DECIMAL": ("numeric", "dec", "number"),
    "FLOAT": ("real", "float4", "float32"),
    "DOUBLE": ("float8", "float64", "double precision"),
    "VARCHAR": ("text", "string", "char", "bpchar", "nvarchar", "character", "character varying"),
    "DATE": (),
    "TIME": ("time without time zone",),
    "TIMESTAMP": (
        "datetime",
        "timestamp without time zone",
        "timestamp_ntz",
        "timestamp_us",
        "timestamp_ms",
        "timestamp_s",
    ),
    "TIMESTAMP_NS": (),
    "TIMESTAMP WITH TIME ZONE": ("timestamptz", "timestamp_tz"),
    "BLOB": ("bytea", "binary", "varbinary", "bytes"),
    "UUID": (),
    "JSON": ("jsonb", "variant"),
    "STRUCT": ("row",),
    "LIST": ("array",),
    "MAP": (),
}
"""Name -> other spellings of the same type."""

EXAMPLES = (
    *(name for name in TYPES if name not in ("DECIMAL", "STRUCT", "LIST", "MAP")),
    "DECIMAL(18,2)",
    "VARCHAR(20)",
    "STRUCT(street VARCHAR, geo DOUBLE[])",
    "VARCHAR[]",
    "MAP(VARCHAR, BIGINT)",
)
"""One complete spelling of each type."""

_NAMES = {spelling: name for name, others in TYPES.items() for spelling in (name.lower(), *others)}
_WIDEST = {"hugeint": 38, "uhugeint": 38, "int128": 38, "uint128": 38}
_TOKEN = re.compile(r'\s*(?:(?P<word>\w+)|"(?P<quoted>(?:[^"]|"")+)"|(?P<sign>[()\[\]<>,:]))')
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
_Tokens = list[tuple[str, str]]
_INTEGERS = {"TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64}


class UnknownType(ValueError):
    """A text that is not a type of the list. Its message ends with the accepted types."""


@dataclass(frozen=True)
class ColumnType:
    """A type of the list. `str()` is its canonical spelling."""

    name: str
    """A key of TYPES."""
    numbers: tuple[int, ...] = ()
    """DECIMAL: precision and scale. VARCHAR: at most one number, the maximum length in characters."""
    parts: tuple[tuple[str, ColumnType], ...] = ()
    """STRUCT: its fields. LIST: its element. MAP: key and value."""

    def __str__(self) -> str:
        match self.name:
            case "LIST":
                return f"{self.parts[0][1]}[]"
            case "STRUCT":
                fields = (f"{_identifier(name)} {kind}" for name, kind in self.parts)
                return f"STRUCT({', '.join(fields)})"
            case "MAP":
                return f"MAP({self.parts[0][1]}, {self.parts[1][1]})"
        return f"{self.name}({','.join(map(str, self.numbers))})" if self.numbers else self.name


def parse(text: str) -> ColumnType:
    """Return the type that `text` names: `decimal(10, 2)`, `int`, `timestamptz`, `STRUCT(a INTEGER)[]`.

    Raises UnknownType.
    """
    tokens = list(_tokens(text))
    kind, rest = _type(tokens, text)
    if rest:
        raise _unknown(text)
    return kind


def canonical(text: str) -> str:
    """Return DuckDB's spelling of the type that `text` names. Raises UnknownType."""
    return str(parse(text))


def to_arrow(kind: str | ColumnType) -> Any:
    """Return the Arrow type for a column; text for JSON and UUID. Raises UnknownType."""
    import pyarrow as pa

    kind = parse(kind) if isinstance(kind, str) else kind
    match kind.name:
        case "DECIMAL":
            return pa.decimal128(*kind.numbers)
        case "STRUCT":
            return pa.struct([pa.field(name, to_arrow(part)) for name, part in kind.parts])
        case "LIST":
            return pa.list_(to_arrow(kind.parts[0][1]))
        case "MAP":
            return pa.map_(*(to_arrow(part) for _, part in kind.parts))
        case name if (bits := _INTEGERS.get(name.removeprefix("U"))) is not None:
            return pa.type_for_alias(f"{'u' if name.startswith('U') else ''}int{bits}")
    return {
        "BOOLEAN": pa.bool_(),
        "FLOAT": pa.float32(),
        "DOUBLE": pa.float64(),
        "DATE": pa.date32(),
        "TIME": pa.time64("us"),
        "TIMESTAMP": pa.timestamp("us"),
        "TIMESTAMP_NS": pa.timestamp("ns"),
        "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", "UTC"),
        "BLOB": pa.binary(),
    }.get(kind.name, pa.string())


def from_arrow(kind: Any) -> str:
    """Return the canonical spelling of an Arrow type; Arrow's own name if it is not in the list."""
    import pyarrow as pa

    is_ = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return {"arrow.uuid": "UUID", "arrow.json": "JSON"}.get(kind.extension_name, str(kind))
    if is_.is_decimal(kind):
        return f"DECIMAL({kind.precision},{kind.scale})"
    if is_.is_struct(kind):
        return f"STRUCT({', '.join(f'{_identifier(part.name)} {from_arrow(part.type)}' for part in kind)})"
    if is_.is_map(kind):
        return f"MAP({from_arrow(kind.key_type)}, {from_arrow(kind.item_type)})"
    if is_.is_list(kind) or is_.is_large_list(kind) or is_.is_fixed_size_list(kind):
        return f"{from_arrow(kind.value_type)}[]"
    if is_.is_dictionary(kind):
        return from_arrow(kind.value_type)
    if is_.is_timestamp(kind):
        if kind.tz is not None:
            return "TIMESTAMP WITH TIME ZONE"
        return "TIMESTAMP_NS" if kind.unit == "ns" else "TIMESTAMP"
    for name, matches in {
        "BOOLEAN": is_.is_boolean,
        "FLOAT": lambda one: is_.is_float32(one) or is_.is_float16(one),
        "DOUBLE": is_.is_float64,
        "VARCHAR": lambda one: is_.is_string(one) or is_.is_large_string(one) or is_.is_string_view(one),
        "DATE": is_.is_date,
        "TIME": is_.is_time,
        "BLOB": lambda one: (
            is_.is_binary(one)
            or is_.is_large_binary(one)
            or is_.is_binary_view(one)
            or is_.is_fixed_size_binary(one)
        ),
    }.items():
        if matches(kind):
            return name
    if is_.is_integer(kind):
        signed = next(name for name, bits in _INTEGERS.items() if bits == kind.bit_width)
        return signed if is_.is_signed_integer(kind) else f"U{signed}"
    return str(kind)


# Which type the texts of a column certainly have ------------------------------------------------------------------

INTEGER = r"0|-?[1-9][0-9]*"
NUMBER = r"0|0\.[0-9]+|-0\.[0-9]*[1-9][0-9]*|-?[1-9][0-9]*(\.[0-9]+)?"
DATE = r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
MINUTE = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
ZONE = r"(Z|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)"

CERTAIN = {
    "BOOLEAN": r"true|false|TRUE|FALSE|True|False",
    "BIGINT": INTEGER,
    "DECIMAL": NUMBER,
    "DATE": DATE,
    "TIME": TIME,
    "TIMESTAMP": rf"{DATE}[T ]{MINUTE}",
    "TIMESTAMP WITH TIME ZONE": rf"{DATE}[T ]{MINUTE}{ZONE}",
}
"""Type -> regular expression, for Python and for DuckDB, of whole texts that cannot mean anything else.

An integer must also fit a BIGINT, a decimal number must have at most 38 digits, and a date must exist. `007`, `+5`,
`1e5`, `.5`, `1,000`, `-0`, ` 5 `, `NaN` and `inf` are texts.
"""

DIGITS = 38
"""Maximum digits of a DECIMAL."""
_FORMS = {name: re.compile(form) for name, form in CERTAIN.items()}


class Certainty:
    """Finds the one type that all texts of a column certainly have.

    Texts are added one by one, in any order; None is a missing value and is ignored.
    """

    def __init__(self) -> None:
        self.kind = ""
        """The type in CERTAIN that the texts have, whatever their size."""
        self._before = self._after = 0  # digits on either side of the decimal point
        self._fits = True

    def add(self, text: str | None) -> None:
        """Take another text into account."""
        if text is None or self.kind == "VARCHAR":
            return
        known = self.kind
        form = _FORMS.get(known)
        if form is None or not form.fullmatch(text):
            kind = certain(text)
            if not known:
                self.kind = kind
            else:
                self.kind = "DECIMAL" if {known, kind} == {"BIGINT", "DECIMAL"} else "VARCHAR"
        elif not _is_real(known, text):
            self.kind = "VARCHAR"
        if self.kind in ("BIGINT", "DECIMAL"):
            before, _, after = text.lstrip("-").partition(".")
            self._before, self._after = max(self._before, len(before)), max(self._after, len(after))
            self._fits = self._fits and len(before) < 20 and -(2**63) <= int(text.partition(".")[0]) < 2**63

    @property
    def digits(self) -> int:
        """The digits that a number must have to hold all of the texts; 0 if they are not numbers."""
        return self._before + self._after if self.kind in ("BIGINT", "DECIMAL") else 0

    @property
    def type(self) -> str:
        """The canonical type; VARCHAR if no other is certain, empty if there was no text."""
        if self.kind == "BIGINT":
            return "BIGINT" if self._fits else "VARCHAR"
        return decimal(self._before, self._after) if self.kind == "DECIMAL" else self.kind


def certain(text: str) -> str:
    """Return the type in CERTAIN of one text, else VARCHAR. An integer of any size counts as BIGINT."""
    return next(
        (name for name, form in _FORMS.items() if form.fullmatch(text) and _is_real(name, text)), "VARCHAR"
    )


def certain_type(texts: Iterable[str | None]) -> str:
    """Return the type that all texts certainly have: see Certainty."""
    column = Certainty()
    for text in texts:
        column.add(text)
    return column.type


def decimal(before: int, after: int) -> str:
    """Return the DECIMAL for numbers with this many digits before and after the point; VARCHAR if there is none.

    It is wider than needed, because the next run may bring larger numbers.
    """
    if before + after > DIGITS:
        return "VARCHAR"
    return f"DECIMAL({18 if after <= 9 and before + after <= 18 else DIGITS},{after})"


def _is_real(name: str, text: str) -> bool:
    """Return False for a date that does not exist."""
    if name != "DATE" and not name.startswith("TIMESTAMP"):
        return True
    year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = 30 + (month in (1, 3, 5, 7, 8, 10, 12)) if month != 2 else 28 + leap
    return year > 0 and day <= days


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    end = 0
    text = text.strip()
    while end < len(text):
        match = _TOKEN.match(text, end)
        if match is None:
            raise _unknown(text)
        end = match.end()
        yield str(match.lastgroup), match[str(match.lastgroup)].replace('""', '"')


def _type(tokens: _Tokens, text: str) -> tuple[ColumnType, _Tokens]:
    """Return the type at the start of the tokens, and the remaining tokens."""
    name, tokens = _words(tokens)
    numbers: tuple[int, ...] = ()
    parts: list[tuple[str, ColumnType]] = []
    if tokens[:1] in ([("sign", "(")], [("sign", "<")]):
        if _NAMES.get(name) in ("STRUCT", "LIST", "MAP"):
            parts, tokens = _parts(_NAMES[name], tokens, text)
        else:
            numbers, tokens = _numbers(tokens[1:], text)
            more, tokens = _words(tokens)  # timestamp(6) with time zone
            name = f"{name} {more}".rstrip()
    kind = _named(name, numbers, parts, text)
    while tokens[:2] == [("sign", "["), ("sign", "]")]:
        kind, tokens = ColumnType("LIST", (), (("", kind),)), tokens[2:]
    return kind, tokens


def _words(tokens: _Tokens) -> tuple[str, _Tokens]:
    """Return the words that the tokens begin with, up to a number, and the tokens that follow."""
    words: list[str] = []
    while tokens and tokens[0][0] == "word" and not (words and tokens[0][1].isdigit()):
        words.append(tokens[0][1].lower())
        tokens = tokens[1:]
    return " ".join(words), tokens


def _parts(name: str, tokens: _Tokens, text: str) -> tuple[list[tuple[str, ColumnType]], _Tokens]:
    """Return the types in parentheses that the tokens begin with, with their names in a STRUCT, and what follows."""
    close = ("sign", ")" if tokens[0][1] == "(" else ">")
    parts: list[tuple[str, ColumnType]] = []
    separator = tokens[0]
    while separator != close:
        tokens = tokens[1:]
        field = ""
        if name == "STRUCT":
            if not tokens or tokens[0][0] == "sign":
                raise _unknown(text)
            field, tokens = tokens[0][1], tokens[1:]
            tokens = tokens[1:] if tokens and tokens[0] == ("sign", ":") else tokens
        part, tokens = _type(tokens, text)
        parts.append((field, part))
        if not tokens or tokens[0] not in (("sign", ","), close):
            raise _unknown(text)
        separator = tokens[0]
    return parts, tokens[1:]


def _numbers(tokens: _Tokens, text: str) -> tuple[tuple[int, ...], _Tokens]:
    """Return one or two numbers up to a closing parenthesis, and the tokens that follow it."""
    end = tokens.index(("sign", ")")) if ("sign", ")") in tokens else len(tokens)
    inside = "".join(token for _, token in tokens[:end])
    if end == len(tokens) or not re.fullmatch(r"\d{1,9}(,\d{1,9})?", inside):
        raise _unknown(text)
    return tuple(int(number) for number in inside.split(",")), tokens[end + 1 :]


def _named(name: str, numbers: tuple[int, ...], parts: list[tuple[str, ColumnType]], text: str) -> ColumnType:
    if name in _WIDEST and not numbers:
        return ColumnType("DECIMAL", (_WIDEST[name], 0))
    known = _NAMES.get(name)
    match known, len(numbers), len(parts):
        case "DECIMAL", 0, 0:
            return ColumnType("DECIMAL", (18, 3))  # DuckDB's default
        case "DECIMAL", 1 | 2, 0:
            precision, scale = (*numbers, 0)[:2]
            if not 1 <= precision <= DIGITS or scale > precision:
                raise UnknownType(f"`{text}` is not a type: a DECIMAL has 1 to {DIGITS} digits in total.")
            return ColumnType("DECIMAL", (precision, scale))
        case "VARCHAR", 0 | 1, 0:
            return ColumnType("VARCHAR", numbers)
        case "TIMESTAMP" | "TIMESTAMP WITH TIME ZONE" | "TIME", 0 | 1, 0 if numbers <= (6,):
            return ColumnType(known)
        case "STRUCT", 0, count if count:
            names = [field.lower() for field, _ in parts]
            if len(set(names)) < len(names):
                raise UnknownType(f"`{text}` has two fields of the same name.")
            return ColumnType("STRUCT", (), tuple(parts))
        case ("LIST", 0, 1) | ("MAP", 0, 2):
            return ColumnType(str(known), (), tuple(parts))
        case str(), 0, 0 if known not in ("STRUCT", "LIST", "MAP"):
            return ColumnType(str(known))
    raise _unknown(text)


def _identifier(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"'


def _unknown(text: str) -> UnknownType:
    return UnknownType(f"`{text}` is not a known type. Known types: {', '.join(EXAMPLES)}.")
