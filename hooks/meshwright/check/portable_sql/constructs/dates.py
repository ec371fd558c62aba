"""Dates and times: their parts, how one counts with them, and time zones."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import TokenType, exp

from meshwright.check.portable_sql.construct import DISPATCH, Construct, by_platform
from meshwright.check.portable_sql.nodes import is_cast

WEEKDAYS = ("dow", "dayofweek", "isodow", "weekday", "dayofweekiso", "dayofweek_iso")
SECONDS = ("second", "seconds")
PARTS = ("year", "month", "day", "hour", "minute", "quarter", "week", "doy")
"""Those that extract gives alike everywhere."""
TRUNCATED = ("year", "quarter", "month", "week", "day", "hour", "minute", "second")
"""Units to which date_trunc cuts alike everywhere."""
OFFSET = re.compile(r"\d(?:\d:?\d\d)?\s*(?:Z|[+-]\d\d(?::?\d\d)?)$")
DAY_OF_WEEK = (
    "Compare with the Monday of its week: case d when w then 1 when w + 1 then 2 … end, where w is"
    " cast(date_trunc('week', d) as date)."
)


def _part(node: Any) -> str | None:
    """Return the unit of an extract or a date_part; None for another function."""
    if isinstance(node, exp.Extract):
        return str(node.this.name.lower())
    unit = node.expressions[0] if node.name.lower() == "date_part" and node.expressions else None
    return str(unit.name.lower()) if isinstance(unit, exp.Literal) else None


def _is_day_of_week(node: Any) -> bool:
    return not isinstance(node, (exp.Extract, exp.Anonymous)) or _part(node) in WEEKDAYS


def _is_second(node: Any) -> bool:
    return _part(node) in SECONDS and not isinstance(node.parent, exp.Floor)


def _is_rare_part(node: Any) -> bool:
    part = _part(node)
    return part is not None and part not in (*WEEKDAYS, *SECONDS, *PARTS)


def _is_rare_unit(node: Any) -> bool:
    return node.text("unit").lower() not in TRUNCATED


def _is_date(node: Any) -> bool:
    if isinstance(node, exp.Cast):
        return bool(node.to.is_type("date"))
    return isinstance(node, (exp.Date, exp.CurrentDate))


def _is_date_plus_interval(node: Any) -> bool:
    sides = (node.left, node.right)
    has_interval = any(isinstance(part, exp.Interval) for side in sides for part in side.walk())
    return has_interval and any(map(_is_date, sides)) and not is_cast(node)


def _has_offset(node: Any) -> bool:
    is_time = node.to.is_type("timestamp", "timestampntz") and ":" in node.this.name
    return bool(node.this.is_string and OFFSET.search(node.this.this) and is_time)


CONSTRUCTS = (
    Construct(
        id="day-of-week",
        what="the day of the week",
        does=by_platform(
            duckdb="has 0 for Sunday", postgres="has 0 for Sunday", spark="has 1 for Sunday, and no isodow"
        ),
        fix=DAY_OF_WEEK,
        bad="extract(dow from date '2024-01-07')",
        good="case date '2024-01-07' when cast(date_trunc('week', date '2024-01-07') as date) + 6 then 7 else 1 end",
        value="7",
        nodes=("Extract", "Anonymous", "DayOfWeek", "DayOfWeekIso"),
        is_node=_is_day_of_week,
    ),
    Construct(
        id="extract-epoch",
        what="extract(epoch)",
        does=by_platform(duckdb="gives a double", postgres="gives a numeric", spark="has none"),
        fix="Use {{ dbt.datediff(\"timestamp '1970-01-01 00:00:00'\", 'x', 'second') }}.",
        bad="extract(epoch from timestamp '2024-12-30 00:00:00')",
        good="{{ dbt.datediff(\"timestamp '1970-01-01 00:00:00'\", \"timestamp '2024-12-30 00:00:00'\", 'second') }}",
        value="1735516800",
        nodes=("Extract", "Anonymous"),
        is_node=_is_rare_part,
    ),
    Construct(
        id="extract-second",
        what="extract(second)",
        does=by_platform(
            duckdb="cuts the fraction off", postgres="keeps the fraction", spark="keeps the fraction"
        ),
        fix="Write cast(floor(extract(second from x)) as integer).",
        bad="extract(second from timestamp '2024-12-30 00:00:01.5')",
        good="cast(floor(extract(second from timestamp '2024-12-30 00:00:01.5')) as integer)",
        value="1",
        nodes=("Extract", "Anonymous"),
        is_node=_is_second,
    ),
    Construct(
        id="date-trunc-of-rare-unit",
        what="date_trunc to a decade, a century or another rare unit",
        does=by_platform(
            duckdb="has them, and a century that begins in 2000",
            postgres="has them, and a century that begins in 2001",
            spark="gives null",
        ),
        fix=(
            "Write make_date(cast(floor(cast(extract(year from d) as integer) / 10.0) as integer) * 10, 1, 1) in a macro, or"
            " use year, quarter, month, week, day, hour, minute or second."
        ),
        bad="cast(date_trunc('century', date '2024-01-07') as date)",
        good="cast(date_trunc('year', date '2024-01-07') as date)",
        value="2024-01-01",
        nodes=("DateTrunc", "TimestampTrunc"),
        is_node=_is_rare_unit,
    ),
    Construct(
        id="uncast-date-trunc",
        what="date_trunc without a cast",
        does=by_platform(
            duckdb="gives a timestamp", postgres="gives a date a time zone", spark="gives a time zone"
        ),
        fix="Write cast(date_trunc('month', x) as date), or as timestamp.",
        bad="date_trunc('month', date '2024-01-07')",
        good="cast(date_trunc('month', date '2024-01-07') as date)",
        value="2024-01-01",
        nodes=("DateTrunc", "TimestampTrunc"),
        is_node=lambda node: not _is_rare_unit(node) and not is_cast(node),
    ),
    Construct(
        id="date-minus-date",
        what="a date minus a date",
        does=by_platform(
            duckdb="is a number of days", postgres="is a number of days", spark="is an interval"
        ),
        fix="Use {{ dbt.datediff('earlier', 'later', 'day') }}.",
        bad="date '2024-03-01' - date '2024-01-31'",
        good="{{ dbt.datediff(\"date '2024-01-31'\", \"date '2024-03-01'\", 'day') }}",
        value="30",
        nodes=("Sub",),
        is_node=lambda node: _is_date(node.left) and _is_date(node.right),
    ),
    Construct(
        id="date-plus-interval",
        what="a date plus an interval, without a cast",
        does=by_platform(duckdb="is a timestamp", postgres="is a timestamp", spark="is a date"),
        fix="Write cast(d + interval '1' month as date).",
        bad="date '2024-01-31' + interval '1' month",
        good="cast(date '2024-01-31' + interval '1' month as date)",
        value="2024-02-29",
        nodes=("Add", "Sub"),
        is_node=_is_date_plus_interval,
    ),
    Construct(
        id="bare-interval",
        what="an interval whose number is not in quotes",
        does=by_platform(duckdb="takes it", postgres="cannot parse it", spark="takes it"),
        fix="Write interval '1' day; if the number is in a column n: n * interval '1' day.",
        bad="date '2024-01-31' + interval 1 day",
        good="cast(date '2024-01-31' + 1 * interval '1' day as date)",
        value="2024-02-01",
        words=("interval",),
        is_word=lambda tokens, place: tokens.kinds[place + 1 : place + 2] == [TokenType.NUMBER],
    ),
    Construct(
        id="time-with-an-offset",
        what="a timestamp that is written with an offset",
        does=by_platform(
            duckdb="leaves the offset out",
            postgres="leaves the offset out",
            spark="takes the offset into account",
        ),
        fix="Write the time in UTC, without an offset.",
        bad="timestamp '2024-01-31 10:00:00+02:00'",
        good="timestamp '2024-01-31 08:00:00'",
        value="2024-01-31 08:00:00",
        nodes=("Cast",),
        is_node=_has_offset,
    ),
    Construct(
        id="at-time-zone",
        what="at time zone",
        does=by_platform(
            duckdb="gives a time with a zone, or takes it away",
            postgres="gives a time with a zone, or takes it away",
            spark="cannot parse it",
        ),
        fix=f"Keep times in UTC. {DISPATCH}",
        bad="timestamp '2024-02-03 12:00:00' at time zone 'America/New_York'",
        good="timestamp '2024-02-03 12:00:00'",
        value="2024-02-03 12:00:00",
        nodes=("AtTimeZone",),
    ),
)
