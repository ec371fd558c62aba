"""The rules of the metamodel. A rule is a class in one of these modules, and that is all it takes to add one.

Its name is the rule's id, its docstring says what is promised (the first paragraph) and why (the rest),
`broken` is a change that breaks it: the reference page shows it, and a test applies it. `check` names
what it needs as arguments (see `meshwright.check.engine.Facts`) and yields a Problem for each thing that is wrong;
it does not run where one of them cannot be read. What must only be there is a row of `metamodel.MANDATORY`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from meshwright.check.rules.base import Rule


def _discover() -> Iterator[Rule]:
    for entry in pkgutil.iter_modules(__path__, f"{__name__}."):
        module = importlib.import_module(entry.name)
        made = getattr(module, "RULES", ())  # of a table, each with the module's own class
        yield from made
        for value in vars(module).values():
            is_rule = isinstance(value, type) and issubclass(value, Rule) and value.__module__ == entry.name
            if is_rule and value is not Rule and value not in map(type, made):
                yield value()


RULES = tuple(_discover())
"""Every rule, by module and then in the order in which they stand there."""
