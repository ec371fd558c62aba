"""The error of a forge that gives no usable answer."""

from __future__ import annotations

from typing import ClassVar

from meshwright.core.errors import Error


class ForgeUnavailable(Error):
    """The forge gives no answer that can be used: it is away, refuses the token, or answers in another form."""

    exit_code: ClassVar[int] = 1


class ForgeRefuses(ForgeUnavailable):
    """The forge does not take the token, or the token has not the right."""


class ForgeBusy(ForgeUnavailable):
    """The forge takes no more requests of this token for now."""
