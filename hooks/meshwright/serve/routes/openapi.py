"""What routes say of themselves in OpenAPI: that they need a token, and take JSON."""

from __future__ import annotations

from typing import Any

TOKEN: dict[str, Any] = {"openapi_extra": {"security": [{"token": []}]}}
"""A route that may need a token, for OpenAPI."""
_BODY: dict[str, Any] = {"content": {"application/json": {"schema": {"type": "object"}}}, "required": True}
TOKEN_AND_BODY: dict[str, Any] = {"openapi_extra": {"security": [{"token": []}], "requestBody": _BODY}}
"""A route that needs a token and takes JSON, for OpenAPI."""
