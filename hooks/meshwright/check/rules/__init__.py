"""The rules of the metamodel. Each rule is a class in one of these modules; defining the class adds the rule.

Its name is the rule's id. Its docstring has the promise (first paragraph) and the reason (the rest). `broken` is a
change that breaks it: the reference page shows it, and a test applies it. `check` names
the facts that it needs as arguments (see `meshwright.check.engine.Facts`) and yields a Problem for each violation;
it is skipped if one of the facts cannot be read. A rule that only requires an attribute is a row of `metamodel.MANDATORY`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from meshwright.check.rules.base import Rule


def _discover() -> Iterator[Rule]:
    for entry in pkgutil.iter_modules(__path__, f"{__name__}."):
        module = importlib.import_module(entry.name)
        made = getattr(module, "RULES", ())  # from a table, each with the module's own class
        yield from made
        for value in vars(module).values():
            is_rule = isinstance(value, type) and issubclass(value, Rule) and value.__module__ == entry.name
            if is_rule and value is not Rule and value not in map(type, made):
                yield value()


RULES = tuple(_discover())
"""Every rule, by module, then in the order of definition."""
