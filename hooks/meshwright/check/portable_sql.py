"""SQL that the platforms understand differently: a list of constructs, and where a model has one of them.

sqlglot parses the models. It is imported only where a product names more than one platform.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlglot import exp

LIKE = {"databricks": "spark", "redshift": "postgres"}
"""Platform -> the one whose SQL it has, as far as this list goes."""
SILENCE = re.compile(r"--\s*portable:\s*\S")
"""A comment on a line whose SQL is the same everywhere for a reason that nobody sees in it."""
NO_FUNCTION = "has no such function"
DISPATCH = "Put it into a macro with adapter.dispatch, in macros/: each platform has its own spelling there."


@dataclass(frozen=True)
class Construct:
    """SQL that not all platforms understand alike."""

    id: str
    what: str
    does: dict[str, str]
    """Platform -> what it makes of it; those that do the same have the same words."""
    fix: str
    """What to write instead."""
    bad: str
    """An expression of the kind."""
    good: str
    """The portable spelling of that expression."""
    value: str | None
    """Its value as text, the same on every platform."""
    certain: bool = True
    """False: whether there is a difference depends on types or values, which the SQL does not show."""

    def differs(self, platforms: Collection[str]) -> bool:
        """Return True if two of the platforms make something else of it, or nobody knows what one makes of it."""
        meant = self._meant(platforms)
        return len(set(meant)) > 1 or None in meant

    def certainly_differs(self, platforms: Collection[str]) -> bool:
        """Return True if two of the platforms make something else of it, whatever the types and values are."""
        return self.certain and len(set(self._meant(platforms)) - {None}) > 1

    def _meant(self, platforms: Collection[str]) -> list[str | None]:
        return [self.does.get(LIKE.get(platform, platform)) for platform in platforms]

    def sentence(self, platforms: Collection[str]) -> str:
        """Return what it is, and what each of the platforms makes of it."""
        each = [
            f"{platform} {self.does.get(LIKE.get(platform, platform), 'may do something else')}"
            for platform in sorted(platforms)
        ]
        return f"{self.what}: {', '.join(each)}."


@dataclass(frozen=True)
class Difference:
    """A place in a model where platforms differ."""

    line: int
    construct: Construct


class Unparsable(Exception):
    """SQL that cannot be parsed, so that nobody knows."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def _three(duckdb: str, postgres: str, spark: str) -> dict[str, str]:
    return {"duckdb": duckdb, "postgres": postgres, "spark": spark}


