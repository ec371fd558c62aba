"""Remember how runs met their service levels: a line a run in build/state/history.jsonl.

Only a product with a `target` has the file. Another run at the same time is excluded by `run_lock`. Where the state of runs
is kept elsewhere, `begin` has to come after it is restored, and `end` before it is saved.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline import grammar, spec
from pipeline.errors import UnreadableInput
from pipeline.spec import Product

FILE = "build/state/history.jsonl"
UNREADABLE = (ValueError, TypeError, AttributeError, OverflowError, RecursionError)
"""Errors of a line that another hand, or a crash, has written."""
CLOCKS = timedelta(minutes=10)
"""How far clocks may differ."""
NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
"""Names of environments, which are folders here."""


@dataclass(frozen=True)
class Run:
    """A run that counts."""

    started: datetime
    line: int
    """Its place in the file; 0 if it is not there yet."""
    levels: Mapping[str, Mapping[str, Any]] | None
    """Service level -> its promise and what was measured; None: the spec could not be read, which no level survives."""

    def met(self, level: Mapping[str, Any]) -> bool | None:
        """Return True if the run met a level of the spec; None if it did not promise the same, or could not be judged.

        By today's objective: a run is judged again by its value if the objective was another one.
        """
        if self.levels is None:
            return False
        was = self.levels.get(level["name"])
        if was is None or any(was.get(key) != level.get(key) for key in ("indicator", "column")):
            return None
        met, value = was.get("met"), was.get("value")
        if was.get("objective") == level["objective"] or value is None or met is None:
            return met
        old, new = (grammar.objective(str(text)) for text in (was.get("objective"), level["objective"]))
        if old is None or new is None:
            return None
        factors = [grammar.SECONDS.get(goal.unit) for goal in (old, new)]
        if factors[0] and factors[1]:
            return new.met(value * factors[0] / factors[1])
        return new.met(value) if old.unit == new.unit else None


def begun_file(root: Path, environment: str) -> Path:
    """Return the file with the line of a run that has begun, as it counts if it never ends: the next run adds it to the history."""
    return (root / FILE).with_name(
        f"history.begun.{environment}.json" if environment else "history.begun.json"
    )


def begin(product: Product, started: datetime, killed: datetime | None = None) -> None:
    """Note that a run has begun, after one that was killed is added to the history. Raises UnreadableInput.

    `killed`: when a run began that was killed on any machine; on this one its note is here, too, and it counts once.
    """
    file, note = product.root / FILE, begun_file(product.root, product.target)
    with _readable(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        _settle(file, note)
        file.open("ab").close()  # what cannot be written is better known before anything is published
        promised = {
            level["name"]: {
                **{key: level[key] for key in ("indicator", "column", "objective") if key in level},
                "value": None,
                "met": False,
            }
            for level in product.service_levels
            if grammar.over_time(level)
        }
        for run in filter(None, (killed, started)):
            _settle(file, note)
            _write(note, _line(run, product.target, "failed", promised, product.version) + "\n")


def end(product: Product, report: Mapping[str, Any]) -> None:
    """Add the run to the history, if it is not there yet, and remove what is too old to count. Raises UnreadableInput."""
    file, note = product.root / FILE, begun_file(product.root, product.target)
    with _readable(file):
        try:
            begun = json.loads(note.read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return
        if report["outcome"] == "published":
            begun["outcome"] = "published"
            for level in report.get("serviceLevels", ()):
                if level["name"] in begun["levels"]:
                    begun["levels"][level["name"]] |= {"value": level["value"], "met": level["kept"]}
        _write(note, json.dumps(begun) + "\n")
        _settle(file, note)
        days = [goal.days for level in product.service_levels if (goal := grammar.over_time(level))]
        _prune(file, max(days, default=0), datetime.fromisoformat(begun["run"]))


def end_unread(root: Path, variables: Mapping[str, str], environment: str, started: datetime) -> None:
    """Add a run that could not read its spec, unless it was one on the sample, or the product has no history."""
    if environment and not NAME.fullmatch(environment):
        return
    file, note = root / FILE, begun_file(root, environment)
    with _readable(file):
        if not any(_parsed_or_none(line).get("environment", "") == environment for _, line in _lines(file)):
            return
        text = (root / spec.FILE).read_text("utf-8", "replace")
        if environment or any(variables.get(match["name"]) for match in grammar.VARIABLE.finditer(text)):
            _settle(file, note)
            _write(note, _line(started, environment, "failed", None, "") + "\n")
            _settle(file, note)


def runs(product: Product, now: datetime) -> tuple[list[Run], list[int]]:
    """Return the runs of the product's environment, each once, and the numbers of lines that cannot be read."""
    file = product.root / FILE
    known: dict[str, Run] = {}
    broken = []
    with _readable(file):
        for number, line in _lines(file):
            try:
                value = _parsed(line)
                run = _run(value, number)
            except UNREADABLE:
                broken.append(number)
                continue
            if run.started > now + CLOCKS:
                broken.append(number)
            elif value.get("environment", "") == product.target:
                known[value["run"]] = run
    return list(known.values()), broken


