"""The products as feeds for other catalogs, and each product in their formats. Who may read a page may read its feed."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi import Query as Parameter
from fastapi.responses import Response

from meshwright.export.linked_data import iri
from meshwright.serve import lookup, product_feeds
from meshwright.serve.context import of
from meshwright.serve.links import Absolute
from meshwright.serve.packing import SMALL, packed, takes_packed
from meshwright.serve.paging import product_page
from meshwright.serve.rights import require_reading
from meshwright.serve.routes.openapi import YAML, reading
from meshwright.serve.search import Query

PAGE, MOST = 100, 500
"""Products on a page of a feed: usually, and at most."""
AFTER = Parameter(
    "", max_length=500, description="The id of a product after which to go on; the page before names the next page."
)  # fmt: skip
LIMIT = Parameter(PAGE, ge=1, le=MOST, description="Products on a page; it may have fewer.")
TURTLE, JSON_LD = "text/turtle", "application/ld+json"
EXAMPLES = {
    TURTLE: '<https://catalog.example.org/products/airport-operations/departures#dataset>\n    a dcat:Dataset ;\n    dct:title "Departures" .\n',
    JSON_LD: {"@context": {}, "@graph": [{"@type": "dcat:Dataset", "dct:title": "Departures"}]},
}
STANDARD = {"apiVersion": "v1.1.0", "kind": "DataProduct", "id": "airport-operations/departures"}

router = APIRouter(tags=["Feeds"])


@router.get(
    "/dcat",
    **reading(
        "A page of the feed. The header Link has the next one.",
        EXAMPLES[JSON_LD],
        media=JSON_LD,
        errors=("bad-request",),
    ),
)
def dcat(request: Request, after: str = AFTER, limit: int = LIMIT) -> Response:
    """The active products as DCAT: Turtle or JSON-LD, as the header Accept asks for."""
    return _dcat(request, _preferred(request.headers.get("accept", "")), "dcat", after, limit)


@router.get(
    "/dcat.jsonld",
    **reading("A page of the feed.", EXAMPLES[JSON_LD], media=JSON_LD, errors=("bad-request",)),
)
def dcat_json(request: Request, after: str = AFTER, limit: int = LIMIT) -> Response:
    """The active products as DCAT, in JSON-LD."""
    return _dcat(request, "jsonld", "dcat.jsonld", after, limit)


@router.get(
    "/dcat.ttl", **reading("A page of the feed.", EXAMPLES[TURTLE], media=TURTLE, errors=("bad-request",))
)
def dcat_turtle(request: Request, after: str = AFTER, limit: int = LIMIT) -> Response:
    """The active products as DCAT, in Turtle."""
    return _dcat(request, "ttl", "dcat.ttl", after, limit)


@router.get(
    "/odps.json",
    **reading("A page of the feed.", {"products": [STANDARD], "next": None}, errors=("bad-request",)),
)
def odps(request: Request, after: str = AFTER, limit: int = LIMIT) -> Response:
    """The active products as documents of Bitol's Open Data Product Standard 1.1, and the address of the next page."""
    require_reading(request)
    products, last = product_page(of(request).store, after.replace("\0", ""), limit)
    next_page = _page(request, "odps.json", last, limit) if last else ""
    return _answer(request, product_feeds.odps_page(products, next_page), "application/json", next_page)


@router.get(
    "/products/{domain}/{name}/dcat",
    **reading("The product.", EXAMPLES[JSON_LD], media=JSON_LD, errors=("unknown-product", "retired")),
)
def product_dcat(request: Request, domain: str, name: str) -> Response:
    """A product as DCAT: Turtle or JSON-LD, as the header Accept asks for."""
    form = _preferred(request.headers.get("accept", ""))
    return _product_dcat(request, form, f"{domain}/{name}")


@router.get(
    "/products/{domain}/{name}/dcat.jsonld",
    **reading("The product.", EXAMPLES[JSON_LD], media=JSON_LD, errors=("unknown-product", "retired")),
)
def product_dcat_json(request: Request, domain: str, name: str) -> Response:
    """A product as DCAT, in JSON-LD."""
    return _product_dcat(request, "jsonld", f"{domain}/{name}")


@router.get(
    "/products/{domain}/{name}/dcat.ttl",
    **reading("The product.", EXAMPLES[TURTLE], media=TURTLE, errors=("unknown-product", "retired")),
)
def product_dcat_turtle(request: Request, domain: str, name: str) -> Response:
    """A product as DCAT, in Turtle."""
    return _product_dcat(request, "ttl", f"{domain}/{name}")


@router.get(
    "/products/{domain}/{name}/odps.yaml",
    **reading(
        "The product.",
        "apiVersion: v1.1.0\nkind: DataProduct\nid: airport-operations/departures\n",
        media=YAML,
        errors=("unknown-product", "retired"),
    ),
)
def product_odps(request: Request, domain: str, name: str) -> Response:
    """A product as a document of Bitol's Open Data Product Standard 1.1."""
    id = f"{domain}/{name}"
    require_reading(request, id)
    return _answer(request, product_feeds.odps_product(lookup.active(of(request).store, id)), YAML)


def _dcat(request: Request, form: str, path: str, after: str, limit: int) -> Response:
    require_reading(request)
    context = of(request)
    after = after.replace("\0", "")
    products, last = product_page(context.store, after, limit)
    next_page = _page(request, path, last, limit) if last else ""
    here = _page(request, path, after, limit)
    total = context.search.search(Query(limit=1)).total
    body = product_feeds.dcat_page(form, products, _addresses(request), total, here, next_page)
    return _answer(request, body, product_feeds.FORMS[form][0], next_page)


def _product_dcat(request: Request, form: str, id: str) -> Response:
    require_reading(request, id)
    known = lookup.active(of(request).store, id)
    body = product_feeds.dcat_product(form, known, _addresses(request))
    return _answer(request, body, product_feeds.FORMS[form][0])


def _addresses(request: Request) -> Absolute:
    return Absolute(of(request).settings.url or str(request.base_url))


def _page(request: Request, path: str, after: str, limit: int) -> str:
    chosen = {"after": after} if after else {}
    chosen |= {"limit": str(limit)} if limit != PAGE else {}
    query = f"?{urlencode(chosen, errors='replace')}" if chosen else ""
    return iri(f"{_addresses(request).home()}{path}{query}")


def _answer(request: Request, body: bytes, media_type: str, next_page: str = "") -> Response:
    headers = {"Vary": "Accept, Accept-Encoding"}
    if next_page:
        headers["Link"] = f'<{next_page}>; rel="next"'
    if takes_packed(request) and len(body) > SMALL:
        body, headers["Content-Encoding"] = packed(body), "gzip"
    return Response(body, media_type=media_type, headers=headers)


def _preferred(accept: str) -> str:
    """Return the form that a header prefers: Turtle if it is named before JSON-LD, by its weights."""
    weights: dict[str, float] = {}
    for part in accept.split(","):
        kind, *parameters = (one.strip().lower() for one in part.split(";"))
        weight = next((one[2:] for one in parameters if one.startswith("q=")), "1")
        try:
            weights.setdefault(kind, float(weight))
        except ValueError:
            continue
    turtle = max(weights.get(kind, 0) for kind in ("text/turtle", "application/x-turtle"))
    other = max(weights.get(kind, 0) for kind in ("application/ld+json", "application/json"))
    return "ttl" if turtle > other else "jsonld"
