"""Who sends a request, and what its token allows."""

from __future__ import annotations

import base64
import binascii
import hmac

from fastapi import Request

from meshwright.serve import RequestProblem
from meshwright.serve.catalog_store.tokens import Right
from meshwright.serve.context import of

SESSION = "meshwright-session"
"""The cookie of somebody who has signed in: a token that reads."""


def right_of(request: Request) -> Right:
    """Return what the request's token allows; raises RequestProblem, the same one for whatever is wrong with it."""
    token = _token(request)
    right = of(request).store.tokens.right(token) if token else None
    if right is None:
        raise RequestProblem(
            401, "unauthorized", "This needs a token that counts.", "Ask the catalog's administrator for one."
        )
    return right


def require_reading(request: Request, id: str = "") -> None:
    """Raise RequestProblem if the request may not read a product, or the whole catalog where no id is given."""
    if of(request).settings.private and not right_of(request).may_read(id):
        raise forbidden()


def forbidden() -> RequestProblem:
    """Return the answer to a request whose token does not allow it."""
    detail = "The token does not allow this."
    return RequestProblem(
        403, "forbidden", detail, "Use the token of this product, or one with the scope that this needs."
    )


def bearer(request: Request) -> str:
    """Return the token that a program sent with a request; empty if there is none."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else ""


def session(request: Request) -> Right | None:
    """Return what a person may do who has signed in with this browser; None if there is no session."""
    token = request.cookies.get(SESSION, "")
    right = of(request).store.tokens.right(token) if token else None
    return right if right and right.person else None


def principals_of(request: Request) -> frozenset[str]:
    """Return who has signed in, as agreements name them: `id:<id>`, and `group:<name>` where groups count; empty: nobody has."""
    right = session(request)
    if right is None:
        return frozenset()
    # An id with an @ that is no verified address could be anybody's.
    person = right.email or ("" if "@" in right.person else right.person)
    return frozenset({f"id:{person}", *(f"group:{name}" for name in right.groups)})


def form_proof(request: Request) -> str:
    """Return what only a page of this session knows: no other site can send the form. Empty if nobody signs in here."""
    provider = of(request).settings.provider
    if provider is None:
        return ""
    return hmac.digest(provider.key, request.cookies.get(SESSION, "").encode(), "sha256").hex()


def _token(request: Request) -> str:
    """Return the token that a request was sent with; empty if there is none."""
    if token := bearer(request):
        return token
    # A browser adds the rest by itself, also to a form that another site made it send: it counts for reading only.
    if request.method != "GET":
        return ""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return request.cookies.get(SESSION, "")
    try:
        return base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
