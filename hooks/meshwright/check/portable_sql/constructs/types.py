"""Types that a value is cast to, and the ways to write a cast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from meshwright.check.portable_sql.construct import DISPATCH, Construct, by_platform
from meshwright.check.portable_sql.nodes import sizes, type_of
from meshwright.check.portable_sql.sql_tokens import EXPONENT

CASTS = ("Cast", "TryCast")
TEXTS = ("varchar", "text", "nvarchar")
CHARS = ("char", "nchar", "bpchar")
FLOATS = ("float", "double", "real")
DECIMALS = ("decimal", "numeric")
WITHOUT_SIZE = ("date", "timestamp", "timestampntz", "boolean")
SAME = (*TEXTS, *CHARS, *FLOATS, *DECIMALS, "int", "integer", "bigint", "smallint", "userdefined")
"""Types that have a construct of their own, or none; a type that somebody defines is Jinja."""
SHORT = 100
"""Characters below which a text type is likely to cut a text."""


def _casts_to(*types: str) -> Callable[[Any], bool]:
    return lambda node: type_of(node) in types


def _is_text_without_length(node: Any) -> bool:
    return type_of(node) in TEXTS and not sizes(node)


def _is_short_text(node: Any) -> bool:
    length = sizes(node)
    if type_of(node) not in TEXTS or not length or not length[0].isdigit():
        return False
    return int(length[0]) < SHORT and not _fits(node.this, int(length[0]))


def _fits(value: Any, length: int) -> bool:
    """Return True if a text is known to be no longer."""
    if isinstance(value, exp.Literal):
        return len(value.this) <= length
    return isinstance(value, (exp.Cast, exp.Extract))


def _is_bare_decimal(node: Any) -> bool:
    return type_of(node) in DECIMALS and len(sizes(node)) != 2


def _is_other_type(node: Any) -> bool:
    kind = type_of(node)
    if kind in WITHOUT_SIZE:
        return "with time zone" in node.to.sql("duckdb").lower()
    return kind not in SAME


CONSTRUCTS = (
    Construct(
        id="text-type",
        what="a text type without a length",
        does=by_platform(
            duckdb="takes varchar, text and string",
            postgres="takes varchar and text",
            spark="takes string alone",
        ),
        fix="Write cast(x as varchar(1000)), with a length that no text exceeds.",
        bad="cast(1 as varchar)",
        good="cast(1 as varchar(1000))",
        value="1",
        nodes=CASTS,
        is_node=_is_text_without_length,
    ),
    Construct(
        id="short-text-type",
        what="a cast to a text type with a length below 100",
        does=by_platform(
            duckdb="keeps the whole text", postgres="cuts the text off", spark="keeps the whole text"
        ),
        fix="Cut with left(x, 2); give the type a length that no text exceeds.",
        bad="cast('abc' as varchar(2))",
        good="left('abc', 2)",
        value="ab",
        certain=False,
        nodes=CASTS,
        is_node=_is_short_text,
    ),
    Construct(
        id="char-type",
        what="a cast to char",
        does=by_platform(
            duckdb="is that to varchar", postgres="fills up with blanks", spark="is that to varchar"
        ),
        fix="Write rpad(x, 5, ' '), or cast(x as varchar(100)).",
        bad="cast('abc' as char(5))",
        good="rpad('abc', 5, ' ')",
        value="abc  ",
        nodes=CASTS,
        is_node=_casts_to(*CHARS),
    ),
    Construct(
        id="double-type",
        what="a type for floating-point numbers",
        does=by_platform(
            duckdb="has double and double precision, and float of 4 bytes",
            postgres="has double precision, and float of 8 bytes; takes 1e3 for a decimal",
            spark="has double, and float of 4 bytes",
        ),
        fix="Use a decimal, which is exact as well: cast(x as decimal(18, 6)).",
        bad="cast(0.1 as double precision)",
        good="cast(0.1 as decimal(18, 6))",
        value="0.100000",
        nodes=CASTS,
        is_node=_casts_to(*FLOATS),
        words=(EXPONENT,),
    ),
    Construct(
        id="bare-decimal",
        what="decimal without precision and scale",
        does=by_platform(duckdb="is decimal(18, 3)", postgres="holds anything", spark="is decimal(10, 0)"),
        fix="Give both: decimal(18, 4).",
        bad="cast(1.23456 as decimal)",
        good="cast(1.23456 as decimal(18, 4))",
        value="1.2346",
        nodes=CASTS,
        is_node=_is_bare_decimal,
    ),
    Construct(
        id="other-type",
        what="a type that not all have",
        does=by_platform(duckdb="has it", postgres="has others", spark="has others"),
        fix="Use boolean, smallint, integer, bigint, decimal(p, s), varchar(n), date or timestamp.",
        bad="cast(5 as tinyint)",
        good="cast(5 as smallint)",
        value="5",
        nodes=CASTS,
        is_node=_is_other_type,
    ),
    Construct(
        id="double-colon",
        what="::",
        does=by_platform(duckdb="casts", postgres="casts", spark="casts, but has other names of types"),
        fix="Write cast(x as integer).",
        bad="'1'::integer",
        good="cast('1' as integer)",
        value="1",
        certain=False,
        words=("::",),
    ),
    Construct(
        id="try-cast",
        what="try_cast",
        does=by_platform(
            duckdb="gives null for what cannot be cast",
            postgres="has none",
            spark="gives null for what cannot be cast",
        ),
        fix="Choose what can be cast first, in a case. " + DISPATCH,
        bad="try_cast('x' as integer)",
        good="case when translate('x', '0123456789', '') = '' then cast('0' as integer) end",
        value=None,
        words=("try_cast", "safe_cast"),
    ),
)
