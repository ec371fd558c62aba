"""`rest-api@1`: the rows that a REST API returns as JSON, page by page, read by dlt's REST client."""

from __future__ import annotations

import bisect
import codecs
import contextlib
import functools
import http.server
import io
import itertools
import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from email.message import Message
from http.client import responses
from typing import Any
from urllib.parse import urljoin, urlsplit

import dlt
import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import requests
import urllib3
from dlt.common import jsonpath
from dlt.sources.helpers.requests import Client
from dlt.sources.helpers.rest_client import RESTClient, paginators
from dlt.sources.helpers.rest_client.auth import (
    APIKeyAuth,
    AuthConfigBase,
    BearerTokenAuth,
    HttpBasicAuth,
    OAuth2ClientCredentials,
)
from dlt.sources.helpers.rest_client.client import PageData
from requests.adapters import HTTPAdapter

from pipeline import disclosure, values
from pipeline.column_types import Certainty
from pipeline.declared_columns import SPEC, declared, declared_at, refuse_changed
from pipeline.dlt_columns import hints, landed_name, refuse_other_types
from pipeline.errors import UnreadableInput
from pipeline.inputs import IngestReport
from pipeline.spec import Capability, Product
from pipeline.sql import identifier, literal

ATTEMPTS = 5
BACKOFF_SECONDS = 1
LONGEST_WAIT_SECONDS = 60
"""Maximum wait between two attempts, whatever the API's `Retry-After` is."""
TIMEOUT_SECONDS = (10, 60)
"""Timeouts for connecting, and between two parts of a response."""
LONGEST_ANSWER_SECONDS = 300
LARGEST_ANSWER_BYTES = 128 * 2**20
MOST_PAGES = 10_000
MOST_COLUMNS = 1_000
MOST_LEVELS = 100
"""Maximum nesting of lists and objects in a row."""
BATCH_ROWS = 20_000
AHEAD = timedelta(days=1)
"""How far a cursor may be in the future, unless the input has a `cursor_ceiling`: enough for any time zone."""
LOCALHOST = {"localhost", "127.0.0.1", "::1"}
START_OVER = "start over with `python -m pipeline --full-refresh`"
LIST = "$"
"""The response itself, which must be a list then."""

REASONS: dict[type[Exception], tuple[str, str]] = {
    requests.exceptions.SSLError: (
        "its certificate cannot be trusted",
        "Correct the host in `base_url`, or set REQUESTS_CA_BUNDLE to the authority that signed its certificate.",
    ),
    requests.Timeout: (
        "it did not answer in time",
        "Run again later; check `base_url`, and that no firewall blocks this machine.",
    ),
    requests.ConnectionError: (
        "the connection failed or was lost",
        "Correct `base_url`, or run again when the API is available.",
    ),
    Exception: (
        "its response does not fit `paginator` or `auth` in data-product.yaml",
        "Correct `paginator` or `auth` in data-product.yaml: look at a response of the API.",
    ),
}
"""Kind of error -> cause and fix."""
STATUS = {
    401: "Check the secret of `auth`, or give the input an `auth`, in data-product.yaml.",
    403: "Ask the API's owner to allow this account to read it, or correct `auth` in data-product.yaml.",
    404: "Correct `base_url` or `path` in data-product.yaml.",
    429: "Run later or less often, or ask the API's owner for a higher limit.",
}
"""Status of a response -> fix."""
AUTH = {
    "bearer": BearerTokenAuth,
    "api_key": APIKeyAuth,
    "http_basic": HttpBasicAuth,
    "oauth2_client_credentials": OAuth2ClientCredentials,
}
SECRETS = {
    "bearer": ("token",),
    "api_key": ("api_key",),
    "http_basic": ("password",),
    "oauth2_client_credentials": ("client_id", "client_secret"),
}


class _OffsetPaginator(paginators.OffsetPaginator):
    """Advances by the number of rows received: an API that returns smaller pages than requested loses none."""

    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:
        self.value_step = len(data or [])
        super().update_state(response, data)


class _JSONLinkPaginator(paginators.JSONLinkPaginator):
    """Treats an empty link as none."""

    _next_reference: str | None

    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:
        super().update_state(response, data)
        self._next_reference = self._next_reference or None


# dlt expects a `total` by default, which few APIs return.
PAGINATORS = {
    "json_link": _JSONLinkPaginator,
    "header_link": paginators.HeaderLinkPaginator,
    "offset": functools.partial(_OffsetPaginator, total_path=None),
    "page_number": functools.partial(paginators.PageNumberPaginator, total_path=None),
    "cursor": paginators.JSONResponseCursorPaginator,
    "single_page": paginators.SinglePagePaginator,
}


