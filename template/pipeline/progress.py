"""What a run says while it runs, and when it has ended."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from pipeline.errors import UnreadableInput


def say(text: str) -> None:
    print(text, flush=True)


@contextlib.contextmanager
def stage(name: str) -> Iterator[Callable[[str], None]]:
    """Shows a stage when it begins, and what it did when it has ended; names it in what goes wrong."""
    print(f"  {name:<9}", end="", flush=True)
    clock = time.monotonic()

    def done(what: str) -> None:
        say(f"{time.monotonic() - clock:6.1f} s  {what}")

    failed = "FAILED" if name == "publish" else "FAILED; nothing was published"
    try:
        yield done
    except UnreadableInput as problem:
        done(failed)
        raise type(problem)(f"{name}: {problem}", mend=problem.mend) from problem
    except OSError as error:  # such as a disk that is full
        done(failed)
        raise UnreadableInput(
            f"{name}: {error}", mend="Make room, or mend the permissions, and run again."
        ) from error


def summary(report: dict[str, Any]) -> str:
    """What came of a run, for people."""
    unsure = [check for check in report["checks"] if check["result"] == "warning"]
    passed = f"{len(report['checks']) - len(unsure)} passed"
    lines = [
        "",
        f"  rows     {sum(report['rowsIn'].values()):,} in, {report['rowsOut']:,} out",
        f"  checks   {passed}, {len(unsure)} with a warning" if unsure else f"  checks   {passed}",
        *(f"           {check['name']}: {check['reason']}" for check in unsure),
        *(f"  SLI      {level(measured)}" for measured in report["serviceLevels"]),
    ]
    for address, location in report["ports"].items():
        lines += [f"  port     {address}", f"           {location}"]
    lines.append(f"  seconds  {report['seconds']:.1f}; measured indicators in build/slis.json")
    return "\n".join(lines)


def level(measured: dict[str, Any]) -> str:
    """A measured service level, for people."""
    value, unit = measured["value"], measured["unit"]
    said = "nothing to measure" if value is None else f"{value:g}{'' if unit == '%' else ' '}{unit}"
    return f"{measured['name']}: {said} (objective {measured['objective']}) {'kept' if measured['kept'] else 'MISSED'}"
