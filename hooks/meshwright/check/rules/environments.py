"""Rules on the spec's environments."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from meshwright.check.rules.base import Rule
from meshwright.core.yaml import Document, Unreadable
from meshwright.product import registry, schema
from meshwright.product.environments import bind, names
from meshwright.product.files import SPEC
from meshwright.product.problem import Problem
from meshwright.product.validate import misshapen


class EnvironmentsFit(Rule):
    """The product is complete in each of its environments.

    An environment lists only its differences. With them applied, all inputs and ports that it names must exist, and each
    capability must have all its required properties.
    """

    broken = {SPEC: {"spec": {"environments": {"production": {"outputs": {"lake": {"uses": "delta@1"}}}}}}}

    def check(self, spec: Document) -> Iterator[Problem]:
        if any(True for _ in misshapen(spec, schema.data_product)):
            return  # left to the schema
        for name in names(spec):
            place = ("spec", "environments", name)
            try:
                bound = bind(spec, name)
            except Unreadable as error:
                yield Problem(spec, place, str(error), error.fix)
                continue
            for problem in misshapen(bound, schema.data_product):
                where = ".".join(map(str, problem.keys))
                yield Problem(spec, place, f"In this environment, {where}: {problem.detail}", problem.fix)


class ViewsWhereDuckdbRuns(Rule):
    """A view is served only where DuckDB runs the models, over inputs that can be read in place.

    `view@1` copies nothing: its SQL is DuckDB's, and reads the sources where they are. Another platform runs the models
    elsewhere, a history or an increment contains more than the sources, and inputs from databases and APIs are loaded.
    Then a run ends before it reads anything.
    """

    usually = "warning"
    broken = {
        SPEC: {
            "spec": {
                "outputs": [{"name": "lake", "uses": "view@1", "properties": {"path": "build/ports/lake"}}],
                "platform": {"uses": "postgres@1", "properties": {"url": "build/warehouse"}},
            }
        }
    }

    def check(self, spec: Document) -> Iterator[Problem]:
        if any(True for _ in misshapen(spec, schema.data_product)):
            return
        places: list[tuple[tuple[str, ...], Document]] = [(("spec", "outputs"), spec)]
        for name in names(spec):
            with contextlib.suppress(Unreadable):  # EnvironmentsFit says so
                places.append((("spec", "environments", name), bind(spec, name)))
        known: set[str] = set()
        for place, bound in places:
            for port in bound.get("spec.outputs"):
                reason = _unviewable(bound) if port["uses"] == "view@1" else ""
                if reason and reason not in known:
                    known.add(reason)
                    yield Problem(
                        spec,
                        place,
                        f"The port {port['name']} is a view, and {reason}.",
                        "Serve the data through another port there, such as parquet@1.",
                    )


def _unviewable(spec: Document) -> str:
    """Return why no view can be made of a product; empty if one can."""
    platform = (spec.get("spec.platform") or {}).get("uses", "duckdb@1")
    if platform != "duckdb@1":
        return f"a view needs models that run on DuckDB, not on {platform}"
    for trait in spec.get("spec.traits") or []:
        if trait["uses"] in ("incremental@1", "snapshot@1"):
            return f"with {trait['uses']} the data set contains more than its sources"
    inputs = spec.get("spec.inputs") or []
    entries = [registry.find("inputs", str(source.get("uses"))) for source in inputs]
    if entries and all(entry and not entry.in_place for entry in entries):
        return (
            f"{inputs[0]['uses']} (input {inputs[0]['name']}) loads its data, so a view has nothing to read"
        )
    return ""