def resource(source: Capability, product: Product) -> dlt.sources.DltResource:
    """Return the input for dlt: replaced completely, or merged by its key if it is incremental.

    State for the next run (the last cursor value, the type of each column) is dlt's state of the resource,
    so it is stored only together with the rows. Raises UnreadableInput when it is read.
    """
    key = [landed_name(name) for name in source.properties.get("key", [])]
    report = IngestReport()
    loaded = dlt.resource(
        _tables(source, product, report),
        name=source.name,
        write_disposition="merge" if key else "replace",
        primary_key=key or None,
        schema_contract={"data_type": "freeze"},
    )
    loaded.ingest_report = report
    return loaded


def _tables(source: Capability, product: Product, report: IngestReport) -> Iterator[Any]:
    """Yield all rows after receiving all of them, because a column's type depends on all of its values."""
    state = dlt.current.resource_state(source.name)
    spool = _Spool(source, product, state, report)
    since = _since(source, spool, state, report)
    with spool.file.open("w", encoding="utf-8") as target:
        for page, rows in enumerate(_pages(source, product, since), start=1):
            spool.write(target, page, rows)
    types = spool.types()
    if not types:
        raise UnreadableInput(
            f"Input {source.name}: the API returned no rows, so its columns are unknown.",
            fix=f"Declare the columns that the models read in {declared_at(source).file}, with their `data_type`.",
        )
    key = {landed_name(name) for name in source.properties.get("key", [])}
    schema = pa.schema(
        pa.field(name, values.arrow(kind), nullable=name not in key) for name, kind in types.items()
    )
    landed = {name: "VARCHAR" if kind == "JSON" else kind for name, kind in types.items()}
    refuse_changed(source, spool.declaration, {name: landed[name] for name in spool.filled})
    refuse_other_types(source, landed, spool.places())
    absent = sorted(spool.known.keys() - spool.columns.keys()) if spool.number else []
    report.gone += [name for name in absent if name not in state.get("absent", [])]
    before = state.get("types", {}) if "cursor" in state else {}
    if before and (new := [name for name in spool.columns if name not in before]):
        report.notes.append(
            f"new columns: {', '.join(new)}. They are empty in rows of earlier runs: `python -m pipeline --full-refresh` reads"
            " everything again"
        )
    state |= {"types": types, "absent": absent}
    report.columns |= types
    report.undeclared += [name for name in types if name not in spool.declaration.columns]
    # An empty table first, so that an API without rows still has its columns.
    yield dlt.mark.with_hints(schema.empty_table(), dlt.mark.make_hints(columns=hints(landed)))
    tables = spool.read(schema, types)
    if "cursor" not in source.properties:
        yield from tables
    elif spool.number:
        spool.refuse_missing()
        yield from _one_of_each(tables, schema, source, spool)
        _keep(source, spool, state, report)


def _since(source: Capability, spool: _Spool, state: dict[str, Any], report: IngestReport) -> str | None:
    """Return the value that the API is asked to begin with; None: from the beginning."""
    first = source.properties.get("initial_value")
    if "cursor" not in source.properties:
        return first
    # Data of two APIs must not be mixed, such as the sample and production.
    url = source.properties["base_url"]
    place = f"{_shown(url) if '://' in url else url} {source.properties['path']}"
    if state.setdefault("place", place) != place:
        raise UnreadableInput(
            f"Input {source.name}: its rows came from {state['place']}, but now they would come from {place}.",
            fix=START_OVER,
        )
    reached: str | None = state.get("cursor")
    kind = state.get("types", {}).get(spool.cursor)
    ceiling = _ceiling(source, kind or "", report)
    if reached is None or ceiling is None:
        return reached or first
    with contextlib.suppress(ValueError, ArithmeticError):
        if values.convert(reached, kind, utc=True) > ceiling:
            # Release 0.2.0 accepted any value, and read nothing from then on.
            report.notes.append(
                f"the cursor {spool.cursor} was at {reached}, above {ceiling}: all rows are read again"
            )
            state.pop("cursor")
            return first
    return reached


def _ceiling(source: Capability, kind: str, report: IngestReport) -> Any:
    """Return the highest accepted cursor value; None: any."""
    given, now = source.properties.get("cursor_ceiling"), report.started
    if kind.startswith("TIMESTAMP"):
        highest = values.latest(now, AHEAD if given is None else timedelta(seconds=given))
        return (
            highest if kind == "TIMESTAMP WITH TIME ZONE" or highest is None else highest.replace(tzinfo=None)
        )
    if kind == "DATE":
        highest = values.latest(now, AHEAD if given is None else timedelta(days=given))
        return highest and highest.date()
    return given if kind in values.INTEGERS or kind.startswith(("DECIMAL", "DOUBLE", "FLOAT")) else None


