"""What every rule is: see the modules beside this one."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, ClassVar

from meshwright.product import metamodel
from meshwright.product.problem import Problem


class Rule:
    """A promise that every data product keeps."""

    broken: dict[str, Any]
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
        return metamodel.level(self.id, self.usually)

    def check(self, *args: Any, **facts: Any) -> Iterator[Problem]:
        """Yields each place where the rule is not kept. A rule names the facts that it needs; a type checker
        takes `*args: Any, **facts: Any` for any signature."""
        raise NotImplementedError
