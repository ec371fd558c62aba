"""Report the progress and the result of a run: text for people, or JSON for schedulers."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TextIO

from pipeline.errors import MAKE_ROOM, UnreadableInput, is_full, is_machine, missing, restore


class Text:
    """Lines for people."""

    def stage(self, name: str) -> None:
        self.write(f"  {name:<9}")

    def event(self, event: str, text: str, fields: dict[str, Any]) -> None:
        if event.startswith("stage."):
            text = f"{fields['seconds']:6.1f} s  {text}"
        if fields.get("fix"):
            text += f"\nFix: {fields['fix']}"
        if text:
            self.write(f"{text}\n")

    def write(self, text: str) -> None:
        """Write, and ignore a closed pipe or a full disk: the output must not change the result of the run."""
        stream = self.stream()
        if stream is None:
            return
        try:
            stream.write(text)
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):  # buffered output would fail again at exit
                descriptor = os.open(os.devnull, os.O_WRONLY)
                os.dup2(descriptor, stream.fileno())
                os.close(descriptor)

    def stream(self) -> TextIO | None:
        return sys.stdout


class Json(Text):
    """One JSON object a line; any other output goes to standard error."""

    def __init__(self) -> None:
        try:
            number = sys.stdout.fileno()
            self.lines: TextIO = os.fdopen(os.dup(number), "w", encoding="ascii")
            sys.stdout.flush()
            os.dup2(sys.stderr.fileno(), number)  # also output of libraries and child processes
        except (OSError, ValueError):
            self.lines = sys.stdout
        sys.stdout = sys.stderr

    def stage(self, name: str) -> None:
        self.event("stage.started", "", {"stage": name})

    def event(self, event: str, text: str, fields: dict[str, Any]) -> None:
        time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        known = {"time": time, "level": "info", "event": event, "message": text.strip(), **fields}
        filled = {name: value for name, value in known.items() if value not in ("", None)}
        self.write(json.dumps(filled, default=str) + "\n")

    def stream(self) -> TextIO | None:
        return self.lines


class Brief(Text):
    """A line for a run, and what needs attention; for people who run again and again."""

    def stage(self, name: str) -> None:
        pass

    def event(self, event: str, text: str, fields: dict[str, Any]) -> None:
        if event == "run.published":
            passed, unsure = fields["checks"]["passed"], len(fields["checks"]["others"])
            text = f"ok in {fields['seconds']:.1f} s: {fields['message']}, {passed} checks passed"
            text += f", {unsure} unchecked or with a warning (build/run.json)" if unsure else ""
        elif event.startswith(("stage.", "run.started")):
            return
        super().event(event, text, fields)


_output: Text = Text()
_stage = ""


def use_json() -> None:
    """Report everything from here on as JSON."""
    global _output
    _output = Json()


def use_brief() -> None:
    """Report each run in a line from here on, unless it is reported as JSON."""
    global _output
    if not isinstance(_output, Json):
        _output = Brief()


def open_streams() -> None:
    """Make standard input, output and error usable, even if the run was started without them."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # characters that its encoding does not have


def say(text: str, event: str = "note", **fields: Any) -> None:
    """Report `text`. As JSON, it is the `message` of an event with `fields` and the current stage."""
    _output.event(event, text, {"stage": _stage, **fields} if _stage else fields)


@contextlib.contextmanager
def stage(name: str) -> Iterator[Callable[[str], None]]:
    """Report a stage when it begins and its result when it ends; add its name to errors."""
    global _stage
    _stage = name
    _output.stage(name)
    clock = time.monotonic()

    def done(what: str, event: str = "stage.ended", **fields: Any) -> None:
        say(what, event, seconds=round(time.monotonic() - clock, 3), **fields)

    def failed() -> None:
        done(
            "FAILED" if name == "publish" else "FAILED; nothing was published", "stage.failed", level="error"
        )

    try:
        yield done
    except UnreadableInput as problem:
        failed()
        full = problem.exit_code == UnreadableInput.exit_code and is_full(problem)
        raise type(problem)(f"{name}: {problem}", fix=MAKE_ROOM if full else problem.fix) from problem
    except Exception as error:
        failed()
        if file := missing(error):
            raise UnreadableInput(f"{name}: {file} is missing.", fix=restore(file)) from error
        if isinstance(error, OSError) or is_machine(error):  # for example a full disk
            raise UnreadableInput(f"{name}: {error}", fix=MAKE_ROOM) from error
        raise
    finally:
        _stage = ""


