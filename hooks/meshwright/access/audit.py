"""The audit records of a product's ports: one a run, each with the hash of the one before it.

Whoever changes or drops a record breaks every hash after it. Whoever drops the newest ones, or writes the whole chain
anew, is found by the newest hash, which `anchor.py` keeps elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]


def linked(previous: Record | None, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record that follows `previous` (None: the first). `content` is plain JSON, without the chain's own fields."""
    record = {
        **content,
        "number": previous["number"] + 1 if previous else 1,
        "previous": previous.get("hash") if previous else None,
    }
    return {**record, "hash": _hash(record)}


def broken(records: Sequence[Record], about: Mapping[str, str] | None = None, first: int = 1) -> str:
    """Return what is wrong with a chain; empty if nothing is.

    `about`: fields that each record has to have, such as its product. `first`: the number of the first record; if it is
    not 1, what comes before it is not looked at.
    """
    number, before = first, None
    for record in records:
        if type(record.get("number")) is not int or record["number"] != number:
            return f"Audit record {number} is missing."
        if record.get("hash") != _hash({key: value for key, value in record.items() if key != "hash"}):
            return f"Audit record {number} was changed after it was written."
        if (number > first or first == 1) and record.get("previous") != before:
            return f"Audit record {number} does not follow the one before it."
        for key, value in (about or {}).items():
            if record.get(key) != value:
                return f"Audit record {number} is of the {key} {str(record.get(key))[:80]}, not of {value}."
        number, before = number + 1, record["hash"]
    return ""


def fingerprint(records: Sequence[Record]) -> str:
    """Return a hash of all records, whatever is in them."""
    return hashlib.sha256("\n".join(_hash(record) for record in records).encode()).hexdigest()


def _hash(record: Record) -> str:
    try:
        text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    except (ValueError, RecursionError):  # nothing that we wrote
        text = repr(sorted(record))
    return hashlib.sha256(text.encode()).hexdigest()
