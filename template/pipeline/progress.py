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
    lines = [
        "",
        f"  rows     {sum(report['rowsIn'].values()):,} in, {report['rowsOut']:,} out",
        *_checks(report["checks"]),
        *(f"  SLI      {level(measured)}" for measured in report["serviceLevels"]),
    ]
    for address, location in report["ports"].items():
        lines += [f"  port     {address}", f"           {location}"]
    lines.append(f"  seconds  {report['seconds']:.1f}; measured indicators in build/slis.json")
    return "\n".join(lines)


def counted(checks: list[dict[str, Any]]) -> str:
    """How many checks passed, how many of them with a warning, and how many promises nobody has checked."""
    warnings, unchecked = (
        sum(check["result"] == result for check in checks) for result in ("warning", "unchecked")
    )
    text = f"{len(checks) - warnings - unchecked} checks passed"
    if warnings:
        text += f", {warnings} with a warning"
    if unchecked:
        text += f", {unchecked} promise{' is' if unchecked == 1 else 's are'} not checked"
    return text


def _checks(checks: list[dict[str, Any]]) -> Iterator[str]:
    told = [check for check in checks if check["result"] in ("warning", "unchecked")]
    yield f"  checks   {counted(checks)}{':' if told else ''}"
    for check in sorted(told, key=lambda check: check["result"]):
        yield f"           {check['name']}: {check['result']} ({check['reason']})"
        if check.get("fix"):
            yield f"             {check['fix']}"


def level(measured: dict[str, Any]) -> str:
    """A measured service level, for people."""
    value, unit = measured["value"], measured["unit"]
    said = "nothing to measure" if value is None else f"{value:g}{'' if unit == '%' else ' '}{unit}"
    return f"{measured['name']}: {said} (objective {measured['objective']}) {'kept' if measured['kept'] else 'MISSED'}"
