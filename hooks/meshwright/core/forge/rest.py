"""Ask a forge's REST interface for what it has. It changes something there by `send` only."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from meshwright.core.forge.answers import malformed, objects
from meshwright.core.forge.unavailable import ForgeBusy, ForgeRefuses, ForgeUnavailable
from meshwright.core.http import ANY, Answer, Http, NoAnswer, path
from meshwright.core.yaml import Unreadable

PAGE = 100
"""Entries of a page, the most that both forges give."""
MAX_PAGES = 30
MAX_BYTES = 8_000_000
"""Of one answer; a page of the largest pull requests is smaller."""
PATIENCE = 20.0
"""Seconds that all requests of a run together may wait for a forge that is busy."""
LONGEST = 600.0
"""Seconds that all requests of a run may take."""
FIX_401 = "Set MESHWRIGHT_FORGE_TOKEN to a token that is valid."
FIX_MOVED = (
    "If the repository has moved, let an approver write its present address. Redirects are not followed."
)
FIX_LATER = "Run it again once the forge answers."


class Rest:
    """Requests of one run to one forge. Each address is requested once."""

    def __init__(self, api: str, token: str, headers: Mapping[str, str], header: str, scheme: str) -> None:
        """Raises Unreadable if the address is invalid or must not be sent the token."""
        self._http = Http(
            api,
            token,
            headers,
            server="forge",
            header=header,
            scheme=scheme,
            patience=PATIENCE,
            timeout=20.0,
            total=60.0,
            most=MAX_BYTES,
            until=time.monotonic() + LONGEST,
        )
        self._answers: dict[str, Answer] = {}

    def get(self, *parts: str, fix: str, **query: str) -> Any:
        """Return the answer to a request. Raises ForgeUnavailable; `fix`: for an answer that there is none for this token."""
        answer = self.answer(*parts, **query)
        if answer.status != 200:
            raise ForgeRefuses(self._sentence(parts, answer), fix)
        return self.value(answer)

    def all(self, *parts: str, fix: str, **query: str) -> Iterator[dict[str, Any]]:
        """Yield the entries of a list, page by page. Raises ForgeUnavailable.

        The pages are counted here: an address that the answer names is not followed.
        """
        for page in range(1, MAX_PAGES + 1):
            more = {**query, "per_page": str(PAGE), "page": str(page)}
            entries = objects(self.get(*parts, fix=fix, **more), parts[-1])
            yield from entries
            if len(entries) < PAGE:
                return
        raise ForgeUnavailable(
            f"The forge's list {'/'.join(parts)} has more than {MAX_PAGES * PAGE} entries.",
            "Split the pull request.",
        )

    def answer(self, *parts: str, **query: str) -> Answer:
        """Return the answer to a request, whatever its status. Raises ForgeUnavailable if the forge is away.

        It is away, too, if it does not know the token, or has had enough requests for now.
        """
        try:
            address = path(*parts) + (f"?{urlencode(query)}" if query else "")
            if address not in self._answers:
                self._answers[address] = self._followed(self._http.request("GET", address, ok=_FINAL))
        except NoAnswer as error:
            raise ForgeUnavailable(str(error), error.fix) from error
        except Unreadable as error:
            raise ForgeUnavailable(str(error), error.fix or FIX_LATER) from error
        answer = self._answers[address]
        if answer.status == 401:
            raise ForgeRefuses(self._sentence(parts, answer), FIX_401)
        if answer.status == 403 and _is_exhausted(answer):
            raise ForgeBusy(f"{self._http.url} takes no more requests for now.", FIX_LATER)
        if 300 <= answer.status < 400:
            raise ForgeUnavailable(self._sentence(parts, answer), FIX_MOVED)
        if answer.status not in (200, 403, 404):
            raise ForgeUnavailable(self._sentence(parts, answer), FIX_LATER)
        return answer

    def send(self, method: str, *parts: str, value: Any, fix: str, known: tuple[int, ...] = ()) -> Any:
        """Change something; return the answer's value. Raises ForgeUnavailable.

        `known`: statuses that mean that it is there already: then returns None. `fix`: if the token may not. It is not
        sent twice, and no redirect is followed.
        """
        try:
            answer = self._http.request(method, path(*parts), value, ok=_FINAL, again=False)
        except NoAnswer as error:
            raise ForgeUnavailable(str(error), error.fix) from error
        except Unreadable as error:
            raise ForgeUnavailable(str(error), error.fix or FIX_LATER) from error
        self.forget()
        if answer.status in (200, 201):
            return self.value(answer)
        if answer.status in known:
            return None
        if answer.status in (403, 429) and _is_exhausted(answer):
            raise ForgeBusy(f"{self._http.url} takes no more requests for now.", FIX_LATER)
        kind = ForgeRefuses if answer.status in (401, 403, 404) else ForgeUnavailable
        raise kind(self._sentence(parts, answer), FIX_401 if answer.status == 401 else fix)

    def forget(self) -> None:
        """Request everything anew from now on."""
        self._answers.clear()

    def _followed(self, answer: Answer) -> Answer:
        """Return the answer after one redirect on the same server, as to a repository that got another name."""
        target = answer.headers.get("Location") or ""
        if 300 <= answer.status < 400 and target.startswith(f"{self._http.url}/"):
            return self._http.request("GET", target.removeprefix(self._http.url), ok=_FINAL)
        return answer

    def value(self, answer: Answer) -> Any:
        """Return the value of an answer. Raises ForgeUnavailable."""
        try:
            return answer.json()
        except NoAnswer as error:
            raise malformed("body") from error

    def _sentence(self, parts: tuple[str, ...], answer: Answer) -> str:
        detail = answer.detail
        return f"{self._http.url}{path(*parts)}: status {answer.status}{f', {detail}' if detail else ''}."


class _Final:
    """The statuses that are looked at; others may pass, and are tried again."""

    def __contains__(self, status: object) -> bool:
        return status in ANY and status != 429 and not (isinstance(status, int) and status >= 500)


_FINAL = _Final()


def _is_exhausted(answer: Answer) -> bool:
    return answer.headers.get("X-RateLimit-Remaining") == "0" or "rate limit" in answer.detail.lower()
