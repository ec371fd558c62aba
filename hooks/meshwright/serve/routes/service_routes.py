"""The service itself: whether it is up, and the description of its API."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from meshwright.serve.api_document import api_document
from meshwright.serve.context import of
from meshwright.serve.rights import require_reading
from meshwright.serve.routes.openapi import public

ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#0b5cad"/>'
    '<path d="M8 9 24 9 16 24Z" fill="none" stroke="#fff" stroke-width="2"/>'
    '<g fill="#fff"><circle cx="8" cy="9" r="3.4"/><circle cx="24" cy="9" r="3.4"/><circle cx="16" cy="24" r="3.4"/></g></svg>'
)
"""Three products that read each other."""

router = APIRouter(tags=["The service"])


@router.get("/api/health", **public("Both answer.", {"status": "ok", "version": "0.3.0"}, ("unavailable",)))
def health(request: Request) -> dict[str, str]:
    """Whether the catalog and its database answer."""
    of(request).store.revision()
    return {"status": "ok", "version": version("meshwright")}


@router.get("/favicon.ico", include_in_schema=False)
def icon() -> Response:
    """Return the icon that browsers ask for."""
    return Response(ICON, media_type="image/svg+xml", headers={"Cache-Control": "max-age=86400"})


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request) -> dict[str, Any]:
    """Return the description of the API."""
    require_reading(request)
    address = of(request).settings.url
    return api_document(request.app) | ({"servers": [{"url": address}]} if address else {})