def _keep(source: Capability, spool: _Spool, state: dict[str, Any], report: IngestReport) -> None:
    """Store the cursor value that this run reached, and note what an unchanged cursor may mean."""
    before = state.get("cursor")
    if spool.beyond:
        beyond = "in the future" if spool.in_time else "above `cursor_ceiling`"
        report.notes.append(
            f"rows whose {spool.cursor} is {beyond}: {spool.beyond:,}, up to {spool.furthest}. They are loaded, but the"
            " cursor is not set to them"
        )
    if spool.last is None:
        return
    if before is not None and spool.last == before:
        since = f", since {state['moved']}" if "moved" in state else ""
        report.notes.append(f"no row is newer: the cursor {spool.cursor} has stayed at {before}{since}")
    else:
        state["moved"] = report.started.isoformat(timespec="seconds")
    state["cursor"] = spool.last
    report.newest = (spool.cursor, spool.last)


class Real(str):
    """A number of JSON that is not a plain integer, as written."""

    __slots__ = ()


class _Found:
    """The kinds and types of a column's values."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.kinds: set[str] = set()
        self.numbers, self.texts = Certainty(), Certainty()

    @property
    def type(self) -> str:
        """The type that the values certainly have; empty if there are none."""
        if not self.kinds:
            return ""
        if self.kinds == {"n"}:
            return self.numbers.type
        if self.kinds == {"s"}:
            kind = self.texts.type
            return kind if kind.startswith(("DATE", "TIME")) else "VARCHAR"  # in JSON, "007" is a text
        return (
            {"b": "BOOLEAN", "j": "JSON"}.get(*self.kinds) or "VARCHAR" if len(self.kinds) == 1 else "VARCHAR"
        )


class _Spool:
    """All rows in a file, one a line, until the last one has been received."""

    def __init__(
        self, source: Capability, product: Product, state: dict[str, Any], report: IngestReport
    ) -> None:
        self.source, self.report = source, report
        self.product = product
        self.file = product.scratch / "downloads" / f"{source.name}.jsonl"
        self.file.parent.mkdir(parents=True, exist_ok=True)
        given = declared(source, product)
        self.declaration = replace(
            given,
            columns={landed_name(name): kind for name, kind in given.columns.items()},
            origins={landed_name(name): place for name, place in given.origins.items()},
        )
        self.known = {**state.get("types", {}), **self.declaration.columns}
        """Types that are known before any value comes."""
        self.loaded: set[str] = set(state.get("types", {})) - set(self.declaration.columns)
        for name, kind in self.known.items():
            try:
                values.arrow(kind)
            except KeyError:
                raise UnreadableInput(
                    f"Input {source.name}: {self.declaration.origin(name)} declares {name} as {kind}, which rest-api@1"
                    " does not support.",
                    fix="Declare it as JSON, and parse it in a model.",
                ) from None
        cursor = source.properties.get("cursor")
        self.cursor = landed_name(cursor) if cursor else ""
        self.names: dict[str, str] = {}
        self.columns: dict[str, _Found] = {}
        self.pages: list[int] = []
        """For each page, the number of rows before it."""
        self.number = 0
        self.last: str | None = state.get("cursor")
        self.beyond, self.furthest, self.in_time = 0, "", False

    @property
    def filled(self) -> list[str]:
        """The columns that have a value."""
        return [name for name, column in self.columns.items() if column.kinds]

    def write(self, target: Any, page: int, rows: list[Any]) -> None:
        """Add the rows of a page."""
        self.pages.append(self.number)
        for row in rows:
            self.number += 1
            if not isinstance(row, dict):
                raise UnreadableInput(
                    f"Input {self.source.name}: row {self.number} is not a JSON object.",
                    fix="Set `data_selector` in data-product.yaml to the list of rows.",
                )
            written: list[Any] = [None] * len(self.columns)
            for key, value in row.items():
                name = self.names.get(key) or self._new_name(key)
                column = self.columns.get(name)
                if column is None:
                    column = self.columns[name] = _Found(len(self.columns))
                    written.append(None)
                if value is not None:
                    written[column.index] = self._taken(column, value, name)
            target.write(json.dumps(written) + "\n")

    def _taken(self, column: _Found, value: Any, name: str) -> Any:
        """Return a value for the file: booleans and integers unchanged, others as a text that begins with their kind."""
        settled = name in self.known
        written: int | str
        match value:
            case bool():
                kind, written = "b", value
            case int() | Real():
                kind, written = "n", value if isinstance(value, int) else f"n{value}"
                if not settled:
                    column.numbers.add(str(value))
            case str():
                kind, written = "s", f"s{value}"
                if not settled:
                    column.texts.add(value)
            case _:
                kind, written = "j", f"j{self._nested(value, name)}"
        column.kinds.add(kind)
        return written

    def _nested(self, value: Any, name: str) -> str:
        try:
            return _json(value)
        except RecursionError:
            raise UnreadableInput(
                f"Input {self.source.name}: {self.place(self.number)}: {name} is nested more than {MOST_LEVELS} levels"
                " deep.",
                fix="Request fewer fields from the API, or set `data_selector` to a list further inside.",
            ) from None

    def types(self) -> dict[str, str]:
        """Return the type of each column: the known one, or the one that its values certainly have."""
        found = {
            name: self.known.get(name) or column.type or "VARCHAR" for name, column in self.columns.items()
        }
        return self.known | found

    def places(self) -> dict[str, str]:
        return {name: self.declaration.origin(name) for name in self.known}

    def place(self, number: int) -> str:
        """Return the position of a row, counted from 1."""
        page = bisect.bisect_left(self.pages, number)
        return f"page {page}, row {number - self.pages[page - 1]}"

    def read(self, schema: pa.Schema, types: dict[str, str]) -> Iterator[pa.Table]:
        """Yield the rows, each value in its column's type. Raises UnreadableInput for one that does not fit."""
        with self.file.open(encoding="utf-8") as lines:
            start = 0
            while batch := [json.loads(line) for line in itertools.islice(lines, BATCH_ROWS)]:
                arrays = [self._array(name, kind, batch, start) for name, kind in types.items()]
                table = pa.Table.from_arrays(arrays, schema=schema)
                if self.cursor:
                    self._follow(table[self.cursor], batch)
                yield table
                start += len(batch)

    def _array(self, name: str, kind: str, batch: list[list[Any]], start: int) -> pa.Array:
        column = self.columns.get(name)
        if column is None:
            return pa.nulls(len(batch), values.arrow(kind))
        index = column.index
        found = [_given(row[index]) if index < len(row) else None for row in batch]
        if kind == "JSON":  # JSON text has quotes there
            texts = [index < len(row) and str(row[index])[:1] == "s" for row in batch]
            found = [
                json.dumps(value, ensure_ascii=False) if text else value
                for value, text in zip(found, texts, strict=True)
            ]
        if (position := self._other_kind(name, kind, column.kinds, found)) is not None:
            raise self._unfit(name, kind, found, position, start)
        try:
            return values.array(found, kind)
        except values.Unfit as unfit:
            raise self._unfit(name, kind, found, unfit.position, start) from unfit

    def _other_kind(self, name: str, kind: str, kinds: set[str], found: list[Any]) -> int | None:
        """Return the position of the first value of another kind than in earlier runs, if they are the only source of the type.

        With a declaration, BIGINT would accept "007" as 7.
        """
        family = kind.partition("(")[0]
        due = (
            {"DECIMAL": "n", "BOOLEAN": "b"}
            | dict.fromkeys(values.INTEGERS, "n")
            | dict.fromkeys(values.CLOCKS, "s")
        )
        is_declared = self.declaration.origin(name) and not self.declaration.is_recorded(name)
        if name not in self.known or is_declared or family not in due or not kinds - {due[family]}:
            return None
        for position, value in enumerate(found):
            of = "b" if isinstance(value, bool) else "n" if isinstance(value, int | Real) else "s"
            if value is not None and of != due[family]:
                return position
        return None

    def _unfit(self, name: str, kind: str, found: list[Any], position: int, start: int) -> UnreadableInput:
        value = found[position]
        where = f"Input {self.source.name}: {self.place(start + position + 1)}: {name} is {self._shown(name, value)}"
        by = self.declaration.origin(name)
        if name not in self.known:
            # The type was inferred from these values, so it fits all of them but one: half a character fits no text.
            return UnreadableInput(
                f"{where}, which a {kind} cannot contain.",
                fix="Have it corrected in the API: it contains a lone surrogate (half a character).",
            )
        again = f", and {START_OVER}" if name in self.loaded else ""
        expected = f"which {by} declares" if by else "the type in earlier runs"
        if by == SPEC:
            declare = f"declare {name}: VARCHAR in `types` of the input, in {SPEC}"
        else:
            place = self.declaration.place.file
            entry = "{" + f"name: {name}, data_type: VARCHAR" + "}"
            declare = f"declare in {place}, for the table {self.source.name}: {entry}"
        return UnreadableInput(
            f"{where}, which does not fit {kind}, {expected}.",
            fix=f"Have it corrected in the API, or {declare}{again}.",
        )

    def _shown(self, name: str, value: Any) -> str:
        if isinstance(value, Real) and disclosure.of_input(self.product, name):
            return str(value)  # all of its digits
        return disclosure.shown(value, self.product, name)

    def _follow(self, column: pa.ChunkedArray, batch: list[list[Any]]) -> None:
        """Find the highest accepted cursor value, unchanged, because it is sent back to the API."""
        kind = self.types()[self.cursor]
        ceiling = _ceiling(self.source, kind, self.report)
        self.in_time = kind.startswith(("DATE", "TIMESTAMP"))
        index = self.columns[self.cursor].index if self.cursor in self.columns else -1
        known = None if self.last is None else values.convert(self.last, kind)
        for value, row in zip(column.to_pylist(), batch, strict=True):
            if value is None:
                continue
            if ceiling is not None and value > ceiling:
                self.beyond += 1
                self.furthest = max(self.furthest, str(value))
            elif known is None or value > known:
                known, self.last = value, values.text(_given(row[index]))

    def refuse_missing(self) -> None:
        """Raise UnreadableInput if a row has no key or cursor. Reads the file once, before anything is loaded."""
        names = [self.cursor, *(landed_name(name) for name in self.source.properties["key"])]
        indices = [self.columns[name].index if name in self.columns else sys.maxsize for name in names]
        with self.file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                row = json.loads(line)
                for name, index in zip(names, indices, strict=True):
                    if index >= len(row) or row[index] is None:
                        raise UnreadableInput(
                            f"Input {self.source.name}: {self.place(number)}: a row has no {name}, which is in `cursor`"
                            " or in `key`.",
                            fix="Use columns that every row has for `cursor` and `key` in data-product.yaml.",
                        )

    def _new_name(self, key: str) -> str:
        if len(self.names) == MOST_COLUMNS:
            raise UnreadableInput(
                f"Input {self.source.name}: there are more than {MOST_COLUMNS} columns.",
                fix="Point `data_selector` in data-product.yaml at the array of rows, not at an object whose keys name the rows.",
            )
        name = landed_name(key)
        if name in self.names.values():
            raise UnreadableInput(
                f"Input {self.source.name}: several columns would have the name {name}.",
                fix="Request only one of them from the API, if possible.",
            )
        self.names[key] = name
        return name


