"""What comes of a request: an answer, a refusal, or no answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from meshwright.core.text import printable
from meshwright.core.yaml import Unreadable

MAX_TEXT = 500
"""Characters of a server's message that are repeated."""

Reason = Literal["unknown host", "not public", "refused", "unreachable", "tls", "timeout", "size", "broken", "status"]  # fmt: skip
"""Why there is no answer. `refused`: nothing listens there; `status`: the server is busy or fails."""


class Refused(Unreadable):
    """The answer is final: the same request would get it again. `answer` is None if nothing was sent."""

    def __init__(self, problem: str, fix: str, status: int = 0, answer: Answer | None = None) -> None:
        super().__init__(problem, fix)
        self.status, self.answer = status, answer


class NoAnswer(Unreadable):
    """No usable answer within the patience; whether the request was done is unknown."""

    def __init__(self, problem: str, fix: str, reason: Reason = "broken", status: int = 0) -> None:
        super().__init__(problem, fix)
        self.reason = reason
        self.status = status
        """Of the last answer, for the reason `status`."""


class TooLarge(NoAnswer):
    """The answer is larger than allowed."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(problem, fix, "size")


@dataclass(frozen=True)
class Answer:
    """A server's answer. All of it is untrusted."""

    status: int
    headers: Mapping[str, str]
    """Case-insensitive."""
    body: bytes

    def json(self) -> Any:
        """Return the value of the body. Raises NoAnswer."""
        try:
            return json.loads(self.body.decode("utf-8"), parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            kind = printable(self.headers.get("Content-Type") or "something")[:100]
            problem = f"The answer (status {self.status}, {kind}) is not JSON."
            fix = "Check the address: does the server itself answer there, or something in front of it?"
            raise NoAnswer(problem, fix) from error

    def object(self) -> dict[str, Any]:
        """Return the value of a body that is an object. Raises NoAnswer."""
        value = self.json()
        if isinstance(value, dict):
            return value
        raise NoAnswer("The answer is not a JSON object.", "Check the address.")

    def text(self, *keys: str) -> str:
        """Return the first text that an error's body has at one of the keys; empty if there is none."""
        try:
            value = json.loads(self.body[:100_000])
        except (ValueError, RecursionError):
            return ""
        texts = [value.get(key) for key in keys] if isinstance(value, dict) else []
        return next((text[:MAX_TEXT] for text in texts if isinstance(text, str) and text), "")

    @property
    def detail(self) -> str:
        """The server's explanation of an error, without the final period."""
        return self.text("detail", "message", "error").rstrip(".")


def _no_number(name: str) -> Any:
    raise ValueError(f"JSON has no {name}")
