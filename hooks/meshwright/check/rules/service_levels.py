"""Rules on service levels: an objective must fit its indicator, and a target its window."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from meshwright.check.rules.base import Rule
from meshwright.core.text import listed
from meshwright.core.yaml import Document
from meshwright.product import metamodel
from meshwright.product.contract import columns
from meshwright.product.files import SPEC
from meshwright.product.grammar import Objective, objective, over_time
from meshwright.product.problem import Problem


def _level(**changes: str) -> dict[str, Any]:
    level = {"name": "level", "indicator": "freshness", "objective": "<= 24h"} | changes
    return {SPEC: {"spec": {"serviceLevels": [level]}}}


class ObjectiveMeasurable(Rule):
    """An indicator can both meet and miss its objective.

    Freshness and duration are times and have an upper bound, as the number of breaking changes of a stable schema has.
    Completeness and availability are percentages and, like volume, have a lower bound. A change of volume is a percentage,
    negative if there are fewer rows, and may have a bound on either side. An objective that is always or never met promises
    nothing.
    """

    broken = _level(objective=">= 24h")

    def check(self, spec: Document) -> Iterator[Problem]:
        for keys, item in spec.items("spec.serviceLevels"):
            indicator = item.get("indicator")
            goal = objective(str(item.get("objective")))
            if not isinstance(indicator, str) or indicator not in metamodel.INDICATORS or not goal:
                continue  # left to the schema
            units, direction, _ = metamodel.INDICATORS[indicator]
            points = goal.comparison.startswith(direction)
            if goal.unit not in units or not points or not _is_decisive(indicator, goal):
                detail = f"{item['objective']!r} cannot be both met and missed by {indicator}."
                yield Problem(spec, (*keys, "objective"), detail, _fix(indicator))


def _is_decisive(indicator: str, goal: Objective) -> bool:
    """Return True if some possible values meet the objective, and others do not."""
    inclusive = "=" in goal.comparison
    if indicator == "volume-change":  # all rows gone is -100 %
        return goal.value > -100 or (goal.value == -100 and goal.comparison in (">", "<="))
    if indicator == "schema-stability":
        return goal.value > 0 or (goal.value == 0 and inclusive)
    return goal.value > 0 and (goal.unit != "%" or goal.value < 100 or (goal.value == 100 and inclusive))


def _fix(indicator: str) -> str:
    """Return how an objective of the indicator is written."""
    units, direction, _ = metamodel.INDICATORS[indicator]
    if indicator == "volume-change":
        return "Write a comparison and a percentage above -100%, such as `>= -20%`; for a range, two service levels."
    if indicator == "schema-stability":
        return "Write `<=` and a number of breaking changes, such as `<= 0 changes`."
    return f"Write {direction} or {direction}=, a number above 0 and one of: {listed(units)}."


class TargetMeasurable(Rule):
    """A target over time can be both met and missed, and has a window.

    A target of less than half of the runs promises nothing that a consumer can rely on, and one of all runs is the
    objective without a target. A window longer than a year ends after the product has changed.
    """

    broken = _level(target="20%", window="30d")

    def check(self, spec: Document) -> Iterator[Problem]:
        lowest, longest = metamodel.TARGETS
        for keys, item in spec.items("spec.serviceLevels"):
            goal = over_time(item)
            if goal is None:
                continue  # left to the schema
            if goal.share * 100 < lowest:
                detail = f"The target {item['target']} lets more than {100 - lowest} % of the runs miss the objective."
                fix = f"Write a target from {lowest}% to below 100%, such as `99%`; for every run, remove `target` and `window`."
                yield Problem(spec, (*keys, "target"), detail, fix)
            if goal.days > longest:
                detail = f"The window {item['window']} is longer than {longest} days."
                yield Problem(spec, (*keys, "window"), detail, f"Write 1d to {longest}d, such as `30d`.")


class IndicatorColumnKnown(Rule):
    """The column of an indicator is a column of the contract; completeness needs one."""

    broken = _level(column="gone")

    def check(self, spec: Document, contract: Document) -> Iterator[Problem]:
        known = columns(spec, contract)
        for keys, item in spec.items("spec.serviceLevels"):
            column, indicator = item.get("column"), item.get("indicator")
            _, _, needs = metamodel.INDICATORS.get(
                indicator if isinstance(indicator, str) else "", ((), "", None)
            )
            here = (*keys, "column")
            if column is None and needs:
                detail = f"{indicator} is measured on a column, but no column is given."
                yield Problem(spec, keys, detail, "Give it a `column`.")
            elif column is not None and needs is False:
                yield Problem(spec, here, f"{indicator} is not measured on a column.", "Remove `column`.")
            elif isinstance(column, str) and known:
                if column not in known:
                    detail = f"The contract has no column {column}."
                    yield Problem(spec, here, detail, f"Use one of: {listed(known)}.")
                elif indicator == "freshness" and known[column].get("logicalType") not in (
                    "date",
                    "timestamp",
                ):
                    detail = f"The column {column} is neither a date nor a timestamp."
                    yield Problem(spec, here, detail, "Use a column with a date or a timestamp.")
