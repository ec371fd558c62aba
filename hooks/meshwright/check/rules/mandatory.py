"""Rules on the attributes that every data product has: one for each row of `metamodel.MANDATORY`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from meshwright.check.rules.base import Rule
from meshwright.core.yaml import Document
from meshwright.product import metamodel
from meshwright.product.files import SPEC
from meshwright.product.problem import Problem


class Mandatory(Rule):
    """A rule that requires attributes of the spec."""

    def __init__(self, id: str, row: metamodel.Mandatory) -> None:
        self._id, self._row = id, row
        self.attributes, self.fix = row.attributes, row.fix
        self.broken = {SPEC: _without(row.attributes[0].split("."))}

    @property
    def id(self) -> str:
        return self._id

    @property
    def promise(self) -> str:
        return self._row.promise

    @property
    def why(self) -> str:
        return ""

    def check(self, spec: Document) -> Iterator[Problem]:
        missing: list[str] = []
        for attribute in self.attributes:
            parent = attribute.rpartition(".")[0]
            if parent in missing or not isinstance(spec.get(parent, {}), dict):
                continue  # the missing parent is reported once, here or by the schema
            if spec.get(attribute) in (None, "", [], {}):
                missing.append(attribute)
                yield Problem(spec, tuple(attribute.split(".")), f"{attribute} is missing.", self.fix)


def _without(keys: list[str]) -> dict[str, Any]:
    """Return the merge patch that removes the value at `keys`."""
    return {keys[0]: _without(keys[1:]) if keys[1:] else None}


RULES = tuple(Mandatory(id, row) for id, row in metamodel.MANDATORY.items())
