"""Validate an assessment before the catalog stores it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from typing import Any

import jsonschema_rs

from meshwright.product import schema

AHEAD = timedelta(hours=1)
"""Maximum difference between clocks; an assessment from the future would stay the latest until then."""
FINDINGS = 20


def issues(value: Any) -> list[str]:
    """Return what is wrong with it, as sentences; at most FINDINGS."""
    errors = islice(_validator().iter_errors(value), FINDINGS)
    found = [f"{'.'.join(map(str, error.instance_path)) or 'it'}: {error.message[:300]}" for error in errors]
    if found:
        return found
    at = _moment(value["at"])
    if at is None:
        return [f"at: {value['at']} is not a time with a time zone."]
    if at > datetime.now(UTC) + AHEAD:
        return [f"at: {value['at']} is in the future."]
    functions = {function["id"] for function in value["functions"]}
    for product in value["products"]:
        for result in product["results"]:
            if result["function"] not in functions:
                return [f"{product['id']}: {result['function']} is not one of its functions."]
            if result.get("until") and _moment(result["until"]) is None:
                return [f"{product['id']}: {result['until']} is not a date."]
    return []


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


@cache
def _validator() -> Any:
    return jsonschema_rs.validator_for(schema.assessment())