def _given(written: Any) -> Any:
    """Return a value from the file: see _Spool._taken. Nested values are their JSON."""
    if not isinstance(written, str):
        return written
    return Real(written[1:]) if written[0] == "n" else written[1:]


def _json(value: Any, level: int = 1) -> str:
    """Return the value as JSON, with unchanged numbers."""
    if level > MOST_LEVELS:
        raise RecursionError
    match value:
        case dict():
            inside = (
                f"{json.dumps(key, ensure_ascii=False)}: {_json(item, level + 1)}"
                for key, item in value.items()
            )
            return "{" + ", ".join(inside) + "}"
        case list():
            return f"[{', '.join([_json(item, level + 1) for item in value])}]"
        case Real():
            return str(value)
    return json.dumps(value, ensure_ascii=False)


def _one_of_each(
    tables: Iterator[pa.Table], schema: pa.Schema, source: Capability, spool: _Spool
) -> Iterator[pa.Table]:
    """Yield the newest row of each key, and of equally new ones the last: a row that changes during paging
    is received twice."""
    file = spool.file.with_suffix(".parquet")
    order, start = "__row", 0
    with pq.ParquetWriter(file, schema.append(pa.field(order, pa.int64()))) as writer:
        for table in tables:
            writer.write_table(
                table.append_column(order, pa.array(range(start, start + len(table)), pa.int64()))
            )
            start += len(table)
    keys = [landed_name(name) for name in source.properties["key"]]
    key, cursor = ", ".join(map(identifier, keys)), identifier(spool.cursor)
    with duckdb.connect() as connection:
        kept = connection.execute(
            f"select {order} from read_parquet({literal(str(file))})"
            f" qualify row_number() over (partition by {key} order by {cursor} desc, {order} desc) = 1"
        ).fetchnumpy()[order]
    chosen = pa.array(kept, pa.int64())
    for batch in pq.ParquetFile(file).iter_batches(BATCH_ROWS):
        table = pa.Table.from_batches([batch])
        rows = table.filter(pc.is_in(table[order], chosen)).drop_columns([order])
        if len(rows):
            yield rows.cast(schema)


