"""Query a port under the caller's own agreement: check it, run it apart, limit what comes back, and record who did what."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlglot import exp

from meshwright.catalog.agents.one_select import TABLE, one_select
from meshwright.catalog.agents.query_grant import DATABASES, Grant, grant
from meshwright.catalog.agents.untrusted import untrusted, visible
from meshwright.core.errors import Error
from meshwright.mesh.catalog_variables import TOKEN
from meshwright.product.record import Record

MOST_ROWS, MOST_CELL, MOST_CHARACTERS = 1000, 500, 200_000
"""Limits of one answer: rows, characters of a cell, and of all cells together."""
START_SECONDS = 10.0
"""What the process may need beside the query itself, before it is killed."""


class QueryFailed(Error):
    """The query was refused by its engine, or did not end in time."""


@dataclass(frozen=True)
class QuerySettings:
    """What the operator of the server has said."""

    principals: tuple[str, ...]
    """Who queries: `id:<id>`, `group:<name>`."""
    places: tuple[str, ...]
    """Where data may be read: folders, addresses of object stores, and of databases."""
    rows: int
    seconds: float
    audit: Path
    """A file to which a line is appended for each query."""


def query(
    record: Record, port: str, agreement: str, sql: str, purpose: str, settings: QuerySettings
) -> dict[str, Any]:
    """Return the columns and rows of one SELECT over a port. Raises Error.

    Every query is recorded before an answer is given, whether it was refused, failed or succeeded; without a record there
    is no query.
    """
    start = time.monotonic()
    line = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "principals": list(settings.principals),
        "product": record.id,
        "port": port,
        "agreement": agreement,
        "purpose": purpose,
        "sql": sql[:20_000],
    }
    with _opened(settings.audit) as audit:
        try:
            if len(purpose.split()) < 3:
                raise QueryFailed("The purpose is not said.", "Say in a sentence what the rows are needed for: `purpose`.")  # fmt: skip
            granted = grant(record, port, agreement, settings.principals, settings.places, datetime.now(UTC))
            line["role"] = granted.role
            answer = _run(granted, port, sql, settings)
        except Exception as error:  # also a fault of this program: it is no query without a record
            _append(audit, {**line, "outcome": "refused", "reason": str(error)[:500]})
            raise
        seconds = round(time.monotonic() - start, 3)
        _append(audit, {**line, "outcome": "answered", "rows": len(answer["rows"]), "seconds": seconds})
    return {"agreement": agreement, "role": granted.role, "until": granted.until, **answer}


def _run(granted: Grant, port: str, sql: str, settings: QuerySettings) -> dict[str, Any]:
    database = granted.kind in DATABASES
    view = granted.table.split(".") if database else [TABLE]
    target = exp.Table(this=exp.to_identifier(view[-1], quoted=True), db=exp.to_identifier(view[0], quoted=True) if database else None)  # fmt: skip
    request = {
        "kind": granted.kind,
        "location": granted.location,
        "table": TABLE,
        "sql": one_select(sql, "postgres" if database else "duckdb", port, target),
        "rows": settings.rows + 1,
        "seconds": settings.seconds,
    }
    environment = {key: value for key, value in os.environ.items() if key != TOKEN}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "meshwright.catalog.agents.query_process"],
            input=json.dumps(request).encode(),
            capture_output=True,
            timeout=settings.seconds + START_SECONDS,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise QueryFailed(f"The query was stopped after {settings.seconds:g} s.", "Ask for less: filter, or aggregate.") from error  # fmt: skip
    try:
        result = json.loads(done.stdout)
    except ValueError:
        result = {"error": "the process of the query died, perhaps for want of memory"}
    if "error" in result:
        raise QueryFailed(f"The query failed: {visible(result['error'], 500)}", "Correct it: the tool contract lists the columns.")  # fmt: skip
    return _limited(result, granted.columns, settings.rows)


def _limited(result: Mapping[str, Any], masks: Mapping[str, str | None], most: int) -> dict[str, Any]:
    rows: list[list[Any]] = []
    left = MOST_CHARACTERS
    for row in result["rows"][:most]:
        shown = [visible(cell, MOST_CELL) if isinstance(cell, str) else untrusted(cell) for cell in row]
        left -= len(json.dumps(shown))
        if left < 0:
            break
        rows.append(shown)
    columns = [
        {"name": visible(name, 200), "type": kind, "mask": masks.get(name)}
        for name, kind in zip(result["columns"], result["types"], strict=True)
    ]
    cut = result["more"] or len(rows) < len(result["rows"])
    note = "There are more rows than these." if cut else "These are all rows."
    return {"columns": columns, "rows": rows, "cut": cut, "note": note}


def _opened(audit: Path) -> Any:
    try:
        audit.parent.mkdir(parents=True, exist_ok=True)
        return os.fdopen(os.open(audit, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab", buffering=0)
    except OSError as error:
        raise QueryFailed(f"Queries cannot be recorded in {audit}: {error.strerror}.", "Name a file that can be written with --audit.") from error  # fmt: skip


def _append(audit: Any, line: Mapping[str, Any]) -> None:
    try:
        audit.write(json.dumps(line, ensure_ascii=True).encode() + b"\n")
    except OSError as error:
        raise QueryFailed(f"The query could not be recorded: {error.strerror}.", "Free space, then ask again.") from error  # fmt: skip


def principals_of(given: Sequence[str]) -> tuple[str, ...]:
    """Return principals as agreements name them. Raises Error."""
    for one in given:
        if not one.startswith(("id:", "group:")) or not one.partition(":")[2]:
            raise Error(f"{one!r} is no principal.", "Write id:<service account> or group:<name>.")
    return tuple(given)
