"""Following a product, for people who have signed in; ending that, also for those who have not, by the link in a message."""

from __future__ import annotations

import hmac
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response

from meshwright.core.yaml import Unreadable
from meshwright.serve import RequestProblem, lookup, request_bodies
from meshwright.serve.catalog_store.follows import MAIL, WEBHOOK
from meshwright.serve.catalog_store.tokens import Right
from meshwright.serve.context import of
from meshwright.serve.following.changes import state_of
from meshwright.serve.following.places import ADDRESS
from meshwright.serve.links import Served
from meshwright.serve.page_reader import FollowForm
from meshwright.serve.pages import policy_of
from meshwright.serve.rights import form_proof, session
from meshwright.serve.routes.login_routes import sign_in_address

FORM = 10_000
"""Bytes of a form."""

router = APIRouter()


def follow_form(request: Request, id: str) -> FollowForm | None:
    """Return what the form on a product's page shows; None where nobody signs in."""
    context = of(request)
    places, right = context.settings.places, session(request)
    if context.settings.provider is None or places is None:
        return None
    if right is None:
        return FollowForm("", "", bool(places.smtp), sorted(places.hosts), (), sign_in_address(request))
    follows = context.store.follows.of(right.person, id)
    known = [f"by mail to {one.target}" if one.kind == MAIL else f"to {one.target}" for one in follows]
    return FollowForm(form_proof(request), right.email, bool(places.smtp), sorted(places.hosts), known, "")


@router.post("/products/{domain}/{name}/follow", include_in_schema=False)
async def follow(request: Request, domain: str, name: str) -> Response:
    """Begin or end to follow a product, for whoever has signed in, and go back to its page."""
    id, (form, right) = f"{domain}/{name}", await _own_form(request)
    if not right.may_read(id):
        raise RequestProblem(403, "forbidden", "You may not read this product.", "Ask the administrator.")
    await run_in_threadpool(_follow, request, id, form, right)
    html = await run_in_threadpool(_done, request, id, "end" in form)
    return html


@router.get("/unfollow", include_in_schema=False)
def to_end(request: Request, key: str = "") -> Response:
    """Return a page with a button: programs that look at the links of a mail end nothing."""
    return _page(request, key=key[:100], ended=False)


@router.post("/unfollow", include_in_schema=False)
async def end(request: Request, key: str = "") -> Response:
    """End what a message was about, by the key in its link: the button of the page, and of mail programs (RFC 8058)."""
    await request_bodies.body_of(request, FORM)
    await run_in_threadpool(of(request).store.follows.end_by, key[:100])
    return _page(request, key="", ended=True)


async def _own_form(request: Request) -> tuple[dict[str, str], Right]:
    """Return a form that a page of this session has sent, and what its person may do. Raises RequestProblem."""
    sent = parse_qs((await request_bodies.body_of(request, FORM)).decode("utf-8", "replace"))
    form = {key: values[0] for key, values in sent.items()}
    right = await run_in_threadpool(session, request)
    proof = form.get("proof", "").encode()
    if (
        right is None
        or not form_proof(request)
        or not hmac.compare_digest(proof, form_proof(request).encode())
    ):
        raise RequestProblem(
            403, "sign-in-refused", "This form is of another session.", "Sign in, open the product's page again, and send its form."
        )  # fmt: skip
    return form, right


def _follow(request: Request, id: str, form: dict[str, str], right: Right) -> None:
    context = of(request)
    product, places = lookup.product(context.store, id), context.settings.places
    if "end" in form or places is None:
        context.store.follows.end(right.person, id)
        return
    url = form.get("webhook", "").strip()
    try:
        target = places.webhook(url) if form.get("by") == WEBHOOK else right.email
    except Unreadable as error:
        raise RequestProblem(400, "refused", str(error), error.fix) from error
    if form.get("by") != WEBHOOK and not (places.smtp and ADDRESS.fullmatch(target)):
        detail = "No mail can be sent to you: the provider has verified no address of yours, or the catalog sends none."
        raise RequestProblem(400, "refused", detail, "Follow by webhook, or by the feed (Atom).")
    kind = WEBHOOK if form.get("by") == WEBHOOK else MAIL
    state = state_of(product, context.search.fitness(id).standing)
    context.store.follows.add(id, right.person, kind, target, state)


def _done(request: Request, id: str, ended: bool) -> Response:
    # A page and no redirect: a page's policy lets its forms go to this catalog only, and some browsers count redirects.
    html = of(request).pages.followed(Served(request.url.path), id, "", ended)
    return _answer(html)


def _page(request: Request, key: str, ended: bool) -> Response:
    return _answer(of(request).pages.followed(Served(request.url.path), "", key, ended))


def _answer(html: str) -> Response:
    headers = {"Content-Security-Policy": policy_of(html), "Cache-Control": "private, no-store"}
    return HTMLResponse(html.encode("utf-8", "replace"), headers=headers)