def _pages(source: Capability, product: Product, since: str | None) -> Iterator[list[Any]]:
    """Yield the API's rows, page by page."""
    properties = source.properties
    params = properties.get("params", {}) | ({properties["start_param"]: since} if since else {})
    most = properties.get("maximum_pages", MOST_PAGES)
    with _base_url(source, product) as (url, recorded):
        auth = None if recorded else _auth(source, url)
        session = _session(url, recorded, properties.get("encoding", ""))
        client = _Client(url, headers=properties.get("headers"), auth=auth, session=session)
        pages = client.paginate(
            properties["path"],
            params=params,
            paginator=_made("paginator", PAGINATORS, source),
            data_selector=properties.get("data_selector", LIST),
        )
        requested: set[str] = set()
        before, number = None, 0
        while (page := _next(pages, auth, url, source, product)) is not None:
            number += 1
            following = repr((page.request.url, page.request.params))
            more = page.paginator.has_next_page
            if (page and page == before) or (more and (following in requested or number == most)):
                raise UnreadableInput(
                    f"Input {source.name}: {_shown(url)} has no end: "
                    + (
                        f"page {most} is not the last."
                        if number == most
                        else f"page {number} links to a page that was read before."
                    ),
                    fix="Fix `paginator`, or raise `maximum_pages`, in data-product.yaml.",
                )
            requested.add(following)
            before = page
            yield page


