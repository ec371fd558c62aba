"""Store earlier assessments, for trends: a file of JSON lines, one for each run.

A line has the mesh's scores and, by product, its scores in the same order with the product's own at the end. Static
assessments are not comparable with others; each kind has its own trend.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from meshwright.core import files
from meshwright.core.yaml import Unreadable
from meshwright.mesh.scores import mean

FILE = "assessments.jsonl"
"""The file's name in a given folder."""
MONTH = timedelta(days=30)
SHOWN = 30
"""Maximum number of runs in a sparkline."""


def entry(assessment: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry for an assessment. Of two products with one id, the first counts."""
    order = list(assessment["scores"])
    products: dict[str, list[int | None]] = {}
    for product in assessment["products"]:
        products.setdefault(product["id"], [*(product["scores"][name] for name in order), product["score"]])
    return {
        "at": assessment["at"],
        "static": assessment["static"],
        "scores": dict(assessment["scores"]),
        "score": mean(product["score"] for product in assessment["products"]),
        "products": products,
    }


def read(path: Path) -> list[dict[str, Any]]:
    """Return the entries of a history, in order; empty if it does not exist yet. `path`: the file, or its folder.
    Raises Unreadable, with the line, for an invalid entry: a history is never guessed and never overwritten.

    Only the newest entry of each kind keeps its products, because only that one is compared with.
    """
    file = _file(path)
    if not file.exists():
        return []
    entries: list[dict[str, Any]] = []
    newest: dict[bool, dict[str, Any]] = {}
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                one = _entry(line, f"{file}:{number}:1")
                newest.get(one["static"], {})["products"] = {}
                newest[one["static"]] = one
                entries.append(one)
    except OSError as error:
        problem = f"{file}: it cannot be read: {error.strerror}."
        raise Unreadable(problem, "Fix its permissions, or give another file with --history.") from error
    return entries


def _entry(line: bytes, place: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(line)
        sound = line.endswith(b"\n") and _is_sound(found)
    except (ValueError, RecursionError):
        sound = False
    if not sound:
        fix = "Take it from a backup, or remove this line; or give another file with --history."
        raise Unreadable(f"{place}: this is not the line of an assessment.", fix)
    return found


def _is_sound(found: Any) -> bool:
    if not isinstance(found, dict) or found.keys() != {"at", "static", "scores", "score", "products"}:
        return False
    scores, products = found["scores"], found["products"]
    return (
        moment(found) is not None
        and isinstance(found["static"], bool)
        and isinstance(scores, dict)
        and isinstance(products, dict)
        and all(map(_is_score, (*scores.values(), found["score"])))
        and all(
            isinstance(one, list) and len(one) == len(scores) + 1 and all(map(_is_score, one))
            for one in products.values()
        )
    )


def _is_score(value: Any) -> bool:
    return value is None or (type(value) is int and 0 <= value <= 100)


def moment(entry: Mapping[str, Any]) -> datetime | None:
    """Return the time of an entry; None if it has none."""
    try:
        at = datetime.fromisoformat(entry["at"])
    except (KeyError, TypeError, ValueError):
        return None
    return at if at.tzinfo else None


def append(path: Path, assessment: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]]) -> bool:
    """Append a line, unless the last one of the same day is equal; return True if appended. Raises Unreadable.

    The file is replaced atomically, so that readers always find it complete, also after a power cut.
    """
    new = entry(assessment)
    same = [one for one in earlier if one["static"] == new["static"]][-1:]
    if same and same[0]["at"][:10] == new["at"][:10] and {**same[0], "at": ""} == {**new, "at": ""}:
        return False
    file = _file(path)
    line = json.dumps(new, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
    fix = "Give another place with --history."
    try:
        earlier_lines = file.read_bytes() if file.exists() else b""
    except OSError as error:
        raise Unreadable(f"{file} cannot be read: {error.strerror}.", fix) from error
    files.write(file, earlier_lines + line, fix, parents=True)
    return True


def _file(path: Path) -> Path:
    return path / FILE if path.is_dir() or not path.suffix else path


# -- trends ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trend:
    """The history of one score; differences are None if there is nothing to compare with."""

    points: tuple[int | None, ...]
    """The earlier scores and the present one, oldest first."""
    since_last: int | None
    since_month: int | None


def comparable(
    history: Sequence[Mapping[str, Any]], assessment: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    """Return the earlier entries of the same kind as this assessment, oldest first. An entry without a kind,
    such as a catalog's, is comparable with both."""
    now = moment(assessment)
    found = [
        (at, one)
        for one in history
        if (at := moment(one))
        and now
        and at < now
        and one.get("static", assessment["static"]) == assessment["static"]
    ]
    return [one for _, one in sorted(found, key=lambda pair: pair[0])]


def trend(
    earlier: Sequence[Mapping[str, Any]], assessment: Mapping[str, Any], characteristic: str | None = None
) -> Trend:
    """Return the trend of the mesh's score for a characteristic, or of its total. `earlier`: from `comparable`."""

    def of(one: Mapping[str, Any]) -> int | None:
        found = one.get("scores")
        found = found if isinstance(found, dict) else {}
        score = found.get(characteristic) if characteristic else one.get("score")
        return score if _is_score(score) else None

    present = (
        assessment["scores"][characteristic]
        if characteristic
        else mean(product["score"] for product in assessment["products"])
    )
    before = month_before(earlier, assessment)
    return Trend(
        (*[of(one) for one in earlier][-(SHOWN - 1) :], present),
        _difference(present, of(earlier[-1]) if earlier else None),
        _difference(present, of(before) if before else None),
    )


def month_before(
    earlier: Sequence[Mapping[str, Any]], assessment: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """Return the newest entry that is at least 30 days old."""
    now = moment(assessment)
    old = [one for one in earlier if now and (at := moment(one)) and at <= now - MONTH]
    return old[-1] if old else None


def _difference(present: int | None, before: int | None) -> int | None:
    return None if present is None or before is None else present - before
