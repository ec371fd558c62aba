"""The base class of all rules. `check/rules/__init__.py` registers each rule that a module beside this one defines."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, ClassVar

from meshwright.product import metamodel
from meshwright.product.problem import Problem


class Rule:
    """A promise that every data product keeps."""

    broken: dict[str, Any]
    """A JSON merge patch (RFC 7396) that breaks the rule, by file; None deletes the file, a text replaces it,
    and `twin` is a second product: a description of it, or a patch that breaks the rule in a product that reads the first."""

    usually: ClassVar[str] = "error"
    """Its default level, unless the organisation sets another: `error`, `warning` or `note`."""

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
        return metamodel.level(self.id, self.usually)

    def check(self, *args: Any, **facts: Any) -> Iterator[Problem]:
        """Yield each place where the rule is broken. A rule names the facts that it needs; a type checker
        accepts any signature for `*args: Any, **facts: Any`."""
        raise NotImplementedError