def _next(
    pages: Iterator[PageData[Any]],
    auth: AuthConfigBase | None,
    url: str,
    source: Capability,
    product: Product,
) -> PageData[Any] | None:
    """Return the next page, None after the last one. Errors contain no secrets."""
    try:
        return next(pages, None)
    except (requests.RequestException, ValueError, TypeError, AttributeError, RecursionError) as error:
        problem = _problem(error, auth, url, source, product)
    # Not within `except`: dlt writes chained errors to its trace, including secrets.
    raise problem


def _problem(
    error: Exception, auth: AuthConfigBase | None, url: str, source: Capability, product: Product
) -> UnreadableInput:
    response = getattr(error, "response", None)
    exchange = response if response is not None else getattr(error, "request", None)
    known = ("access_token", *itertools.chain(*SECRETS.values()))
    secrets = [secret for name in known if (secret := getattr(auth, name, None))]
    reason, fix = next(known for kind, known in REASONS.items() if isinstance(error, kind))
    match error:
        case Unusable():
            reason, fix = str(error), error.fix
        case requests.HTTPError() if response is not None:
            status = response.status_code
            reason = f"{status} {responses.get(status, '')}".strip()
            fix = STATUS.get(
                status,
                "Run again when the API is available."
                if status >= 500
                else "Correct the input's properties in data-product.yaml, or ask the API's owner.",
            )
        case requests.TooManyRedirects() if response is not None:
            target = urljoin(response.url, response.headers["Location"])
            reason = f"it has moved to {_shown(target)}"
            fix = "Give that address in `base_url` and `path` in data-product.yaml."
        case requests.ConnectionError() if re.search("getaddrinfo|[Rr]esol", str(error)):
            reason, fix = "the host name is unknown", "Correct the host in `base_url`."
    answer = ""
    if (
        response is not None
        and response.content
        and not isinstance(error, requests.TooManyRedirects)
        and (not response.ok or disclosure.of_input(product))  # a good one has data
    ):
        answer = f" Its response: {_printable(_masked(response.content[:100_000], secrets))}"
    return UnreadableInput(
        f"Input {source.name}: {_shown(getattr(exchange, 'url', None) or url)} cannot be read: {reason}.{answer}",
        fix=fix,
    )


class Unusable(requests.RequestException):
    """A response that cannot be used, and why."""

    def __init__(self, message: str, fix: str = "", **about: Any) -> None:
        super().__init__(message, **about)
        self.fix = fix or "Correct the input's properties in data-product.yaml, or ask the API's owner."


def _is_empty(data_selector: str, body: Any) -> bool:
    """Return True if a selector finds nothing because a list on its way is empty, and not because its response is another."""
    if ".." in data_selector or "?" in data_selector:  # finds what it finds
        return True
    values = [body]
    *parents, last = re.split(r"\.?\[\*\]|\.\*|^\*", data_selector.removeprefix("$"))
    for part in parents:
        path = part.strip(".")
        values = [
            found for value in values for found in (jsonpath.find_values(path, value) if path else [value])
        ]
        if not values:
            return False
        lists = [list(value.values()) if isinstance(value, dict) else value for value in values]
        values = [item for items in lists if isinstance(items, list) for item in items]
        if not values:
            return all(isinstance(items, list) for items in lists)
    return not last


