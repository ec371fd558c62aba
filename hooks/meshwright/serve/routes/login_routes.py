"""Signing in and out, for people: the way to the provider and back, and the page of one's own session."""

from __future__ import annotations

import hmac
from urllib.parse import parse_qs, quote, urlsplit

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from meshwright.serve import RequestProblem, request_bodies
from meshwright.serve.catalog_store.tokens import EMAIL, GROUP, PERSON, READ, READERS
from meshwright.serve.context import of
from meshwright.serve.links import Served
from meshwright.serve.login.attempt import SECONDS, begin, local_path, opened, sealed
from meshwright.serve.login.provider import AGAIN, Provider
from meshwright.serve.pages import policy_of
from meshwright.serve.rights import SESSION, form_proof, session

ATTEMPT = "meshwright-sign-in"
"""The cookie of an attempt."""
HOURS = 8
"""How long a session lasts."""
FORM = 10_000
"""Bytes of a form."""

router = APIRouter()


@router.get("/login", include_in_schema=False)
def login(request: Request, next: str = "/") -> Response:
    """Send the browser to the provider."""
    attempt = begin(next)
    provider = _provider(request)
    answer = RedirectResponse(provider.address(attempt, _back(request)), 303)
    _set(request, answer, ATTEMPT, sealed(attempt, provider.key), SECONDS)
    return answer


@router.get("/login/callback", include_in_schema=False)
def callback(request: Request) -> Response:
    """Begin a session for whoever the provider names."""
    provider, parameters = _provider(request), request.query_params
    attempt = opened(request.cookies.get(ATTEMPT, ""), provider.key)
    state = parameters.get("state", "")
    if attempt is None or not hmac.compare_digest(state.encode(), attempt.state.encode()):
        raise _refused("This answer of the provider belongs to no attempt of this browser.")
    if parameters.get("iss", provider.issuer) != provider.issuer:
        raise _refused("The answer is of another provider.")
    if "error" in parameters or not parameters.get("code"):
        raise _refused(f"The provider refused ({parameters.get('error', 'no code')[:100]}).")
    person = provider.person(attempt, parameters["code"], _back(request))
    scopes = {READ, PERSON + quote(person.id, safe="@")}
    scopes |= {scope for scope, has in ((READERS, person.sees_readers), (EMAIL, person.has_email)) if has}
    scopes |= {GROUP + quote(name, safe="") for name in person.groups}
    tokens = of(request).store.tokens
    tokens.forget_sessions()
    token, _ = tokens.create(scopes, f"session of {person.name}"[:500], hours=HOURS)
    answer = RedirectResponse(_public(request) + attempt.path, 303)
    _set(request, answer, SESSION, token, HOURS * 3600)
    _set(request, answer, ATTEMPT, "", 0)
    return answer


@router.get("/account", include_in_schema=False)
def account(request: Request) -> Response:
    """Return the page of whoever has signed in."""
    _provider(request)
    right = session(request)
    if right is None:
        return RedirectResponse(f"{_public(request)}/login?next=/account", 303)
    return _account_page(request, right.person, form_proof(request))


@router.post("/logout", include_in_schema=False)
async def logout(request: Request) -> Response:
    """End the session, if the form is the one of its own page."""
    form = parse_qs((await request_bodies.body_of(request, FORM)).decode("utf-8", "replace"))
    given = form.get("proof", [""])[0]
    if session(request) is None or not hmac.compare_digest(given.encode(), form_proof(request).encode()):
        raise _refused("This form is of another session.")
    token = request.cookies[SESSION]
    await run_in_threadpool(of(request).store.tokens.revoke, token.split("_")[1])
    # A page and no redirect, which could lead to the provider: a page's policy lets its forms go nowhere else.
    answer = _account_page(request)
    _set(request, answer, SESSION, "", 0)
    return answer


def sign_in_address(request: Request) -> str:
    """Return where a browser signs in for the page that it asked for; empty if nobody can sign in here."""
    if of(request).settings.provider is None:
        return ""
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{_public(request)}/login?next={quote(local_path(request.url.path + query), safe='')}"


def _account_page(request: Request, person: str = "", proof: str = "") -> Response:
    html = of(request).pages.account(Served("/account"), person, proof)
    headers = {"Content-Security-Policy": policy_of(html), "Cache-Control": "no-store"}
    return HTMLResponse(html.encode("utf-8", "replace"), headers=headers)


def _provider(request: Request) -> Provider:
    provider = of(request).settings.provider
    if provider is None:
        raise RequestProblem(404, "unknown-page", "Nobody signs in here.", "Use a token.")
    return provider


def _public(request: Request) -> str:
    return (of(request).settings.url or str(request.base_url)).rstrip("/")


def _back(request: Request) -> str:
    return f"{_public(request)}/login/callback"


def _set(request: Request, answer: Response, name: str, value: str, seconds: int) -> None:
    """Set a cookie that no script reads and that no other site's form sends."""
    public = urlsplit(_public(request))
    answer.set_cookie(
        name,
        value,
        max_age=seconds,
        path=public.path or "/",
        secure=public.scheme == "https",
        httponly=True,
        samesite="lax",
    )


def _refused(detail: str) -> RequestProblem:
    return RequestProblem(403, "sign-in-refused", detail, AGAIN)
