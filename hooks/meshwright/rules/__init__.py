"""The rules of the metamodel. A rule is a class in one of these modules, and that is all it takes to add one.

Its name is the rule's id, its docstring says what is promised (the first paragraph) and why (the rest),
`broken` is a change that breaks it: the reference page shows it, and a test applies it. `check` names
what it needs as arguments (see `meshwright.check.Facts`) and yields a Problem for each thing that is wrong;
it does not run where one of them cannot be read.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from meshwright import metamodel
from meshwright.document import Document, Keys
from meshwright.wording import listed as listed


@dataclass(frozen=True)
class Problem:
    """One place where a rule is not kept."""

    document: Document | str
    """The document, or the path of a file that is none."""
    keys: Keys
    """Where in the document."""
    detail: str
    """What is wrong there, as a sentence."""
    mend: str
    line: int = 1
    """For a file that is no document."""


class Rule:
    """A promise that every data product keeps."""

    broken: ClassVar[dict[str, Any]]
    """A JSON merge patch (RFC 7396) that breaks the rule, by file; None deletes the file, a text is all of it,
    and `twin` stands for a second product: words about it, or what breaks the rule in one that reads the first."""

    usually: ClassVar[str] = "error"
    """Its level where the organisation says no other: `error`, `warning` or `note`."""

    @property
    def id(self) -> str:
        return type(self).__name__

    @property
    def promise(self) -> str:
        return " ".join(inspect.cleandoc(self.__doc__ or "").partition("\n\n")[0].split())

    @property
    def why(self) -> str:
        return inspect.cleandoc(self.__doc__ or "").partition("\n\n")[2]

    @property
    def level(self) -> str:
        return metamodel.LEVELS.get(self.id, self.usually)

    def check(self, **facts: Any) -> Iterator[Problem]:
        raise NotImplementedError


class Mandatory(Rule):
    """A rule that demands attributes of the spec."""

    attributes: ClassVar[tuple[str, ...]]
    mend: ClassVar[str]

    def check(self, spec: Document) -> Iterator[Problem]:
        missing: list[str] = []
        for attribute in self.attributes:
            parent = attribute.rpartition(".")[0]
            if parent in missing or not isinstance(spec.get(parent, {}), dict):
                continue  # one finding for the whole, from here or from the schema
            if spec.get(attribute) in (None, "", [], {}):
                missing.append(attribute)
                yield Problem(spec, tuple(attribute.split(".")), f"{attribute} is missing.", self.mend)


def _discover() -> tuple[Rule, ...]:
    found = []
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        for entry in vars(importlib.import_module(module.name)).values():
            if isinstance(entry, type) and issubclass(entry, Rule) and entry.__module__ == module.name:
                found.append(entry())
    return tuple(found)


RULES = _discover()
"""Every rule, by module and then in the order in which they stand there."""