class _Client(RESTClient):
    """Raises an error if nothing is at `data_selector`, instead of returning no rows."""

    def extract_response(self, response: requests.Response, data_selector: str) -> list[Any]:
        body = response.json()
        if not isinstance(body, list) and data_selector == LIST:
            raise Unusable(
                "its response is not a list: set `data_selector` to the list of rows", response=response
            )
        found = jsonpath.find_values(data_selector, body)
        if not found and not _is_empty(data_selector, body):
            raise Unusable(f"its response has no {data_selector}", response=response)
        rows = found[0] if len(found) == 1 else found
        return rows if isinstance(rows, list) else [] if rows is None else [rows]


class _Answer(requests.Response):
    """A response whose JSON is parsed strictly, once: numbers keep their digits, and nothing is guessed or dropped."""

    encoding_of_input = ""
    """The input's `encoding`."""

    def json(self, **_: Any) -> Any:
        if not hasattr(self, "_read"):
            self._read = self._strictly()
        return self._read

    def _strictly(self) -> Any:
        try:
            return json.loads(
                self._decoded(),
                parse_int=_integer,
                parse_float=Real,
                parse_constant=_refuse_constant,
                object_pairs_hook=_object,
            )
        except RecursionError:
            raise Unusable(
                "its response is nested too deeply to be read",
                "Request less from the API: a row should have a few levels, not hundreds.",
                response=self,
            ) from None
        except _NoJSON as error:
            raise Unusable(f"its response is not JSON: {error}", error.fix, response=self) from None
        except json.JSONDecodeError as error:
            where = f"line {error.lineno}, column {error.colno}"
            raise Unusable(f"its response is not JSON: {error.msg} in {where}", response=self) from None

    def _decoded(self) -> str:
        about = Message()
        about["Content-Type"] = self.headers.get("Content-Type", "")
        # The encoding of JSON without a charset: UTF-8, or the UTF of its first bytes.
        encoding = (
            self.encoding_of_input
            or str(about.get_param("charset") or "")
            or json.detect_encoding(self.content)
        )
        try:
            if codecs.lookup(encoding).name == "utf-8":
                encoding = "utf-8-sig"
            return self.content.decode(encoding)
        except LookupError:
            raise Unusable(
                f"its charset {_printable(encoding)} is unknown", _ENCODING, response=self
            ) from None
        except UnicodeDecodeError as error:
            name = encoding.removesuffix("-sig").upper()
            line = self.content.count(b"\n", 0, error.start) + 1
            raise Unusable(
                f"byte {error.start + 1} of its response, in line {line}, is not {name}",
                _ENCODING,
                response=self,
            ) from None


_ENCODING = "Have the API declare its charset in Content-Type, or give it as `encoding`, such as latin-1, in data-product.yaml."


class _NoJSON(ValueError):
    """Text that breaks the rules of JSON."""

    fix = "Ask the API's owner to correct it."


def _integer(text: str) -> int | Real:
    """Return a number without a fraction; unchanged text if an integer would lose its spelling."""
    return int(text) if len(text) <= 40 and text != "-0" else Real(text)


def _refuse_constant(name: str) -> None:
    raise _NoJSON(f"{name} is not a number in JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise _NoJSON(
            f"an object has {_printable(next(name for name in names if names.count(name) > 1))} twice"
        )
    return made


class _Adapter(HTTPAdapter):
    """Sends requests to one host only, and reads a response completely, within limits of size and time."""

    def __init__(self, url: str, encoding: str | None) -> None:
        super().__init__()
        self.origin, self.encoding = _origin(url), encoding

    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        if _origin(request.url or "") != self.origin:
            raise Unusable(
                "its host differs from that of `base_url`, so no request was sent", request=request
            )
        response = super().send(request, *arguments, **options)
        body, end = bytearray(), time.monotonic() + LONGEST_ANSWER_SECONDS
        try:
            while piece := response.raw.read1(2**16, decode_content=True):
                body += piece
                if len(body) > LARGEST_ANSWER_BYTES or time.monotonic() > end:
                    raise Unusable("its response is too large or too slow", request=request)
        except urllib3.exceptions.HTTPError as error:
            slow = isinstance(error, urllib3.exceptions.TimeoutError)
            raise (requests.Timeout if slow else requests.ConnectionError)(request=request) from error
        finally:
            response.raw.close()
        response.raw = io.BytesIO(body)
        if self.encoding is not None:
            response.__class__ = _Answer
            assert isinstance(response, _Answer)
            response.encoding_of_input = self.encoding
        return response