CONSTRUCTS = {
    construct.id: construct
    for construct in (
        Construct(
            "cast-to-integer",
            "a number with a fraction that is cast to an integer",
            _three("rounds", "rounds", "cuts the fraction off"),
            "Say which: cast(round(x) as integer), or cast(floor(x) as integer).",
            "cast(1.67 as integer)",
            "cast(round(1.67) as integer)",
            "2",
            certain=False,
        ),
        Construct(
            "division",
            "a / b",
            _three(
                "gives a double, and infinity for a zero",
                "cuts integers off, and refuses a zero",
                "gives a double or a decimal of six digits, and refuses a zero",
            ),
            "Write cast(cast(a as decimal(18, 6)) / nullif(b, 0) as decimal(18, 6)).",
            "7 / 2",
            "cast(cast(7 as decimal(18, 6)) / nullif(2, 0) as decimal(18, 6))",
            "3.500000",
            certain=False,
        ),
        Construct(
            "rounded-binary-number",
            "an average or a quotient that is rounded to more or fewer than six digits at once",
            _three(
                "rounds a binary number, 0.575 to 0.57",
                "rounds the exact one, to 0.58",
                "rounds the exact one, to 0.58, of which it has six digits or more",
            ),
            "Cast it to six digits before: cast(cast(avg(x) as decimal(18, 6)) as decimal(18, 2)).",
            "cast(cast(23 as decimal(18, 6)) / nullif(40, 0) as decimal(18, 2))",
            "cast(cast(cast(23 as decimal(18, 6)) / nullif(40, 0) as decimal(18, 6)) as decimal(18, 2))",
            "0.58",
            certain=False,
        ),
        Construct(
            "round-of-any-type",
            "round of a number that may be a double",
            _three(
                "rounds 2.5 to 3, and 1.005 to 1.00",
                "rounds 2.5 to 2, and has none to two digits",
                "rounds 2.5 to 3, and 1.005 to 1.01",
            ),
            "Write round(cast(x as decimal(18, 6)), 2).",
            "round(v)",
            "cast(round(cast(2.5 as decimal(18, 6))) as integer)",
            "3",
            certain=False,
        ),
        Construct(
            "floating-point-column",
            "a column that is declared as a floating-point number and is cast to a text or a decimal",
            _three(
                "writes 1e+20 and 0.0, and rounds 1.005 to 1.00",
                "writes 1e+20 and 0, and rounds 1.005 to 1.01",
                "writes 1.0E20 and 0.0, rounds 1.005 to 1.01, and makes null of what is no number",
            ),
            "Declare it as a decimal in models/sources.yml; or cast(cast(x as decimal(18, 6)) as varchar(100)), where all its"
            " values are numbers.",
            "cast(ratio as varchar(100))",
            "cast(cast(0.5 as decimal(18, 6)) as varchar(100))",
            "0.500000",
            certain=False,
        ),
        Construct(
            "integer-division",
            "a // b",
            _three("divides integers", "cannot parse it", "cannot parse it"),
            "Write cast(floor(cast(a as decimal(18, 6)) / nullif(b, 0)) as integer).",
            "7 // 2",
            "cast(floor(cast(7 as decimal(18, 6)) / nullif(2, 0)) as integer)",
            "3",
        ),
        Construct(
            "power-operator",
            "a ^ b",
            _three("is a power", "is a power", "is an exclusive or"),
            "Write power(a, b), and cast it.",
            "2 ^ 3",
            "cast(power(2, 3) as decimal(10, 0))",
            "8",
        ),
        Construct(
            "logarithm",
            "log of one number",
            _three("is that of 10", "is that of 10", "is the natural one"),
            "Write log10(x) or ln(x).",
            "log(100)",
            "cast(round(cast(log10(100) as decimal(18, 6))) as integer)",
            "2",
        ),
        Construct(
            "day-of-week",
            "the day of the week",
            _three("has 0 for Sunday", "has 0 for Sunday", "has 1 for Sunday, and no isodow"),
            "Compare with the Monday of its week: case d when w then 1 when w + 1 then 2 … end, where w is"
            " cast(date_trunc('week', d) as date).",
            "extract(dow from date '2024-01-07')",
            "case date '2024-01-07' when cast(date_trunc('week', date '2024-01-07') as date) + 6 then 7 else 1 end",
            "7",
        ),
        Construct(
            "extract-epoch",
            "extract(epoch)",
            _three("gives a double", "gives a numeric", "has none"),
            "Use {{ dbt.datediff(\"timestamp '1970-01-01 00:00:00'\", 'x', 'second') }}.",
            "extract(epoch from timestamp '2024-12-30 00:00:00')",
            "{{ dbt.datediff(\"timestamp '1970-01-01 00:00:00'\", \"timestamp '2024-12-30 00:00:00'\", 'second') }}",
            "1735516800",
        ),
        Construct(
            "extract-second",
            "extract(second)",
            _three("cuts the fraction off", "keeps the fraction", "keeps the fraction"),
            "Write cast(floor(extract(second from x)) as integer).",
            "extract(second from timestamp '2024-12-30 00:00:01.5')",
            "cast(floor(extract(second from timestamp '2024-12-30 00:00:01.5')) as integer)",
            "1",
        ),
        Construct(
            "date-trunc-of-rare-unit",
            "date_trunc to a decade, a century or another rare unit",
            _three(
                "has them, and a century that begins in 2000",
                "has them, and a century that begins in 2001",
                "gives null",
            ),
            "Write make_date(cast(floor(cast(extract(year from d) as integer) / 10.0) as integer) * 10, 1, 1) in a macro, or"
            " use year, quarter, month, week, day, hour, minute or second.",
            "cast(date_trunc('century', date '2024-01-07') as date)",
            "cast(date_trunc('year', date '2024-01-07') as date)",
            "2024-01-01",
        ),
        Construct(
            "uncast-date-trunc",
            "date_trunc without a cast",
            _three("gives a timestamp", "gives a date a time zone", "gives a time zone"),
            "Write cast(date_trunc('month', x) as date), or as timestamp.",
            "date_trunc('month', date '2024-01-07')",
            "cast(date_trunc('month', date '2024-01-07') as date)",
            "2024-01-01",
        ),
        Construct(
            "date-minus-date",
            "a date minus a date",
            _three("is a number of days", "is a number of days", "is an interval"),
            "Use {{ dbt.datediff('earlier', 'later', 'day') }}.",
            "date '2024-03-01' - date '2024-01-31'",
            "{{ dbt.datediff(\"date '2024-01-31'\", \"date '2024-03-01'\", 'day') }}",
            "30",
        ),
        Construct(
            "date-plus-interval",
            "a date plus an interval, without a cast",
            _three("is a timestamp", "is a timestamp", "is a date"),
            "Write cast(d + interval '1' month as date).",
            "date '2024-01-31' + interval '1' month",
            "cast(date '2024-01-31' + interval '1' month as date)",
            "2024-02-29",
        ),
        Construct(
            "bare-interval",
            "an interval whose number is not in quotes",
            _three("takes it", "cannot parse it", "takes it"),
            "Write interval '1' day, and n * interval '1' day for a column.",
            "date '2024-01-31' + interval 1 day",
            "cast(date '2024-01-31' + 1 * interval '1' day as date)",
            "2024-02-01",
        ),
        Construct(
            "time-with-an-offset",
            "a timestamp that is written with an offset",
            _three("leaves the offset out", "leaves the offset out", "takes the offset into account"),
            "Write the time in UTC, without an offset.",
            "timestamp '2024-01-31 10:00:00+02:00'",
            "timestamp '2024-01-31 08:00:00'",
            "2024-01-31 08:00:00",
        ),
        Construct(
            "at-time-zone",
            "at time zone",
            _three(
                "gives a time with a zone, or takes it away",
                "gives a time with a zone, or takes it away",
                "cannot parse it",
            ),
            f"Keep times in UTC. {DISPATCH}",
            "timestamp '2024-02-03 12:00:00' at time zone 'America/New_York'",
            "timestamp '2024-02-03 12:00:00'",
            "2024-02-03 12:00:00",
        ),
        Construct(
            "text-type",
            "a text type without a length",
            _three("takes varchar, text and string", "takes varchar and text", "takes string alone"),
            "Write cast(x as varchar(1000)), with a length that no text exceeds.",
            "cast(1 as varchar)",
            "cast(1 as varchar(1000))",
            "1",
        ),
        Construct(
            "short-text-type",
            "a cast to a text type with a length below 100",
            _three("keeps the whole text", "cuts the text off", "keeps the whole text"),
            "Cut with left(x, 2); give the type a length that no text exceeds.",
            "cast('abc' as varchar(2))",
            "left('abc', 2)",
            "ab",
            certain=False,
        ),
        Construct(
            "char-type",
            "a cast to char",
            _three("is that to varchar", "fills up with blanks", "is that to varchar"),
            "Write rpad(x, 5, ' '), or cast(x as varchar(100)).",
            "cast('abc' as char(5))",
            "rpad('abc', 5, ' ')",
            "abc  ",
        ),
        Construct(
            "double-type",
            "a type for floating-point numbers",
            _three(
                "has double and double precision, and float of 4 bytes",
                "has double precision, and float of 8 bytes; takes 1e3 for a decimal",
                "has double, and float of 4 bytes",
            ),
            "Use a decimal, which is exact as well: cast(x as decimal(18, 6)).",
            "cast(0.1 as double precision)",
            "cast(0.1 as decimal(18, 6))",
            "0.100000",
        ),
        Construct(
            "bare-decimal",
            "decimal without precision and scale",
            _three("is decimal(18, 3)", "holds anything", "is decimal(10, 0)"),
            "Give both: decimal(18, 4).",
            "cast(1.23456 as decimal)",
            "cast(1.23456 as decimal(18, 4))",
            "1.2346",
        ),
        Construct(
            "other-type",
            "a type that not all have",
            _three("has it", "has others", "has others"),
            "Use boolean, smallint, integer, bigint, decimal(p, s), varchar(n), date or timestamp.",
            "cast(5 as tinyint)",
            "cast(5 as smallint)",
            "5",
        ),
        Construct(
            "double-colon",
            "::",
            _three("casts", "casts", "casts, but has other names of types"),
            "Write cast(x as integer).",
            "'1'::integer",
            "cast('1' as integer)",
            "1",
            certain=False,
        ),
        Construct(
            "try-cast",
            "try_cast",
            _three("gives null for what cannot be cast", "has none", "gives null for what cannot be cast"),
            "Choose what can be cast first, in a case. " + DISPATCH,
            "try_cast('x' as integer)",
            "case when translate('x', '0123456789', '') = '' then cast('0' as integer) end",
            None,
        ),
        Construct(
            "concat-of-nulls",
            "concat where a text can be null",
            _three("leaves nulls out", "leaves nulls out", "is null"),
            "Write concat(coalesce(a, ''), b), or a || b, which is null everywhere.",
            "concat('a', nullif('b', 'b'))",
            "concat('a', coalesce(nullif('b', 'b'), ''))",
            "a",
            certain=False,
        ),
        Construct(
            "substring-before-the-start",
            "substring or left with a number below 1",
            _three(
                "counts from the end, and left leaves that many out",
                "counts before the start, and left leaves that many out",
                "counts from the end, and left gives nothing",
            ),
            "Write right(x, 3), or substring(x, 1, length(x) - 1).",
            "substring('hello', -3)",
            "right('hello', 3)",
            "llo",
        ),
        Construct(
            "computed-substring",
            "a part of a text whose start or length is computed, and can be too small",
            _three(
                "counts from the end, or leaves that many out",
                "counts before the start, leaves that many out, or refuses it",
                "counts from the end, or gives nothing",
            ),
            "Write split_part(x, '@', 1) for what comes before a sign; or greatest(n, 0) for a length, greatest(n, 1) for a"
            " start.",
            "left('abc', position('x' in 'abc') - 1)",
            "left('abc', greatest(position('x' in 'abc') - 1, 0))",
            "",
            certain=False,
        ),
        Construct(
            "trim-of-blanks",
            "trim without the characters to trim",
            _three(
                "trims every kind of blank, such as the one that does not break",
                "trims the blank alone",
                "trims the blank alone",
            ),
            "Write trim(both ' ' from x); leading or trailing instead of ltrim and rtrim.",
            "trim(chr(160) || 'a ') = 'a'",
            "trim(both ' ' from ' a ')",
            "a",
            certain=False,
        ),
        Construct(
            "capitals",
            "upper or lower where a letter has more than one other form",
            _three(
                "makes ẞ of ß, and i of İ",
                "leaves ß as it is, and makes i of İ",
                "makes SS of ß, and two signs of İ",
            ),
            "Replace those letters before: upper(replace(x, 'ß', 'ss')) -- portable: no other letter of that kind. Or"
            " change ASCII alone: translate(x, 'abc…', 'ABC…').",
            "upper('ß')",
            "translate('aß', 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')",
            "Aß",
            certain=False,
        ),
        Construct(
            "character-of-number",
            "chr of a number that is not below 256",
            _three("has all of Unicode", "has all of Unicode", "has the first 256, and begins again"),
            "Write the character itself, as a text.",
            "chr(8364)",
            "'€'",
            "€",
            certain=False,
        ),
        Construct(
            "concat_ws-of-other-types",
            "concat_ws of what may be no text",
            _three("writes true", "writes t", "writes true"),
            "Cast what is no text: concat_ws('-', cast(flag as varchar(100)), b).",
            "concat_ws('-', 1 = 1)",
            "concat_ws('-', cast(1 = 1 as varchar(100)))",
            "true",
            certain=False,
        ),
        Construct(
            "trim-of-characters",
            "ltrim and rtrim of given characters",
            _three("has the text first", "has the text first", "has the characters first"),
            "Write trim(leading 'x' from y), or trim(trailing 'x' from y).",
            "ltrim('xxa', 'x')",
            "trim(leading 'x' from 'xxa')",
            "a",
        ),
        Construct(
            "like-with-backslash",
            "like with a backslash and no escape",
            _three("has the backslash itself", "takes it as an escape", "takes it as an escape"),
            "Name the escape: like 'a!_c' escape '!'.",
            r"'a_c' like 'a\_c'",
            "case when 'a_c' like 'a!_c' escape '!' then 1 else 0 end",
            "1",
        ),
        Construct(
            "regular-expression",
            "a regular expression",
            _three("has regexp_matches, and ~ for the whole text", "has ~ for a part of it", "has rlike"),
            f"Use like, position, replace or translate; or: {DISPATCH}",
            "'abc' ~ 'b'",
            "case when position('b' in 'abc') > 0 then 1 else 0 end",
            "1",
        ),
        Construct(
            "backticks",
            "a name in backticks",
            _three("cannot parse it", "cannot parse it", "takes it for a name"),
            'Write names in double quotes: "order".',
            "(select `one` from (select 1 as one) as t)",
            '(select "one" from (select 1 as one) as t)',
            "1",
        ),
        Construct(
            "name-with-capitals",
            "a quoted name with capitals",
            _three("keeps them, and finds it in any case", "tells the case", "finds it in any case"),
            "Write names in small letters.",
            '(select "One" from (select 1 as "One") as t)',
            "(select one from (select 1 as one) as t)",
            "1",
            certain=False,
        ),
        Construct(
            "special-text",
            "a text with a prefix or between dollars",
            _three(
                "takes e'…', and x'41' as a text", "takes e'…', and x'41' as bits", "takes x'41' as bytes"
            ),
            "Write it as 'it''s', in which a backslash is a backslash.",
            r"e'it\'s'",
            "'it''s'",
            "it's",
        ),
        Construct(
            "equals-equals",
            "== or <=>",
            _three("takes ==", "has neither", "takes both"),
            "Write =, or: is not distinct from.",
            "(select count(*) from (select 1 as one) as t where one == 1)",
            "(select count(*) from (select 1 as one) as t where one = 1)",
            "1",
        ),
        Construct(
            "in-subquery",
            "in (select …) where it counts whether the answer is false or null",
            _three(
                "is null if there is a null", "is null if there is a null", "is false, but in where and on"
            ),
            "Write exists (select 1 from t where t.v = x), or not exists.",
            "(select count(*) from (select 1 in (select nullif(1, 1)) as known) as t where known is null)",
            "(select count(*) from (select exists (select 1 from (select nullif(1, 1) as v) as n where n.v = 1) as known) as t where known)",
            "0",
            certain=False,
        ),
        Construct(
            "row-compared",
            "several values that are compared at once",
            _three(
                "takes a null for equal to a null", "is null for a null", "takes a null for equal to a null"
            ),
            "Compare each with each: a = 1 and b = 2.",
            "(1, nullif(1, 1)) = (1, nullif(1, 1))",
            "coalesce(1 = 1 and nullif(1, 1) = nullif(1, 1), false)",
            "false",
            certain=False,
        ),
        Construct(
            "order-of-nulls",
            "an order in which it counts where the nulls are",
            _three(
                "has nulls last", "has nulls last, and first in desc", "has nulls first, and last in desc"
            ),
            "Write order by x nulls last.",
            "(select v from (values (2), (null), (1)) as t(v) order by v limit 1)",
            "(select v from (values (2), (null), (1)) as t(v) order by v nulls last limit 1)",
            "1",
            certain=False,
        ),
        Construct(
            "limit-without-order",
            "limit without an order",
            _three("takes some rows", "takes other rows", "takes any rows"),
            "Order by what is unique: order by id limit 10.",
            "(select v from (values (2), (1)) as t(v) limit 1)",
            "(select v from (values (2), (1)) as t(v) order by v nulls last limit 1)",
            "1",
            certain=False,
        ),
        Construct(
            "order-in-aggregate",
            "an aggregate with an order in it",
            _three("takes it", "takes it", "cannot parse it"),
            f"Use min, max, or a window. {DISPATCH}",
            "(select array_agg(v order by v) from (values ('b'), ('a')) as t(v))",
            "(select min(v) from (values ('b'), ('a')) as t(v))",
            "a",
        ),
        Construct(
            "uncast-aggregate",
            "sum, avg or another statistic without a cast",
            _three(
                "has hugeint for sums and double for averages",
                "has numeric for both",
                "has bigint for sums, and decimals of more digits",
            ),
            "Write cast(sum(x) as bigint), cast(avg(x) as decimal(18, 6)).",
            "(select avg(v) from (values (1), (2)) as t(v))",
            "(select cast(avg(v) as decimal(18, 6)) from (values (1), (2)) as t(v))",
            "1.500000",
            certain=False,
        ),
        Construct(
            "distinct-of-several",
            "count(distinct a, b)",
            _three("has none", "has none", "leaves out rows with a null"),
            "Count the rows of a select distinct.",
            "(select count(distinct a, b) from (values (1, 1), (1, 2)) as t(a, b))",
            "(select count(*) from (select distinct a, b from (values (1, 1), (1, 2)) as t(a, b)) as d)",
            "2",
        ),
        Construct(
            "qualify",
            "qualify",
            _three("takes it", "cannot parse it", "cannot parse it"),
            "Number the rows in a CTE with row_number(), and choose with where.",
            "(select v from (values (1), (2)) as t(v) qualify row_number() over (order by v nulls last) = 1)",
            "(select v from (select v, row_number() over (order by v nulls last) as n from (values (1), (2)) as t(v)) as r where n = 1)",
            "1",
        ),
        Construct(
            "distinct-on",
            "distinct on",
            _three("takes it", "takes it", "cannot parse it"),
            "Number the rows in a CTE with row_number(), and choose with where.",
            "(select distinct on (a) b from (values (1, 1), (1, 2)) as t(a, b) order by a nulls last, b nulls last)",
            "(select b from (select b, row_number() over (partition by a order by b nulls last) as n from (values (1, 1), (1, 2)) as t(a, b)) as r where n = 1)",
            "1",
        ),
        Construct(
            "alias-used-again",
            "an alias that is used in the same select",
            _three("takes it, in where too", "does not know it", "takes it, but not in where"),
            "Repeat the expression, or name it in a CTE.",
            "(select max(c) from (select v as b, b + 1 as c from (values (1)) as t(v)) as q)",
            "(select max(c) from (select v as b, v + 1 as c from (values (1)) as t(v)) as q)",
            "2",
            certain=False,
        ),
        Construct(
            "group-by-all",
            "group by all",
            _three("takes it", "cannot parse it", "takes it"),
            "Write group by 1, 2, or the expressions.",
            "(select count(*) from (select v from (values (1), (1)) as t(v) group by all) as q)",
            "(select count(*) from (select v from (values (1), (1)) as t(v) group by 1) as q)",
            "1",
        ),
        Construct(
            "star-but",
            "select * exclude, replace or except",
            _three("takes exclude and replace", "cannot parse it", "takes except"),
            "Name the columns.",
            "(select count(*) from (select * exclude (a) from (values (1, 1)) as t(a, b)) as q)",
            "(select count(*) from (select b from (values (1, 1)) as t(a, b)) as q)",
            "1",
        ),
        Construct(
            "other-clause",
            "a clause that not all have",
            _three(
                "has from first, anti and semi join, sample",
                "has fetch first",
                "has minus, anti join, lateral view",
            ),
            "Write select … from … where not exists (…) limit 1 offset 1; except instead of minus.",
            "(select count(*) from (values (1), (2)) as a(v) anti join (values (1)) as b(v) on a.v = b.v)",
            "(select count(*) from (values (1), (2)) as a(v) where not exists (select 1 from (values (1)) as b(v) where a.v = b.v))",
            "1",
        ),
        Construct(
            "nested-value",
            "an array, a structure or a map",
            _three(
                "has [1, 2], {'a': 1} and 1 for the first",
                "has array[1, 2] and 1 for the first",
                "has array(1, 2) and 0 for the first",
            ),
            DISPATCH,
            "array[1, 2][1]",
            "split_part('1,2', ',', 1)",
            "1",
        ),
        Construct(
            "json-operator",
            "-> and ->>",
            _three("take a path", "take a name", "are not there"),
            DISPATCH,
            "cast('{}' as json) ->> 'a'",
            "'{}'",
            "{}",
        ),
        Construct(
            "chance",
            "a value that is another one in each run",
            _three("has random()", "has random()", "has random() and uuid()"),
            "Make it of the row itself: md5(id).",
            "random()",
            "md5('1')",
            "c4ca4238a0b923820dcc509a6f75849b",
        ),
        Construct(
            "other-function",
            "a function that is not known to be the same everywhere",
            _three("has its own", "has another or none", "has another or none"),
            f"Use one of the reference page on portable SQL; or: {DISPATCH}",
            "unheard_of(1)",
            "abs(-1)",
            "1",
            certain=False,
        ),
    )
}
"""Every construct, in the order of the reference page. A test runs each `good` on every platform and compares the values."""

