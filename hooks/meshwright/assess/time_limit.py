"""A limit for what takes too long, in a process of the assessment's own."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

_enabled = False
"""Whether this process was started for the assessment, so that its alarm is nobody else's."""


class TooLong(BaseException):
    """What took too long; no fitness function takes it for an error of its own."""


def enable() -> None:
    """Let `at_most` stop what takes too long in this process, where the system can."""
    global _enabled
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, _give_up)
        _enabled = True


def _give_up(*_: object) -> None:
    raise TooLong


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Raise TooLong in what takes longer, where that is enabled."""
    if not _enabled:
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
