"""Whether what a product reports of itself is possible, agrees with itself, and with the data: a report is a claim."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from meshwright.assess import Fitness, Verdict, as_text
from meshwright.assess.evidence import Evidence
from meshwright.assess.service_level_checks import AHEAD, ZONES, display_value, moment
from meshwright.assess.storage import Blocker, Moments, Table
from meshwright.assess.verdicts import at_ports, broken, kept, unknown
from meshwright.product.grammar import SECONDS, objective
from meshwright.product.record import Port, Record, ServiceLevel

LONGEST_RUN = timedelta(days=2)
"""A run that measures what it published longer after its start is none."""
JUST_NOW = timedelta(minutes=5)
"""How long after its inputs were read a run may not have reported yet, where it is short."""
RUN = "Run the pipeline, which measures what it publishes; do not edit its reports."
FEW_ROWS, MANY_ROWS = 20, 20
"""A recent row is alone if the rows before it make so many times as many expected; and the least number of rows to judge by."""
GAP = 3
"""How many times the objective there has to be no row before recent rows are suspicious."""


class ReportsPossible(Fitness):
    """Are the product's reports of its last run possible, and do they agree with each other?

    Times in the future, negative numbers, or a measurement that is not of the last run cannot be true: they were made by hand,
    or by something else than a run.
    """

    characteristic = "trustworthy"
    severity = "high"

    def check(self, product: Evidence) -> Iterator[Verdict]:
        record = product.record
        run, measurement = record.get("quality"), record.get("measurement")
        if not isinstance(run, dict) or not isinstance(measurement, dict):
            yield unknown("The reports of the last run are not published, or not all of them.", RUN)
            return
        problems = [*_impossible_run(run, product.now), *_impossible_pair(record, run, measurement)]
        for problem in problems:
            yield broken(problem, RUN)
        if not problems:
            yield kept("Its reports of the last run are possible, and agree with each other.")


def _impossible_run(run: dict[str, Any], now: datetime) -> Iterator[str]:
    started = moment(run.get("startedAt"))
    if started is None:
        yield "The report of the last run has no time."
    elif started > now + AHEAD:
        yield "According to its report, the last run starts in the future."
    for name in ("rows", "checks"):
        number = run.get(name)
        if number is not None and (type(number) is not int or number < 0):
            yield f"The last run reports {as_text(number)} {name}, which is no possible number."
    failed, checks = run.get("failed"), run.get("checks")
    if isinstance(failed, list) and type(checks) is int and len(failed) > checks > 0:
        yield f"The last run reports {len(failed)} failed checks of {checks}."


def _impossible_pair(record: Record, run: dict[str, Any], measurement: dict[str, Any]) -> Iterator[str]:
    """Yield contradictions between the report of the last run and the measurement."""
    if run.get("outcome") != "published":
        return  # the measurement is of an earlier run
    started, measured = moment(run.get("startedAt")), moment(measurement.get("measuredAt"))
    if started is not None and measured is not None:
        if measured < started - AHEAD:
            yield f"It was measured at {measured:%Y-%m-%d %H:%M} UTC, before the last run that published began."
        elif measured > started + LONGEST_RUN:
            days = (measured - started).total_seconds() / 86400
            yield f"It was measured {display_value(days, 'd')} after the last run began: not by that run."
    rows = run.get("rows")
    for level in record.service_levels:
        if level.indicator == "volume" and level.column is None and level.value is not None and type(rows) is int and level.value != rows:  # fmt: skip
            yield f"The last run reports {rows:,} rows, and the service level {as_text(level.name)} reports {level.value:,.10g}."


class ReportsMatchData(Fitness):
    """Is the data at the ports that of the last run, as it was reported?

    The data says when its inputs were read. A measurement from before that is not about this data; a run after it has not
    published; and a run that published so many rows left so many.
    """

    characteristic = "trustworthy"
    severity = "high"
    probes = True

    def check(self, product: Evidence) -> Iterator[Verdict]:
        yield from at_ports(product, partial(self._at, product))

    def _at(self, product: Evidence, port: Port) -> Iterator[Verdict]:
        table = product.table(port)
        read = moment(table.metadata.get("ingestedAt"))
        if read is None:
            yield unknown("The data does not say when its inputs were read.", "Publish with the pipeline, which writes it.", port.name)  # fmt: skip
            return
        problems = list(_contradictions(product, port, table, read))
        late = _unreported(product.record, read)
        for problem in problems:
            yield broken(problem, RUN, port.name)
        if late and read <= product.now < read + JUST_NOW:
            yield unknown(f"{late} The run may be under way.", "Assess it again later.", port.name)
        elif late:
            yield broken(late, RUN, port.name)
        if not problems and not late:
            yield kept(f"It is the data of the run that was reported, with inputs of {read:%Y-%m-%d %H:%M} UTC.", port.name)  # fmt: skip


def _contradictions(product: Evidence, port: Port, table: Table, read: datetime) -> Iterator[str]:
    record = product.record
    if read > product.now + AHEAD:
        yield "According to the data, its inputs were read in the future."
        return
    run = record.get("quality")
    if not isinstance(run, dict) or run.get("outcome") != "published":
        return
    started = moment(run.get("startedAt"))
    if started is None:
        return
    if read < started - AHEAD:
        yield f"The last run published at {started:%Y-%m-%d %H:%M} UTC, but the inputs of the data were read before, at {read:%Y-%m-%d %H:%M}."
    elif read > started + AHEAD and not _unreported(record, read):
        yield f"The last run began at {started:%Y-%m-%d %H:%M} UTC, but the data says that its inputs were read at {read:%Y-%m-%d %H:%M}."
    role = record.roles.get(product.role(port), {})
    if abs(read - started) <= AHEAD and type(run.get("rows")) is int and not role.get("rows"):
        rows = table.count()
        if rows != run["rows"]:
            yield f"The last run reports {run['rows']:,} rows, and the data has {rows:,}."


def _unreported(record: Record, read: datetime) -> str:
    """Return what is wrong if the data is newer than every report; empty otherwise."""
    measured = moment(record.get("measurement.measuredAt"))
    if measured is None or read <= measured + AHEAD:
        return ""
    return f"The inputs of the data were read at {read:%Y-%m-%d %H:%M} UTC, after the last published measurement: nothing was measured of it."


class FreshnessShowsAge(Fitness):
    """Do the moments by which freshness is measured show how old the rows are?

    One new row makes old data fresh, and so does a column into which each run writes its own time. This looks at how the
    moments are spread.
    """

    characteristic = "trustworthy"
    severity = "medium"
    probes = True

    def check(self, product: Evidence) -> Iterator[Verdict]:
        levels = [one for one in product.record.service_levels if one.indicator == "freshness" and one.column]
        if not levels:
            yield kept("No freshness is measured by a column.")
            return
        yield from at_ports(product, partial(self._at, product, levels))

    def _at(self, product: Evidence, levels: list[ServiceLevel], port: Port) -> Iterator[Verdict]:
        table = product.table(port)
        for level in levels:
            goal, place = objective(level.objective), f"{port.name}: {level.name}"
            if goal is None or goal.unit not in SECONDS:
                continue
            limit = goal.value * SECONDS[goal.unit]
            try:
                spread = table.moments(level.column or "", product.now - timedelta(seconds=limit))
            except Blocker as blocker:
                yield unknown(str(blocker), blocker.fix, place)
                continue
            problem = _lonely(spread, limit) or _stamped(spread, table, level.column or "")
            fix = "Measure a moment that the source gives to each row, or leave out `column`: then the time of reading counts."
            yield broken(problem, fix, place) if problem else kept(f"The moments in {as_text(level.column)} are spread over the rows.", place)  # fmt: skip


def _lonely(spread: Moments, limit: float) -> str:
    """Return what is wrong if only a few rows are fresh, after a gap; empty otherwise."""
    if not spread.recent or spread.first is None or spread.last_before is None or spread.first_since is None:
        return ""
    older, gap = spread.rows - spread.recent, spread.first_since - spread.last_before
    past = spread.last_before - spread.first
    expected = older / past * gap if past > 0 else float(older)
    if older < MANY_ROWS or gap <= GAP * limit or expected < FEW_ROWS * spread.recent:
        return ""
    days = display_value(gap / 86400, "d")
    return (
        f"{spread.recent:,} of {spread.rows:,} rows are within the objective; the next one is {days} older."
    )


def _stamped(spread: Moments, table: Table, column: str) -> str:
    """Return what is wrong if the moments are those of the run itself; empty otherwise."""
    read = moment(table.metadata.get("ingestedAt"))
    if read is None or spread.first is None or spread.last is None:
        return ""
    type_ = next((field.type for field in table.fields if field.name == column), "")
    slack = timedelta() if "TIME ZONE" in type_.upper() and "WITHOUT" not in type_.upper() else ZONES
    first, last = (_utc(seconds) for seconds in (spread.first, spread.last))
    if first >= read + slack and spread.rows >= MANY_ROWS:
        return f"No row in {as_text(column)} is older than the moment at which the inputs were read: the run has stamped them."
    if last > read + AHEAD + slack:
        return f"{as_text(column)} has a moment after the inputs were read: the rows cannot have come from there."
    return ""


def _utc(seconds: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=min(max(seconds, -6e10), 2.5e11))
