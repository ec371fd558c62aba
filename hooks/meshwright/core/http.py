"""HTTP with a catalog that nobody vouches for, over a network that fails.

What fails for a moment is asked again, later and later; what is refused is told at once. A request is only asked again
if doing it twice is the same as doing it once, or if it was certainly not done.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from meshwright.core.git import without_credentials
from meshwright.core.text import printable
from meshwright.core.yaml import Unreadable

MAX_ANSWER = 64_000_000
"""Bytes; a page of the largest records that the embedded catalog takes is smaller."""
MAX_WORDS = 500
"""How much of what a server says is told on."""

DONE: Container[int] = range(200, 300)
LATER = frozenset({408, 425, 429, *range(500, 600)} - {501, 505})
"""Statuses that may be another one in a moment."""
NOT_DONE = frozenset({429, 503})
"""Those of LATER that say that nothing was done."""

FIRST_WAIT, LONGEST_WAIT = 0.25, 30.0
"""Seconds, before jitter; each wait is twice the one before."""


class Refused(Unreadable):
    """The answer is final: asking again would not change it. `answer` is None if nothing was sent."""

    def __init__(self, problem: str, fix: str, status: int = 0, answer: Answer | None = None) -> None:
        super().__init__(problem, fix)
        self.status, self.answer = status, answer


class NoAnswer(Unreadable):
    """Nothing that the patience there was could make sense of; whether the request was done is not known."""


class TooLarge(NoAnswer):
    """The answer is larger than was allowed."""


@dataclass(frozen=True)
class Answer:
    """What a server said. All of it is hostile."""

    status: int
    headers: Mapping[str, str]
    """Case-insensitive."""
    body: bytes

    def json(self) -> Any:
        """The value of the body. Raises NoAnswer."""
        try:
            return json.loads(self.body.decode("utf-8"), parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            kind = printable(self.headers.get("Content-Type") or "something")[:100]
            problem = f"The answer (status {self.status}, {kind}) is not JSON."
            fix = "Check the address: is that page of a catalog, or of something in front of it?"
            raise NoAnswer(problem, fix) from error

    def object(self) -> dict[str, Any]:
        """The same, of an object. Raises NoAnswer."""
        value = self.json()
        if isinstance(value, dict):
            return value
        raise NoAnswer("The answer is not a JSON object.", "Check the address.")


class Http:
    """One server, spoken to with one token. Safe to be used by several threads."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        header: str = "Authorization",
        scheme: str = "Bearer",
        patience: float = 120.0,
        timeout: float = 30.0,
        most: int = MAX_ANSWER,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Raises Unreadable, if the address is none or the token must not go there.

        `url`: where paths begin. `header` and `scheme`: where the token goes, and what stands
        before it, which may be nothing. `patience`:
        how many seconds may be lost, by all requests together, to tries that fail and the waits after them.
        `timeout`: seconds until a connection stands, between two bytes of an answer, and ten times that for all of it.
        `most`: bytes of an answer. `told`: is given a sentence before each wait.
        """
        self.url = address(url)
        self._secret = _as_secret(token) if token else ""
        if self._secret and not _is_private(self.url):
            problem = f"{self.url} is neither https nor on this machine, so the token is not sent there."
            raise Unreadable(problem, "Give the catalog's https address.")
        self._headers = {
            "User-Agent": "meshwright",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        }
        self._headers |= headers or {}
        if self._secret:
            self._headers[header] = f"{scheme} {self._secret}".strip()
        self._pool = _pool(self.url)
        self._timeout, self._most, self._told = timeout, most, told
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
    ) -> Answer:
        """Asks until there is a final answer; returns it if its status is in `ok`. Raises Refused, NoAnswer.

        `path`: below the url, with its query; make it with `path()` and `urlencode`. `value`: sent as JSON; or `body`
        as it is. `again`: whether doing it twice is the same as doing it once; None: unless it is a POST or a PATCH.
        """
        again = method not in ("POST", "PATCH") if again is None else again
        sent = {**self._headers, **(headers or {})}
        if body is None and value is not None:
            body = json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
            sent.setdefault("Content-Type", "application/json")
        tries = 0
        while True:
            asked: float | None = None
            tries += 1
            begun = time.monotonic()
            try:
                answer = self._once(method, path, body, sent)
            except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                reason = _in_words(error)
                if isinstance(
                    error, urllib3.exceptions.SSLError
                ):  # asking again does not change a certificate
                    raise NoAnswer(f"{self.url}: {self._safe(reason)}.", _FIX_TLS) from error
                if isinstance(error, ValueError):
                    raise Refused(f"{self.url}: {self._safe(reason)}.", "Check the address.") from error
                surely_not_done = _is_unsent(error)
            else:
                busy = answer.status == 409 and _text_of(answer, "error") == "busy"
                if not busy and (answer.status in ok or answer.status not in LATER):
                    return self._final(method, path, answer, ok)
                reason = f"status {answer.status}" + (f", {said}" if (said := _detail(answer)) else "")
                surely_not_done = busy or answer.status in NOT_DONE
                asked = _retry_after(answer)
            where = f"{method} {self.url}{path}"
            reason = self._safe(reason)
            if not (again or surely_not_done):
                problem = f"{where}: {reason}. Whether it was done is not known."
                raise NoAnswer(self._safe(problem), _FIX_AGAIN)
            wait = _wait(tries, asked)
            self._left -= time.monotonic() - begun
            if asked is not None and asked > self._left:
                problem = f"{where}: {reason}. It asks to come back in {asked:.0f} s, longer than the {self._patience:.0f} s of patience."
                raise NoAnswer(self._safe(problem), _FIX_AGAIN)
            if self._left <= 0:
                problem = f"{where}: {reason}. It was asked {tries} time{'s' if tries > 1 else ''}."
                raise NoAnswer(self._safe(problem), _FIX_AGAIN)
            wait = min(wait, self._left)
            self._told(f"{reason}; asking again in {wait:.1f} s")
            time.sleep(wait)
            self._left -= wait

    def _once(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        deadline = time.monotonic() + 10 * self._timeout
        response = self._pool.request(
            method,
            self.url + path,
            body=body,
            headers=dict(headers),
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
            timeout=urllib3.Timeout(connect=min(self._timeout, 10.0), read=self._timeout),
        )
        parts, size = [], 0
        try:
            while part := response.read1(65_536, decode_content=False):
                parts.append(part)
                size += len(part)
                if size > self._most:
                    problem = f"{self.url}: the answer is larger than {self._most:,} bytes."
                    raise TooLarge(problem, "Check the address: a catalog's answers are smaller.")
                if time.monotonic() > deadline:
                    raise urllib3.exceptions.TimeoutError("the answer does not end")
        except BaseException:
            response.close()
            raise
        response.release_conn()
        said = b"".join(parts)
        if self._secret:  # whoever repeats it must not bring it into a log
            said = said.replace(self._secret.encode(), b"(token)")
        return Answer(response.status, response.headers, said)

    def _final(self, method: str, path: str, answer: Answer, ok: Container[int]) -> Answer:
        if answer.status in ok:
            return answer
        problem = f"{method} {self.url}{path}: status {answer.status}"
        if 300 <= answer.status < 400:
            there = answer.headers.get("Location") or "nowhere"
            problem += (
                f", see {there[:MAX_WORDS]}. Redirects are not followed: a token goes where it was meant to."
            )
            fix = "Give the address that it leads to, if you trust it."
        else:
            problem += f". {said}." if (said := _detail(answer)) else "."
            fix = (
                _text_of(answer, "fix")
                or _text_of(answer, "mend")
                or FIXES.get(answer.status, "Ask the catalog's operator.")
            )
        raise Refused(self._safe(problem), self._safe(fix), answer.status, answer)

    def _safe(self, words: str) -> str:
        """Words that may repeat what was sent, and that steer no terminal."""
        kept = words.replace(self._secret, "(token)") if self._secret else words
        return printable(kept)[: 4 * MAX_WORDS]


_FIX_AGAIN = "Run it again: what has been done is not done twice."
_FIX_TLS = "If the organisation has a certificate authority of its own, name its file in SSL_CERT_FILE."

FIXES = {
    400: "Ask the catalog's operator which version of its interface it has.",
    401: "Set the token that the catalog's operator gave you for this product.",
    403: "Ask the catalog's operator for a token that may do this.",
    404: "Check the address of the catalog.",
    405: "Check the address of the catalog.",
    407: "Check the proxy in HTTPS_PROXY.",
    413: "Make it smaller: the catalog does not take as much.",
}
"""Status -> what to do, where the server does not say it itself."""


def path(*parts: str) -> str:
    """A path below a url, each part quoted. Raises Unreadable for a part that would lead elsewhere."""
    for part in parts:
        if part in ("", ".", ".."):
            raise Unreadable(f"{part!r} cannot be part of an address.", "Give a name.")
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def address(url: str) -> str:
    """An http(s) address without a slash at its end. Raises Unreadable; an error tells no credentials."""
    fix = "Give its http(s) address, such as https://catalog.example.org."
    try:
        split = urlsplit(url.strip())
        host, _ = split.hostname, split.port
    except ValueError as error:
        raise Unreadable("The address is not one of a server.", fix) from error
    shown = printable(without_credentials(url))[:MAX_WORDS]
    if split.scheme not in ("http", "https") or not host:
        raise Unreadable(f"{shown} is not the address of a server.", fix)
    if "@" in split.netloc:
        raise Unreadable(
            f"{shown}: an address with credentials ends up in logs.", "Give the token by the environment."
        )
    if (
        split.query
        or split.fragment
        or not url.strip().isascii()
        or not url.strip().isprintable()
        or " " in url.strip()
    ):
        raise Unreadable(f"{shown} is more than the address of a server.", fix)
    return url.strip().rstrip("/")


def _is_private(url: str) -> bool:
    """Whether nobody can listen on the way there."""
    return url.startswith("https://") or _is_here(urlsplit(url).hostname or "")


def _is_here(host: str) -> bool:
    """Whether a host is this machine, whatever a resolver says."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _as_secret(token: str) -> str:
    """A token without the line's end that files and pipes leave. Raises Unreadable, without the token."""
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or len(token) > 10_000:
        raise Unreadable(
            "The token is empty, or holds what no token holds.", "Set it again, without quotes or line ends."
        )
    return token


