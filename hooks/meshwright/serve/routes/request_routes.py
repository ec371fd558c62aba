"""A request for access, sent with the form of a product's page: the catalog opens its pull request."""

from __future__ import annotations

import hmac
import shlex
import sys
from collections.abc import Mapping
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response

from meshwright.core.errors import Error
from meshwright.core.forge import ForgeBusy, ForgeRefuses, ForgeUnavailable
from meshwright.core.text import printable
from meshwright.core.yaml import Unreadable
from meshwright.product.record import Record
from meshwright.serve import RequestProblem, lookup, now, request_bodies
from meshwright.serve.context import of
from meshwright.serve.links import Served
from meshwright.serve.pages import policy_of
from meshwright.serve.pull_requests import EMAIL, AccessRequest, OpenedRequest, access_request
from meshwright.serve.rights import form_proof, session

FORM = 20_000
"""Bytes of a form."""
AWAY = "The pull request could not be opened: the forge does not answer as it should."
FIX_AWAY = "Send it again later: what was begun is continued. Or use the command."
WHY = {
    ForgeBusy: ("The forge takes no more requests from the catalog for now.", FIX_AWAY),
    ForgeRefuses: (
        "The forge refuses the catalog: its token has expired, or lacks a right on this repository.",
        "Tell the catalog's administrator, and use the command.",
    ),
}
"""What people are shown of an error of the forge: what it is in detail is for the operator, in the log."""

router = APIRouter()


@router.post("/products/{domain}/{name}/request", include_in_schema=False)
async def ask(request: Request, domain: str, name: str) -> Response:
    """Open the pull request of a request, for whoever has signed in, and return a page with its address."""
    sent = parse_qs((await request_bodies.body_of(request, FORM)).decode("utf-8", "replace"))
    form = {key: values[0] for key, values in sent.items()}
    right = session(request)
    given = form.get("proof", "").encode()
    if right is None or not hmac.compare_digest(given, form_proof(request).encode()):
        raise RequestProblem(
            403, "sign-in-refused", "This form is of another session.", "Sign in, open the product's page again, and send its form."
        )  # fmt: skip
    if not right.may_read(f"{domain}/{name}"):
        raise RequestProblem(403, "forbidden", "You may not read this product.", "Ask the administrator.")
    return await run_in_threadpool(_answer, request, f"{domain}/{name}", form, right.email)


def _answer(request: Request, id: str, form: Mapping[str, str], email: str) -> Response:
    product = lookup.product(of(request).store, id)
    opened, problem, status = None, None, 200
    try:
        if product.retired_at:
            raise Unreadable("The product was retired.", "See its page for what replaces it.")
        access = _request_in(form, email)
        opened = _opened(request, product.record, access)
    except RequestProblem as error:
        problem, status = error, error.status
    except ForgeUnavailable as error:
        _log(f"no pull request for {id}: {error} {error.fix}")
        problem, status = (
            RequestProblem(503, "forge-unavailable", *WHY.get(type(error), (AWAY, FIX_AWAY))),
            503,
        )
    except Error as error:
        problem, status = RequestProblem(400, "refused", str(error), error.fix), 400
    html = of(request).pages.requested(
        Served(request.url.path), product, opened, problem, _command(form, email)
    )
    headers = {"Content-Security-Policy": policy_of(html), "Cache-Control": "private, no-store"}
    return HTMLResponse(html.encode("utf-8", "replace"), status, headers=headers)


def _request_in(form: Mapping[str, str], email: str) -> AccessRequest:
    """Return what the form asks for, in the name of whoever has signed in. Raises Unreadable."""
    if not EMAIL.fullmatch(email) or len(email) > 254:
        raise Unreadable(
            "The provider has verified no e-mail address of yours, so nobody could know who asks.", "Use the command."
        )  # fmt: skip
    return access_request(form, email)


def _opened(request: Request, record: Record, access: AccessRequest) -> OpenedRequest:
    pull_requests = of(request).settings.pull_requests
    repository = pull_requests.repository(record) if pull_requests else None
    if pull_requests is None or repository is None:
        raise Unreadable(
            "The catalog opens no pull requests in this product's repository.", "Use the command."
        )
    opened = pull_requests.open(repository, record, access)
    verb = "found" if opened.pull_request.was_open else "opened"
    _log(f"{verb} {opened.pull_request.url} for {access.requester}: {opened.file.path}")
    return opened


def _command(form: Mapping[str, str], email: str) -> str:
    """Return the command that writes the same file in a clone."""
    requester = email or form.get("requester", "")
    if renews := form.get("renews", ""):
        words = ["meshwright", "access", "renew", renews, "--until", form.get("until", "")]
        return shlex.join([*words, "--requester", requester])
    principals = [line.strip() for line in form.get("principals", "").splitlines() if line.strip()]
    words = ["meshwright", "access", "request", form.get("name", ""), "--role", form.get("role", "")]
    words += [word for one in principals for word in ("--principal", one)]
    words += ["--for", form.get("description", "")]
    for option, key in (
        ("--purpose", "purpose"),
        ("--until", "until"),
        ("--team", "team"),
        ("--output", "port"),
    ):
        words += [option, form[key]] if form.get(key) else []
    return shlex.join([*words, "--requester", requester])


def _log(sentence: str) -> None:
    sys.stderr.write(f"{now()} {printable(sentence[:1000])}\n")
