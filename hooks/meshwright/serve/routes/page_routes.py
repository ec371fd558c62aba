"""The pages and badges: what browsers ask for."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from meshwright.serve import lookup
from meshwright.serve.api_document import described
from meshwright.serve.context import of
from meshwright.serve.links import Served
from meshwright.serve.packing import packed, takes_packed
from meshwright.serve.page_reader import PageReader
from meshwright.serve.pages import policy_of
from meshwright.serve.request_form import RequestSending
from meshwright.serve.rights import form_proof, principals_of, require_reading, session
from meshwright.serve.routes.follow_routes import follow_form
from meshwright.serve.routes.login_routes import sign_in_address
from meshwright.serve.search import FACET_NAMES, LAST_OFFSET, SORTS, Query

ATOM = "application/atom+xml"
LARGE = 500_000
"""Characters from which a page is packed once, and not for each reader."""

router = APIRouter()


def _page(path: str) -> Callable[[Any], Any]:
    return router.get(path, include_in_schema=False, response_class=HTMLResponse)


@_page("/")
def home(request: Request) -> Response:
    """Return the search, and what was found."""
    return _html(request, lambda to: of(request).pages.home(to, _query(request)))


@_page("/access")
def access(request: Request) -> Response:
    """Return the overview of access."""
    return _html(request, lambda to: of(request).pages.access(to, _query(request)))


@_page("/domains/{domain}")
def of_domain(request: Request, domain: str) -> Response:
    """Return the products of a domain."""
    return _html(request, lambda to: of(request).pages.domain(to, domain))


@_page("/fitness")
def fitness(request: Request) -> Response:
    """Return the latest assessment."""
    return _html(request, of(request).pages.fitness)


@_page("/map")
def the_map(request: Request) -> Response:
    """Return the map of the mesh."""
    return _html(request, of(request).pages.map)


@_page("/api")
def api(request: Request) -> Response:
    """Return the description of the API."""
    settings = of(request).settings
    address = (settings.url or str(request.base_url)).rstrip("/")
    about = described(request.app, address, settings.private)
    return _html(request, lambda to: of(request).pages.api(to, about))


@_page("/products/{domain}/{name}")
def product(request: Request, domain: str, name: str) -> Response:
    """Return a product's page."""
    id, context = f"{domain}/{name}", of(request)
    sending, principals = _sending(request, id), principals_of(request)
    reader = PageReader(principals, follow_form(request, id))
    answer = _html(
        request,
        lambda to: context.pages.product(to, lookup.product(context.store, id), sending, reader),
        id,
    )
    if principals or (sending and sending.proof):
        answer.headers["Cache-Control"] = "private, no-store"
    return answer


def _sending(request: Request, id: str) -> RequestSending | None:
    """Return how the form of a product's page is sent to the catalog; None if it opens no pull requests there."""
    context = of(request)
    allowed = context.settings.pull_requests
    if allowed is None or allowed.repository(lookup.product(context.store, id).record) is None:
        return None
    right = session(request)
    proof = form_proof(request) if right else ""
    return RequestSending(proof, right.email if right else "", sign_in_address(request))


@router.get("/changes.atom", include_in_schema=False)
def changes(request: Request) -> Response:
    """Return the newest changes of all products, as an Atom feed."""
    require_reading(request)
    context = of(request)
    home = (context.settings.url or str(request.base_url)).rstrip("/") + "/"
    return Response(context.pages.history.feed_of_all(home), media_type=ATOM)


@router.get("/products/{domain}/{name}/changes.atom", include_in_schema=False)
def product_changes(request: Request, domain: str, name: str) -> Response:
    """Return the changes of a product, as an Atom feed."""
    id, context = f"{domain}/{name}", of(request)
    require_reading(request, id)
    title = lookup.product(context.store, id).record.title
    feed = context.pages.history.feed(id, title, context.page_address(request, id))
    return Response(feed, media_type=ATOM)


@_page("/products/{domain}/{name}/versions/{hash}")
def one_version(request: Request, domain: str, name: str, hash: str) -> Response:
    """Return the page of one version of a product."""
    id, context = f"{domain}/{name}", of(request)

    def make(to: Served) -> str:
        known = lookup.product(context.store, id)
        return context.pages.version(to, known, hash, lookup.version(context.store, id, hash))

    return _html(request, make, id)


@router.get("/badges/{domain}/{name}.svg", include_in_schema=False)
def badge(request: Request, domain: str, name: str) -> Response:
    """Return the badge with a product's score."""
    id, context = f"{domain}/{name}", of(request)
    require_reading(request, id)
    lookup.product(context.store, id)
    return Response(context.pages.badge(id), media_type="image/svg+xml")


def _html(request: Request, make: Callable[[Served], str], id: str = "") -> Response:
    """Return a page, with its own policy as a header, if the request may read it."""
    require_reading(request, id)
    html = make(Served(request.url.path))
    headers = {"Content-Security-Policy": policy_of(html), "Vary": "Accept-Encoding"}
    body = html.encode("utf-8", "replace")
    if takes_packed(request):
        small = _packed_once(body) if len(html) > LARGE else packed(body)
        return HTMLResponse(small, headers=headers | {"Content-Encoding": "gzip"})
    return HTMLResponse(body, headers=headers)


@lru_cache(4)
def _packed_once(body: bytes) -> bytes:
    """Return a page about the whole mesh, which stays the same until something changes."""
    return packed(body)


def _query(request: Request) -> Query:
    """Return what a page's address asks for; whatever makes no sense in it is as if it were not there."""
    parameters = request.query_params
    offset = parameters.get("offset", "")
    chosen = tuple((name, parameters[name]) for name in FACET_NAMES if parameters.get(name))
    start = min(int(offset), LAST_OFFSET) if offset.isascii() and offset.isdigit() and len(offset) < 10 else 0
    sort = parameters.get("sort", "")
    return Query(parameters.get("q", "")[:1_000], chosen, offset=start, sort=sort if sort in SORTS else "")
