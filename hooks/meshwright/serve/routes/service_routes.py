"""The service itself: whether it is up, and the description of its API."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI, Request

from meshwright.serve.context import of
from meshwright.serve.rights import require_reading

router = APIRouter()


@router.get("/api/health")
def health(request: Request) -> dict[str, str]:
    """Whether the catalog and its database answer."""
    of(request).store.revision()
    return {"status": "ok", "version": version("meshwright")}


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request) -> dict[str, Any]:
    """Return the description of the API."""
    require_reading(request)
    app: FastAPI = request.app
    schema = app.openapi()
    token = {"type": "http", "scheme": "bearer", "description": "From `meshwright catalog token create`."}
    schema.setdefault("components", {})["securitySchemes"] = {"token": token}
    return schema
