"""What routes say of themselves in OpenAPI: answers with examples, errors, tokens, bodies, and an example in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.responses import Response

JSON, YAML = "application/json", "application/yaml"
ERRORS: Mapping[str, tuple[int, str]] = {
    "bad-request": (400, "A parameter has a value that it cannot have."),
    "malformed": (400, "The body is not plain JSON in UTF-8."),
    "unknown-role": (400, "The product's access policy has no such role; `fix` lists them."),
    "unknown-port": (400, "The product has no such output port; `fix` lists them."),
    "unsupported": (400, "The table cannot be shared like that; `detail` says why."),
    "unauthorized": (401, "There is no token that counts."),
    "forbidden": (403, "The token does not allow this."),
    "not-in-force": (403, "The agreement of the token is not in force."),
    "expired": (403, "The link does not count any more."),
    "unknown-product": (404, "The catalog never had the product."),
    "unknown-version": (404, "The product has no such version."),
    "unknown-run": (404, "The product has no such run."),
    "no-template": (404, "No product names a template that others can reach."),
    "no-assessment": (404, "The mesh has not been assessed yet."),
    "not-found": (404, "The agreement shows nothing of this name."),
    "name-taken": (409, "The name belongs to another repository."),
    "busy": (409, "Other writes are in progress. Send it again."),
    "retired": (410, "The product was retired: `reason`, `successor` and `retiredAt` say more."),
    "too-large": (413, "The body is too large."),
    "unsupported-encoding": (415, "The body has a content coding that is not taken here."),
    "bad-range": (416, "The file has no such bytes."),
    "invalid": (422, "The content does not keep the rules; `findings` lists them where there are any."),
    "unavailable": (503, "The database does not answer. Send it again in a moment."),
}
"""Code of an error -> its status, and when it is answered."""
READING = ("unauthorized", "forbidden")
"""Errors of whatever may need a token."""
WRITING = (*READING, "malformed", "busy", "too-large", "unsupported-encoding", "invalid")
"""Errors of whatever takes JSON."""


def reading(
    answer: str, example: Any = None, *, media: str = JSON, errors: Sequence[str] = (), python: str = ""
) -> dict[str, Any]:
    """Return the arguments of a route that may need a token.

    `answer`: what it answers, in a sentence. `example`: a value for JSON, otherwise a text. `errors`: codes of ERRORS, beside
    those of the token. `python`: an example; without one, the client's `read` is shown.
    """
    extra = {"security": [{"token": []}], **_sample(python)}
    return {**_answers(200, answer, example, media, (*READING, *errors)), "openapi_extra": extra}


def writing(
    answer: str,
    example: Any,
    body: Any,
    *,
    status: int = 200,
    also: Mapping[int, str] | None = None,
    errors: Sequence[str] = (),
    python: str = "",
) -> dict[str, Any]:
    """Return the arguments of a route that needs a token and takes JSON. `body`: an example; `also`: status -> another answer."""
    taken = {"content": {JSON: {"schema": {"type": "object"}, "example": body}}, "required": True}
    made = _answers(status, answer, example, JSON, (*WRITING, *errors))
    made["responses"] |= {
        code: {"description": sentence, "content": {JSON: {}}} for code, sentence in (also or {}).items()
    }
    extra = {"security": [{"token": []}], "requestBody": taken, **_sample(python)}
    return {**made, "status_code": status, "openapi_extra": extra}


def public(answer: str, example: Any, errors: Sequence[str] = ()) -> dict[str, Any]:
    """Return the arguments of a route that needs no token."""
    return _answers(200, answer, example, JSON, errors)


def _answers(status: int, answer: str, example: Any, media: str, errors: Sequence[str]) -> dict[str, Any]:
    """Return the answers of a route. One that is no JSON has no schema."""
    shown = {} if example is None else {"example": example}
    found: dict[int | str, dict[str, Any]] = {status: {"description": answer, "content": {media: shown}}}
    by_status: dict[int, list[str]] = {}
    for code in errors:
        by_status.setdefault(ERRORS[code][0], []).append(code)
    for number in sorted(by_status):
        words = " ".join(f"`{code}`: {ERRORS[code][1]}" for code in by_status[number])
        content = {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}
        found[number] = {"description": words, "content": content, "x-errors": by_status[number]}
    return {"responses": found} if media == JSON else {"responses": found, "response_class": Response}


def _sample(python: str) -> dict[str, Any]:
    return {"x-codeSamples": [{"lang": "Python", "source": python}]} if python else {}
