"""Whether and when a request is made again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import urllib3

from meshwright.core.http.answers import Answer, Reason

TEMPORARY = frozenset({408, 425, 429, *range(500, 600)} - {501, 505})
"""Statuses that may be another one in a moment."""
NOT_DONE = frozenset({429, 503})
"""Those of TEMPORARY with which a server says that it did nothing."""

FIRST_WAIT, LONGEST_WAIT = 0.25, 30.0
"""Seconds, before jitter; each wait is twice the one before."""


@dataclass(frozen=True)
class Failure:
    """Why an attempt failed."""

    text: str
    reason: Reason
    is_unsent: bool = False
    """True if the request was certainly not done."""
    status: int = 0
    retry_after: float | None = None
    """Seconds that the server asks to wait."""


def failure_of(error: Exception) -> Failure:
    """Return why there was no answer, without the objects that urllib3 puts into its messages."""
    text, reason = next((text, reason) for kind, text, reason in _ERRORS if isinstance(error, kind))
    if isinstance(error.__cause__, ConnectionRefusedError):
        reason = "refused"
    return Failure(text, reason, isinstance(error, _UNSENT))


def is_temporary(answer: Answer) -> bool:
    """Return True if the next answer may be another one."""
    return answer.status in TEMPORARY or _is_busy(answer)


def failure_with(answer: Answer) -> Failure:
    """Return what a temporary answer says."""
    detail = answer.detail
    return Failure(
        f"status {answer.status}" + (f", {detail}" if detail else ""),
        "status",
        answer.status in NOT_DONE or _is_busy(answer),
        answer.status,
        _retry_after(answer),
    )


def _is_busy(answer: Answer) -> bool:
    return answer.status == 409 and answer.text("error") == "busy"


def wait(tries: int, retry_after: float | None) -> float:
    """Return seconds; with jitter, so that a thousand products that failed together do not come back together."""
    pause = min(FIRST_WAIT * 2.0 ** min(tries - 1, 20), LONGEST_WAIT)
    return (retry_after or 0.0) + pause * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


def _retry_after(answer: Answer) -> float | None:
    """Return seconds, from a number or a date; None if the header is missing or invalid."""
    value = (answer.headers.get("Retry-After") or "").strip()
    if value.isascii() and value.isdigit() and len(value) < 10:
        return float(value)
    until = _moment(value)
    now = _moment(answer.headers.get("Date") or "") or datetime.now(
        UTC
    )  # the server's own clock, if it shows it
    return max(0.0, (until - now).total_seconds()) if until else None


def _moment(value: str) -> datetime | None:
    """Return a date in HTTP's format; None if it is not one."""
    try:
        moment = parsedate_to_datetime(value)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


_UNSENT = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)
_ERRORS: tuple[tuple[type[Exception], str, Reason], ...] = (
    (urllib3.exceptions.SSLError, "its certificate cannot be verified, or TLS failed", "tls"),
    (urllib3.exceptions.NameResolutionError, "its name is not known", "unknown host"),
    (urllib3.exceptions.ProxyError, "the proxy cannot be reached", "unreachable"),
    (urllib3.exceptions.NewConnectionError, "no connection", "unreachable"),
    (urllib3.exceptions.ConnectTimeoutError, "no connection within the time", "unreachable"),
    (urllib3.exceptions.TimeoutError, "no answer within the time", "timeout"),
    (ValueError, "a request that cannot be sent", "broken"),
    (Exception, "the connection broke", "broken"),
)
