"""The catalog's HTTP API, as an ASGI application; pages.py says what browsers see."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import yaml
from anyio import CapacityLimiter, move_on_after, to_thread
from fastapi import FastAPI, Request
from fastapi import Query as Asked
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from meshwright.check.engine import check_record
from meshwright.core.renamed import with_new
from meshwright.product.record import Record, digest
from meshwright.serve import Problem, mesh
from meshwright.serve.assessment import issues
from meshwright.serve.guard import Guard
from meshwright.serve.links import Served
from meshwright.serve.pages import Pages, policy_of
from meshwright.serve.search import FACETS, Query, Search
from meshwright.serve.store import Product, Store, unknown
from meshwright.serve.tokens import Right

RECORD, ASSESSMENT, SMALL = 2_000_000, 50_000_000, 20_000
"""Bytes of a body: a product's record, an assessment, what is said on retiring."""
LIMIT, OFFSET, RECORDS = 100, 1_000_000, 500
"""Entries of a page of a search, where it may begin, and entries of a page of whole records."""
PAGE = 8_000_000
"""Bytes after which a page of records ends, however many were asked for."""
REST, PATIENCE = 5, 2.0
"""Up to how many times too much is taken in before it is refused, and for how many seconds."""
FINDINGS = 200
AT_ONCE = 2
"""Searches that are worked on at once: more threads only keep each other, and all other answers, waiting."""
ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*/[a-z][a-z0-9]*(-[a-z0-9]+)*")
"""As the spec has it, so that what stands in an address is never more than this."""
HASH = re.compile(r"[0-9a-f]{64}")

LOCK: dict[str, Any] = {"openapi_extra": {"security": [{"token": []}]}}
BODY: dict[str, Any] = {"content": {"application/json": {"schema": {"type": "object"}}}, "required": True}
SENT: dict[str, Any] = {"openapi_extra": {"security": [{"token": []}], "requestBody": BODY}}
DESCRIPTION = """\
The products of a mesh, as their own pipelines publish them. Every error has `error` (a code), `detail` and `fix`
(sentences). Writing needs a token: `Authorization: Bearer …`.
"""


@dataclass(frozen=True)
class Settings:
    """How a catalog is served."""

    private: bool = False
    """Whether reading needs a token, too."""
    url: str = ""
    """Its address as others see it; that of each request, if empty."""
    template: str | None = None
    """The one that /api/mesh.yaml names."""
    log: bool = True


