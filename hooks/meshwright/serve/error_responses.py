"""How errors are answered: as JSON to programs, as a page to browsers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from meshwright.serve import RequestProblem
from meshwright.serve.context import of
from meshwright.serve.links import Served
from meshwright.serve.pages import policy_of
from meshwright.serve.routes.login_routes import sign_in_address

STATUSES = {
    404: ("unknown-page", "There is nothing at this address."),
    405: ("unknown-method", "This cannot be done here."),
}


def add_to(app: FastAPI) -> None:
    """Have every error of an application answered here."""
    for kind in (RequestProblem, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, answer)


def answer(request: Request, error: Exception) -> Response:
    """Return the response to a request that failed."""
    problem = _problem(error)
    if request.url.path.startswith("/delta-sharing/"):  # its clients read errors in this form only
        value = {"errorCode": problem.error, "message": f"{problem.detail} {problem.fix}"}
        return JSONResponse(value, problem.status, _headers(problem, True))
    of_api = request.url.path.startswith("/api/")
    headers = _headers(problem, of_api)
    if of_api or "text/html" not in request.headers.get("accept", ""):
        return JSONResponse(problem.value(), problem.status, headers)
    if problem.status == 401 and request.method == "GET" and (address := sign_in_address(request)):
        return RedirectResponse(address, 303)
    html = of(request).pages.problem(Served(request.url.path), problem)
    headers["Content-Security-Policy"] = policy_of(html)
    return HTMLResponse(html.encode("utf-8", "replace"), problem.status, headers)


def _headers(problem: RequestProblem, of_api: bool) -> dict[str, str]:
    headers: dict[str, str] = {}
    if problem.status == 401:
        headers["WWW-Authenticate"] = (
            "Bearer" if of_api else 'Basic realm="Catalog: the token is the password", charset="UTF-8"'
        )
    if problem.status == 503 or problem.error == "busy":
        headers["Retry-After"] = "1"
    return headers


def _problem(error: Exception) -> RequestProblem:
    match error:
        case RequestProblem():
            return error
        case HTTPException():
            code, detail = STATUSES.get(error.status_code, ("refused", str(error.detail)))
            return RequestProblem(error.status_code, code, detail, "See /api for what there is.")
        case RequestValidationError():
            issue: Mapping[str, Any] = next(iter(error.errors()), {})
            where = ".".join(map(str, issue.get("loc", ())[1:]))
            return RequestProblem(
                400, "bad-request", f"{where}: {issue.get('msg', 'it cannot be read')}.", "See /api."
            )
        case _:
            return RequestProblem(
                500, "failed", "The catalog failed.", "Tell its administrator: the log says more."
            )
