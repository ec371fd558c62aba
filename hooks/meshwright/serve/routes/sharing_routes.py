"""Delta Sharing: lists, versions, descriptions and files of what a token's agreement shows.

Each answer about a table is made from the port as it is now, so that a revocation holds for the next request. Links to
files count for some minutes longer in a bucket, which makes them itself.
https://github.com/delta-io/delta-sharing/blob/main/PROTOCOL.md
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, BinaryIO

from fastapi import APIRouter, Request
from fastapi import Query as Parameter
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response, StreamingResponse

from meshwright.access.grants import Refused
from meshwright.access.targets.files.storage import Bucket, Folder
from meshwright.product.store import CHUNK, Blocker
from meshwright.serve import RequestProblem, now, request_bodies
from meshwright.serve.catalog_store.shared_reads import SharedRead
from meshwright.serve.catalog_store.tokens import Share, id_of
from meshwright.serve.context import of
from meshwright.serve.rights import bearer, right_of
from meshwright.serve.routes.openapi import public, reading
from meshwright.serve.sharing.delta_types import has_timestamps_without_zone, schema_string
from meshwright.serve.sharing.file_links import SECONDS, FileLink
from meshwright.serve.sharing.shared_ports import SharedPort
from meshwright.serve.sharing.shared_table import SharedTable, shared_table

BODY = 1_000_000
"""Bytes of a query."""
LINK = "sp"
"""By this name of a parameter, Delta's kernel takes an address for one that needs no credentials."""
HISTORY = ("version", "timestamp", "startingVersion", "endingVersion", "startingTimestamp", "endingTimestamp")
"""Parts of a query that ask for another version than the newest."""

router = APIRouter(prefix="/delta-sharing", tags=["Delta Sharing"])
SAMPLE = 'import delta_sharing\n\nclient = delta_sharing.SharingClient("profile.share")\nprint(client.list_all_tables())'


@dataclass(frozen=True)
class Shared:
    """What the token of a request shows."""

    request: Request
    token: str
    """Its id."""
    share: Share
    port: SharedPort

    @cached_property
    def table(self) -> SharedTable:
        """The rows, as the port has them now. Raises RequestProblem."""
        table = shared_table(self.port, self.share.agreement, datetime.now(UTC))
        if (table.role, table.commit) != (self.share.role, self.share.commit):
            raise RequestProblem(
                403,
                "not-in-force",
                f"The agreement {self.share.agreement} is not the one that the token was made for.",
                "Ask the product's owner for a new token.",
            )
        return table

    @property
    def named(self) -> dict[str, str]:
        """The table, as lists name it."""
        return {"share": self.port.domain, "schema": self.port.product, "name": self.port.port.name}

    def record(self, request: str, files: int) -> None:
        """Record a read, before it is answered."""
        client = self.request.client.host if self.request.client else ""
        table = self.table
        of(self.request).store.shared_reads.add(
            SharedRead(
                now(),
                self.token,
                self.share.agreement,
                self.port.address,
                table.role,
                request,
                table.version,
                files,
                client,
            )
        )


def shared(request: Request, share: str = "", schema: str = "", table: str = "") -> Shared:
    """Return what the request's token shows, if that has these names. Raises RequestProblem."""
    of_token = right_of(request).shared
    port = (of(request).settings.shares or {}).get(of_token.port) if of_token else None
    if of_token is None or port is None:
        raise RequestProblem(
            403,
            "forbidden",
            "The token is not for a port that is shared here.",
            "Use the token of an agreement.",
        )
    names = zip((share, schema, table), (port.domain, port.product, port.port.name), strict=True)
    if any(given and given.lower() != name for given, name in names):
        raise _unknown()
    return Shared(request, id_of(bearer(request)), of_token, port)


def _about(answer: str, example: Any = None, errors: Sequence[str] = ()) -> dict[str, Any]:
    return reading(answer, example, errors=errors, python=SAMPLE)


@router.get("/shares", **_about("The share, in `items`.", {"items": [{"name": "airport-operations"}]}, ()))
def shares(request: Request) -> JSONResponse:
    """The one share that the token is for: a domain."""
    return _items(request, {"name": shared(request).port.domain})


@router.get(
    "/shares/{share}", **_about("The share.", {"share": {"name": "airport-operations"}}, ("not-found",))
)
def share(request: Request, share: str) -> JSONResponse:
    """The share of this name."""
    return JSONResponse({"share": {"name": shared(request, share).port.domain}})


@router.get(
    "/shares/{share}/schemas",
    **_about(
        "The schema, in `items`.",
        {"items": [{"name": "departures", "share": "airport-operations"}]},
        ("not-found",),
    ),
)
def schemas(request: Request, share: str) -> JSONResponse:
    """The one schema that the token is for: a product."""
    port = shared(request, share).port
    return _items(request, {"name": port.product, "share": port.domain})


@router.get(
    "/shares/{share}/schemas/{schema}/tables", **_about("The table, in `items`.", None, ("not-found",))
)
def tables(request: Request, share: str, schema: str) -> JSONResponse:
    """The one table that the token is for: an output port."""
    return _items(request, shared(request, share, schema).named)