def application(store: Store, settings: Settings = Settings()) -> Guard:
    """The whole catalog; closes the store when it is shut down."""
    search = Search(store)
    pages = Pages(store, search)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        store.close()

    app = FastAPI(
        title="Meshwright's catalog",
        description=DESCRIPTION,
        version=version("meshwright"),
        docs_url=None,  # both load their scripts from a CDN
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.add_exception_handler(Problem, _problem(pages))
    app.add_exception_handler(HTTPException, _problem(pages))
    app.add_exception_handler(RequestValidationError, _problem(pages))
    app.add_exception_handler(Exception, _problem(pages))
    _reading(app, store, search, settings)
    _writing(app, store, search, settings)
    _pages(app, store, pages, settings)
    return Guard(app, search, settings.private, settings.log)


def _reading(app: FastAPI, store: Store, search: Search, settings: Settings) -> None:
    def may_read(request: Request, id: str = "") -> None:
        if settings.private and not _right(store, request).may_read(id):
            raise forbidden()

    @app.get("/api/health")
    def health() -> dict[str, str]:
        """Whether the catalog and its database answer."""
        store.revision()
        return {"status": "ok", "version": version("meshwright")}

    @app.get("/openapi.json", include_in_schema=False)
    def openapi(request: Request) -> dict[str, Any]:
        may_read(request)
        schema = app.openapi()
        told = {"type": "http", "scheme": "bearer", "description": "From `meshwright catalog token create`."}
        schema.setdefault("components", {})["securitySchemes"] = {"token": told}
        return schema

    turns = CapacityLimiter(AT_ONCE)

    @app.get("/api/products", **LOCK)
    async def products(
        request: Request,
        q: str = Asked("", description="Words; the last may be the beginning of one."),
        domain: str = "",
        classification: str = "",
        port: str = Asked("", description="A capability such as parquet@1."),
        tag: str = "",
        type: str = "",
        limit: int = Asked(20, ge=1, le=LIMIT),
        offset: int = Asked(0, ge=0, le=OFFSET),
    ) -> Response:
        """Searches the active products."""
        if settings.private:
            await run_in_threadpool(may_read, request)
        said = {"domain": domain, "classification": classification, "port": port, "tag": tag, "type": type}
        chosen = tuple((name, said[name]) for name in FACETS if said[name])
        query = Query(q, chosen, limit, offset)
        text = await to_thread.run_sync(search.answer, query, request.scope["query_string"], limiter=turns)
        return Response(text, media_type="application/json")

    @app.get("/api/products/{domain}/{name}", **LOCK)
    def product(request: Request, domain: str, name: str) -> Response:
        """The record as it was published."""
        id = f"{domain}/{name}"
        may_read(request, id)
        found = _product(store, id)
        if found.retired_at:
            raise gone(found)
        return _record(request, found.text, found.hash)

    @app.get("/api/products/{domain}/{name}/versions", **LOCK)
    def versions(request: Request, domain: str, name: str) -> dict[str, Any]:
        """What the product said of itself, newest first."""
        id = f"{domain}/{name}"
        may_read(request, id)
        _product(store, id)
        return {"versions": [found.value() for found in store.versions(id)]}

    @app.get("/api/products/{domain}/{name}/versions/{hash}", **LOCK)
    def one_version(request: Request, domain: str, name: str, hash: str) -> Response:
        """The record with which this version was published first."""
        id = f"{domain}/{name}"
        may_read(request, id)
        _product(store, id)
        return _record(request, _version(store, id, hash), hash)

    @app.get("/api/products/{domain}/{name}/assessments", **LOCK)
    def product_assessments(request: Request, domain: str, name: str) -> dict[str, Any]:
        """The product's scores, newest first; the latest with its results."""
        id = f"{domain}/{name}"
        may_read(request, id)
        _product(store, id)
        return {"assessments": store.history(id)}

    @app.get("/api/records", **LOCK)
    def records(
        request: Request,
        after: str = Asked(
            "", max_length=500, description="The id after which to go on: `next` of the page before."
        ),
        limit: int = Asked(RECORDS, ge=1, le=RECORDS),
    ) -> Response:
        """Every active product's record, by id. A page may have fewer than were asked for."""
        may_read(request)
        told: list[str] = []
        size, last = 0, after.replace("\0", "")
        while len(told) < limit and size < PAGE:
            step = min(25, limit - len(told))
            found = store.after(last, step)
            for one in found:
                told.append(f'{{"record":{one.text},"hash":"{one.hash}","publishedAt":"{one.published_at}"}}')
                size, last = size + len(one.text), one.id
                if size >= PAGE:
                    break
            if len(found) < step:
                break
        more = json.dumps(last if store.after(last, 1) else None)
        return Response(f'{{"records":[{",".join(told)}],"next":{more}}}', media_type="application/json")

    @app.get("/api/mesh.yaml", **LOCK)
    def the_mesh(request: Request) -> Response:
        """The active products' repositories, for `meshwright rollout --fleet`."""
        may_read(request)
        value = mesh.document(store.sources(), settings.template)
        text = yaml.safe_dump(value, sort_keys=False, allow_unicode=False)
        return Response(text, media_type="application/yaml")

    @app.get("/api/addresses.yaml", **LOCK)
    def addresses(request: Request) -> Response:
        """Where every port of the active products lies: the address registry of the whole mesh, for inputs of `data-product@1`."""
        may_read(request)
        addresses = {
            port.address: {"uses": port.uses, "location": port.location, "version": record.version}
            for record in search.records()
            for port in record.outputs
            if port.location
        }
        return Response(
            yaml.safe_dump(addresses, sort_keys=False, allow_unicode=False), media_type="application/yaml"
        )

    @app.get("/api/assessments", **LOCK)
    def assessments(request: Request) -> dict[str, Any]:
        """Dates and scores of the mesh, newest first."""
        may_read(request)
        return {"assessments": store.assessments()}

    @app.get("/api/assessments/latest", **LOCK)
    def latest(request: Request) -> Response:
        """The latest assessment, whole."""
        may_read(request)
        body = store.latest()
        if body is None:
            raise Problem(
                404, "no-assessment", "The mesh has not been assessed yet.", "Run `meshwright assess` on it."
            )
        return Response(body, media_type="application/json")


def _writing(app: FastAPI, store: Store, search: Search, settings: Settings) -> None:
    def done(write: Callable[[], Any]) -> Any:
        try:
            return write()
        finally:
            search.wrote()

    @app.put("/api/products/{domain}/{name}", status_code=200, **SENT)
    async def put(request: Request, domain: str, name: str, transfer: bool = False) -> Response:
        """Publishes a product: creates it, brings it up to date, or leaves it as it is."""
        id = f"{domain}/{name}"
        right = await run_in_threadpool(_right, store, request)
        if not right.may_write(id) or (transfer and not right.is_admin):
            raise forbidden()
        value = _json(await _body(request, RECORD))
        return await run_in_threadpool(publish, request, id, value, transfer)

    def publish(request: Request, id: str, value: Any, transfer: bool) -> Response:
        findings = [asdict(found) for found in check_record(value) if found.level == "error"]
        if findings:
            detail = f"The record does not keep {len(findings)} rule{'s' if len(findings) > 1 else ''}."
            fix = "See `findings`; `meshwright check` finds the same in the repository."
            raise Problem(422, "invalid", detail, fix, findings=findings[:FINDINGS])
        record = Record(value)
        if record.id != id or not ID.fullmatch(id):
            raise Problem(
                422, "invalid", f"The record is not {id}'s.", "Send it to the address of its own domain and name.", findings=[]
            )  # fmt: skip
        outcome = done(lambda: store.put(record, transfer))
        told = {"outcome": outcome, "id": id, "hash": record.hash, "url": _address(request, settings, id)}
        return JSONResponse(told, 201 if outcome == "created" else 200, {"ETag": f'"{record.hash}"'})

    @app.post("/api/products/{domain}/{name}/retire", **SENT)
    async def retire(request: Request, domain: str, name: str) -> dict[str, Any]:
        """Takes a product out of search; its page and its versions stay."""
        id = f"{domain}/{name}"
        right = await run_in_threadpool(_right, store, request)
        if not right.may_write(id):
            raise forbidden()
        reason, successor = _farewell(_json(await _body(request, SMALL)), id)
        await run_in_threadpool(done, lambda: store.retire(id, reason, successor))
        url = _address(request, settings, id)
        return {"outcome": "retired", "id": id, "url": url, "reason": reason, "successor": successor}

    @app.post("/api/assessments", status_code=201, **SENT)
    async def assess(request: Request) -> Response:
        """Hands in an assessment of the mesh."""
        right = await run_in_threadpool(_right, store, request)
        if not right.may_assess:
            raise forbidden()
        body = await _body(request, ASSESSMENT)
        return await run_in_threadpool(keep, body)

    def keep(body: bytes) -> Response:
        value = with_new(_json(body))
        found = issues(value)
        if found:
            fix = "Send what `meshwright assess --format json` writes."
            raise Problem(422, "invalid", f"It is no assessment: {found[0]}", fix, findings=found)
        packed = json.dumps(value, separators=(",", ":")).encode()
        new = done(lambda: store.assess(digest(value), value, packed))
        return JSONResponse({"outcome": "created" if new else "unchanged"}, 201)


def _pages(app: FastAPI, store: Store, pages: Pages, settings: Settings) -> None:
    def shown(request: Request, make: Callable[[Served], str], id: str = "") -> Response:
        if settings.private and not _right(store, request).may_read(id):
            raise forbidden()
        html = make(Served(request.url.path))
        return HTMLResponse(
            html.encode("utf-8", "replace"), headers={"Content-Security-Policy": policy_of(html)}
        )

    def page(path: str) -> Callable[[Any], Any]:
        return app.get(path, include_in_schema=False, response_class=HTMLResponse)

    @page("/")
    def home(request: Request) -> Response:
        return shown(request, lambda to: pages.home(to, _query(request)))

    @page("/access")
    def access(request: Request) -> Response:
        return shown(request, lambda to: pages.access(to, _query(request)))

    @page("/domains/{domain}")
    def of_domain(request: Request, domain: str) -> Response:
        return shown(request, lambda to: pages.domain(to, domain))

    @page("/fitness")
    def fitness(request: Request) -> Response:
        return shown(request, pages.fitness)

    @page("/map")
    def the_map(request: Request) -> Response:
        return shown(request, pages.map)

    @page("/products/{domain}/{name}")
    def product(request: Request, domain: str, name: str) -> Response:
        id = f"{domain}/{name}"
        return shown(request, lambda to: pages.product(to, _product(store, id)), id)

    @page("/products/{domain}/{name}/versions/{hash}")
    def one_version(request: Request, domain: str, name: str, hash: str) -> Response:
        id = f"{domain}/{name}"

        def make(to: Served) -> str:
            found = _product(store, id)
            return pages.version(to, found, hash, _version(store, id, hash))

        return shown(request, make, id)

    @app.get("/badges/{domain}/{name}.svg", include_in_schema=False)
    def badge(request: Request, domain: str, name: str) -> Response:
        id = f"{domain}/{name}"
        if settings.private and not _right(store, request).may_read(id):
            raise forbidden()
        _product(store, id)
        return Response(pages.badge(id), media_type="image/svg+xml")


# -- who asks -----------------------------------------------------------------------------------------


def _right(store: Store, request: Request) -> Right:
    """What the request's token allows. Raises Problem, the same one for whatever is wrong with it."""
    scheme, _, said = request.headers.get("authorization", "").partition(" ")
    token = said.strip()
    # A browser adds Basic by itself, also to a form that another site made it send: it counts for reading only.
    if scheme.lower() == "basic" and request.method == "GET":
        try:
            token = base64.b64decode(token, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            token = ""
    elif scheme.lower() != "bearer":
        token = ""
    right = store.right(token) if token else None
    if right is None:
        raise Problem(
            401, "unauthorized", "This needs a token that counts.", "Ask the catalog's administrator for one."
        )
    return right


def forbidden() -> Problem:
    detail = "The token does not allow this."
    return Problem(
        403, "forbidden", detail, "Use the token of this product, or one with the scope that this needs."
    )


# -- what is sent -------------------------------------------------------------------------------------


async def _body(request: Request, most: int) -> bytes:
    """Counted while it comes, because what a header says of its length may be wrong. Raises Problem."""
    said = request.headers.get("content-length", "")
    told = int(said) if said.isascii() and said.isdigit() and len(said) < 20 else 0
    parts, size = [], 0
    if told <= REST * most:
        stream = request.stream()
        async for part in stream:
            size += len(part)
            if size > most:
                # Whoever is cut off while they send do not read the answer: the rest is taken, and thrown away.
                with move_on_after(PATIENCE):
                    async for rest in stream:
                        size += len(rest)
                        if size > REST * most:
                            break
                break
            parts.append(part)
    if max(size, told) > most:
        detail = f"The body is larger than {most:,} bytes."
        raise Problem(413, "too-large", detail, "Send less: shorten texts, leave out examples.")
    return b"".join(parts)


def _json(body: bytes) -> Any:
    """What was sent, if every JSON library would read the same and any database can keep it. Raises Problem."""
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_number, object_pairs_hook=_once)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        deep = isinstance(error, RecursionError)
        said = "it is nested too deep" if deep else str(error)[:200]
        raise Problem(
            400, "malformed", f"The body is not plain JSON: {said}.", "Send JSON in UTF-8."
        ) from error
    return value


def _no_number(name: str) -> Any:
    raise ValueError(f"JSON has no {name}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a key twice")
    return found


def _farewell(value: Any, id: str) -> tuple[str, str | None]:
    said = value if isinstance(value, dict) else {}
    reason, successor = said.get("reason"), said.get("successor")
    if (
        isinstance(reason, str)
        and 0 < len(reason.strip()) <= 2_000
        and "\0" not in reason
        and (successor is None or _is_another(successor, id))
        and not set(said) - {"reason", "successor"}
    ):
        return reason, successor
    detail = "What is said on retiring is not `reason` and `successor`."
    fix = 'Send {"reason": "a sentence", "successor": "<domain>/<name>" or null}, another product.'
    raise Problem(422, "invalid", detail, fix, findings=[])


def _is_another(successor: Any, id: str) -> bool:
    is_id = isinstance(successor, str) and len(successor) <= 500 and ID.fullmatch(successor) is not None
    return is_id and successor != id


def _query(request: Request) -> Query:
    """What a page's address asks for; whatever makes no sense in it is as if it were not there."""
    said = request.query_params
    offset = said.get("offset", "")
    chosen = tuple((name, said[name]) for name in FACETS if said.get(name))
    start = min(int(offset), OFFSET) if offset.isascii() and offset.isdigit() and len(offset) < 10 else 0
    return Query(said.get("q", "")[:1_000], chosen, offset=start)


# -- what is answered ---------------------------------------------------------------------------------


def _product(store: Store, id: str) -> Product:
    found = store.product(id) if ID.fullmatch(id) else None
    if found is None:
        raise unknown(id[:200])
    return found


def _version(store: Store, id: str, hash: str) -> str:
    text = store.version(id, hash) if HASH.fullmatch(hash) else None
    if text is None:
        raise Problem(404, "unknown-version", f"{id} has no such version.", "See its list of versions.")
    return text


def gone(found: Product) -> Problem:
    detail = f"{found.id} was retired: {found.reason}"
    fix = f"Use {found.successor}." if found.successor else "Ask its owner what to use."
    more = {"reason": found.reason, "successor": found.successor, "retiredAt": found.retired_at}
    return Problem(410, "retired", detail, fix, **more)


def _record(request: Request, text: str, hash: str) -> Response:
    tag = f'"{hash}"'
    known = {said.strip().removeprefix("W/") for said in request.headers.get("if-none-match", "").split(",")}
    if tag in known or "*" in known:
        return Response(status_code=304, headers={"ETag": tag})
    return Response(text, media_type="application/json", headers={"ETag": tag})


def _address(request: Request, settings: Settings, id: str) -> str:
    return f"{(settings.url or str(request.base_url)).rstrip('/')}/products/{id}"


STATUSES = {
    404: ("unknown-page", "There is nothing at this address."),
    405: ("unknown-method", "This cannot be done here."),
}


def _problem(pages: Pages) -> Any:
    def answer(request: Request, error: Exception) -> Response:
        problem = _as_problem(error)
        headers: dict[str, str] = {}
        of_api = request.url.path.startswith("/api/")
        if problem.status == 401:
            headers["WWW-Authenticate"] = (
                "Bearer" if of_api else 'Basic realm="Catalog: the token is the password", charset="UTF-8"'
            )
        if problem.status == 503 or problem.error == "busy":
            headers["Retry-After"] = "1"
        if of_api or "text/html" not in request.headers.get("accept", ""):
            return JSONResponse(problem.value(), problem.status, headers)
        html = pages.problem(Served(request.url.path), problem)
        headers["Content-Security-Policy"] = policy_of(html)
        return HTMLResponse(html.encode("utf-8", "replace"), problem.status, headers)

    return answer


def _as_problem(error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case HTTPException():
            code, detail = STATUSES.get(error.status_code, ("refused", str(error.detail)))
            return Problem(error.status_code, code, detail, "See /openapi.json for what there is.")
        case RequestValidationError():
            issue: Mapping[str, Any] = next(iter(error.errors()), {})
            where = ".".join(map(str, issue.get("loc", ())[1:]))
            return Problem(
                400, "bad-request", f"{where}: {issue.get('msg', 'it cannot be read')}.", "See /openapi.json."
            )
        case _:
            return Problem(500, "failed", "The catalog failed.", "Tell its administrator: the log says more.")
