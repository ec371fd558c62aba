"""A client of the embedded catalog. docs/reference/catalog-api.md describes its interface."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from meshwright.core.http import Answer, Http, NoAnswer, Refused, TooLarge, path
from meshwright.core.yaml import Unreadable
from meshwright.mesh.publish_result import PublishResult
from meshwright.mesh.run_events import ObservedRead
from meshwright.mesh.sample_rows import SampleRows
from meshwright.product.record import Record

PAGE = 200
"""Records in one request; the catalog returns fewer if they are too large."""
OUTCOMES = {"created", "updated", "unchanged"}


@dataclass(frozen=True)
class Retired:
    """A retired product. Its texts are untrusted."""

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
        """Return every active product, by id."""
        return list(self._records())

    def _records(self) -> Iterator[Record]:
        after, limit = "", PAGE
        while True:
            parameters = urlencode({"after": after, "limit": limit})
            try:
                page = self._http.request("GET", f"/api/records?{parameters}").object()
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
            if not isinstance(next_, str) or next_ <= after:  # otherwise the loop would not end
                raise self._foreign("/api/records")
            after = next_

    def search(self, q: str, limit: int = 20, **filters: str) -> list[dict[str, Any]]:
        """Return the products that match a query, best first, as GET /api/products has them."""
        parameters = urlencode({"q": q, "limit": limit, **filters}, errors="replace")
        products = self._http.request("GET", f"/api/products?{parameters}").object().get("products")
        if not isinstance(products, list) or not all(isinstance(entry, dict) for entry in products):
            raise self._foreign("/api/products")
        return products

    def get(self, id: str) -> Record | Retired | None:
        """Return the product as it was published last; None if the catalog never had it."""
        answer = self._http.request("GET", _place(id), ok=(200, 404, 410))
        self._not_elsewhere(answer)
        if answer.status == 410:
            return _retired(answer)
        return Record(answer.object()) if answer.status == 200 else None

    def read(self, where: str, parameters: Mapping[str, Any]) -> Any:
        """Return the answer to any request that reads: a JSON value, or a text. A parameter may have a list of values."""
        query = urlencode(parameters, doseq=True, errors="replace")
        answer = self._http.request("GET", f"{where}?{query}" if query else where)
        kind = (answer.headers.get("Content-Type") or "").partition(";")[0]
        return answer.json() if kind.endswith("json") else answer.body.decode("utf-8", "replace")

    def contract(self, id: str, **chosen: str) -> str:
        """Return the contract of an active product as YAML, with servers; `chosen`: a role, and a port."""
        where = f"{_place(id)}/contract.yaml?{urlencode(chosen, errors='replace')}"
        answer = self._http.request("GET", where)
        return answer.body.decode("utf-8", "replace")

    def versions(self, id: str, newest: int) -> list[Record]:
        """Return versions of a product, newest first: the `newest`, and the oldest of each major version. None if the catalog
        never had it."""
        answer = self._http.request("GET", f"{_place(id)}/versions", ok=(200, 404, 410))
        self._not_elsewhere(answer)
        listed = answer.object().get("versions") if answer.status == 200 else []
        if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
            raise self._foreign("the versions")
        oldest = {_text(entry, "version").partition(".")[0]: entry for entry in listed}
        chosen = [entry for entry in listed if entry in listed[:newest] or entry in oldest.values()]
        hashes = [_text(entry, "hash") for entry in chosen if _text(entry, "hash").isalnum()]
        answers = [
            self._http.request("GET", f"{_place(id)}/versions/{hash}", ok=(200, 404)) for hash in hashes
        ]
        return [Record(one.object()) for one in answers if one.status == 200]

    def has(self, record: Record) -> bool:
        """Return True if the catalog stores this exact record, and the product is active."""
        headers = {"If-None-Match": f'"{record.hash}"'}
        answer = self._http.request("GET", _place(record.id), headers=headers, ok=(200, 304, 404, 410))
        self._not_elsewhere(answer)
        tag = (answer.headers.get("ETag") or "").removeprefix("W/")  # a proxy that compresses makes it weak
        return answer.status == 304 or (answer.status == 200 and tag == f'"{record.hash}"')

    def put(self, record: Record) -> PublishResult:
        """Create the product, bring it up to date, or leave it."""
        value = dict(record.value)
        outcome = self._http.request("PUT", _place(record.id), value).object()
        if outcome.get("outcome") not in OUTCOMES:
            raise self._foreign("PUT")
        return PublishResult(outcome["outcome"], record.id, _text(outcome, "url"))

    def put_sample(self, id: str, sample: SampleRows) -> bool:
        """Send the sample rows of a product; return False if the catalog is older than those."""
        where = f"{_place(id)}/sample"
        answer = self._http.request("PUT", where, sample.value(), ok=(200, 404, 405))
        if answer.status == 404 and _error(answer) == "unknown-product":
            raise Refused(
                f"The catalog has no product {id}.", "Publish it first: `meshwright catalog publish`.", 404
            )
        return answer.status == 200

    def retire(self, id: str, reason: str, successor: str | None = None) -> PublishResult:
        """Retire the product; its page and its versions stay."""
        value = {"reason": reason, "successor": successor}
        answer = self._http.request("POST", f"{_place(id)}/retire", value, again=True)
        return PublishResult("retired", id, _text(answer.object(), "url"))

    def post_assessment(self, value: dict[str, Any]) -> None:
        """Store an assessment of the mesh; one of the same moment twice is one."""
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        body = gzip.compress(text, 6)
        self._http.request("POST", "/api/assessments", body=body, headers=headers, again=True)

    def assessments(self) -> list[dict[str, Any]]:
        """Return date and scores of each assessment, for trends."""
        assessments = self._http.request("GET", "/api/assessments").object().get("assessments")
        if not isinstance(assessments, list) or not all(isinstance(entry, dict) for entry in assessments):
            raise self._foreign("/api/assessments")
        return assessments

    def observed(self) -> list[ObservedRead]:
        """Return which products have read each other in their last runs; none from a catalog that does not keep runs."""
        answer = self._http.request("GET", "/api/lineage", ok=(200, 404))
        reads = answer.object().get("reads") if answer.status == 200 else []
        if not isinstance(reads, list) or not all(isinstance(read, dict) for read in reads):
            raise self._foreign("/api/lineage")
        names = ("consumer", "source", "port", "at")
        return [ObservedRead(*(_text(read, name) for name in names)) for read in reads]

    def _not_elsewhere(self, answer: Answer) -> None:
        """Raise NoAnswer for a 404 that is not from a catalog, such as of a wrong address."""
        if answer.status == 404 and _error(answer) == "":
            raise self._foreign("/api/products")

    def _foreign(self, what: str) -> NoAnswer:
        problem = f"{self.url}: its answer to {what} is not one of Meshwright's catalog."
        return NoAnswer(problem, "Check the address of the catalog.")


def split(id: str) -> tuple[str, str]:
    """Split `<domain>/<name>` into domain and name. Raises Unreadable."""
    domain, slash, name = id.partition("/")
    if not domain or not slash or not name or "/" in name or domain in (".", "..") or name in (".", ".."):
        raise Unreadable(
            f"{id!r} is not the id of a product.",
            "Write <domain>/<name>, such as airport-operations/departures.",
        )
    return domain, name


def _place(id: str) -> str:
    return path("api", "products", *split(id))


def _has_record(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("record"), dict)


def _retired(answer: Answer) -> Retired:
    value = answer.object()
    return Retired(_text(value, "reason") or _text(value, "detail"), _text(value, "successor"))


def _error(answer: Answer) -> str:
    """Return the code of an error; empty if the body is not one of a catalog."""
    try:
        return _text(answer.object(), "error")
    except NoAnswer:
        return ""


def _text(value: dict[str, Any], key: str) -> str:
    text = value.get(key)
    return text if isinstance(text, str) else ""
