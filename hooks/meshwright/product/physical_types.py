"""Map a contract's `physicalType`, in the spelling of any common system, to DuckDB's types.

`SPELLINGS` is the complete list of scalar types; docs/reference/promises.md shows it. Nested types are parsed by
`column_types`, the only import. `meshwright check` uses a copy of this module.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass

SPELLINGS: dict[str, tuple[str, ...]] = {
    "BOOLEAN": ("boolean", "bool", "logical", "bit"),
    "TINYINT": ("tinyint", "int1", "byteint", "byte"),
    "SMALLINT": ("smallint", "int2", "int16", "short", "smallserial"),
    "INTEGER": ("integer", "int", "int4", "int32", "signed", "mediumint", "serial"),
    "BIGINT": ("bigint", "int8", "int64", "long", "bigserial"),
    "HUGEINT": ("hugeint", "int128"),
    "UTINYINT": ("utinyint", "uint8", "tinyint unsigned"),
    "USMALLINT": ("usmallint", "uint16", "smallint unsigned"),
    "UINTEGER": ("uinteger", "uint32", "int unsigned", "integer unsigned"),
    "UBIGINT": ("ubigint", "uint64", "bigint unsigned"),
    "FLOAT": ("real", "float4", "float32", "binary_float"),
    "DOUBLE": ("double", "double precision", "float8", "float64", "binary_double"),
    "FLOAT or DOUBLE": ("float",),
    "DECIMAL": ("decimal", "numeric", "dec", "number", "bignumeric", "bigdecimal"),
    "VARCHAR": (
        *("varchar", "text", "string", "str", "char", "character", "character varying", "bpchar", "varchar2"),
        *("nvarchar", "nvarchar2", "nchar", "national character varying", "clob", "nclob", "ntext"),
        *("tinytext", "mediumtext", "longtext", "citext"),
    ),
    "BLOB": (
        *("blob", "bytea", "binary", "varbinary", "bytes", "raw", "image"),
        *("tinyblob", "mediumblob", "longblob", "byte_array"),
    ),
    "DATE": ("date", "date32"),
    "TIME": ("time", "time without time zone"),
    "TIME WITH TIME ZONE": ("timetz", "time with time zone"),
    "TIMESTAMP": (
        *("timestamp", "datetime", "datetime2", "smalldatetime", "timestamp without time zone"),
        *("timestamp_ntz", "timestampntz", "timestamp_us", "timestamp_ms", "timestamp_s"),
    ),
    "TIMESTAMP_NS": ("timestamp_ns",),
    "TIMESTAMP WITH TIME ZONE": (
        *("timestamptz", "timestamp with time zone", "timestamp_tz", "timestamp_ltz", "timestampltz"),
        *("timestamp with local time zone", "datetimeoffset"),
    ),
    "INTERVAL": ("interval",),
    "UUID": ("uuid", "uniqueidentifier", "guid"),
    "JSON": ("json", "jsonb", "variant", "super"),
    "STRUCT": ("struct", "record", "row", "object"),
    "LIST": ("array", "list"),
    "MAP": ("map",),
}
"""DuckDB's name -> all its spellings, in lower case."""

FAMILIES = {
    "number": (
        *(
            "TINYINT",
            "SMALLINT",
            "INTEGER",
            "BIGINT",
            "HUGEINT",
            "UTINYINT",
            "USMALLINT",
            "UINTEGER",
            "UBIGINT",
        ),
        *("FLOAT", "DOUBLE", "FLOAT or DOUBLE", "DECIMAL"),
    ),
    "string": ("VARCHAR", "UUID", "JSON", "BLOB", "INTERVAL"),
    "timestamp": ("TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"),
    "time": ("TIME", "TIME WITH TIME ZONE"),
    "date": ("DATE",),
    "boolean": ("BOOLEAN",),
    "object": ("STRUCT",),
    "array": ("LIST",),
    "map": ("MAP",),
}
"""Logical type -> the types that can store it. `integer` is stored as a number."""

INTEGERS = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
)

_NAMES = {spelling: name for name, others in SPELLINGS.items() for spelling in others}
_FORM = re.compile(
    r"(?P<name>[a-z_][a-z0-9_ ]*?)\s*"
    r"(?:\(\s*(?P<first>\d+|max|\*)\s*(?:,\s*(?P<second>-?\d+)\s*)?(?P<unit>char|byte)?\s*\))?"
    r"(?P<rest>(?:\s+[a-z]+)*)"
)
_LENGTH = re.compile(r"(\w+)\s*\(\s*\d+\s*\)")
_FRACTIONS = {"timestamp_s": 0, "timestamp_ms": 3, "timestamp_us": 6}


