"""Who can read what, by person: only for whoever has a token with the scope `admin`."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from meshwright.access import readers
from meshwright.core.yaml import Unreadable
from meshwright.serve import RequestProblem
from meshwright.serve.context import of
from meshwright.serve.pages import policy_of
from meshwright.serve.rights import forbidden, right_of

router = APIRouter()


@router.get("/readers", include_in_schema=False, response_class=HTMLResponse)
def page(request: Request) -> Response:
    """Return the report of readers as a page. It names people, so no cache keeps it."""
    html = readers.page(_report(request))
    headers = {"Content-Security-Policy": policy_of(html), "Cache-Control": "private, no-store"}
    return HTMLResponse(html.encode("utf-8", "replace"), headers=headers)


@router.get("/readers.csv", include_in_schema=False)
def table(request: Request) -> Response:
    """Return the same as CSV."""
    headers = {"Cache-Control": "private, no-store"}
    return Response(readers.as_csv(_report(request)), media_type="text/csv; charset=utf-8", headers=headers)


def _report(request: Request) -> readers.ReadersReport:
    """Return the report, as the file has it now. Raises RequestProblem."""
    if not right_of(request).may_see_readers:
        raise forbidden()
    file = of(request).settings.readers
    try:
        if file is None:
            raise OSError
        return readers.of_json(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, Unreadable) as error:
        detail = "The report of readers cannot be read."
        fix = "Write the file of --readers with `meshwright access report --format json`."
        raise RequestProblem(404, "no-readers", detail, fix) from error
