"""The audit records of a product's ports: one a run, each with the hash of the one before it.

Whoever changes or drops a record breaks every hash after it; the newest hash is in the run's output too, so that
a chain that was written anew is noticed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from meshwright.access.grants import AuditRecord, Refused


def linked(previous: Mapping[str, Any] | None, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record that follows `previous` (None: the first). `content` is plain JSON, without the chain's own fields."""
    record = {
        **content,
        "number": previous["number"] + 1 if previous else 1,
        "previous": previous["hash"] if previous else None,
    }
    return {**record, "hash": _hash(record)}


def broken(records: Iterable[Mapping[str, Any]]) -> str:
    """Return what is wrong with a chain, from its first record on; empty if nothing is."""
    previous: Mapping[str, Any] | None = None
    for record in records:
        number = record.get("number")
        if record.get("hash") != _hash({key: value for key, value in record.items() if key != "hash"}):
            return f"Audit record {number} was changed after it was written."
        expected = (previous["number"] + 1, previous["hash"]) if previous else (1, None)
        if (number, record.get("previous")) != expected:
            return f"Audit record {number} does not follow the one before it."
        previous = record
    return ""


def follow(newest: Mapping[str, Any] | None, record: AuditRecord) -> None:
    """Raise Refused if another run came in since this one was checked; called under the target's lock."""
    if record.after is not None and record.after != (newest["hash"] if newest else ""):
        raise Refused("Another run has changed the port meanwhile.", "Run it again.")


def _hash(record: Mapping[str, Any]) -> str:
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
