"""Rules on when a product runs by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from meshwright.check.rules.base import Rule
from meshwright.core.yaml import Document
from meshwright.product.files import SPEC
from meshwright.product.problem import Problem
from meshwright.product.record import PRODUCT

ASKS = {"uses": "trigger@1", "properties": {"cron": "*/15 * * * *", "deadline": "26h"}}


class TriggerHasInputs(Rule):
    """A product with the trait `trigger@1` reads another data product.

    It runs when the products that it reads have published. Nobody publishes an operational system.
    """

    broken = {SPEC: {"spec": {"traits": [ASKS]}}}

    def check(self, spec: Document) -> Iterator[Problem]:
        sources = [str(item.get("from")) for _, item in spec.items("spec.inputs")]
        if not sources:
            return  # a product that begins without data; the run refuses it
        if not any(source.startswith(PRODUCT) for source in sources):
            for keys, _ in _uses(spec, "trigger"):
                yield Problem(
                    spec,
                    (*keys, "uses"),
                    "trigger@1 waits for other data products, and this one reads none, so it would never run.",
                    'Use schedule@1, such as {uses: schedule@1, properties: {cron: "0 5 * * *"}}, or add an input with'
                    " `from: dp:<domain>/<product>#<port>`.",
                )


class OneTrigger(Rule):
    """A product runs at times of its own (`schedule@1`) or when its inputs are ready (`trigger@1`): one of both, once.

    With both, nobody knows which of them a run belongs to, and a run at its time would take inputs for which the
    trigger still waits. A trigger that also has to run by a certain time has a deadline.
    """

    broken = {SPEC: {"spec": {"traits": [{"uses": "schedule@1", "properties": {"cron": "0 5 * * *"}}, ASKS]}}}

    def check(self, spec: Document) -> Iterator[Problem]:
        triggers, schedules = (list(_uses(spec, name)) for name in ("trigger", "schedule"))
        for keys, _ in triggers[0 if schedules else 1 :]:
            other = "schedule@1" if schedules else "another trigger@1"
            yield Problem(
                spec,
                (*keys, "uses"),
                f"The product has trigger@1 and {other}.",
                "Remove one of both. `deadline` with `past-deadline: run` lets trigger@1 run by then with what is new.",
            )


def _uses(spec: Document, name: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    for keys, item in spec.items("spec.traits"):
        if str(item.get("uses")).startswith(f"{name}@"):
            yield keys, item