def summary(report: dict[str, Any]) -> str:
    """Return the result of a run, for people."""
    lines = [
        "",
        f"  rows     {sum(report['rowsIn'].values()):,} in, {report['rowsOut']:,} out",
        *_checks(report),
        *(f"  SLI      {level_text(measured)}" for measured in report["serviceLevels"]),
    ]
    for address, location in report["ports"].items():
        lines += [f"  port     {address}", f"           {location}"]
    lines.append(f"  seconds  {report['seconds']:.1f}; measured indicators in build/slis.json")
    return "\n".join(lines)


IN_DOUBT = ("warning", "unchecked")
"""Results of checks that neither passed nor failed."""


def counted(report: dict[str, Any]) -> str:
    """Return the numbers of checks that passed, of warnings, and of unchecked promises."""
    warnings, unchecked = (
        sum(check["result"] == result for check in report["doubts"]) for result in IN_DOUBT
    )
    text = f"{len(report['checks'])} checks passed"
    if warnings:
        text += f", {warnings} with a warning"
    if unchecked:
        text += f", {unchecked} promise{' is' if unchecked == 1 else 's are'} not checked"
    return text


def _checks(report: dict[str, Any]) -> Iterator[str]:
    doubts = report["doubts"]
    yield f"  checks   {counted(report)}{':' if doubts else ''}"
    for check in sorted(doubts, key=lambda check: check["result"]):
        yield f"           {check['name']}: {check['result']} ({check['reason']})"
        if check.get("fix"):
            yield f"             {check['fix']}"


def fields(report: dict[str, Any]) -> dict[str, Any]:
    """Return the same for a program: the report, with only the checks that need attention."""
    unsure = report["doubts"]
    return report | {
        "message": f"{report['rowsOut']:,} rows published",
        "level": "warning" if unsure or not all(one["kept"] for one in report["serviceLevels"]) else "info",
        "checks": {"passed": len(report["checks"]), "others": unsure},
    }


def level_text(measured: dict[str, Any]) -> str:
    """Return the sentence that reports a measured service level to people."""
    value, unit = measured["value"], measured["unit"]
    result = (
        measured.get("reason") or "nothing to measure"
        if value is None
        else f"{value:g}{'' if unit == '%' else ' '}{unit}"
    )
    kept = {True: "kept", False: "MISSED", None: "not known"}[measured["kept"]]
    return f"{measured['name']}: {result} (objective {measured['objective']}) {kept}{_over_time(measured)}"


def _over_time(measured: dict[str, Any]) -> str:
    """Return what follows on a level with a target; empty for another one."""
    if "target" not in measured:
        return ""
    target = f"target {100 * measured['target']:.6g}% in {measured['window']}d"
    runs = f"{measured['good']} of {measured['runs']} runs" if measured["runs"] else "no run counts"
    if measured["errorBudget"] is None:
        return f"; {target}: not known yet, {runs}"
    left = f"error budget {100 * measured['errorBudget']:.4g}%"
    return f"; {target}: {runs}, {left} {'MISSED' if is_missed(measured) else 'kept'}"


def fix_of_miss(report: dict[str, Any]) -> str:
    """Return what to do about the service levels that a run missed."""
    fix = "Fix what delays or reduces the data, or relax the objective in spec.serviceLevels."
    overspent = [one["name"] for one in report["serviceLevels"] if (one.get("errorBudget") or 0) < 0]
    if overspent:
        fix += f" Too many runs missed {', '.join(overspent)}: build/state/history.jsonl has them, and good runs make up for them."
    return fix


def is_missed(measured: dict[str, Any]) -> bool:
    """Return True if a service level is missed: over time if that is known, and else by this run's measurement."""
    left = measured.get("errorBudget")
    return measured["kept"] is False if left is None else left < 0
