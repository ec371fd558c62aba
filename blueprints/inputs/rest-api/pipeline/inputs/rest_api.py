"""`rest-api@1`: the rows that a REST API gives as JSON, page by page, read by dlt's REST client."""

from __future__ import annotations

import contextlib
import functools
import http.server
import io
import itertools
import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from http.client import responses
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import dlt
import duckdb
import pyarrow as pa
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

from pipeline.errors import UnreadableInput
from pipeline.inputs import column_name
from pipeline.spec import Capability, Product
from pipeline.sql import identifier, literal

ATTEMPTS = 5
BACKOFF_SECONDS = 1
LONGEST_WAIT_SECONDS = 60
"""Between two attempts, whatever the API's `Retry-After` says."""
TIMEOUT_SECONDS = (10, 60)
"""To connect; between two pieces of an answer."""
LONGEST_ANSWER_SECONDS = 300
LARGEST_ANSWER_BYTES = 128 * 2**20
MOST_PAGES = 10_000
MOST_COLUMNS = 1_000
BATCH_ROWS = 100_000
LOCALHOST = {"localhost", "127.0.0.1", "::1"}
START_OVER = "start over with `python -m pipeline --full-refresh`."
LIST = "$"
"""The answer itself, which must be a list then."""

REASONS = {
    requests.exceptions.SSLError: "its certificate cannot be trusted",
    requests.Timeout: "it did not answer in time",
    requests.ConnectionError: "there is no connection, or it broke",
    requests.JSONDecodeError: "its answer is no JSON",
    Exception: "its answer is not what `paginator` or `auth` in data-product.yaml takes it for",
}
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

TEXTS = (
    ("DATE", re.compile(r"\d{4}-\d\d-\d\d")),
    ("TIMESTAMP", re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?")),
    (
        "TIMESTAMP WITH TIME ZONE",
        re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d(:\d\d)?)"),
    ),
)
"""The types of texts that are more than a text."""
KINDS = {str: "VARCHAR", bool: "BOOLEAN", int: "BIGINT", float: "DOUBLE", dict: "JSON", list: "JSON"}
TEXTUAL = {"VARCHAR", *(name for name, _ in TEXTS)}


class _OffsetPaginator(paginators.OffsetPaginator):
    """Goes on by the rows that came: an API that gives fewer a page than it was asked for loses none."""

    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:
        self.value_step = len(data or [])
        super().update_state(response, data)


class _JSONLinkPaginator(paginators.JSONLinkPaginator):
    """Takes an empty link for none."""

    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:
        super().update_state(response, data)
        self._next_reference = self._next_reference or None


# dlt looks for a `total` that few APIs have, unless it is told not to.
PAGINATORS = {
    "json_link": _JSONLinkPaginator,
    "header_link": paginators.HeaderLinkPaginator,
    "offset": functools.partial(_OffsetPaginator, total_path=None),
    "page_number": functools.partial(paginators.PageNumberPaginator, total_path=None),
    "cursor": paginators.JSONResponseCursorPaginator,
    "single_page": paginators.SinglePagePaginator,
}


def resource(source: Capability, product: Product) -> dlt.sources.DltResource:
    """The input as dlt loads it: replaced as a whole, or merged by its key where it is incremental.

    What the next run must know (the last cursor, the type of each column) is dlt's state of the resource,
    and so moves only together with the rows. Raises UnreadableInput when it is read.
    """
    key = [column_name(name) for name in source.properties.get("key", [])]
    return dlt.resource(
        _tables(source, product),
        name=source.name,
        write_disposition="merge" if key else "replace",
        primary_key=key or None,
        schema_contract={"data_type": "freeze"},
    )


def _tables(source: Capability, product: Product) -> Iterator[pa.Table]:
    """All rows, once they have all come: what a column is can only be said of all its values."""
    state = dlt.current.resource_state(source.name)
    if "cursor" in source.properties:
        _same_place(source, state)
    file = product.scratch / "downloads" / f"{source.name}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    types = _download(source, product, file, state)
    if not types:
        raise UnreadableInput(
            f"Input {source.name}: the API gave no row, so nobody knows its columns.",
            mend="Name the columns that the models read in `types` in data-product.yaml.",
        )
    columns = {name: kind.replace("JSON", "VARCHAR") for name, kind in types.items()}
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        try:
            rows = connection.read_json(str(file), format="newline_delimited", columns=columns)
            state["types"] = types
            if "cursor" in source.properties and file.stat().st_size:
                rows = _one_of_each(rows, source)
                state["cursor"] = _last(rows, connection, file, source, state.get("cursor"))
            reader = rows.to_arrow_reader(BATCH_ROWS)
            key = {column_name(name) for name in source.properties.get("key", [])}
            schema = pa.schema([field.with_nullable(field.name not in key) for field in reader.schema])
            # An empty batch first: an API without rows is still a table with its columns.
            yield dlt.mark.with_hints(schema.empty_table(), dlt.mark.make_hints(columns=_naive(schema)))
            for batch in reader:
                yield pa.Table.from_batches([batch]).cast(schema)
        except duckdb.Error as error:
            reason = str(error).partition("Try setting")[0].replace(str(file), "what the API gave")
            raise UnreadableInput(
                f"Input {source.name}: {_printable(reason)}",
                mend="Give the column's type in `types` in data-product.yaml; VARCHAR takes anything.",
            ) from error