def _pool(url: str) -> urllib3.PoolManager:
    """As the environment has it: HTTPS_PROXY and NO_PROXY, SSL_CERT_FILE. Raises Unreadable."""
    split = urlsplit(url)
    proxy = getproxies().get(split.scheme)
    if not proxy or _is_here(split.hostname or "") or proxy_bypass(split.netloc):
        return urllib3.PoolManager(maxsize=8)
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    try:
        there = urlsplit(proxy)
        login = f"{unquote(there.username)}:{unquote(there.password or '')}" if there.username else None
        return urllib3.ProxyManager(
            proxy, maxsize=8, proxy_headers=urllib3.make_headers(proxy_basic_auth=login)
        )
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        name = f"{split.scheme.upper()}_PROXY"
        raise Unreadable(f"{name} is not the address of a proxy.", f"Fix {name}.") from error


def _wait(tries: int, asked: float | None) -> float:
    """Seconds; with jitter, so that a thousand products that failed together do not come back together."""
    pause = min(FIRST_WAIT * 2.0 ** min(tries - 1, 20), LONGEST_WAIT)
    return (asked or 0.0) + pause * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


def _retry_after(answer: Answer) -> float | None:
    """Seconds, from a number or a date; None if the server does not say, or says nonsense."""
    said = (answer.headers.get("Retry-After") or "").strip()
    if said.isascii() and said.isdigit() and len(said) < 10:
        return float(said)
    until = _moment(said)
    now = _moment(answer.headers.get("Date") or "") or datetime.now(UTC)  # by its own clock, if it tells it
    return max(0.0, (until - now).total_seconds()) if until else None


