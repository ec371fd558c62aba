"""What an assessment has to be before the catalog keeps it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from typing import Any

import jsonschema_rs

from meshwright.product import schema

AHEAD = timedelta(hours=1)
"""How far clocks may differ; one from the future would stay the latest until then."""
FINDINGS = 20


def issues(value: Any) -> list[str]:
    """What is wrong about it, as sentences; the first FINDINGS."""
    errors = islice(_validator().iter_errors(value), FINDINGS)
    found = [f"{'.'.join(map(str, error.instance_path)) or 'it'}: {error.message[:300]}" for error in errors]
    if found:
        return found
    at = _moment(value["at"])
    if at is None:
        return [f"at: {value['at']} is no moment."]
    if at > datetime.now(UTC) + AHEAD:
        return [f"at: {value['at']} is in the future."]
    functions = {function["id"] for function in value["functions"]}
    for product in value["products"]:
        for result in product["results"]:
            if result["function"] not in functions:
                return [f"{product['id']}: {result['function']} is none of its functions."]
            if result.get("until") and _moment(result["until"]) is None:
                return [f"{product['id']}: {result['until']} is no day."]
    return []


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


@cache
def _validator() -> Any:
    return jsonschema_rs.validator_for(schema.assessment())