def _naive(schema: pa.Schema) -> dict[str, Any]:
    """What dlt has to be told of the times without a zone, which it would put into UTC."""
    naive = [field.name for field in schema if pa.types.is_timestamp(field.type) and field.type.tz is None]
    return {name: {"data_type": "timestamp", "timezone": False} for name in naive}


def _same_place(source: Capability, state: dict[str, Any]) -> None:
    """What two APIs give is not mixed, such as the sample and the real one."""
    url = source.properties["base_url"]
    place = f"{_shown(url) if '://' in url else url} {source.properties['path']}"
    if state.setdefault("place", place) != place:
        raise UnreadableInput(
            f"Input {source.name}: its rows came from {state['place']}, and now they would come from {place}.",
            mend=START_OVER,
        )


def _download(source: Capability, product: Product, file: Path, state: dict[str, Any]) -> dict[str, str]:
    """Writes all rows to `file`, one a line; returns the DuckDB type of each column, JSON for what is nested.

    Raises UnreadableInput where a column changes its type, be it from an earlier run to this one.
    """
    known = state.get("types", {})
    given = {column_name(name): kind for name, kind in source.properties.get("types", {}).items()}
    types = known | given
    names: dict[str, str] = {}
    number = 0
    with file.open("w", encoding="utf-8") as target:
        for row in _rows(source, product, state.get("cursor")):
            number += 1
            if not isinstance(row, dict):
                raise UnreadableInput(
                    f"Input {source.name}: row {number} is no JSON object.",
                    mend="Let `data_selector` in data-product.yaml name the list of rows.",
                )
            written = {}
            for key, value in row.items():
                name = names.get(key) or _new_name(key, names, source)
                if value is not None and name not in given:
                    types[name] = _widened(
                        types.get(name), value, name in known, f"{name} of row {number}", source
                    )
                written[name] = (
                    json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
                )
            target.write(json.dumps(written) + "\n")
    # A column that no row fills has a name only.
    return types | {name: "VARCHAR" for name in names.values() if name not in types}


def _widened(had: str | None, value: Any, frozen: bool, place: str, source: Capability) -> str:
    """The type of a column that holds `value` too. A frozen one is in the warehouse, as it is, already."""
    if isinstance(value, str) and had != "VARCHAR":
        kind = next((kind for kind, form in TEXTS if form.fullmatch(value)), "VARCHAR")
    else:
        kind = KINDS[type(value)]
    if had in (None, kind):
        return kind
    both = {had, kind}
    wider = "DOUBLE" if both == {"BIGINT", "DOUBLE"} else "VARCHAR" if both <= TEXTUAL else None
    if wider is None or (frozen and wider != had):
        mend = "Give the column's type in `types` in data-product.yaml (VARCHAR takes anything)"
        raise UnreadableInput(
            f"Input {source.name}: {place} is {kind}, and the column was {had} before.",
            mend=f"{mend}, and {START_OVER}" if frozen else f"{mend}.",
        )
    return wider


def _one_of_each(rows: duckdb.DuckDBPyRelation, source: Capability) -> duckdb.DuckDBPyRelation:
    """The newest row of each key: a row that changes while it is paged through comes twice."""
    cursor = column_name(source.properties["cursor"])
    keys = [column_name(name) for name in source.properties["key"]]
    for name in (cursor, *keys):
        if name not in rows.columns or rows.filter(f"{identifier(name)} is null").limit(1).fetchone():
            raise UnreadableInput(
                f"Input {source.name}: a row has no {name}, which is its `cursor` or in its `key`.",
                mend="Name columns that every row has in `cursor` and `key` in data-product.yaml.",
            )
    key = ", ".join(map(identifier, keys))
    return rows.query(
        "read",
        f"select * from read qualify row_number() over (partition by {key} order by {identifier(cursor)} desc) = 1",
    )