def _moment(said: str) -> datetime | None:
    """A date as HTTP has it; None if it is none."""
    try:
        found = parsedate_to_datetime(said)
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _text_of(answer: Answer, key: str) -> str:
    """A text that an error's body has, if it is such an object."""
    try:
        value = json.loads(answer.body[:100_000])
    except (ValueError, RecursionError):
        return ""
    said = value.get(key) if isinstance(value, dict) else None
    return said[:MAX_WORDS] if isinstance(said, str) else ""


def _detail(answer: Answer) -> str:
    return next(
        (said for key in ("detail", "message", "error") if (said := _text_of(answer, key))), ""
    ).rstrip(".")


def _is_unsent(error: Exception) -> bool:
    """Whether there was not even a connection."""
    return isinstance(error, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)


def _in_words(error: Exception) -> str:
    """Why there was no answer, without the objects that urllib3 puts into its messages."""
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return words
    return "the connection broke"


_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (urllib3.exceptions.SSLError, "its certificate cannot be verified, or TLS failed"),
    (urllib3.exceptions.NameResolutionError, "its name is not known"),
    (urllib3.exceptions.ProxyError, "the proxy cannot be reached"),
    (urllib3.exceptions.NewConnectionError, "no connection"),
    (urllib3.exceptions.ConnectTimeoutError, "no connection within the time"),
    (urllib3.exceptions.TimeoutError, "no answer within the time"),
    (ValueError, "a request that cannot be sent"),
)


def _no_number(name: str) -> Any:
    raise ValueError(f"JSON has no {name}")
