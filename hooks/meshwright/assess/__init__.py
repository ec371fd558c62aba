"""`meshwright assess`: fitness functions over all products of a mesh, for six characteristics.

A fitness function is a class in one of the modules below functions/; defining the class adds the function. An
organisation can have its own modules: in a folder listed in fitness.yaml, or at the entry point `meshwright.fitness`.
The class name is the function's id; its docstring has the question (first paragraph) and the reason (the rest).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from meshwright.assess.evidence import Evidence
    from meshwright.product.record import Record


State = Literal["kept", "broken", "inconclusive", "excepted"]
"""`inconclusive`: it could not be examined, and does not change the score. `excepted`: broken, but governance has
granted an exception with a reason and an end; it is shown, and does not lower the score."""


@dataclass(frozen=True)
class Verdict:
    """The result of a function at one place of a product."""

    state: Literal["kept", "broken", "inconclusive"]
    evidence: str
    """What was examined and observed, as a sentence: never a value of the data. It contains names of the mesh unchanged:
    untrusted until printed or escaped."""
    fix: str = ""
    """What the team has to do; empty if nothing."""
    place: str = ""
    """The port, column or service level; empty: the product as a whole."""


class Fitness:
    """A question about every product of the mesh."""

    characteristic: ClassVar[str]
    """One of CHARACTERISTICS."""
    severity: ClassVar[str] = "medium"
    """A key of SEVERITIES."""
    probes: ClassVar[bool] = False
    """True if it reads storage or a catalog; with `--static` it is skipped, and its result is inconclusive."""

    def is_about_documents(self, record: Record) -> bool:
        """Return True if the verdicts on this product follow from its documents alone, so that they can be kept: from no
        storage, directory, other product, setting or clock."""
        return False

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
        """Yield a verdict for each place that is examined. No verdict means that there was nothing to examine, which
        counts as inconclusive. An exception is inconclusive, too, and reported."""
        raise NotImplementedError


def as_text(value: Any) -> str:
    """Return a short text of a value for evidence."""
    text = str(value)
    return text if len(text) <= 200 else f"{text[:150]} … {text[-40:]}"
