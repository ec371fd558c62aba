"""How a run ends early: by a signal, or with an error; its exit code, and what people read."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import threading
import traceback
from pathlib import Path
from types import FrameType

from pipeline import missing_file, restore
from pipeline.errors import MAKE_ROOM, UnreadableInput, is_machine
from pipeline.progress import say

TRACE = "build/logs/traceback.txt"
"""Traceback of an unexpected error."""
PATIENCE = 8.0
"""Seconds that a stopped run has to end by itself: less than the 10 of `docker stop`."""

_signal = 0
"""The number of the signal that ends this run, if any."""


def heed_signals() -> None:
    """End the run cleanly on a signal, after PATIENCE seconds at the latest; a second signal ends it at once."""

    def stop(number: int, frame: FrameType | None) -> None:
        global _signal
        _signal = number
        signal.signal(number, signal.SIG_DFL)
        # A library may swallow the exception, or wait for a lock that is never released.
        for seconds, end in (
            (PATIENCE, _say_stopped),
            (PATIENCE + 1, functools.partial(os._exit, 128 + number)),
        ):
            timer = threading.Timer(seconds, end)
            timer.daemon = True
            timer.start()
        raise KeyboardInterrupt

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        # A signal that the parent process ignores, as for a background job, stays ignored.
        if number and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, stop)


def was_stopped(problem: BaseException) -> bool:
    """Return True if a signal ends the run: libraries turn it into errors of their own."""
    return bool(_signal) or isinstance(problem, KeyboardInterrupt)


def _say_stopped() -> None:
    code = 128 + _signal
    say(f"\n{explained(KeyboardInterrupt(), code, None)[0]}", "run.ended", level="error", exitCode=code)


def exit_code(problem: BaseException) -> int:
    """Return the exit code of a run that ends with an error."""
    if was_stopped(problem):
        return 128 + (_signal or signal.SIGINT)
    return problem.exit_code if isinstance(problem, UnreadableInput) else UnreadableInput.exit_code


def explained(problem: BaseException, code: int, root: Path | None) -> tuple[str, str]:
    """Return what went wrong, and the fix."""
    if code > 128:
        how = "Interrupted" if code == 128 + signal.SIGINT else "Terminated"
        return f"{how}. Every port serves either the old version or the new one, complete.", ""
    if isinstance(problem, UnreadableInput):
        return str(problem), problem.fix
    if file := missing_file(problem):
        return f"{file} is missing; the pipeline cannot run without it.", restore(file)
    text = f"{type(problem).__name__}: {problem}"
    if is_machine(problem):
        return text, MAKE_ROOM
    with contextlib.suppress(OSError):
        if root is not None:
            trace = root / TRACE
            trace.parent.mkdir(parents=True, exist_ok=True)
            trace.write_text(traceback.format_exc(), "utf-8", "backslashreplace")
    report = f"The traceback is in {TRACE}: report it to the maintainers of the template."
    return text, f"This error is unexpected. {report}"
