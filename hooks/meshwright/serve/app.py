"""The embedded catalog as an ASGI application, put together; routes/ has what it answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from meshwright.serve import error_responses
from meshwright.serve.catalog_store import CatalogStore
from meshwright.serve.context import Context
from meshwright.serve.context import Settings as Settings
from meshwright.serve.guard import Guard
from meshwright.serve.pages import Pages
from meshwright.serve.routes import ROUTERS
from meshwright.serve.search import Search

DESCRIPTION = """\
The products of a mesh, as their own pipelines publish them. Every error has `error` (a code), `detail` and `fix`
(sentences). Writing needs a token: `Authorization: Bearer …`.
"""


def application(store: CatalogStore, settings: Settings | None = None) -> Guard:
    """Return the whole catalog; it closes the store when it is shut down."""
    settings = settings or Settings()
    search = Search(store, settings.synonyms)

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
    app.state.context = Context(
        settings, store, search, Pages(store, search, has_accounts=settings.provider is not None)
    )
    error_responses.add_to(app)
    for router in ROUTERS:
        app.include_router(router)
    if settings.places is not None and settings.provider is not None:
        from meshwright.serve.routes import follow_routes

        app.include_router(follow_routes.router)
    if settings.readers:
        from meshwright.serve.routes import reader_routes

        app.include_router(reader_routes.router)
    if settings.pull_requests:
        from meshwright.serve.routes import request_routes

        app.include_router(request_routes.router)
    if settings.shares:
        from meshwright.serve.routes import sharing_routes  # heavy: it reads ports

        app.include_router(sharing_routes.router)
    return Guard(app, search, settings.private, settings.log)
