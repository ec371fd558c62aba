"""`meshwright assess`: fitness functions over all products of a mesh, for six characteristics.

A fitness function is a class in one of the modules below functions/, and that is all it takes to add one (or in a module
of an organisation's own: a folder that fitness.yaml names, or the entry point `meshwright.fitness`). Its name is its id,
its docstring says what is asked (the first paragraph) and why (the rest).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from meshwright.assess.evidence import Evidence


State = Literal["kept", "broken", "inconclusive", "excepted"]
"""`inconclusive`: it could not be looked at; neither for nor against the product. `excepted`: broken, and governance
knows why and until when; it does not count against the score, and is shown."""


@dataclass(frozen=True)
class Verdict:
    """What a function found at one place of a product."""

    state: Literal["kept", "broken", "inconclusive"]
    evidence: str
    """What was looked at and seen, as a sentence: never a value of the data. Names of the mesh stand in it as they are:
    hostile until printed or escaped."""
    fix: str = ""
    """What the team does about it; empty where there is nothing to do."""
    place: str = ""
    """Which port, column or service level; empty: the product as a whole."""


class Fitness:
    """A question that is asked of every product of the mesh."""

    characteristic: ClassVar[str]
    """One of CHARACTERISTICS."""
    severity: ClassVar[str] = "medium"
    """A key of SEVERITIES."""
    probes: ClassVar[bool] = False
    """Whether it looks at storage or a catalog; `--static` leaves it out, and its result is then inconclusive."""

    @property
    def id(self) -> str:
        return type(self).__name__

    @property
    def question(self) -> str:
        return " ".join(inspect.cleandoc(self.__doc__ or "").partition("\n\n")[0].split())

    @property
    def why(self) -> str:
        return inspect.cleandoc(self.__doc__ or "").partition("\n\n")[2]

    def check(self, product: Evidence) -> Iterator[Verdict]:
        """Yields a verdict for each place that it looks at. Nothing at all means that there was nothing to look at, which
        counts as inconclusive. What it raises is inconclusive, too, and told."""
        raise NotImplementedError


def as_text(value: Any) -> str:
    """For evidence: a short text of something that may be long."""
    text = str(value)
    return text if len(text) <= 200 else f"{text[:150]} … {text[-40:]}"