@dataclass(frozen=True)
class Physical:
    """A physical type, parsed."""

    name: str
    """A key of SPELLINGS, or a whole nested type in DuckDB's spelling."""
    precision: int | None = None
    """Decimals: total digits. Times and timestamps: digits of fractional seconds."""
    scale: int = 0
    length: int | None = None
    """Maximum length in characters, or in bytes for a blob."""
    bytes: bool = False
    """True if the length of a text is in bytes, as in `varchar2(10 byte)`."""
    integers: bool = False
    """True if an integer column fits, too: `number(10, 0)`, the integers of Oracle and Snowflake."""
    nested: bool = False
    lengths: str = ""
    """A length or precision within a nested type, which the actual column cannot show: `varchar(2)`."""

    @property
    def target(self) -> str:
        """The type to cast to in DuckDB; empty if there is more than one."""
        if self.nested:
            return self.name
        if self.name == "DECIMAL":
            return f"DECIMAL({self.precision},{self.scale})" if self.precision else ""
        # Parquet has no HUGEINT: DuckDB would write a floating-point number.
        others = {"FLOAT or DOUBLE": "DOUBLE", "JSON": "VARCHAR", "HUGEINT": "BIGINT"}
        return "" if self.name in ("STRUCT", "LIST", "MAP") else others.get(self.name, self.name)

    def holds(self, actual: str) -> bool:
        """Return True if a column of type `actual`, as DuckDB describes it, has this type."""
        actual = actual.upper()
        bare = actual.partition("(")[0]
        match self.name:
            case "DECIMAL" if self.precision:
                return actual == self.target or (self.integers and actual in INTEGERS)
            case "DECIMAL":
                return bare == "DECIMAL" or actual in INTEGERS
            case "HUGEINT":
                return actual in INTEGERS
            case "FLOAT or DOUBLE":
                return actual in ("FLOAT", "DOUBLE")
            case "TIMESTAMP":
                return actual in ("TIMESTAMP", "TIMESTAMP_MS", "TIMESTAMP_S", "TIMESTAMP_NS")
            case "JSON":
                return actual in ("JSON", "VARCHAR") or bare in ("STRUCT", "MAP") or actual.endswith("]")
            case "LIST":
                return actual.endswith("]")
            case "STRUCT" | "MAP":
                return bare == self.name and not actual.endswith("]")
        return _plain(actual) == _plain(self.target)


def _plain(text: str) -> str:
    return re.sub(r'[\s"]', "", text.upper())


def read(text: str) -> Physical | None:
    """Parse a `physicalType`; None if its name is not in the list."""
    form = _FORM.fullmatch(text.strip().lower())
    spelled = " ".join(f"{form['name']} {form['rest'].strip()}".split()) if form else ""
    known = _NAMES.get(spelled)
    if form is None or known is None:
        return _nested(text)
    first = int(form["first"]) if (form["first"] or "").isdigit() else None
    if known == "DECIMAL" and form["first"] == "*":  # Oracle: maximum precision
        first = 38
    second = int(form["second"] or 0)
    match known:
        case "DECIMAL":
            return _decimal(spelled, first, second, bare=form["first"] is None)
        case "FLOAT or DOUBLE" if first is not None:
            return Physical("FLOAT" if first <= 24 else "DOUBLE")
        case "VARCHAR" | "BLOB":
            return Physical(known, length=first, bytes=known == "VARCHAR" and form["unit"] == "byte")
        case "BOOLEAN" if (first or 1) > 1:  # `bit(8)` is a string of bits
            return None
        case "TIMESTAMP" | "TIMESTAMP WITH TIME ZONE" | "TIME" | "TIME WITH TIME ZONE":
            if (first or 0) > 6:  # finer than any column here
                return Physical("TIMESTAMP_NS" if known == "TIMESTAMP" else known)
            return Physical(known, precision=_FRACTIONS.get(spelled, first))
    return Physical(known)


def _decimal(spelled: str, precision: int | None, scale: int, *, bare: bool) -> Physical | None:
    if (
        spelled.startswith("big")
        or (precision or 0) > 38
        or precision == 0
        or not 0 <= scale <= (precision or 0)
    ):
        return None if not bare else Physical("DECIMAL")
    return Physical("DECIMAL", precision, scale, integers=spelled == "number" and scale == 0)


def _nested(text: str) -> Physical | None:
    if not re.search(r"[<(\[]", text):
        return None
    try:
        column_types = importlib.import_module(f"{__package__}.column_types")
        name = re.sub(r"VARCHAR\(\d+\)", "VARCHAR", column_types.canonical(text))
        lengths = next(
            (one[0] for one in _LENGTH.finditer(text) if _NAMES.get(one[1].lower()) != "DECIMAL"), ""
        )
        return Physical(name, nested=True, lengths=lengths)
    except (ImportError, ValueError):
        return None
