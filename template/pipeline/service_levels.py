"""Measure the service level indicators (SLIs) of the spec's service levels (SLOs)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import duckdb

from pipeline import declared_columns, evolution
from pipeline.dataset import Dataset, described
from pipeline.errors import UnreadableInput
from pipeline.grammar import SECONDS, objective
from pipeline.progress import say
from pipeline.spec import Product
from pipeline.sql import identifier, literal, only_row

CLOCKS = 600
"""Seconds that clocks may differ; a time further in the future is an error."""
ZONES = 14 * 3600
"""Seconds that a time or date without a zone can be ahead of UTC."""
MOMENTS = ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE")


@dataclass(frozen=True)
class Measurement:
    """A service level and its measured value, in `unit`."""

    name: str
    indicator: str
    objective: str
    value: float | None
    unit: str
    kept: bool | None
    """None: there is nothing to compare with yet."""
    reason: str = ""
    """Why there is no value, or why the value is wrong."""


class _NotTrue(Exception):
    """An indicator has no value, or an impossible one; the message says why."""


class _NotKnown(Exception):
    """An indicator has nothing to compare with yet; the message says why."""


def measure(
    product: Product, dataset: Dataset, started: datetime, *, published: bool = False
) -> list[Measurement]:
    """Measure every service level on the data set. `published`: the ports serve it, so that they can be opened."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"create view dataset as from {dataset.scan}")
        indicators = _Indicators(connection, product, dataset, started, published)
        measured = []
        for level in product.service_levels:
            try:
                measured.append(_judge(level, indicators.value(level["indicator"], level.get("column"))))
            except _NotTrue as problem:
                measured.append(_judge(level, None, str(problem)))
            except _NotKnown as problem:
                measured.append(replace(_judge(level, None, str(problem)), kept=None))
        return measured


def counted(
    product: Product, measured: list[Measurement], started: datetime, *, counts: bool
) -> list[dict[str, Any]]:
    """Return the levels for the report; those with a target with their error budget. `counts`: the run is in the history."""
    levels = [vars(level) for level in measured]
    if not product.has_targets:
        return levels
    from pipeline import error_budgets

    return (error_budgets.counted if counts else error_budgets.uncounted)(product, levels, started)


