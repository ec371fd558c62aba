"""Read fields of a forge's answers, which may be of any form."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, TypeVar

from meshwright.core.forge.unavailable import ForgeUnavailable

KIND = TypeVar("KIND")

FIX_FORM = "Check the address of the repository, and which version of its interface the forge has."


def field(answer: Any, name: str, kind: type[KIND]) -> KIND:
    """Return a field of an object. Raises ForgeUnavailable if it has another type or is missing."""
    value = optional(answer, name, kind)
    if value is None:
        raise malformed(name)
    return value


def optional(answer: Any, name: str, kind: type[KIND]) -> KIND | None:
    """Return a field of an object; None if it is null or missing. Raises ForgeUnavailable if it has another type."""
    if not isinstance(answer, dict):
        raise malformed(name)
    value = answer.get(name)
    if value is None:
        return None
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise malformed(name)
    return value


def commit_name(answer: Any, name: str) -> str:
    """Return a field that names a commit in full. Raises ForgeUnavailable."""
    value = field(answer, name, str)
    if not re.fullmatch(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", value):
        raise malformed(name)
    return value


def moment(answer: Any, name: str) -> datetime:
    """Return a field with a time in a time zone. Raises ForgeUnavailable."""
    try:
        value = datetime.fromisoformat(field(answer, name, str))
    except ValueError as error:
        raise malformed(name) from error
    if value.tzinfo is None:
        raise malformed(name)
    return value


def objects(answer: Any, what: str) -> list[dict[str, Any]]:
    """Return a list of objects. Raises ForgeUnavailable."""
    if not isinstance(answer, list) or any(not isinstance(item, dict) for item in answer):
        raise malformed(what)
    return answer


def malformed(what: str) -> ForgeUnavailable:
    return ForgeUnavailable(f"The forge's answer has no usable `{what}`.", FIX_FORM)