def _session(url: str, recorded: bool = False, encoding: str | None = None) -> requests.Session:
    """Return a session that retries after 429, 5xx and broken connections, and follows no redirect.

    `encoding`: responses are the rows, in this encoding if it is not empty.
    """
    session: requests.Session = Client(
        request_timeout=TIMEOUT_SECONDS,
        request_max_attempts=ATTEMPTS,
        request_backoff_factor=BACKOFF_SECONDS,
        request_max_retry_delay=LONGEST_WAIT_SECONDS,
        raise_for_status=False,
    ).session
    session.max_redirects = 0
    session.trust_env = not recorded  # a proxy does not know this machine's own servers
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(url, encoding))
    return session


def _made(name: str, kinds: Mapping[str, Callable[..., Any]], source: Capability, **more: Any) -> Any:
    """Return dlt's object for the property of that name: `type` is its kind, the rest is passed to dlt."""
    options = source.properties[name] | more
    try:
        return kinds[options.pop("type")](**options)
    except Exception as error:  # invalid JSON paths: each part of the parser has its own errors
        raise UnreadableInput(
            f"Input {source.name}: `{name}` cannot be used: {_printable(str(error))}",
            fix="Fix it in data-product.yaml.",
        ) from error


def _auth(source: Capability, url: str) -> AuthConfigBase | None:
    """Return the authentication. A secret that is not in the spec is read from dlt's providers."""
    auth = source.properties.get("auth")
    if not auth:
        return None
    tokens = auth.get("access_token_url")
    for target in (url, tokens) if tokens else (url,):
        parts = urlsplit(_address(target) or "")
        if parts.scheme != "https" and parts.hostname not in LOCALHOST:
            raise UnreadableInput(
                f"Input {source.name}: {_shown(target)} would receive the secrets unencrypted.",
                fix="Use an https:// address.",
            )
    secrets = {}
    for name in SECRETS[auth["type"]]:
        place = f"sources.{source.name}.{name}"
        secrets[name] = auth.get(name) or dlt.secrets.get(place)
        if not secrets[name]:
            raise UnreadableInput(
                f"Input {source.name}: its `auth` has no {name}.",
                fix=f"Set it to a variable in data-product.yaml, or set {place.replace('.', '__').upper()}.",
            )
    return _made("auth", AUTH, source, **secrets, **({"session": _session(tokens)} if tokens else {}))


@contextlib.contextmanager
def _base_url(source: Capability, product: Product) -> Iterator[tuple[str, bool]]:
    """Yield `base_url`, and False; or, for a folder of recorded responses, the address that serves them, and True."""
    text = source.properties["base_url"]
    if url := _address(text):
        yield url, False
        return
    folder = (product.root / text).resolve()
    if "://" in text or not folder.is_dir() or not folder.is_relative_to(product.root.resolve()):
        raise UnreadableInput(
            f"Input {source.name}: its `base_url` is neither an http(s) URL without credentials nor a folder of the"
            " repository.",
            fix="Fix it in data-product.yaml, or the variable that it uses.",
        )
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(_Recorded, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", True
    finally:
        server.shutdown()
        server.server_close()


class _Recorded(http.server.SimpleHTTPRequestHandler):
    """Answers /flights with flights.json."""

    def translate_path(self, path: str) -> str:
        return super().translate_path(path) + ".json"

    def log_message(self, *_: Any) -> None:
        """Log nothing when the sample is read."""


def _address(text: str) -> str | None:
    """Return an http(s) URL as requests writes it; None if it is invalid or contains credentials."""
    try:
        url = requests.Request("GET", text).prepare().url or ""
        scheme, _, _ = _origin(url)
    except ValueError:
        return None
    return url if scheme in ("http", "https") and "@" not in urlsplit(url).netloc else None


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _shown(url: str) -> str:
    """Return a URL without its possibly secret parts."""
    parts = urlsplit(url)
    return _printable(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")


def _masked(content: bytes, secrets: Iterable[str]) -> str:
    """Return a server's text without secrets, or what looks like one."""
    text = content.decode("utf-8", "replace")
    for secret in secrets:
        text = text.replace(secret, "…")
    return re.sub(r"[\w+/=%~-]{20,}", "…", text)


def _printable(text: str) -> str:
    """Return the beginning of an untrusted text, on one line."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text[:1000]).split())[:200]