def _last(
    rows: duckdb.DuckDBPyRelation,
    connection: duckdb.DuckDBPyConnection,
    file: Path,
    source: Capability,
    before: str | None,
) -> str | None:
    """The greatest cursor so far, in the very words of the API, which gets it back as `start_param`."""
    cursor = column_name(source.properties["cursor"])
    kind = dict(zip(rows.columns, rows.types, strict=True))[cursor]
    texts = connection.read_json(str(file), format="newline_delimited", columns={cursor: "VARCHAR"})
    (last,) = texts.query(
        "texts",
        f"select max_by(cursor, cast(cursor as {kind})) from"
        f" (select {identifier(cursor)} as cursor from texts"
        f" union all select cast({literal(before) if before else 'null'} as varchar))",
    ).fetchone()
    return last


def _rows(source: Capability, product: Product, since: str | None) -> Iterator[Any]:
    """What the API gives, row by row."""
    properties = source.properties
    since = since or properties.get("initial_value")
    params = properties.get("params", {}) | ({properties["start_param"]: since} if since else {})
    most = properties.get("maximum_pages", MOST_PAGES)
    with _base_url(source, product) as (url, recorded):
        auth = None if recorded else _auth(source, url)
        client = _Client(url, headers=properties.get("headers"), auth=auth, session=_session(url, recorded))
        pages = client.paginate(
            properties["path"],
            params=params,
            paginator=_made("paginator", PAGINATORS, source),
            data_selector=properties.get("data_selector", LIST),
        )
        asked: set[str] = set()
        before, number = None, 0
        while (page := _next(pages, auth, url, source)) is not None:
            number += 1
            following = repr((page.request.url, page.request.params))
            more = page.paginator.has_next_page
            if (page and page == before) or (more and (following in asked or number == most)):
                raise UnreadableInput(
                    f"Input {source.name}: {_shown(url)} comes to no end: "
                    + (
                        f"page {most} is not the last."
                        if number == most
                        else f"page {number} leads nowhere new."
                    ),
                    mend="Mend `paginator`, or raise `maximum_pages`, in data-product.yaml.",
                )
            asked.add(following)
            before = page
            yield from page


def _next(
    pages: Iterator[PageData[Any]], auth: AuthConfigBase | None, url: str, source: Capability
) -> PageData[Any] | None:
    """The next page, None after the last one. What goes wrong is told without the secrets in it."""
    try:
        return next(pages, None)
    except (requests.RequestException, ValueError, TypeError, AttributeError, RecursionError) as error:
        problem = _problem(error, auth, url, source)
    # Not below `except`: dlt writes the errors from which one was raised into its trace, secrets and all.
    raise problem


def _problem(error: Exception, auth: AuthConfigBase | None, url: str, source: Capability) -> UnreadableInput:
    response = getattr(error, "response", None)
    asked = response if response is not None else getattr(error, "request", None)
    known = ("access_token", *itertools.chain(*SECRETS.values()))
    secrets = [secret for name in known if (secret := getattr(auth, name, None))]
    reason = next((reason for kind, reason in REASONS.items() if isinstance(error, kind)), "")
    match error:
        case Unusable():
            reason = str(error)
        case requests.HTTPError():
            reason = f"{response.status_code} {responses.get(response.status_code, '')}".strip()
        case requests.TooManyRedirects():
            target = urljoin(response.url, response.headers["Location"])
            reason = f"it is somewhere else now, at {_shown(target)}"
    said = ""
    if response is not None and response.content and not isinstance(error, requests.TooManyRedirects):
        said = f" It said: {_printable(_masked(response.content[:100_000], secrets))}"
    return UnreadableInput(
        f"Input {source.name}: {_shown(getattr(asked, 'url', None) or url)} cannot be read: {reason}.{said}",
        mend="Mend the input's properties in data-product.yaml, or ask the API's owner.",
    )


class Unusable(requests.RequestException):
    """An answer that nobody can use, for the reason that is told."""


class _Client(RESTClient):
    """Takes nothing for rows that is not where `data_selector` says."""

    def extract_response(self, response: requests.Response, data_selector: str) -> list[Any]:
        try:
            body = response.json()
        except (ValueError, RecursionError):
            raise Unusable("its answer is no JSON", response=response) from None
        if not isinstance(body, list) and data_selector == LIST:
            raise Unusable(
                "its answer is no list: say in `data_selector` where the rows are", response=response
            )
        found = jsonpath.find_values(data_selector, body)
        if not found and "*" not in data_selector:
            raise Unusable(f"its answer has no {data_selector}", response=response)
        rows = found[0] if len(found) == 1 else found
        return rows if isinstance(rows, list) else [] if rows is None else [rows]