FUNCTIONS = """
avg bool_and bool_or corr count cume_dist dense_rank first_value lag last_value lead max min ntile
percent_rank percentile_cont rank row_number stddev stddev_samp sum var_pop variance
abs ceil ceiling exp floor greatest least ln log log10 mod pi power round sign sqrt
ascii bit_length char_length chr concat concat_ws left length lower lpad ltrim md5 position repeat replace
right rpad rtrim split_part substr substring translate trim upper
date_part date_trunc extract make_date now
coalesce nullif
"""
EVERYWHERE = frozenset(FUNCTIONS.split())
"""Functions that are the same on every platform, but for what CONSTRUCTS says of them: a test calls each of them there."""
NO_FUNCTIONS = """
all and any as by case cast distinct else end escape except exists filter from group having in intersect interval
is jinja join lateral like ilike limit materialized not on or over partition percent qualify recursive rows select
then union using values when where with within between offset outer inner cross full set exclude
bigint char decimal integer numeric smallint time varchar try_cast safe_cast
"""
KEYWORDS = frozenset(NO_FUNCTIONS.split())
"""Words before a parenthesis that are no functions."""

DATES = "Write cast(d + interval '1' month as date), or use {{ dbt.dateadd('day', 1, 'd') }}."
DIFFERENCES = "Use {{ dbt.datediff('earlier', 'later', 'day') }}."
FORMATS = "Build it: lpad(cast(cast(extract(month from d) as integer) as varchar(100)), 2, '0'), and concat."
CASTS = "Write cast(x as date), or as timestamp."
READS = "Write cast(x as date) of an ISO text, or make_date(year, month, day)."
PATTERNS = f"Use like, position, replace or translate; or: {DISPATCH}"
AGGREGATED = f"Use min, max, or row_number() in a CTE; or: {DISPATCH}"
INSTEAD = {
    **dict.fromkeys(
        ("year", "month", "day", "hour", "minute", "quarter", "week", "dayofyear"),
        "Write cast(extract(year from d) as integer).",
    ),
    **dict.fromkeys(("dayofweek", "isodow", "weekday", "dayname"), CONSTRUCTS["day-of-week"].fix),
    **dict.fromkeys(
        ("datediff", "date_diff", "date_sub", "age", "timestampdiff", "months_between"), DIFFERENCES
    ),
    **dict.fromkeys(("dateadd", "date_add", "add_months", "to_days", "to_minutes", "timestampadd"), DATES),
    **dict.fromkeys(("to_char", "strftime", "date_format", "format"), FORMATS),
    **dict.fromkeys(
        ("to_date", "strptime", "to_timestamp", "try_strptime", "epoch", "epoch_ms", "from_unixtime"), READS
    ),
    **dict.fromkeys(("date", "timestamp", "datetime"), CASTS),
    "last_day": "Write cast(date_trunc('month', d) + interval '1' month - interval '1' day as date).",
    **dict.fromkeys(("if", "iff", "iif", "decode", "nvl2"), "Write case when … then … else … end."),
    **dict.fromkeys(("ifnull", "nvl", "isnull"), "Write coalesce(a, b)."),
    **dict.fromkeys(("strpos", "instr", "charindex", "locate"), "Write position('l' in x)."),
    **dict.fromkeys(("len", "strlen", "octet_length"), "Write length(x)."),
    "btrim": "Write trim(both 'x' from y).",
    **dict.fromkeys(("starts_with", "startswith", "prefix"), "Write left(x, 1) = 'a'."),
    **dict.fromkeys(("ends_with", "endswith", "suffix"), "Write right(x, 1) = 'a'."),
    "contains": "Write position('b' in x) > 0.",
    **dict.fromkeys(("initcap", "reverse"), DISPATCH),
    **dict.fromkeys(
        ("median", "quantile", "quantile_cont", "percentile"),
        "Write percentile_cont(0.5) within group (order by x).",
    ),
    **dict.fromkeys(("approx_count_distinct", "approx_quantile"), "Write count(distinct x)."),
    **dict.fromkeys(
        (
            *("string_agg", "listagg", "group_concat", "array_agg", "list", "collect_list", "collect_set"),
            *("any_value", "first", "last", "max_by", "min_by", "arg_max", "arg_min", "mode"),
        ),
        AGGREGATED,
    ),
    **dict.fromkeys(
        ("sha256", "sha1", "sha2", "hash", "xxhash64", "crc32", "farm_fingerprint"), "Write md5(x)."
    ),
    **dict.fromkeys(("trunc", "truncate"), "Write floor(abs(x)) * sign(x), and cast it."),
    "div": CONSTRUCTS["integer-division"].fix,
    **dict.fromkeys(
        ("split", "string_split", "string_to_array", "str_split"), "Write split_part(x, ',', 1)."
    ),
    **dict.fromkeys(
        (
            *(
                "regexp_matches",
                "regexp_like",
                "regexp_replace",
                "regexp_extract",
                "regexp_match",
                "regexp_substr",
            ),
            *("rlike", "regexp_full_match", "regexp_count", "regexp_instr"),
        ),
        PATTERNS,
    ),
    **dict.fromkeys(
        ("range", "generate_series", "sequence", "explode", "unnest"),
        f"Join a seed with the numbers; or: {DISPATCH}",
    ),
}
"""Function -> what to write instead of it."""

