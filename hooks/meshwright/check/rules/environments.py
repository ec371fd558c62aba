"""What the spec binds otherwise in an environment."""

from __future__ import annotations

from collections.abc import Iterator

from meshwright.check.rules.base import Rule
from meshwright.core.yaml import Document, Unreadable
from meshwright.product import schema
from meshwright.product.environments import bind, names
from meshwright.product.files import SPEC
from meshwright.product.problem import Problem
from meshwright.product.validate import misshapen


class EnvironmentsFit(Rule):
    """In each of its environments, the product is a whole one.

    An environment says only what is bound otherwise there. What comes of it has to name inputs and ports that the
    product has, and to give each capability all that it needs to know.
    """

    broken = {SPEC: {"spec": {"environments": {"production": {"outputs": {"lake": {"uses": "delta@1"}}}}}}}

    def check(self, spec: Document) -> Iterator[Problem]:
        if any(True for _ in misshapen(spec, schema.data_product)):
            return  # the schema says so
        for name in names(spec):
            place = ("spec", "environments", name)
            try:
                bound = bind(spec, name)
            except Unreadable as error:
                yield Problem(spec, place, str(error), error.fix)
                continue
            for problem in misshapen(bound, schema.data_product):
                where = ".".join(map(str, problem.keys))
                yield Problem(spec, place, f"There, {where}: {problem.detail}", problem.fix)