@contextlib.contextmanager
def _readable(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnreadableInput(
            f"The history of runs cannot be used: {error}",
            fix=f"Make {file} a file that this account can read and write, with room on its disk.",
        ) from error


def _line(
    started: datetime, environment: str, outcome: str, levels: Mapping[str, Any] | None, version: str
) -> str:
    # The start in microseconds is the id, too: runs in one folder follow each other.
    value = {"run": started.astimezone(UTC).isoformat(timespec="microseconds"), "environment": environment}
    return json.dumps(value | {"version": version, "outcome": outcome, "levels": levels})


def _parsed(line: bytes) -> dict[str, Any]:
    """Return a line's value. Raises ValueError for anything but an object, NaN and infinity too."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    value = json.loads(line.decode("utf-8"), parse_constant=refuse)
    if not isinstance(value, dict):
        raise ValueError(line)
    return value


def _run(value: Mapping[str, Any], number: int) -> Run:
    """Return the run of a line's value. Raises ValueError or TypeError for one that is not as `end` writes it."""
    started, levels = (
        datetime.fromisoformat(value["run"]) if "run" in value else None,
        value.get("levels", ()),
    )
    if not isinstance(value.get("environment", ""), str):
        raise ValueError(number)
    if started is None or started.tzinfo is None or not (levels is None or isinstance(levels, dict)):
        raise ValueError(number)
    for level in (levels or {}).values():
        measured, met = level.get("value"), level.get("met")
        if not (measured is None or (type(measured) in (int, float) and math.isfinite(measured))):
            raise ValueError(number)
        if not (met is None or isinstance(met, bool)):
            raise ValueError(number)
    return Run(started, number, levels)


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines with their numbers; none if there is no file."""
    if file.exists():
        with file.open("rb") as stream:
            yield from ((number, line) for number, line in enumerate(stream, 1) if line.strip())


def _settle(file: Path, note: Path) -> None:
    """Add the line of the run that has begun, once, and forget that it has."""
    try:
        line = note.read_bytes().strip()
    except FileNotFoundError:
        return
    with contextlib.suppress(ValueError):  # written by another hand, or to a disk that broke
        begun = _key(_parsed(line))
        if not any(_key(_parsed_or_none(other)) == begun for _, other in _lines(file)):
            _append(file, line)
    note.unlink()


def _key(value: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return what identifies the run of a line."""
    return value.get("run"), value.get("environment", "")


def _parsed_or_none(line: bytes) -> dict[str, Any]:
    """Return a line's value; one of no environment if it cannot be read."""
    with contextlib.suppress(ValueError, RecursionError):
        return _parsed(line)
    return {"environment": None}


def _append(file: Path, line: bytes) -> None:
    """Add a line that is on the disk when this returns. A line that a crash has cut off stays one line, which is reported."""
    with file.open("ab+") as stream:
        torn = False
        if stream.tell():
            stream.seek(-1, os.SEEK_END)
            torn = stream.read(1) != b"\n"
        stream.write((b"\n" if torn else b"") + line + b"\n")
        stream.flush()
        os.fsync(stream.fileno())


def _prune(file: Path, days: int, now: datetime) -> None:
    """Remove runs that are out of every window by a tenth and a day; seldom, because that writes the file anew.

    The newest of them stays for each environment: it shows that the history is as long as the window. A line that cannot be
    read is as old as the one before it.
    """
    limit = timedelta(days=days * 1.1 + 1)
    keep: list[bytes] = []
    last: dict[Any, bytes] = {}
    oldest = age = timedelta()
    for number, line in _lines(file):
        value = _parsed_or_none(line)
        with contextlib.suppress(*UNREADABLE):
            age = now - _run(value, number).started
            oldest = max(oldest, age)
            if age > limit:
                last[value.get("environment", "")] = line
        if age <= limit:
            keep.append(line)
    whole = b"".join(line.strip() + b"\n" for line in (*last.values(), *keep))
    if oldest > timedelta(days=days * 1.2 + 2) and len(whole) < file.stat().st_size:
        _write(file, whole)


def _write(file: Path, content: str | bytes) -> None:
    """Write a file whole, or not at all."""
    partial = file.with_name(f".{file.name}.partial")
    with partial.open("wb") as stream:
        stream.write(content if isinstance(content, bytes) else content.encode("utf-8"))
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(partial, file)