class _Adapter(HTTPAdapter):
    """Sends to one host only, whoever names another one, and reads an answer whole, within bounds."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.origin = _origin(url)

    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        if _origin(request.url or "") != self.origin:
            raise Unusable("it is another host than that of `base_url`, and gets no request", request=request)
        response = super().send(request, *arguments, **options)
        body, end = bytearray(), time.monotonic() + LONGEST_ANSWER_SECONDS
        try:
            while piece := response.raw.read1(2**16, decode_content=True):
                body += piece
                if len(body) > LARGEST_ANSWER_BYTES or time.monotonic() > end:
                    raise Unusable("its answer is too large or too slow", request=request)
        except urllib3.exceptions.HTTPError as error:
            slow = isinstance(error, urllib3.exceptions.TimeoutError)
            raise (requests.Timeout if slow else requests.ConnectionError)(request=request) from error
        finally:
            response.raw.close()
        response.raw = io.BytesIO(body)
        return response


def _session(url: str, recorded: bool = False) -> requests.Session:
    """Tries again after 429, 5xx and broken connections, and follows no redirect."""
    session = Client(
        request_timeout=TIMEOUT_SECONDS,
        request_max_attempts=ATTEMPTS,
        request_backoff_factor=BACKOFF_SECONDS,
        request_max_retry_delay=LONGEST_WAIT_SECONDS,
        raise_for_status=False,
    ).session
    session.max_redirects = 0
    session.trust_env = not recorded  # a proxy does not know this machine's own servers
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(url))
    return session


def _made(name: str, kinds: Mapping[str, Callable[..., Any]], source: Capability, **more: Any) -> Any:
    """What the property of that name describes: `type` says which kind, and the rest is dlt's."""
    options = source.properties[name] | more
    try:
        return kinds[options.pop("type")](**options)
    except Exception as error:  # A JSON path that is none: each part of its parser has errors of its own.
        raise UnreadableInput(
            f"Input {source.name}: `{name}` cannot be used: {_printable(str(error))}",
            mend="Mend it in data-product.yaml.",
        ) from error


def _auth(source: Capability, url: str) -> AuthConfigBase | None:
    """Who asks. dlt's providers are asked for a secret that the spec does not name."""
    said = source.properties.get("auth")
    if not said:
        return None
    tokens = said.get("access_token_url")
    for target in (url, tokens) if tokens else (url,):
        parts = urlsplit(_address(target) or "")
        if parts.scheme != "https" and parts.hostname not in LOCALHOST:
            raise UnreadableInput(
                f"Input {source.name}: {_shown(target)} would get the secrets for everybody on the way to read.",
                mend="Give an https:// address.",
            )
    secrets = {}
    for name in SECRETS[said["type"]]:
        place = f"sources.{source.name}.{name}"
        secrets[name] = said.get(name) or dlt.secrets.get(place)
        if not secrets[name]:
            raise UnreadableInput(
                f"Input {source.name}: its `auth` has no {name}.",
                mend=f"Name the variable that holds it in data-product.yaml, or set {place.replace('.', '__').upper()}.",
            )
    return _made("auth", AUTH, source, **secrets, **({"session": _session(tokens)} if tokens else {}))


@contextlib.contextmanager
def _base_url(source: Capability, product: Product) -> Iterator[tuple[str, bool]]:
    """`base_url`, and False; or, if it is a folder of recorded answers, where they are served meanwhile, and True."""
    text = source.properties["base_url"]
    if url := _address(text):
        yield url, False
        return
    folder = (product.root / text).resolve()
    if "://" in text or not folder.is_dir() or not folder.is_relative_to(product.root.resolve()):
        raise UnreadableInput(
            f"Input {source.name}: its `base_url` is neither an http(s) URL without credentials nor a folder of the"
            " repository.",
            mend="Mend it in data-product.yaml, or the variable that it names.",
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
        """What is read from the sample is nobody's news."""


def _address(text: str) -> str | None:
    """An http(s) URL as requests writes it; None if it is none, or has credentials in it."""
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
    """A URL without what may be secret in it."""
    parts = urlsplit(url)
    return _printable(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")


def _masked(said: bytes, secrets: Iterable[str]) -> str:
    """What a server said, without secrets and what looks like one."""
    text = said.decode("utf-8", "replace")
    for secret in secrets:
        text = text.replace(secret, "…")
    return re.sub(r"[\w+/=%~-]{20,}", "…", text)


def _printable(text: str) -> str:
    """The beginning of a text that somebody else wrote, on one line."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text[:1000]).split())[:200]


def _new_name(key: str, names: dict[str, str], source: Capability) -> str:
    if len(names) == MOST_COLUMNS:
        raise UnreadableInput(
            f"Input {source.name}: there are more than {MOST_COLUMNS} columns.",
            mend="Let `data_selector` in data-product.yaml name the list of rows, not an object that holds each by its name.",
        )
    name = column_name(key)
    if name in names.values():
        raise UnreadableInput(
            f"Input {source.name}: several columns would be called {name}.",
            mend="Ask the API for one of them only, if it can be asked.",
        )
    names[key] = name
    return name