@router.get("/shares/{share}/all-tables", **_about("The table, in `items`.", None, ("not-found",)))
def all_tables(request: Request, share: str) -> JSONResponse:
    """The same, whatever the schema."""
    return _items(request, shared(request, share).named)


@router.get("/shares/{share}/schemas/{schema}/tables/{table}", include_in_schema=False)
@router.get(
    "/shares/{share}/schemas/{schema}/tables/{table}/version",
    **_about(
        "Nothing but the header Delta-Table-Version.", None, ("unsupported", "not-in-force", "not-found")
    ),
)
def table_version(request: Request, share: str, schema: str, table: str) -> Response:
    """The version of the table, in a header."""
    if "startingTimestamp" in request.query_params:
        raise _without_history("startingTimestamp")
    return Response(headers=_headers(shared(request, share, schema, table).table))


@router.get(
    "/shares/{share}/schemas/{schema}/tables/{table}/metadata",
    **_about("Lines of JSON.", None, ("unsupported", "not-in-force", "not-found")),
)
def metadata(request: Request, share: str, schema: str, table: str) -> Response:
    """The columns of the table."""
    of_token = shared(request, share, schema, table)
    return _lines(of_token, _described(of_token))


@router.post(
    "/shares/{share}/schemas/{schema}/tables/{table}/query",
    **_about(
        "Lines of JSON: the columns, and a file on each line.",
        None,
        ("malformed", "unsupported", "not-in-force", "not-found"),
    ),
)
async def query(request: Request, share: str, schema: str, table: str) -> Response:
    """The columns of the table, and a link to each of its files."""
    body = await request_bodies.body_of(request, BODY)
    parameters = request_bodies.parse(body) if body.strip() else {}
    if not isinstance(parameters, dict):
        raise RequestProblem(400, "malformed", "The body is no JSON object.", "Send {} to read everything.")
    return await run_in_threadpool(_queried, request, share, schema, table, parameters)


@router.get(
    "/shares/{share}/schemas/{schema}/tables/{table}/changes",
    **_about("Nothing: it is always refused.", None, ("unsupported", "not-found")),
)
def changes(request: Request, share: str, schema: str, table: str) -> Response:
    """Not offered: a change would show what the role saw before."""
    shared(request, share, schema, table)
    raise _without_history("the change data feed")


@router.get(
    "/files",
    **public("The file, or the range of it that the header Range names.", None, ("expired", "bad-range")),
)
def file(
    request: Request, link: str = Parameter(alias=LINK, description="The link, as a query has written it.")
) -> Response:
    """A file of a port in a folder, by a link of a query."""
    given = of(request).links.read(link, time.time())
    right = of(request).store.tokens.right_of_id(given.token) if given else None
    if given is None or right is None:
        raise RequestProblem(403, "expired", "The link does not count any more.", "Query the table again.")
    of_token = right.shared
    port = (of(request).settings.shares or {}).get(of_token.port) if of_token else None
    if of_token is None or port is None:
        raise _unknown()
    shown = Shared(request, given.token, of_token, port)
    where = shown.table.storage
    if given.name not in shown.table.files or not isinstance(where, Folder):
        raise _replaced()
    size = shown.table.files[given.name]
    first, last = _range(request.headers.get("range", ""), size)
    # Clients read a file in many small parts.
    of(request).links.record_once(given, lambda: shown.record("file", 1))
    try:
        opened = where.opened(given.name)
        content = opened.__enter__()
    except Blocker as error:
        raise _replaced() from error
    if _stamp(content.file) != given.stamp or content.size != size:
        opened.__exit__(None, None, None)
        raise _replaced()
    partial = (first, last) != (0, content.size - 1)
    headers = {"Accept-Ranges": "bytes", "Content-Length": str(last - first + 1)}
    if partial:
        headers["Content-Range"] = f"bytes {first}-{last}/{content.size}"

    def parts() -> Iterator[bytes]:
        try:
            content.file.seek(first)
            left = last - first + 1
            while left and (part := content.file.read(min(CHUNK, left))):
                left -= len(part)
                yield part
        finally:
            opened.__exit__(None, None, None)

    return StreamingResponse(parts(), 206 if partial else 200, headers, "application/vnd.apache.parquet")


def _queried(request: Request, share: str, schema: str, table: str, parameters: dict[str, Any]) -> Response:
    of_token = shared(request, share, schema, table)
    older = next((part for part in HISTORY if parameters.get(part) is not None), "")
    if older and (older != "version" or parameters[older] != of_token.table.version):
        raise _without_history(older)
    lines = list(_described(of_token))  # refuses before anything is recorded or signed
    of_token.record("query", len(of_token.table.files))
    ends = time.time() + SECONDS
    if until := of_token.table.until:
        ends = min(ends, until.timestamp())
    lines += [_file_line(of_token, name, size, ends) for name, size in of_token.table.files.items()]
    return _lines(of_token, lines)


