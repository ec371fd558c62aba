"""A client of one server that may be hostile, over a network that fails.

A failure that may pass is tried again, after longer and longer waits; a refusal is reported at once. A request is
repeated only if doing it twice is the same as doing it once, or if it was certainly not done.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Container, Mapping
from typing import Any, BinaryIO
from urllib.parse import urljoin

import urllib3

from meshwright.core.http import retry
from meshwright.core.http.addresses import address, is_private
from meshwright.core.http.answers import MAX_TEXT, Answer, NoAnswer, Refused, TooLarge
from meshwright.core.http.connection import Attempt, Resolve, pool
from meshwright.core.text import printable
from meshwright.core.yaml import Unreadable

MAX_ANSWER = 64_000_000
"""Bytes; a page of the largest records that the embedded catalog takes is smaller."""
CHUNK = 65_536

DONE: Container[int] = range(200, 300)
ANY: Container[int] = range(100, 600)
"""For `ok`: the caller looks at every status, and nothing is tried again for one."""


class Http:
    """A client of one server, with one token. Several threads may use it."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        server: str = "server",
        header: str = "Authorization",
        scheme: str = "Bearer",
        patience: float = 120.0,
        tries: int | None = None,
        timeout: float = 30.0,
        total: float | None = None,
        until: float | None = None,
        most: int = MAX_ANSWER,
        redirects: int = 0,
        proxy: bool = True,
        resolve: Resolve | None = None,
        notify: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Raises Unreadable if the address is invalid or must not be sent the token.

        `url`: what paths are relative to. `server`: what messages call it. `header` and `scheme`: where the token
        goes, and the word before it, which may be empty. `patience`: seconds that all requests together may spend on
        failed tries and the waits after them. `tries`: of one request, at most. `timeout`: seconds for a connection,
        and between two bytes of an answer. `total`: seconds for one whole answer; by default ten timeouts. `until`:
        a moment of the monotonic clock at which the last answer ends. `most`: bytes of an answer. `redirects`: how
        many of a GET are followed; the token does not go along. `proxy`: whether the environment's is used.
        `resolve`: returns the IP address to connect to, or raises. `notify`: gets a sentence before each wait.
        """
        self.url = address(url)
        self._secret = _as_secret(token) if token else ""
        if self._secret and not is_private(self.url):
            problem = f"{self.url} is neither https nor on this machine, so the token is not sent there."
            raise Unreadable(problem, f"Give the {server}'s https address.")
        self._headers = {
            "User-Agent": "meshwright",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        }
        self._headers |= headers or {}
        self._header, self._server = header, server
        if self._secret:
            self._headers[header] = f"{scheme} {self._secret}".strip()
        self._pool = pool(self.url, proxy)
        self._resolve, self._redirects = resolve, redirects
        self._timeout, self._total, self._most = timeout, total or 10 * timeout, most
        self._notify, self._tries, self._until = notify, tries, until or math.inf
        self._patience = self._left = patience

    def request(
        self,
        method: str,
        path: str,
        value: Any = None,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        ok: Container[int] = DONE,
        again: bool | None = None,
        sink: BinaryIO | None = None,
        enough: int | None = None,
    ) -> Answer:
        """Return the first final answer if its status is in `ok`. Raises Refused, NoAnswer.

        `path`: below the url, with its query; make it with `path()` and `urlencode`. `value`: sent as JSON; or `body`
        as it is. `again`: whether doing it twice is the same as doing it once; None: unless it is a POST or a PATCH.
        `sink`: an empty file that gets the body instead of the answer. `enough`: bytes after which the rest is not read.
        """
        again = method not in ("POST", "PATCH") if again is None else again
        sent = {**self._headers, **(headers or {})}
        if body is None and value is not None:
            body = json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
            sent.setdefault("Content-Type", "application/json")
        tries = 0
        while True:
            begun = time.monotonic()
            tries += 1
            try:
                answer = self._attempt(method, path, body, sent, sink, enough)
            except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                failure = retry.failure_of(error)
                if failure.reason == "tls":  # another try does not change a certificate
                    raise NoAnswer(f"{self.url}: {failure.text}.", _FIX_TLS, "tls") from error
                if isinstance(error, ValueError):
                    raise Refused(f"{self.url}: {failure.text}.", "Check the address.") from error
            else:
                if answer.status in ok or not retry.is_temporary(answer):
                    return self._final(method, path, answer, ok)
                failure = retry.failure_with(answer)
            now = time.monotonic()
            self._left = min(self._left - (now - begun), self._until - now)
            # Without the query: it may name people.
            self._wait(f"{method} {self.url}{path.partition('?')[0]}", failure, tries, again)

    def _wait(self, request: str, failure: retry.Failure, tries: int, again: bool) -> None:
        """Wait until the next attempt. Raises NoAnswer if there is none."""
        if not (again or failure.is_unsent):
            end = "Whether it was done is not known."
        elif failure.retry_after is not None and failure.retry_after > self._left:
            end = f"It asks to come back in {failure.retry_after:.0f} s, longer than the {self._patience:.0f} s of patience."
        elif self._left <= 0 or tries == self._tries:
            end = f"It was asked {tries} time{'s' if tries > 1 else ''}."
        else:
            wait = min(retry.wait(tries, failure.retry_after), self._left)
            self._notify(self._safe(f"{failure.text}; asking again in {wait:.1f} s"))
            time.sleep(wait)
            self._left -= wait
            return
        problem = self._safe(f"{request}: {self._safe(failure.text)}. {end}")
        raise NoAnswer(problem, _FIX_AGAIN, failure.reason, failure.status)

    def _attempt(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        sink: BinaryIO | None,
        enough: int | None,
    ) -> Answer:
        if sink:
            sink.seek(0)
            sink.truncate()
        with Attempt(max(0.1, min(self._total, self._until - time.monotonic())), self._resolve) as attempt:
            response = self._opened(method, self.url + path, body, headers)
            parts: list[bytes] = []
            size = 0
            try:
                while not attempt.is_over and (enough is None or size < enough):
                    part = response.read1(CHUNK, decode_content=False)
                    if not part:
                        break
                    size += len(part)
                    if size > self._most:
                        problem = f"{self.url}: the answer is larger than {self._most:,} bytes."
                        fix = f"Check the address: answers of a {self._server} are smaller."
                        raise TooLarge(problem, fix)
                    if sink:
                        sink.write(part)
                    else:
                        parts.append(part)
            except BaseException:
                response.close()
                raise
            if enough is None and not attempt.is_over:
                response.release_conn()  # for the next request
            else:
                response.close()
        content = b"".join(parts)
        if self._secret:  # whoever repeats the answer must not bring it into a log
            content = content.replace(self._secret.encode(), b"(token)")
        return Answer(response.status, response.headers, content)

    def _opened(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> urllib3.BaseHTTPResponse:
        """Return the answer to a request, after redirects if they are followed; its body is not read yet."""
        for _ in range(self._redirects + 1):
            response = self._pool.request(
                method,
                url,
                body=body,
                headers=dict(headers),
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
                timeout=urllib3.Timeout(connect=min(self._timeout, 10.0), read=self._timeout),
            )
            target = self._redirects and method == "GET" and response.get_redirect_location()
            if not target:
                return response
            response.close()  # the body of a redirect may have no end
            url = urljoin(url, target)
            headers = {name: value for name, value in headers.items() if name != self._header}
        problem = f"{self.url}: it redirects more than {self._redirects} times."
        raise NoAnswer(problem, "Give the address that it leads to.")

    def _final(self, method: str, path: str, answer: Answer, ok: Container[int]) -> Answer:
        if answer.status in ok:
            return answer
        problem = f"{method} {self.url}{path}: status {answer.status}"
        if 300 <= answer.status < 400:
            target = (answer.headers.get("Location") or "nowhere")[:MAX_TEXT]
            problem += f", see {target}. Redirects are not followed: a token goes to no other server."
            fix = "Give the address that it leads to, if you trust it."
        else:
            detail = answer.detail
            problem += f". {detail}." if detail else "."
            fix = answer.text("fix", "mend") or FIXES.get(answer.status, OTHER).format(server=self._server)
        raise Refused(self._safe(problem), self._safe(fix), answer.status, answer)

    def _safe(self, text: str) -> str:
        """Return a text that may repeat what was sent, without the token and without control characters."""
        return printable(text.replace(self._secret, "(token)") if self._secret else text)[: 4 * MAX_TEXT]


_FIX_AGAIN = "Run it again: what has been done is not done twice."
_FIX_TLS = "If the organisation has a certificate authority of its own, name its file in SSL_CERT_FILE."

FIXES = {
    400: "Ask the {server}'s operator which version of its interface it has.",
    401: "Set the token that the {server}'s operator gave you.",
    403: "Ask the {server}'s operator for a token that may do this.",
    404: "Check the address of the {server}.",
    405: "Check the address of the {server}.",
    407: "Check the proxy in HTTPS_PROXY.",
    413: "Make it smaller: the {server} does not take as much.",
}
"""Status -> the fix, where the server gives none."""
OTHER = "Ask the {server}'s operator."


def _as_secret(token: str) -> str:
    """Return a token without the line end that files and pipes leave. Raises Unreadable, without the token."""
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token or len(token) > 10_000:
        problem = "The token is empty, or has characters that no token has."
        raise Unreadable(problem, "Set it again, without spaces, quotes or line ends.")
    return token
