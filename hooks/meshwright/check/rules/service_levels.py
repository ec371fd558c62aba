"""Rules on service levels: an objective must fit its indicator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from meshwright.check.rules.base import Rule
from meshwright.core.text import listed
from meshwright.core.yaml import Document
from meshwright.product import metamodel
from meshwright.product.contract import columns
from meshwright.product.files import SPEC
from meshwright.product.grammar import objective
from meshwright.product.problem import Problem


def _level(**changes: str) -> dict[str, Any]:
    level = {"name": "level", "indicator": "freshness", "objective": "<= 24h"} | changes
    return {SPEC: {"spec": {"serviceLevels": [level]}}}


class ObjectiveMeasurable(Rule):
    """An indicator can both meet and miss its objective.

    Freshness and duration are times and have an upper bound; completeness is a percentage and, like
    volume, has a lower bound. An objective that is always or never met promises nothing.
    """

    broken = _level(objective=">= 24h")

    def check(self, spec: Document) -> Iterator[Problem]:
        for keys, item in spec.items("spec.serviceLevels"):
            indicator = item.get("indicator")
            goal = objective(str(item.get("objective")))
            if not isinstance(indicator, str) or indicator not in metamodel.INDICATORS or not goal:
                continue  # left to the schema
            units, direction, _ = metamodel.INDICATORS[indicator]
            share = goal.unit == "%"
            bounded = not share or goal.value < 100 or (goal.value == 100 and goal.comparison == ">=")
            points = goal.comparison.startswith(direction)
            if goal.unit not in units or not points or goal.value == 0 or not bounded:
                detail = f"{item['objective']!r} cannot be both met and missed by {indicator}."
                fix = f"Write {direction} or {direction}=, a number above 0 and one of: {listed(units)}."
                yield Problem(spec, (*keys, "objective"), detail, fix)


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
