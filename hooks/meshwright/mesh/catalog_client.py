"""The embedded catalog, from the outside: docs/reference/catalog-api.md says what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from meshwright.core.http import Answer, Http, NoAnswer, TooLarge, path
from meshwright.core.yaml import Unreadable
from meshwright.mesh.catalog import Outcome
from meshwright.product.record import Record

PAGE = 200
"""Records that are asked for at once; fewer, where they are too large together."""
OUTCOMES = {"created", "updated", "unchanged"}


@dataclass(frozen=True)
class Retired:
    """A product that was taken out, and why. What it says is hostile."""

    reason: str
    successor: str
    """The id of the product to use instead; empty if there is none."""


class Catalog:
    """One embedded catalog. Every method raises http.Refused or http.NoAnswer, both of them Unreadable."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        patience: float = 120.0,
        notify: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`patience`, `notify`: as in http.Http. Raises Unreadable."""
        self._http = Http(url, token, server="catalog", patience=patience, notify=notify)
        self.url = self._http.url

    def records(self) -> list[Record]:
        """Every active product, by id."""
        return list(self._records())

    def _records(self) -> Iterator[Record]:
        after, limit = "", PAGE
        while True:
            asked = urlencode({"after": after, "limit": limit})
            try:
                page = self._http.request("GET", f"/api/records?{asked}").object()
            except TooLarge:
                if limit == 1:
                    raise
                limit = max(1, limit // 8)
                continue
            entries, next_ = page.get("records"), page.get("next")
            if not isinstance(entries, list) or not all(_has_record(entry) for entry in entries):
                raise self._foreign("/api/records")
            for entry in entries:
                yield Record(entry["record"])
            if next_ is None:
                return
            if not isinstance(next_, str) or next_ <= after:  # or else it would never end
                raise self._foreign("/api/records")
            after = next_

    def search(self, q: str, limit: int = 20, **filters: str) -> list[dict[str, Any]]:
        """The products found for some words, best first, as GET /api/products tells them."""
        asked = urlencode({"q": q, "limit": limit, **filters}, errors="replace")
        found = self._http.request("GET", f"/api/products?{asked}").object().get("products")
        if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
            raise self._foreign("/api/products")
        return found

    def get(self, id: str) -> Record | Retired | None:
        """The product as it was published last; None if the catalog never had it."""
        answer = self._http.request("GET", _place(id), ok=(200, 404, 410))
        self._not_elsewhere(answer)
        if answer.status == 410:
            return _retired(answer)
        return Record(answer.object()) if answer.status == 200 else None

    def has(self, record: Record) -> bool:
        """Whether the catalog has this very content, and the product is active."""
        headers = {"If-None-Match": f'"{record.hash}"'}
        answer = self._http.request("GET", _place(record.id), headers=headers, ok=(200, 304, 404, 410))
        self._not_elsewhere(answer)
        told = (answer.headers.get("ETag") or "").removeprefix("W/")  # a proxy that compresses makes it weak
        return answer.status == 304 or (answer.status == 200 and told == f'"{record.hash}"')

    def put(self, record: Record) -> Outcome:
        """Creates the product, brings it up to date, or leaves it."""
        value = dict(record.value)
        said = self._http.request("PUT", _place(record.id), value).object()
        if said.get("outcome") not in OUTCOMES:
            raise self._foreign("PUT")
        return Outcome(said["outcome"], record.id, _text(said, "url"))

    def retire(self, id: str, reason: str, successor: str | None = None) -> Outcome:
        """Takes the product out; its page and its versions stay."""
        value = {"reason": reason, "successor": successor}
        answer = self._http.request("POST", f"{_place(id)}/retire", value, again=True)
        return Outcome("retired", id, _text(answer.object(), "url"))

    def post_assessment(self, value: dict[str, Any]) -> None:
        """Hands in an assessment of the mesh; one of the same moment twice is one."""
        self._http.request("POST", "/api/assessments", value, again=True)

    def assessments(self) -> list[dict[str, Any]]:
        """Date and scores of each assessment, for trends."""
        found = self._http.request("GET", "/api/assessments").object().get("assessments")
        if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
            raise self._foreign("/api/assessments")
        return found

    def _not_elsewhere(self, answer: Answer) -> None:
        """That a product is unknown is for a catalog to say: a wrong address says the same of a page."""
        if answer.status == 404 and _error(answer) == "":
            raise self._foreign("/api/products")

    def _foreign(self, what: str) -> NoAnswer:
        problem = f"{self.url}: what it answers to {what} is not what Meshwright's catalog answers."
        return NoAnswer(problem, "Check the address of the catalog.")


def split(id: str) -> tuple[str, str]:
    """Domain and name of `<domain>/<name>`. Raises Unreadable."""
    domain, slash, name = id.partition("/")
    if not domain or not slash or not name or "/" in name or domain in (".", "..") or name in (".", ".."):
        raise Unreadable(
            f"{id!r} is no product.", "Write <domain>/<name>, such as airport-operations/departures."
        )
    return domain, name


def _place(id: str) -> str:
    return path("api", "products", *split(id))


def _has_record(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("record"), dict)


def _retired(answer: Answer) -> Retired:
    said = answer.object()
    return Retired(_text(said, "reason") or _text(said, "detail"), _text(said, "successor"))


def _error(answer: Answer) -> str:
    """The code of an error; empty if the body is none of a catalog's."""
    try:
        return _text(answer.object(), "error")
    except NoAnswer:
        return ""


def _text(said: dict[str, Any], key: str) -> str:
    found = said.get(key)
    return found if isinstance(found, str) else ""
