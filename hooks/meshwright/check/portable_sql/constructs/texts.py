"""Texts: their parts, their letters, patterns, and how they are joined."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from meshwright.check.portable_sql.construct import DISPATCH, Construct, by_platform
from meshwright.check.portable_sql.nodes import at_least, number
from meshwright.check.portable_sql.sql_tokens import SqlTokens

SEVERAL_FORMS = re.compile("[ßŉİΣﬀ-ﬆ]")
"""Letters that upper or lower change in more than one way."""
REPLACE = getattr(exp, "Replace", exp.DPipe)  # older releases of sqlglot have no class for it
TEXTS = (exp.Upper, exp.Lower, exp.Trim, exp.Substring, exp.Left, exp.Right, REPLACE, exp.DPipe)
"""Functions whose value is a text."""


def _can_be_null(node: Any) -> bool:
    return not all(isinstance(part, (exp.Literal, exp.Coalesce)) for part in node.expressions)


def _start(node: Any) -> Any:
    """Return the number at which a substring starts, or how many characters a left or right has."""
    return node.args.get("start") if isinstance(node, exp.Substring) else node.expression


def _is_before_the_start(node: Any) -> bool:
    first = 1 if isinstance(node, exp.Substring) else 0
    known = number(_start(node))
    return known is not None and known < first


def _may_be_before_the_start(node: Any) -> bool:
    if _is_before_the_start(node):
        return False
    start, length = _start(node), node.args.get("length")
    if not isinstance(node, exp.Substring):
        return at_least(start) < 0
    return (start is not None and at_least(start) < 1) or (length is not None and at_least(length) < 0)


def _trims_blanks(node: Any) -> bool:
    ascii_ = isinstance(node.this, exp.Literal) and node.this.this.isascii()
    return not ascii_ and node.args.get("expression") is None


def _changes_letters(node: Any) -> bool:
    known = isinstance(node.this, exp.Literal) and not SEVERAL_FORMS.search(node.this.this)
    return not known and not isinstance(node.this, exp.MD5)


def _code(node: Any) -> float | None:
    return number(node.expressions[0]) if node.expressions else None


def _may_be_above_255(node: Any) -> bool:
    code = _code(node)
    return code is None or code >= 256


def _is_no_text(value: Any) -> bool:
    if isinstance(value, exp.Cast):
        return bool(value.to.is_type("boolean"))
    if isinstance(value, exp.Coalesce):
        literal = any(isinstance(part, exp.Literal) for part in value.expressions)
        return not literal and _is_no_text(value.this)
    return not isinstance(value, (exp.Literal, exp.Null, *TEXTS))


def _names_characters(tokens: SqlTokens, place: int) -> bool:
    return tokens.is_call(place) and "," in tokens.arguments(place + 1)


def _has_backslash(node: Any) -> bool:
    pattern = node.expression
    is_open = isinstance(pattern, exp.Literal) and not isinstance(node.parent, exp.Escape)
    return is_open and "\\" in pattern.this


CONSTRUCTS = (
    Construct(
        id="concat-of-nulls",
        what="concat where a text can be null",
        does=by_platform(duckdb="leaves nulls out", postgres="leaves nulls out", spark="is null"),
        fix="Write concat(coalesce(a, ''), b), or a || b, which is null everywhere.",
        bad="concat('a', nullif('b', 'b'))",
        good="concat('a', coalesce(nullif('b', 'b'), ''))",
        value="a",
        certain=False,
        nodes=("Concat",),
        is_node=_can_be_null,
    ),
    Construct(
        id="substring-before-the-start",
        what="substring or left with a number below 1",
        does=by_platform(
            duckdb="counts from the end, and left leaves that many out",
            postgres="counts before the start, and left leaves that many out",
            spark="counts from the end, and left gives nothing",
        ),
        fix="Write right(x, 3), or substring(x, 1, length(x) - 1).",
        bad="substring('hello', -3)",
        good="right('hello', 3)",
        value="llo",
        nodes=("Substring", "Left", "Right"),
        is_node=_is_before_the_start,
    ),
    Construct(
        id="computed-substring",
        what="a part of a text whose start or length is computed, and can be too small",
        does=by_platform(
            duckdb="counts from the end, or leaves that many out",
            postgres="counts before the start, leaves that many out, or refuses it",
            spark="counts from the end, or gives nothing",
        ),
        fix=(
            "Write split_part(x, '@', 1) for what comes before a sign; or greatest(n, 0) for a length, greatest(n, 1) for a"
            " start."
        ),
        bad="left('abc', position('x' in 'abc') - 1)",
        good="left('abc', greatest(position('x' in 'abc') - 1, 0))",
        value="",
        certain=False,
        nodes=("Substring", "Left", "Right"),
        is_node=_may_be_before_the_start,
    ),
    Construct(
        id="trim-of-blanks",
        what="trim without the characters to trim",
        does=by_platform(
            duckdb="trims every kind of blank, such as the one that does not break",
            postgres="trims the blank alone",
            spark="trims the blank alone",
        ),
        fix="Write trim(both ' ' from x); leading or trailing instead of ltrim and rtrim.",
        bad="trim(chr(160) || 'a ') = 'a'",
        good="trim(both ' ' from ' a ')",
        value="a",
        certain=False,
        nodes=("Trim",),
        is_node=_trims_blanks,
    ),
    Construct(
        id="capitals",
        what="upper or lower where a letter has more than one other form",
        does=by_platform(
            duckdb="makes ẞ of ß, and i of İ",
            postgres="leaves ß as it is, and makes i of İ",
            spark="makes SS of ß, and two signs of İ",
        ),
        fix=(
            "Replace those letters before: upper(replace(x, 'ß', 'ss')) -- portable: no other letter of that kind. Or"
            " change ASCII alone: translate(x, 'abc…', 'ABC…')."
        ),
        bad="upper('ß')",
        good="translate('aß', 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')",
        value="Aß",
        certain=False,
        nodes=("Upper", "Lower"),
        is_node=_changes_letters,
    ),
    Construct(
        id="character-of-number",
        what="chr of a number that is not below 256",
        does=by_platform(
            duckdb="has all of Unicode",
            postgres="has all of Unicode",
            spark="has the first 256, and begins again",
        ),
        fix="Write the character itself, as a text.",
        bad="chr(8364)",
        good="'€'",
        value="€",
        certain=False,
        nodes=("Chr",),
        is_node=_may_be_above_255,
        is_certain=lambda node: _code(node) is not None,
    ),
    Construct(
        id="concat_ws-of-other-types",
        what="concat_ws of what may be no text",
        does=by_platform(duckdb="writes true", postgres="writes t", spark="writes true"),
        fix="Cast what is no text: concat_ws('-', cast(flag as varchar(100)), b).",
        bad="concat_ws('-', 1 = 1)",
        good="concat_ws('-', cast(1 = 1 as varchar(100)))",
        value="true",
        certain=False,
        nodes=("ConcatWs",),
        is_node=lambda node: any(map(_is_no_text, node.expressions)),
    ),
    Construct(
        id="trim-of-characters",
        what="ltrim and rtrim of given characters",
        does=by_platform(
            duckdb="has the text first", postgres="has the text first", spark="has the characters first"
        ),
        fix="Write trim(leading 'x' from y), or trim(trailing 'x' from y).",
        bad="ltrim('xxa', 'x')",
        good="trim(leading 'x' from 'xxa')",
        value="a",
        words=("ltrim", "rtrim"),
        is_word=_names_characters,
    ),
    Construct(
        id="like-with-backslash",
        what="like with a backslash and no escape",
        does=by_platform(
            duckdb="has the backslash itself", postgres="takes it as an escape", spark="takes it as an escape"
        ),
        fix="Name the escape: like 'a!_c' escape '!'.",
        bad=r"'a_c' like 'a\_c'",
        good="case when 'a_c' like 'a!_c' escape '!' then 1 else 0 end",
        value="1",
        nodes=("Like", "ILike"),
        is_node=_has_backslash,
    ),
    Construct(
        id="regular-expression",
        what="a regular expression",
        does=by_platform(
            duckdb="has regexp_matches, and ~ for the whole text",
            postgres="has ~ for a part of it",
            spark="has rlike",
        ),
        fix=f"Use like, position, replace or translate; or: {DISPATCH}",
        bad="'abc' ~ 'b'",
        good="case when position('b' in 'abc') > 0 then 1 else 0 end",
        value="1",
        words=("~", "~*", "!~", "!~*", "similar", "similar to"),
    ),
    Construct(
        id="special-text",
        what="a text with a prefix or between dollars",
        does=by_platform(
            duckdb="takes e'…', and x'41' as a text",
            postgres="takes e'…', and x'41' as bits",
            spark="takes x'41' as bytes",
        ),
        fix="Write it as 'it''s', in which a backslash is a backslash.",
        bad=r"e'it\'s'",
        good="'it''s'",
        value="it's",
        nodes=("HexString", "ByteString", "BitString", "RawString", "National", "UnicodeString"),
    ),
)