OFTEN_THE_SAME = {"any_value", "reverse"}
"""Functions of INSTEAD that differ for some values only: Spark's any_value can be null, DuckDB's reverse keeps an accent on its letter."""
CHANCE = {"random", "rand", "uuid", "gen_random_uuid", "setseed"}
WHOLE = {"int", "integer", "bigint", "smallint", "tinyint"}
JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
NOTHING = re.compile(
    r"\{\{-?\s*(?:config|return|log|print|exceptions\.|.*\bloop\.(?:last|first)\b)", re.DOTALL
)
RELATION = re.compile(
    r"\{\{-?\s*(?:ref|source)\(.*?['\"](?P<name>\w+)['\"]\s*(?:,\s*v(?:ersion)?\s*=\s*\d+)?\)\s*-?\}\}",
    re.DOTALL,
)
TAG = re.compile(r"\{%-?\s*(?P<word>\w+)(?P<rest>.*?)-?%\}", re.DOTALL)
NAME = re.compile(r"[a-z_]\w*")
SKIPPED = {"macro": "endmacro", "call": "endcall", "test": "endtest", "docs": "enddocs"}


def render(text: str) -> str:
    """Return a model without its Jinja: refs are names, other expressions are columns, and every line stays where it is.

    Of an `if`, the first branch stays; what a macro or a call holds is left out.
    """
    parts: list[str] = []
    position, until, hidden = 0, "", [False]

    def add(piece: str) -> None:
        # What is left out leaves its lines.
        parts.append("\n" * piece.count("\n") if until or any(hidden) else piece)

    for found in JINJA.finditer(text):
        add(text[position : found.start()])
        position, piece = found.end(), found[0]
        lines = "\n" * piece.count("\n")
        tag = TAG.match(piece)
        word = tag["word"] if tag else ""
        if until:
            until = "" if word == until else until
        elif word in SKIPPED:
            until = SKIPPED[word]
        elif tag and word == "set" and "=" not in tag["rest"]:
            until = "endset"
        elif word == "if":
            hidden.append(False)
        elif word in ("elif", "else") and len(hidden) > 1:
            hidden[-1] = True
        elif word == "endif" and len(hidden) > 1:
            hidden.pop()
        elif not any(hidden) and piece.startswith("{{") and not NOTHING.match(piece):
            relation = RELATION.fullmatch(piece)
            parts.append(relation["name"] if relation else "jinja")
        parts.append(lines)
    add(text[position:])
    return "".join(parts)