def _described(of_token: Shared) -> Iterator[dict[str, Any]]:
    """Yield the lines about a table that come before its files. Raises RequestProblem."""
    table = of_token.table
    try:
        columns = schema_string(table.schema)
    except Refused as error:
        raise RequestProblem(400, "unsupported", str(error), error.fix) from error
    id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"dp:{of_token.port.address}?role={table.role}"))
    about = {
        "id": id,
        "format": {"provider": "parquet", "options": {}},
        "schemaString": columns,
        "partitionColumns": [],
    }
    sizes = {"size": sum(table.files.values()), "numFiles": len(table.files)}
    if _is_delta(of_token):
        features = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["timestampNtz"], "writerFeatures": ["timestampNtz"]}  # fmt: skip
        yield {"protocol": {"deltaProtocol": features}}
        yield {
            "metaData": {"version": table.version, **sizes, "deltaMetadata": {**about, "configuration": {}}}
        }
    else:
        yield {"protocol": {"minReaderVersion": 1}}
        yield {"metaData": {**about, **sizes}}


def _file_line(of_token: Shared, name: str, size: int, ends: float) -> dict[str, Any]:
    where, version = of_token.table.storage, of_token.table.version
    if isinstance(where, Bucket):
        url = where.link(name, max(1, int(ends - time.time())))
    else:
        with where.opened(name) as content:
            link = FileLink(of_token.token, name, _stamp(content.file), ends)
        context = of(of_token.request)
        base = context.settings.url or str(of_token.request.base_url)
        url = f"{base.rstrip('/')}/delta-sharing/files?{LINK}={context.links.written(link)}"
    id = uuid.uuid5(uuid.NAMESPACE_URL, f"{of_token.port.address}/{name}?version={version}").hex
    milliseconds = int(ends * 1000)
    if _is_delta(of_token):
        add = {"path": url, "partitionValues": {}, "size": size, "modificationTime": 0, "dataChange": True}
        return {"file": {"id": id, "expirationTimestamp": milliseconds, "deltaSingleAction": {"add": add}}}
    return {
        "file": {
            "url": url,
            "id": id,
            "partitionValues": {},
            "size": size,
            "expirationTimestamp": milliseconds,
        }
    }


def _is_delta(of_token: Shared) -> bool:
    """Return True if the answer is in Delta's own format, which some columns need. Raises RequestProblem."""
    if not has_timestamps_without_zone(of_token.table.schema):
        return False
    header = of_token.request.headers.get("delta-sharing-capabilities", "").lower()
    capabilities = dict(part.strip().partition("=")[::2] for part in header.split(";"))
    if "delta" in capabilities.get("responseformat", "").split(","):
        return True
    raise RequestProblem(
        400,
        "unsupported",
        "The table has timestamps without a time zone, which this client would shift.",
        "Read it with responseformat=delta (in Python: use_delta_format=True).",
    )


def _lines(of_token: Shared, lines: Any) -> Response:
    text = "".join(json.dumps(line) + "\n" for line in lines)
    headers = _headers(of_token.table)
    if "delta-sharing-capabilities" in of_token.request.headers:
        kind = "delta" if _is_delta(of_token) else "parquet"
        headers["delta-sharing-capabilities"] = f"responseformat={kind}"
    return Response(text, headers=headers, media_type="application/x-ndjson; charset=utf-8")


def _headers(table: SharedTable) -> dict[str, str]:
    return {"Delta-Table-Version": str(table.version)}


def _items(request: Request, *items: dict[str, str]) -> JSONResponse:
    """Return a list of one page."""
    return JSONResponse({"items": [] if request.query_params.get("maxResults") == "0" else list(items)})


def _unknown() -> RequestProblem:
    return RequestProblem(
        404, "not-found", "The token's agreement shows nothing of this name.", "List the tables."
    )


def _replaced() -> RequestProblem:
    return RequestProblem(403, "expired", "The file was replaced.", "Query the table again.")


def _without_history(part: str) -> RequestProblem:
    return RequestProblem(
        400,
        "unsupported",
        f"Only the newest version is shared, and the request has {part}.",
        "Ask for the table without it.",
    )


def _range(header: str, size: int) -> tuple[int, int]:
    """Return the first and the last byte that are requested. Raises RequestProblem. https://httpwg.org/specs/rfc9110.html#field.range"""
    unit, _, span = header.partition("=")
    first, dash, last = span.strip().partition("-")
    if (
        unit != "bytes"
        or not dash
        or "," in span
        or not (first + last).isascii()
        or not (first + last).isdigit()
    ):
        return 0, size - 1
    begin = int(first[:18]) if first else max(0, size - int(last[:18]))
    end = min(int(last[:18]), size - 1) if first and last else size - 1
    if begin > end:
        raise RequestProblem(416, "bad-range", "The file has no such bytes.", "Ask for less.")
    return begin, end


def _stamp(file: BinaryIO) -> str:
    """Return what changes when another file takes a file's place."""
    status = os.fstat(file.fileno())
    return f"{status.st_dev}:{status.st_ino}:{status.st_size}:{status.st_mtime_ns}"
