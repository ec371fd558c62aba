"""The catalog's pages. They need no JavaScript; texts of records are only inserted by autoescaping."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from meshwright.core import pages
from meshwright.core.renamed import with_new
from meshwright.core.yaml import Unreadable
from meshwright.mesh.run_events import observed_reads
from meshwright.mesh.scores import Cell, cells
from meshwright.mesh.standings import NOT_KNOWN, STANDINGS
from meshwright.product import metamodel
from meshwright.product.agreement_length import longest_days
from meshwright.product.record import Record
from meshwright.serve import RequestProblem, page_details
from meshwright.serve.catalog_store import CatalogStore
from meshwright.serve.catalog_store.stored_assessments import ProductFitness
from meshwright.serve.catalog_store.stored_products import StoredProduct
from meshwright.serve.column_sources import column_sources
from meshwright.serve.contract_words import contract_words, examples
from meshwright.serve.highlights import found_in, marked
from meshwright.serve.links import Links
from meshwright.serve.page_reader import NOBODY, PageReader
from meshwright.serve.page_text import minute, short
from meshwright.serve.reading import readings
from meshwright.serve.request_form import RequestSending, request_form
from meshwright.serve.search import FACET_NAMES, SORTS, Query, Search
from meshwright.serve.version_history import VersionHistory
from meshwright.serve.visible_samples import visible_samples

if TYPE_CHECKING:
    from meshwright.serve.api_document import ApiDescription, Operation
    from meshwright.serve.pull_requests import OpenedRequest

FOLDER = Path(__file__).parent / "templates"
COLUMNS, READERS, VERSIONS, EDGES, RUNS = 2_000, 500, 100, 200, 10
"""Maximum rows of a table on a page; the record has all of them."""
COMPARED = 20
"""Versions of a product that are compared with the one before."""
PATIENCE = 5.0
"""Maximum seconds to wait while another request renders the page."""
REST = 20
"""A large page is cached for this many times its rendering time, even if products change."""
OF_ACCESS = 50
"""Products on a page of the overview of access."""
NAMES = {
    "domain": "Domain",
    "classification": "Classification",
    "port": "Output port",
    "tag": "Tag",
    "type": "Type",
    "standing": "Standing",
    "access": "Access",
    "owner": "Owner",
}
"""Facet -> its label."""
ORDERED = {"classification": metamodel.CLASSIFICATIONS, "standing": tuple(STANDINGS)}
"""Facet -> the order of its values; others have the most frequent first."""
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)"')


def policy_of(html: str) -> str:
    """Return the policy in a page, for its header."""
    found = _POLICY.search(html)
    return unescape(found[1]) if found else "default-src 'none'"


@dataclass(frozen=True)
class _Drawn:
    """A rendered page about all products."""

    revision: int
    text: str
    until: float
    """The time (monotonic) before which it is not rendered again."""


class Pages:
    """All pages, for the served and the exported catalog."""

    def __init__(self, store: CatalogStore, search: Search, has_accounts: bool = False) -> None:
        """`has_accounts`: whether people can sign in."""
        self._store, self._search = store, search
        self._templates = pages.environment(FOLDER)
        self._templates.filters |= {
            "short": short,
            "level": page_details.level,
            "day": lambda moment: moment[:10],
            "minute": minute,
            "longest_days": longest_days,
            "title_of": search.title,
            "examples": examples,
            "marked": marked,
            "found_in": found_in,
        }
        self._templates.globals |= {"has_accounts": has_accounts, "standings": STANDINGS}
        self._style = pages.STYLE.read_text("utf-8") + (FOLDER / "catalog.css").read_text("utf-8")
        self._filter = (FOLDER / "filter.js").read_text("utf-8")
        self._copy = (FOLDER / "copy.js").read_text("utf-8")
        self._request = (FOLDER / "request.js").read_text("utf-8")
        self.history = VersionHistory(store)
        self._drawn: dict[tuple[str, str], _Drawn] = {}
        self._drawing = Lock()

    # -- pages ----------------------------------------------------------------------------------------

    def home(self, to: Links, query: Query) -> str:
        """Return the search page, with results."""
        found = self._search.search(query)
        return self._page(
            "home.html.jinja",
            to,
            here="home",
            query=query,
            chosen=dict(query.chosen),
            found=found,
            meant=to.home(replace(query, q=found.suggestion, offset=0)) if found.suggestion else "",
            facets=list(self._facets(to.home, query, found.facets)),
            pager=_pager(to.home, query, found.total),
            sorts=[(words, to.home(replace(query, sort=sort, offset=0)), sort == query.sort) for sort, words in SORTS.items()],
        )  # fmt: skip

    def everything(self, to: Links) -> str:
        """Return the first page of an exported catalog: all products."""
        found = self._search.search(Query(limit=10_000_000))
        return self._page("everything.html.jinja", to, here="home", script=self._filter, found=found)

    def domain(self, to: Links, domain: str) -> str:
        """Return the page with the products of a domain."""
        found = self._search.search(Query(chosen=(("domain", domain),), limit=10_000_000))
        if not found.total:
            raise RequestProblem(404, "unknown-domain", f"The catalog has no domain {domain[:200]}.", "Choose one from the list of products.")  # fmt: skip
        return self._page("domain.html.jinja", to, domain=domain, found=found)

    def product(
        self,
        to: Links,
        product: StoredProduct,
        sending: RequestSending | None = None,
        reader: PageReader = NOBODY,
    ) -> str:
        """Return a product's page. `sending`: how its form is sent to the catalog; None: it is not."""
        record = product.record
        history = self._store.assessments.history(product.id)
        scores = history[0] if history and not self._is_past(history[0]["at"]) else None
        about, sample = _about(record), self._store.samples.get(product.id)
        made_of = self._store.runs.columns(product.id)
        form = request_form(record, about["readers"]) if record.roles and not product.retired_at else None
        return self._page(
            "product.html.jinja",
            to,
            script=self._copy + (self._request if form else ""),
            form=form,
            sending=sending,
            sampled=sample is not None,
            samples=visible_samples(record, sample, reader.principals),
            follow=reader.follow,
            product=product,
            record=record,
            version=None,
            lineage=self._lineage(record),
            runs=self._store.runs.list(product.id, RUNS),
            made_of=made_of,
            sources=column_sources(record, made_of),
            scores=scores,
            cells=self._cells(scores["results"]) if scores else {},
            now=self._search.fitness(product.id) if scores else ProductFitness(),
            earlier=[one["score"] for one in reversed(history) if one["score"] is not None][-20:],
            broken=page_details.broken([scores], self._store.assessments.functions()) if scores else [],
            versions=self._store.products.versions(product.id)[:VERSIONS],
            changes=self.history.of(product.id, COMPARED),
            **about,
        )

    def version(self, to: Links, product: StoredProduct, hash: str, text: str) -> str:
        """Return the page of a version of a product."""
        record = Record(json.loads(text))
        versions = self._store.products.versions(product.id)
        version = next(version for version in versions if version.hash == hash)
        return self._page(
            "product.html.jinja",
            to,
            script=self._copy,
            product=product,
            record=record,
            form=None,
            sampled=False,
            samples=(),
            follow=None,
            version=version,
            lineage=self._lineage(record, consumers=False),
            runs=(),
            made_of={},
            sources=column_sources(record, {}),
            scores=None,
            cells={},
            now=None,
            earlier=[],
            broken=[],
            versions=versions[:VERSIONS],
            changes=self.history.of(product.id, COMPARED),
            **_about(record),
        )

    def access(self, to: Links, query: Query) -> str:
        """Return the overview of readers, by product."""
        query = replace(query, limit=OF_ACCESS if to.live else 10_000_000)
        found = self._search.search(query)
        kept = self._store.products.named([summary["id"] for summary in found.products])
        records = [kept[summary["id"]].record for summary in found.products if summary["id"] in kept]
        return self._page(
            "access.html.jinja",
            to,
            here="access",
            query=query,
            chosen=dict(query.chosen),
            found=found,
            entries=[(record, page_details.readers(record)[:READERS]) for record in records],
            facets=list(self._facets(to.access, query, found.facets)),
            pager=_pager(to.access, query, found.total),
        )

    def fitness(self, to: Links) -> str:
        """Return the dashboard of the latest assessment."""
        return self._kept("fitness", to, lambda: self._dashboard(to))

    def map(self, to: Links) -> str:
        """Return the map of the mesh."""
        return self._kept("map", to, lambda: self._map(to))

    def api(self, to: Links, about: ApiDescription) -> str:
        """Return the page about the API."""
        groups: dict[str, list[Operation]] = {}
        for one in about.operations:
            groups.setdefault(one.group, []).append(one)
        return self._page(
            "api.html.jinja",
            to,
            here="api",
            script=self._copy,
            private=about.private,
            address=json.dumps(about.address),
            groups=list(groups.items()),
            others=about.others,
        )

    def account(self, to: Links, person: str, proof: str) -> str:
        """Return the page of somebody who has signed in; empty: who has signed out. `proof`: lets its form end the session."""
        return self._page("account.html.jinja", to, here="account", person=person, proof=proof)

    def requested(
        self,
        to: Links,
        product: StoredProduct,
        opened: OpenedRequest | None,
        problem: RequestProblem | None,
        command: str,
    ) -> str:
        """Return the page after a request was sent: its pull request, or why there is none, and the command."""
        return self._page(
            "requested.html.jinja", to, product=product, opened=opened, problem=problem, command=command
        )

    def followed(self, to: Links, id: str, key: str, ended: bool) -> str:
        """Return the page after following a product, or ending that. `key`: first ask whether to end what it belongs to."""
        return self._page("followed.html.jinja", to, id=id, key=key, ended=ended)

    def problem(self, to: Links, problem: RequestProblem) -> str:
        """Return the page for an error."""
        return self._page("problem.html.jinja", to, problem=problem)

    def badge(self, id: str) -> str:
        """Return the product's score as a small image (SVG)."""
        from meshwright.assess import badge

        history = self._store.assessments.history(id, 1)
        latest = history[0] if history and not self._is_past(history[0]["at"]) else None
        if latest is None:
            return badge.svg("data product", NOT_KNOWN, "not assessed")
        return badge.of_product(latest["score"], self._cells(latest["results"]))

    # -- rendering ------------------------------------------------------------------------------------

    def _page(self, name: str, to: Links, script: str = "", here: str = "", **content: Any) -> str:
        """Render a page. `here`: the navigation entry of the page."""
        policy = pages.policy(self._style, script, forms=to.live)
        return self._templates.get_template(name).render(
            style=self._style, script=script, policy=policy, to=to, here=here, **content
        )

    def _kept(self, name: str, to: Links, make: Callable[[], str]) -> str:
        """Return a page about all products, rendered once for each revision, by one thread at a time."""
        key, revision = (name, to.home()), self._search.revision
        kept = self._drawn.get(key)
        if kept and (kept.revision == revision or time.monotonic() < kept.until):
            return kept.text
        # During rendering, other requests get the previous page, if any, so that they do not block all threads.
        if not self._drawing.acquire(timeout=0 if kept else PATIENCE):
            if kept:
                return kept.text
            raise RequestProblem(503, "drawing", "This page is being made.", "Come back in a moment.")
        try:
            kept = self._drawn.get(key)
            if kept is None or kept.revision != revision:
                begun = time.monotonic()
                text = make()
                took = time.monotonic() - begun
                kept = _Drawn(revision, text, time.monotonic() + (REST * took if took > 1 else 0))
                self._drawn[key] = kept
            return kept.text
        finally:
            self._drawing.release()

    def _dashboard(self, to: Links) -> str:
        from meshwright.assess import dashboard

        body = self._store.assessments.latest()
        if body is None:
            return self._page("unassessed.html.jinja", to)
        assessment = with_new(json.loads(body))
        earlier = [
            one for one in reversed(self._store.assessments.list()) if one["static"] == assessment["static"]
        ]
        earlier = [one for one in earlier if _moment(one) < _moment(assessment)]
        if earlier:
            earlier[-1] |= {
                "products": self._store.assessments.before(assessment["at"], assessment["static"])
            }
        return dashboard.page(assessment, earlier, self._known(to), home=to.home())

    def _map(self, to: Links) -> str:
        from meshwright.map import html

        try:
            reads = observed_reads(self._store.runs.complete())
            return html.page(self._search.records(), links=to.product, home=to.home(), observed=reads)
        except Unreadable as problem:
            return self.problem(to, RequestProblem(404, "no-map", str(problem), problem.fix))

    def _known(self, to: Links) -> Callable[[str], str]:
        """Return the links to products' pages; products that are not in this catalog have none."""
        return lambda id: to.product(id) if self._search.summary_of(id) else ""

    def _cells(self, results: Sequence[Mapping[str, Any]]) -> dict[str, Cell]:
        """Return the cells of a product by its results in the latest assessment."""
        kinds = {
            one["id"]: (one["characteristic"], one["severity"]) for one in self._store.assessments.functions()
        }
        return cells(results, kinds)

    def _is_past(self, at: str) -> bool:
        """Return True if a product's last assessment is not the mesh's last one."""
        latest = self._store.assessments.list(1)
        return not latest or latest[0]["at"] != at

    def _lineage(self, record: Record, consumers: bool = True) -> dict[str, Any]:
        up, down = self._search.around(record.id)
        read_by = self._search.consumers(record.id)[:EDGES] if consumers else ()
        return {
            "inputs": record.inputs[:EDGES],
            "consumers": read_by,
            "triggered": {
                id
                for id in read_by
                if (self._search.summary_of(id) or {}).get("triggered")  # new in 0.3.0
            },
            "upstream": up,
            "downstream": down,
        }

    def _facets(
        self, link: Callable[[Query], str], query: Query, facets: Mapping[str, Mapping[str, int]]
    ) -> Iterator[dict[str, Any]]:
        """Return every facet as links: to choose a value, or to remove the choice."""
        chosen = dict(query.chosen)
        for name in FACET_NAMES:
            values = dict(facets[name])
            if name in chosen:
                values.setdefault(chosen[name], 0)
            if order := ORDERED.get(name):
                values = {value: values[value] for value in order if value in values}
            rest = tuple((other, value) for other, value in query.chosen if other != name)
            entries = [
                {
                    "value": value,
                    "words": STANDINGS[value].words if name == "standing" and value in STANDINGS else value,
                    "count": count,
                    "chosen": chosen.get(name) == value,
                    "link": link(replace(query, offset=0, chosen=rest if chosen.get(name) == value else (*rest, (name, value)))),
                }
                for value, count in values.items()
            ]  # fmt: skip
            if entries:
                yield {"name": NAMES[name], "entries": entries}


def _about(record: Record) -> dict[str, Any]:
    from meshwright.assess import schedule

    return {
        "without_run": schedule.without_run(record, datetime.now(UTC)),
        "readings": list(readings(record)),
        "words": contract_words(record),
        "readers": page_details.readers(record)[:READERS],
        "request": page_details.request(record),
        "columns": record.columns[:COLUMNS],
        "dataset": next(
            (table for table in record.get("contract.schema") or () if table.get("name") == record.dataset),
            {},
        ),
    }


def _pager(link: Callable[[Query], str], query: Query, total: int) -> dict[str, Any]:
    last = min(query.offset + query.limit, total)
    before = replace(query, offset=max(0, query.offset - query.limit))
    return {
        "first": query.offset + 1,
        "last": last,
        "before": link(before) if query.offset else "",
        "after": link(replace(query, offset=last)) if last < total else "",
    }


def _moment(entry: Mapping[str, Any]) -> Any:
    from meshwright.assess.history import moment

    return moment(entry)