def differences(text: str, platforms: Collection[str], floating: Collection[str] = ()) -> list[Difference]:
    """Return where a model says something that the platforms understand differently. Raises Unparsable.

    `floating` names the columns, in small letters, that are declared as floating-point numbers.
    """
    sql = render(text)
    lines = text.splitlines()
    found: dict[tuple[int, str], Difference] = {}
    for line, construct in _found(sql, floating):
        silenced = line <= len(lines) and SILENCE.search(lines[line - 1])
        known = found.get((line, construct.id))
        if construct.differs(platforms) and not silenced and not (known and known.construct.certain):
            found[line, construct.id] = Difference(line, construct)
    return [found[place] for place in sorted(found)]


def _found(sql: str, floating: Collection[str]) -> Iterator[tuple[int, Construct]]:
    import sqlglot
    from sqlglot.errors import ParseError, TokenError

    plain, ticked = _without_backticks(sql)
    for line in ticked:
        yield line, CONSTRUCTS["backticks"]
    first: Unparsable | None = None
    for dialect in (_dialect(), "postgres", "spark"):
        try:
            tokens = sqlglot.tokenize(plain, read=dialect)
            trees = [tree for tree in sqlglot.parse(plain, read=dialect) if tree is not None]
        except (ParseError, TokenError) as error:
            place = error.errors[0] if isinstance(error, ParseError) and error.errors else {}
            first = first or Unparsable(
                place.get("line") or 1, place.get("description") or str(error).partition("\n")[0]
            )
            continue
        yield from _in_tokens(tokens)
        for tree in trees:
            yield from _in_tree(tree)
            yield from _of_floating(tree, floating)
        return
    raise first or Unparsable(1, "it is empty")


def _dialect() -> Any:
    """Return DuckDB's dialect, the widest one, which also notes whether an order says where the nulls are."""
    from sqlglot import TokenType
    from sqlglot.dialects.duckdb import DuckDB

    class Reading(DuckDB):
        class Tokenizer(DuckDB.Tokenizer):
            KEYWORDS = {**DuckDB.Tokenizer.KEYWORDS, **dict.fromkeys(("CHAR", "BPCHAR"), TokenType.CHAR)}

        class Parser(DuckDB.Parser):  # type: ignore[misc, valid-type]  # a class or a variable, by the release
            TYPE_CONVERTERS: dict[Any, Any] = {}

            def _parse_ordered(self, *arguments: Any, **named: Any) -> Any:
                start = self._index
                ordered = super()._parse_ordered(*arguments, **named)
                if ordered is not None:
                    words = [token.text.lower() for token in self._tokens[start : self._index]]
                    ordered.meta["nulls"] = "nulls" in words
                return ordered

    return Reading


def _without_backticks(sql: str) -> tuple[str, list[int]]:
    """Return the SQL with names in double quotes, and the lines that had backticks."""
    pieces = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|`[^`\n]*`", re.DOTALL)
    lines: list[int] = []

    def quoted(piece: re.Match[str]) -> str:
        if not piece[0].startswith("`"):
            return piece[0]
        lines.append(sql.count("\n", 0, piece.start()) + 1)
        return f'"{piece[0][1:-1]}"'

    return pieces.sub(quoted, sql), lines


