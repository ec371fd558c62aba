"""The error of a forge that gives no usable answer."""

from __future__ import annotations

from typing import ClassVar

from meshwright.core.errors import Error


class ForgeUnavailable(Error):
    """The forge gives no answer that can be used: it is away, refuses the token, or answers in another form."""

    exit_code: ClassVar[int] = 1
