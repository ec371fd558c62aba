"""What all answers share: headers, a line in the log, and a cache of earlier answers."""

from __future__ import annotations

import sys
import time
from collections.abc import MutableMapping
from typing import Any

from meshwright.core.text import printable
from meshwright.serve import now
from meshwright.serve.search import Search

Scope = MutableMapping[str, Any]

NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'"
"""The Content-Security-Policy of answers that are not pages."""
JSON = [(b"content-type", b"application/json")]
SEARCH = "/api/products"


class Guard:
    """An ASGI application around the catalog's."""

    def __init__(self, inner: Any, search: Search, private: bool, log: bool = True) -> None:
        self._inner, self._search, self._private, self._log = inner, search, private, log
        kept = "private, no-store" if private else "no-cache"
        self._common = [
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
            (b"cache-control", kept.encode()),
        ]

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        begun = time.perf_counter()
        status = 500
        bare = scope["method"] == "HEAD"

        async def sent(message: Scope) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self._headers(list(message.get("headers", ())))
            elif bare:
                message = {**message, "body": b""}
            await send(message)

        try:
            if bare:
                scope = dict(scope) | {"method": "GET"}
            answer = self._known(scope)
            if answer is None:
                await self._inner(scope, receive, sent)
            else:
                head = [*JSON, (b"content-length", str(len(answer)).encode())]
                await sent({"type": "http.response.start", "status": 200, "headers": head})
                await sent({"type": "http.response.body", "body": answer})
        finally:
            if self._log:
                self._log_request(scope, status, begun)

    def _known(self, scope: Scope) -> bytes | None:
        """Return a cached answer to a search; None in a private catalog, where tokens must be checked."""
        if self._private or scope["path"] != SEARCH or scope["method"] != "GET":
            return None
        return self._search.quick(scope["query_string"])

    def _headers(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        policy = next(
            (value for name, value in headers if name == b"content-security-policy"), NOTHING.encode()
        )
        kept = [(name, value) for name, value in headers if name != b"content-security-policy"]
        # Not in the page itself: frame-ancestors only works in a header.
        return [*kept, (b"content-security-policy", policy + b"; frame-ancestors 'none'"), *self._common]

    def _log_request(self, scope: Scope, status: int, begun: float) -> None:
        """Write a line to the log, without query and headers: they contain tokens, and what people search for."""
        spent = (time.perf_counter() - begun) * 1000
        path = printable(scope["path"][:300])
        sys.stderr.write(f"{now()} {scope['method']} {path} {status} {spent:.1f} ms\n")