def _in_tokens(tokens: list[Any]) -> Iterator[tuple[int, Construct]]:
    """What only the words show, because a parser takes them for something else."""
    from sqlglot import TokenType

    words = [token.text.lower() for token in tokens]
    kinds = [token.token_type for token in tokens]
    for place, (token, word, kind) in enumerate(zip(tokens, words, kinds, strict=True)):
        before = words[place - 1] if place else ""
        after = words[place + 1] if place + 1 < len(words) else ""
        id_ = ""
        if kind == TokenType.NUMBER and re.fullmatch(r"[\d.]+e[+-]?\d+", word):
            id_ = "double-type"
        if kind in (TokenType.STRING, TokenType.IDENTIFIER):
            continue
        if kind == TokenType.DCOLON:
            id_ = "double-colon"
        elif word in ("==", "<=>"):
            id_ = "equals-equals"
        elif word in ("~", "~*", "!~", "!~*", "similar", "similar to"):
            id_ = "regular-expression"
        elif word == "^":
            id_ = "power-operator"
        elif word == "interval" and kinds[place + 1 : place + 2] == [TokenType.NUMBER]:
            id_ = "bare-interval"
        elif word in ("fetch", "minus") or (word == "offset" and words[place + 2 : place + 3] == ["limit"]):
            id_ = "other-clause"
        elif word in ("try_cast", "safe_cast"):
            id_ = "try-cast"
        elif after == "(" and NAME.fullmatch(word) and before not in ("as", "with", ")", "."):
            if word in ("ltrim", "rtrim") and "," in _arguments(words, place + 1):
                id_ = "trim-of-characters"
            elif word in CHANCE:
                id_ = "chance"
            elif word in INSTEAD or (
                word not in EVERYWHERE and word not in KEYWORDS and not _names_columns(words, place + 1)
            ):
                yield token.line, _function(word)
        if id_:
            yield token.line, CONSTRUCTS[id_]


def _arguments(words: list[str], start: int) -> list[str]:
    """Return the words of a pair of parentheses that are in no further one."""
    depth, found = 0, []
    for word in words[start:]:
        depth += (word == "(") - (word == ")")
        if depth == 0:
            break
        if depth == 1:
            found.append(word)
    return found


def _names_columns(words: list[str], start: int) -> bool:
    """Return True for the parentheses of a CTE that names its columns."""
    depth = 0
    for place, word in enumerate(words[start:], start):
        depth += (word == "(") - (word == ")")
        if depth == 0:
            return words[place + 1 : place + 3] == ["as", "("]
    return False


def _function(name: str) -> Construct:
    other = CONSTRUCTS["other-function"]
    known = name in INSTEAD and name not in OFTEN_THE_SAME
    what = f"{name}()" + (
        "" if name in INSTEAD else ", a function that is not known to be the same everywhere"
    )
    fix = INSTEAD.get(name, other.fix)
    return replace(other, id=f"{other.id}-{name}", what=what, fix=fix, certain=known)


def _in_tree(tree: exp.Expr) -> Iterator[tuple[int, Construct]]:
    for node in tree.walk():
        for check in _checks().get(type(node), ()):
            if id_ := check(node):
                known = CONSTRUCTS[id_.rstrip("!")]
                yield _line(node), replace(known, certain=True) if id_.endswith("!") else known


def _of_floating(tree: exp.Expr, floating: Collection[str]) -> Iterator[tuple[int, Construct]]:
    """What becomes of columns whose type is known."""
    from sqlglot import exp

    for column in tree.find_all(exp.Column) if floating else ():
        use = column.parent
        written = isinstance(use, exp.Cast) and use.to.is_type("varchar", "text", "char", "decimal")
        if isinstance(use, exp.Cast) and use.to.is_type("decimal"):
            sized = [size.name for size in use.to.expressions]
            written = len(sized) == 2 and sized[1] != "6"
        if column.name.lower() in floating and (
            written or isinstance(use, (exp.DPipe, exp.Concat, exp.ConcatWs))
        ):
            yield _line(column), CONSTRUCTS["floating-point-column"]


def _line(node: exp.Expr) -> int:
    """Return the line of a node: that of the first thing in it that has one, or of what it is in."""
    place: exp.Expr | None = node
    while place is not None:
        lines: list[int] = [part.meta["line"] for part in place.walk() if "line" in part.meta]
        if lines:
            return min(lines)
        place = place.parent
    return 1


Check = Callable[[Any], str | None]
_CHECKS: dict[type, list[Check]] = {}


