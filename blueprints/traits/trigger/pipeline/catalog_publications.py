"""Ask the organisation's catalog for the last publications of products, in one request."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPException, HTTPMessage
from typing import IO, Any

from pipeline.errors import UnreadableInput

ADDRESS, TOKEN, KIND = "MESHWRIGHT_CATALOG", "MESHWRIGHT_CATALOG_READ_TOKEN", "MESHWRIGHT_CATALOG_KIND"
"""Environment variables: the catalog's address; a token that may read, where it is private; what kind of catalog it is."""
PATIENCE = 20.0
"""Timeout of a request, in seconds."""
PAUSES = (2.0, 8.0)
"""Seconds before each further attempt, if there is no answer."""
LARGEST = 2_000_000
"""Bytes of an answer."""


class NoAnswer(UnreadableInput):
    """The catalog does not answer, so that nobody knows what is to be done: exit code 4."""

    exit_code = 4


@dataclass(frozen=True)
class Publication:
    """What the catalog knows of the last run of a product that published."""

    id: str = ""
    """The time at which it published, which is its identity; empty if none has."""
    consumed: Mapping[str, str] = field(default_factory=dict)
    """Port that it has read -> the publication that it has read from there."""
    failed: datetime | None = None
    """When the last run began, if it failed."""
    retired: bool = False

    @property
    def at(self) -> datetime | None:
        """Return when it published."""
        return moment(self.id)


def publications(ids: Sequence[str], environment: Mapping[str, str]) -> dict[str, Publication]:
    """Return the last publication of each product that the catalog knows, by its id (`<domain>/<name>`).

    Raises NoAnswer, and UnreadableInput if the request is refused.
    """
    catalog = environment.get(ADDRESS, "").rstrip("/")
    if not catalog.startswith(("https://", "http://")):
        raise UnreadableInput(
            f"{ADDRESS} has no address of a catalog, so nobody knows whether the inputs are ready.",
            fix=f"export {ADDRESS}=https://catalog.example.org, your organisation's.",
        )
    if environment.get(KIND, "embedded") not in ("", "embedded"):
        raise UnreadableInput(
            f"{KIND} is {environment[KIND]}: only Meshwright's own catalog knows the publications of products.",
            fix=f"Publish to `meshwright catalog serve`, and set {ADDRESS} to its address; or use the trait schedule@1.",
        )
    query = urllib.parse.urlencode([("of", id) for id in dict.fromkeys(ids)])
    request = urllib.request.Request(f"{catalog}/api/publications?{query}")  # noqa: S310 - http or https, see above
    if token := environment.get(TOKEN):
        # Not repeated on a redirect, which this opener does not follow anyway.
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    for pause in (*PAUSES, None):
        try:
            return _read(_answer(request, catalog), catalog)
        except NoAnswer:
            if pause is None:
                raise
            time.sleep(pause)
    raise AssertionError


def moment(text: Any) -> datetime | None:
    """Return a time in RFC 3339; None if the text is none."""
    try:
        value = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        """Follow none: the answer is then an error with the status."""


def _answer(request: urllib.request.Request, catalog: str) -> bytes:
    """Return the body of the answer. Raises NoAnswer, UnreadableInput."""
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=PATIENCE) as answer:
            body: bytes = answer.read(LARGEST + 1)
            return body
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            raise UnreadableInput(
                f"The catalog at {catalog} refuses to say which products have published ({error.code}).",
                fix=f"Set {TOKEN} to a token with the scope `read`, which the catalog's administrator makes: "
                "`meshwright catalog token create --read`",
            ) from error
        if error.code < 500 and error.code not in (408, 425, 429):
            raise UnreadableInput(
                f"{catalog} does not know /api/publications ({error.code}).",
                fix=f"Correct {ADDRESS}, or ask the catalog's administrator to update Meshwright.",
            ) from error
        raise _away(catalog, f"status {error.code}") from error
    except (
        OSError,
        HTTPException,
        ValueError,
    ) as error:  # URLError, timeouts, resets, an address that is none
        raise _away(catalog, str(getattr(error, "reason", "") or error)) from error


def _read(body: bytes, catalog: str) -> dict[str, Publication]:
    try:
        known = json.loads(body)["publications"]
        return {
            id: Publication(
                str(entry["publication"] or ""),
                {str(port): str(version) for port, version in (entry["consumed"] or {}).items()},
                moment(entry["failedAt"]),
                bool(entry["retired"]),
            )
            for id, entry in known.items()
        }
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _away(catalog, "its answer is not one of Meshwright's catalog") from error


def _away(catalog: str, why: str) -> NoAnswer:
    return NoAnswer(
        f"The catalog at {catalog} gives no answer ({why}), so nobody knows whether the inputs are ready.",
        fix="Nothing was run. The next time asks again; if it stays so, ask the catalog's administrator.",
    )