class _Indicators:
    """The indicators of a data set that a run has made."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        product: Product,
        dataset: Dataset,
        started: datetime,
        published: bool,
    ) -> None:
        self._connection, self._product, self._dataset = connection, product, dataset
        self._started, self._now, self._published = started, datetime.now(UTC), published
        relation = connection.sql("from dataset")
        self._columns = relation.columns
        self._kinds = {
            name.lower(): str(kind) for name, kind in zip(relation.columns, relation.types, strict=True)
        }

    def value(self, indicator: str, column: str | None) -> float | None:
        """Return the value of an indicator, in its own unit; raises _NotTrue, _NotKnown."""
        measure = {
            "freshness": self._freshness,
            "completeness": self._completeness,
            "volume": self._volume,
            "duration": self._duration,
            "volume-change": self._volume_change,
            "schema-stability": self._schema_stability,
            "availability": self._availability,
        }
        return measure[indicator](column)

    def _freshness(self, column: str | None) -> float | None:
        """Return the seconds since the newest value of `column`, or since the inputs were read."""
        if column is None:
            return _past(
                (self._now - datetime.fromisoformat(self._dataset.metadata["ingestedAt"])).total_seconds()
            )
        kind = self._kind_of(column)
        if kind not in MOMENTS:
            raise _NotTrue(f"the column {column} is {kind}, not a date or timestamp")
        name = identifier(column)
        if self._scalar(f"count(*) filter (not isfinite({name}))"):
            raise _NotTrue(f"the column {column} contains infinity, which is not a time")
        age = self._scalar(
            f"epoch({literal(self._now.isoformat())}::timestamptz) - epoch(max({name})::timestamptz)"
        )
        if age is None:
            raise _NotTrue(f"no row has a {column}" if self._dataset.rows else "there are no rows")
        newest = f"the newest {column} is "
        return _past(age, newest, 0 if kind.endswith("WITH TIME ZONE") else ZONES)

    def _completeness(self, column: str | None) -> float | None:
        """Return the per cent of the rows that have a value in `column`; NaN is none."""
        name = identifier(column or "")
        value = "nullif(isnan({0}), true)" if self._kind_of(column) in ("FLOAT", "DOUBLE") else "{0}"
        share = self._scalar(f"100.0 * count({value.format(name)}) / nullif(count(*), 0)")
        if share is None:
            raise _NotTrue("there are no rows")
        if not 0 <= share <= 100:
            raise _NotTrue(f"{share:g} % of the rows cannot have a value")
        return share

    def _volume(self, column: str | None) -> float | None:
        """Return the number of rows."""
        return float(self._dataset.rows)

    def _duration(self, column: str | None) -> float | None:
        """Return the seconds that the run took."""
        return _past((self._now - self._started).total_seconds(), "the run began ")

    def _volume_change(self, column: str | None) -> float | None:
        """Return the per cent of rows more than last published, negative for fewer."""
        before, now = declared_columns.published_rows(self._product), self._dataset.rows
        if before is None:
            raise _NotKnown("no earlier publication is known")
        if before == 0 and now:
            raise _NotKnown("the last publication had no rows, of which no change is a percentage")
        return 100.0 * (now - before) / before if before else 0.0

    def _schema_stability(self, column: str | None) -> float | None:
        """Return the number of breaking changes since the last publication."""
        before = declared_columns.published_types(self._product)
        if not before:
            raise _NotKnown("no earlier publication is known")
        return float(evolution.breaking(before, described(self._dataset.parts)))

    def _availability(self, column: str | None) -> float | None:
        """Return the per cent of the ports that a reader can open."""
        if not self._published:
            raise _NotKnown("nothing is published yet")
        from pipeline.port_availability import unavailable

        ports = self._product.outputs
        problems = list(filter(None, (unavailable(port, self._product, self._dataset) for port in ports)))
        for problem in problems:
            say(f"            {problem}", level="warning")
        return 100.0 * (len(ports) - len(problems)) / len(ports)

    def _scalar(self, expression: str) -> float | None:
        try:
            (value,) = only_row(self._connection.execute(f"select {expression} from dataset"))
        except duckdb.Error as error:
            raise UnreadableInput(
                f"A service level cannot be measured: {error}",
                fix="Fix its column in spec.serviceLevels.",
            ) from error
        return None if value is None else float(value)

    def _kind_of(self, column: str | None) -> str:
        kind = self._kinds.get((column or "").lower())
        if kind is None:
            raise UnreadableInput(
                f"A service level uses the column {column}, which the data set does not have. "
                f"It has {', '.join(self._columns)}.",
                fix="Use one of these columns in spec.serviceLevels of data-product.yaml.",
            )
        return kind


def _past(seconds: float | None, what: str = "the inputs were read ", ahead: int = 0) -> float | None:
    """Return the seconds that have passed; 0 for a time ahead by a possible difference of clocks and zones. Raises _NotTrue."""
    if seconds is None:
        return None
    if not math.isfinite(seconds):
        raise _NotTrue(f"{what}at an impossible time")
    if seconds < -CLOCKS - ahead:
        raise _NotTrue(f"{what}{-seconds / 3600:,.1f} h in the future")
    return max(seconds, 0.0)


def _judge(level: Mapping[str, str], measured: float | None, reason: str = "") -> Measurement:
    goal = objective(level["objective"])
    if goal is None:
        raise UnreadableInput(
            f"data-product.yaml: service level {level['name']}: {level['objective']} is not a valid objective.",
            fix="Write a comparison and a value, such as `<= 24h` or `>= 99%`.",
        )
    value = None if measured is None else measured / SECONDS.get(goal.unit, 1)
    # A level that could not be measured counts as missed.
    kept = value is not None and goal.met(value)
    return Measurement(
        level["name"],
        level["indicator"],
        level["objective"],
        None if value is None else round(value, 3),
        goal.unit,
        kept,
        reason,
    )


def as_text(product: Product, levels: list[dict[str, Any]]) -> str:
    """Return the content of build/slis.json."""
    record = {
        "product": f"{product.domain}/{product.name}",
        "version": product.version,
        # It identifies this publication to the products that read it (trigger@1).
        "measuredAt": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "serviceLevels": [
            {key: value for key, value in level.items() if key != "reason" or value} for level in levels
        ],
    }
    return json.dumps(record, indent=2) + "\n"
