"""Measures the service level indicators (SLIs) that the spec's service levels (SLOs) name."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb

from pipeline.dataset import Dataset
from pipeline.errors import UnreadableInput
from pipeline.spec import Product
from pipeline.sql import identifier, literal

OBJECTIVE = re.compile(r"^(?P<comparison><=|>=|<|>) *(?P<value>[0-9]+(\.[0-9]+)?) *(?P<unit>s|m|h|d|%|rows)$")
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Measurement:
    """A service level, and the value that its indicator had; `value` is in `unit`."""

    name: str
    indicator: str
    objective: str
    value: float | None
    unit: str
    kept: bool


def measure(product: Product, dataset: Dataset, started: datetime) -> list[Measurement]:
    """Measures every service level on the data set that was published."""
    now = datetime.now(UTC)
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"create view dataset as from {dataset.scan}")

        def scalar(expression: str) -> float | None:
            try:
                (value,) = connection.execute(f"select {expression} from dataset").fetchone()
            except duckdb.Error as error:
                raise UnreadableInput(
                    f"A service level cannot be measured: {error}",
                    mend="Mend its column in spec.serviceLevels.",
                ) from error
            return None if value is None else float(value)

        def freshness(column: str | None) -> float | None:
            """Seconds since the newest value of `column`, or since the inputs were read."""
            if column is None:
                return (now - datetime.fromisoformat(dataset.metadata["ingestedAt"])).total_seconds()
            return scalar(
                f"epoch({literal(now.isoformat())}::timestamptz) - epoch(max({identifier(column)})::timestamptz)"
            )

        def completeness(column: str | None) -> float | None:
            """Per cent of the rows that have a value in `column`."""
            return scalar(f"100.0 * count({identifier(column)}) / nullif(count(*), 0)")

        def volume(column: str | None) -> float | None:
            """Rows."""
            return float(dataset.rows)

        def duration(column: str | None) -> float | None:
            """Seconds that the run took."""
            return (now - started).total_seconds()

        indicators = {
            "freshness": freshness,
            "completeness": completeness,
            "volume": volume,
            "duration": duration,
        }
        return [
            _judge(level, indicators[level["indicator"]](level.get("column")))
            for level in product.service_levels
        ]


def _judge(level: dict[str, str], measured: float | None) -> Measurement:
    objective = OBJECTIVE.match(level["objective"])
    if objective is None:
        raise UnreadableInput(
            f"data-product.yaml: service level {level['name']}: {level['objective']} is no objective."
        )
    unit = objective["unit"]
    value = None if measured is None else measured / SECONDS.get(unit, 1)
    # What could not be measured was not kept.
    kept = value is not None and COMPARISONS[objective["comparison"]](value, float(objective["value"]))
    return Measurement(
        level["name"],
        level["indicator"],
        level["objective"],
        None if value is None else round(value, 3),
        unit,
        kept,
    )


def told(product: Product, levels: list[dict[str, Any]]) -> str:
    """What build/slis.json says."""
    record = {
        "product": f"{product.domain}/{product.name}",
        "version": product.version,
        "measuredAt": datetime.now(UTC).isoformat(timespec="seconds"),
        "serviceLevels": levels,
    }
    return json.dumps(record, indent=2) + "\n"