def _checks() -> dict[type, list[Check]]:
    """Return, for each class of sqlglot, what to look for in one of its nodes: the id of a construct, or None.

    An id that ends with `!` is certain to differ here, because literals show the types.
    """
    if _CHECKS:
        return _CHECKS
    from sqlglot import exp

    def on(*classes: str) -> Callable[[Check], Check]:
        def add(check: Check) -> Check:
            for name in classes:
                if kind := getattr(exp, name, None):
                    _CHECKS.setdefault(kind, []).append(check)
            return check

        return add

    fractions = (
        exp.Floor,
        exp.Ceil,
        exp.Round,
        exp.Count,
        exp.Length,
        exp.Extract,
        exp.RowNumber,
        exp.StrPosition,
    )
    whole = (
        exp.Case,
        exp.Boolean,
        exp.Predicate,
        exp.Not,
        exp.Null,
        exp.Window,
        exp.Max,
        exp.Min,
        exp.Sum,
        exp.Mod,
    )

    def is_whole(value: Any) -> bool:
        if isinstance(value, exp.Paren):
            return is_whole(value.this)
        if isinstance(value, exp.Literal):
            return re.fullmatch(r"-?\d+", value.this) is not None
        if isinstance(value, exp.Neg):
            return is_whole(value.this)
        if isinstance(value, (exp.Add, exp.Sub, exp.Mul)):
            return is_whole(value.left) and is_whole(value.right)
        if isinstance(value, exp.Cast):
            return value.to.is_type(*exp.DataType.INTEGER_TYPES, "boolean")
        if isinstance(value, exp.Coalesce):
            return all(map(is_whole, [value.this, *value.expressions]))
        return isinstance(value, (*fractions, *whole))

    def is_cast(node: Any) -> bool:
        """Return True if the value is cast before anybody sees it."""
        parent = node.parent
        while isinstance(
            parent,
            (
                exp.Paren,
                exp.Coalesce,
                exp.Round,
                exp.Floor,
                exp.Ceil,
                exp.Window,
                exp.Filter,
                exp.WithinGroup,
                exp.Nullif,
                *arithmetic,
            ),
        ):
            parent = parent.parent
        return isinstance(parent, (exp.Cast, exp.Predicate, exp.Having))

    binary = (exp.Avg, exp.Div, exp.Stddev, exp.StddevSamp, exp.Variance, exp.VariancePop, exp.PercentileCont)
    arithmetic = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg)

    def is_date(node: Any) -> bool:
        return isinstance(node, (exp.Cast, exp.Date, exp.CurrentDate)) and (
            not isinstance(node, exp.Cast) or node.to.is_type("date")
        )

    @on("Cast", "TryCast")
    def cast(node: Any) -> str | None:
        to, words = node.to, node.to.sql("duckdb").lower()
        kind = to.this.name.lower() if hasattr(to.this, "name") else str(to.this).lower()
        sized = [size.name for size in to.expressions]
        if isinstance(to.parent, exp.Cast) and kind == "userdefined":
            return None  # Jinja
        if kind in WHOLE:
            if kind == "tinyint":
                return "other-type"
            if is_whole(node.this):
                return None
            return (
                "cast-to-integer!"
                if isinstance(node.this, exp.Literal) and not node.this.is_string
                else "cast-to-integer"
            )
        if kind in ("varchar", "text", "nvarchar"):
            if not sized:
                return "text-type"
            return (
                "short-text-type"
                if sized[0].isdigit() and int(sized[0]) < 100 and not is_short(node.this, int(sized[0]))
                else None
            )
        if kind in ("char", "nchar", "bpchar"):
            return "char-type"
        if kind in ("float", "double", "real"):
            return "double-type"
        if kind in ("decimal", "numeric"):
            return None if len(sized) == 2 else "bare-decimal"
        return (
            None
            if kind in ("date", "timestamp", "timestampntz", "boolean") and "with time zone" not in words
            else "other-type"
        )

    def is_short(value: Any, size: int) -> bool:
        """Return True if a text is known to be no longer."""
        return isinstance(value, (exp.Cast, exp.Extract)) or (
            isinstance(value, exp.Literal) and len(value.this) <= size
        )

    @on("Div")
    def division(node: Any) -> str | None:
        divisor = node.right.this if isinstance(node.right, exp.Paren) else node.right
        constant = isinstance(divisor, exp.Literal) and divisor.this.strip("0.") != ""
        exact = any(isinstance(part, exp.Cast) and part.to.is_type("decimal") for part in node.left.walk())
        if (constant or isinstance(divisor, exp.Nullif)) and exact and is_cast(node):
            return None
        open_ = (exp.Max, exp.Min, exp.Sum, exp.Window, exp.Case, exp.Mod)
        integers = all(is_whole(side) and not side.find(*open_) for side in (node.left, node.right))
        return "division!" if integers else "division"

    on("IntDiv")(lambda node: "integer-division")

    @on("Log")
    def logarithm(node: Any) -> str | None:
        return "logarithm" if node.args.get("expression") is None else None

    @on("Extract")
    def extract(node: Any) -> str | None:
        return of_unit(node, node.this.name.lower())

    @on("Anonymous")
    def date_part(node: Any) -> str | None:
        unit = node.expressions[0] if node.name.lower() == "date_part" and node.expressions else None
        return of_unit(node, unit.name.lower()) if isinstance(unit, exp.Literal) else None

    def of_unit(node: Any, unit: str) -> str | None:
        if unit in ("dow", "dayofweek", "isodow", "weekday", "dayofweekiso", "dayofweek_iso"):
            return "day-of-week"
        if unit in ("epoch", "epoch_second"):
            return "extract-epoch"
        if unit in ("second", "seconds"):
            return None if isinstance(node.parent, exp.Floor) else "extract-second"
        known = ("year", "month", "day", "hour", "minute", "quarter", "week", "doy")
        return None if unit in known else "extract-epoch"

    on("DayOfWeek", "DayOfWeekIso")(lambda node: "day-of-week")

    @on("DateTrunc", "TimestampTrunc")
    def date_trunc(node: Any) -> str | None:
        if node.text("unit").lower() not in (
            "year",
            "quarter",
            "month",
            "week",
            "day",
            "hour",
            "minute",
            "second",
        ):
            return "date-trunc-of-rare-unit"
        return None if is_cast(node) else "uncast-date-trunc"

    @on("Sub")
    def minus(node: Any) -> str | None:
        sides = (node.left, node.right)
        return "date-minus-date" if all(map(is_date, sides)) else None

    @on("Add", "Sub")
    def plus(node: Any) -> str | None:
        sides = (node.left, node.right)
        has_interval = any(isinstance(part, exp.Interval) for side in sides for part in side.walk())
        return (
            "date-plus-interval" if has_interval and any(map(is_date, sides)) and not is_cast(node) else None
        )

    @on("Cast")
    def offset(node: Any) -> str | None:
        written = node.this.is_string and re.search(
            r"\d(?:\d:?\d\d)?\s*(?:Z|[+-]\d\d(?::?\d\d)?)$", node.this.this
        )
        is_time = node.to.is_type("timestamp", "timestampntz") and ":" in node.this.name
        return "time-with-an-offset" if written and is_time else None

    on("AtTimeZone")(lambda node: "at-time-zone")

    @on("Concat")
    def concat(node: Any) -> str | None:
        return (
            None
            if all(isinstance(part, (exp.Literal, exp.Coalesce)) for part in node.expressions)
            else "concat-of-nulls"
        )

    def number(node: Any) -> float | None:
        sign = -1 if isinstance(node, exp.Neg) else 1
        node = node.this if isinstance(node, exp.Neg) else node
        return sign * float(node.this) if isinstance(node, exp.Literal) and not node.is_string else None

    def at_least(node: Any) -> float:
        """Return a number that the value is known not to be below."""
        if (literal := number(node)) is not None:
            return literal
        if isinstance(node, (exp.Length, exp.StrPosition, exp.Count)):
            return 0
        if isinstance(node, exp.RowNumber):
            return 1
        if isinstance(node, (exp.Paren, exp.Cast)):
            return at_least(node.this)
        if isinstance(node, exp.Greatest):
            return max(map(at_least, [node.this, *node.expressions]))
        if isinstance(node, (exp.Least, exp.Coalesce)):
            return min(map(at_least, [node.this, *node.expressions]))
        if isinstance(node, exp.Add):
            return at_least(node.left) + at_least(node.right)
        if isinstance(node, exp.Sub) and (less := number(node.right)) is not None:
            return at_least(node.left) - less
        return float("-inf")

    @on("Substring")
    def substring(node: Any) -> str | None:
        start, length = node.args.get("start"), node.args.get("length")
        known = number(start)
        if known is not None and known < 1:
            return "substring-before-the-start"
        short = (start is not None and at_least(start) < 1) or (length is not None and at_least(length) < 0)
        return "computed-substring" if short else None

    @on("Left", "Right")
    def left(node: Any) -> str | None:
        count = number(node.expression)
        if count is not None and count < 0:
            return "substring-before-the-start"
        return "computed-substring" if at_least(node.expression) < 0 else None

    @on("Trim")
    def trim(node: Any) -> str | None:
        plain = isinstance(node.this, exp.Literal) and node.this.this.isascii()
        return None if plain or node.args.get("expression") is not None else "trim-of-blanks"

    @on("Upper", "Lower")
    def capitals(node: Any) -> str | None:
        literal = isinstance(node.this, exp.Literal) and not re.search("[ßŉİΣﬀ-ﬆ]", node.this.this)
        return None if literal or isinstance(node.this, exp.MD5) else "capitals"

    @on("Chr")
    def character(node: Any) -> str | None:
        value = number(node.expressions[0]) if node.expressions else None
        if value is None:
            return "character-of-number"
        return None if value < 256 else "character-of-number!"

    @on("ConcatWs")
    def concat_ws(node: Any) -> str | None:
        texts = (exp.Upper, exp.Lower, exp.Trim, exp.Substring, exp.Left, exp.Right, exp.Replace, exp.DPipe)

        def is_text(value: Any) -> bool:
            if isinstance(value, exp.Cast):
                return not value.to.is_type("boolean")
            if isinstance(value, exp.Coalesce):
                return any(isinstance(part, exp.Literal) for part in value.expressions) or is_text(value.this)
            return isinstance(value, (exp.Literal, exp.Null, *texts))

        return None if all(map(is_text, node.expressions)) else "concat_ws-of-other-types"

    @on("In")
    def in_subquery(node: Any) -> str | None:
        if not node.args.get("query"):
            return None
        place = node.parent
        if isinstance(place, exp.Not):
            place = place.parent
        while isinstance(place, (exp.And, exp.Paren)):
            place = place.parent
        return None if isinstance(place, exp.Where) else "in-subquery"

    @on("EQ", "NEQ", "In")
    def rows(node: Any) -> str | None:
        return "row-compared" if isinstance(node.this, exp.Tuple) else None

    @on("Round")
    def round_(node: Any) -> str | None:
        return None if is_exact(node.this) else "round-of-any-type"

    def is_exact(value: Any) -> bool:
        """Return True for a number that is no double, as far as it shows; what is one for sure is found as such."""
        if isinstance(value, (exp.Paren, exp.Neg, exp.Abs, exp.Nullif)):
            return is_exact(value.this)
        if isinstance(value, (exp.Add, exp.Sub, exp.Mul)):
            return is_exact(value.left) and is_exact(value.right)
        if isinstance(value, exp.Coalesce):
            return all(map(is_exact, [value.this, *value.expressions]))
        if isinstance(value, exp.Cast):
            return value.to.is_type("decimal", *exp.DataType.INTEGER_TYPES)
        if isinstance(value, binary) or (isinstance(value, exp.Window) and isinstance(value.this, binary)):
            return True  # `rounded` finds it
        return isinstance(value, fractions) or not value.find(exp.Column)

    @on(*(kind.__name__ for kind in binary))
    def rounded(node: Any) -> str | None:
        parent = node.parent
        while isinstance(
            parent, (exp.Paren, exp.Coalesce, exp.Window, exp.Filter, exp.WithinGroup, *arithmetic)
        ):
            if isinstance(parent, exp.Div):
                return None  # it is looked at itself
            parent = parent.parent
        if isinstance(parent, exp.Round):
            return "rounded-binary-number"
        if isinstance(parent, exp.Cast) and parent.to.is_type("decimal"):
            sized = [size.name for size in parent.to.expressions]
            return "rounded-binary-number" if len(sized) == 2 and sized[1] != "6" else None
        return None

    @on("Like", "ILike")
    def like(node: Any) -> str | None:
        return (
            "like-with-backslash"
            if isinstance(node.expression, exp.Literal)
            and "\\" in node.expression.this
            and not isinstance(node.parent, exp.Escape)
            else None
        )

    @on("Identifier")
    def name(node: Any) -> str | None:
        return "name-with-capitals" if node.args.get("quoted") and node.this != node.this.lower() else None

    on("HexString", "ByteString", "BitString", "RawString", "National", "UnicodeString")(
        lambda node: "special-text"
    )

    @on("Ordered")
    def ordered(node: Any) -> str | None:
        if node.meta.get("nulls", True):
            return None
        place = node.parent.parent if node.parent else None
        counts = isinstance(place, exp.Window) or (
            isinstance(place, exp.Query)
            and (place.args.get("limit") or place.args.get("offset") or place.args.get("distinct"))
        )
        return "order-of-nulls" if counts else None

    @on("Limit", "Offset")
    def limit(node: Any) -> str | None:
        return None if node.parent is None or node.parent.args.get("order") else "limit-without-order"

    @on("Order")
    def order(node: Any) -> str | None:
        inside = (exp.AggFunc, exp.Anonymous, exp.AnonymousAggFunc, exp.GroupConcat)
        return "order-in-aggregate" if isinstance(node.parent, inside) else None

    @on(
        "Sum", "Avg", "Stddev", "StddevSamp", "StddevPop", "Variance", "VariancePop", "Corr", "PercentileCont"
    )
    def aggregate(node: Any) -> str | None:
        return None if is_cast(node) else "uncast-aggregate"

    @on("Count")
    def count(node: Any) -> str | None:
        distinct = node.this
        return (
            "distinct-of-several"
            if isinstance(distinct, exp.Distinct) and len(distinct.expressions) > 1
            else None
        )

    on("Qualify")(lambda node: "qualify")
    on("Distinct")(lambda node: "distinct-on" if node.args.get("on") else None)
    on("Group")(lambda node: "group-by-all" if node.args.get("all") else None)
    on("Star")(
        lambda node: (
            "star-but"
            if any(node.args.get(key) for key in ("except_", "except", "replace", "rename"))
            else None
        )
    )
    on("TableSample", "Fetch", "Pivot", "Unpivot")(lambda node: "other-clause")
    on("Join")(
        lambda node: (
            "other-clause"
            if (node.args.get("kind") or "").upper() in ("ANTI", "SEMI", "ASOF", "POSITIONAL")
            or (node.args.get("side") or "").upper() in ("ANTI", "SEMI", "ASOF")
            or (node.args.get("method") or "").upper() in ("ASOF",)
            else None
        )
    )
    on("Lateral")(lambda node: "other-clause" if node.args.get("view") else None)
    on(
        "Array",
        "Struct",
        "Map",
        "ToMap",
        "VarMap",
        "Bracket",
        "Unnest",
        "Explode",
        "List",
        "PropertyEQ",
        "Lambda",
    )(lambda node: "nested-value")
    on("JSONExtract", "JSONExtractScalar", "JSONBExtract", "JSONBExtractScalar")(lambda node: "json-operator")

    @on("Select")
    def aliases(node: Any) -> str | None:
        before: set[str] = set()
        for projection in node.expressions:
            if any(is_bare(column, before) for column in own_columns(projection)):
                return "alias-used-again"
            if isinstance(projection, exp.Alias) and not (
                isinstance(projection.this, exp.Column) and projection.this.name == projection.alias
            ):
                before.add(projection.alias.lower())
        names = before - {column.name.lower() for part in node.expressions for column in own_columns(part)}
        places = [node.args.get(key) for key in ("where", "having")]
        return (
            "alias-used-again"
            if any(is_bare(column, names) for place in places if place for column in own_columns(place))
            else None
        )

    def is_bare(column: Any, names: set[str]) -> bool:
        return not column.table and column.name.lower() in names

    @on("Select")
    def order_by_alias(node: Any) -> str | None:
        order = node.args.get("order")
        names = {
            part.alias.lower()
            for part in node.expressions
            if isinstance(part, exp.Alias)
            and not (isinstance(part.this, exp.Column) and part.this.name == part.alias)
        }
        computed = [
            part.this
            for part in (order.expressions if order else [])
            if not isinstance(part.this, (exp.Column, exp.Literal))
        ]
        return (
            "alias-used-again"
            if any(is_bare(column, names) for part in computed for column in own_columns(part))
            else None
        )

    def own_columns(part: Any) -> Iterator[Any]:
        """The columns of an expression, not those of the selects in it."""
        for found in part.walk(prune=lambda inner: isinstance(inner, exp.Query)):
            if isinstance(found, exp.Column):
                yield found

    return _CHECKS
