"""Service levels: an objective that its indicator can be held against."""

from __future__ import annotations

import re
from collections.abc import Iterator

from meshwright import metamodel
from meshwright.document import Document
from meshwright.rules import Problem, Rule
from meshwright.rules.contract import columns

OBJECTIVE = re.compile(
    r"^(?P<comparison><=|>=|<|>) *(?P<value>[0-9]+(?:\.[0-9]+)?) *(?P<unit>s|m|h|d|%|rows)$"
)


def _level(**changes: str) -> dict:
    level = {"name": "level", "indicator": "freshness", "objective": "<= 24h"} | changes
    return {"data-product.yaml": {"spec": {"serviceLevels": [level]}}}


class ObjectiveMeasurable(Rule):
    """An objective is one that its indicator can meet and can miss.

    Freshness and duration are times and have an upper bound; completeness is a share in per cent and, like
    volume, has a lower bound. What is always or never met says nothing.
    """

    broken = _level(objective=">= 24h")

    def check(self, spec: Document) -> Iterator[Problem]:
        for keys, item in spec.items("spec.serviceLevels"):
            indicator = item.get("indicator")
            objective = OBJECTIVE.match(str(item.get("objective")))
            if not isinstance(indicator, str) or indicator not in metamodel.INDICATORS or not objective:
                continue  # the schema says so
            units, direction, _ = metamodel.INDICATORS[indicator]
            value = float(objective["value"])
            possible = value <= 100 if objective["unit"] == "%" else True
            always = value == 0 if direction == ">" else False
            never = (value == 0 and objective["comparison"] == "<") or (
                objective["unit"] == "%" and objective[0] == ">100%"
            )
            if (
                objective["unit"] not in units
                or not objective["comparison"].startswith(direction)
                or not possible
                or never
                or (always and objective["comparison"] == ">=")
                or (objective["unit"] == "%" and value == 100 and objective["comparison"] == ">")
            ):
                yield Problem(
                    spec,
                    (*keys, "objective"),
                    f"{item['objective']!r} cannot be both met and missed by {indicator}.",
                    f"Give {direction} or {direction}=, a number and one of: {', '.join(units)}.",
                )


class IndicatorColumnKnown(Rule):
    """The column that an indicator looks at is a column of the contract; completeness needs one."""

    broken = _level(column="gone")

    def check(self, spec: Document, contract: Document) -> Iterator[Problem]:
        known = columns(spec, contract)
        for keys, item in spec.items("spec.serviceLevels"):
            column, indicator = item.get("column"), item.get("indicator")
            _, _, needs = metamodel.INDICATORS.get(
                indicator if isinstance(indicator, str) else "", ((), "", None)
            )
            if column is None and needs:
                yield Problem(
                    spec,
                    keys,
                    f"{indicator} is measured on a column, and none is named.",
                    "Give it a `column`.",
                )
            if column is not None and needs is False:
                yield Problem(
                    spec, (*keys, "column"), f"{indicator} looks at no column.", "Leave `column` out."
                )
            elif column is not None and known and column not in known:
                yield Problem(
                    spec,
                    (*keys, "column"),
                    f"The contract has no column {column}.",
                    f"Name one of: {', '.join(known)}.",
                )
