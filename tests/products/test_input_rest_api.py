"""`rest-api@1` against a real HTTP server on this machine: it pages, asks who asks, fails, and lies."""

from __future__ import annotations

import base64
import gzip
import http.server
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import deltalake
import duckdb
import jsonschema_rs
import postgres_server
import psycopg
import pyarrow as pa
import pytest
import yaml
from children import children_environment
from products import SUPPORT, Make
from psycopg.rows import dict_row

from meshwright.product import registry

ROWS = [
    {"id": number, "name": f"row {number}", "at": f"2026-01-01T00:00:{number:02}Z"} for number in range(25)
]
SECRET = "s3cr3t/never+shown"  # noqa: S105 - known to nobody but this test's own server
PAGE = 10


@dataclass
class Asked:
    """One request, and all that came before on the same path."""

    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: str
    before: int


@dataclass
class Answer:
    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    """Whether the connection breaks in the middle of it."""
    chunked: bool = False
    drip: float = 0
    """Seconds between two bytes."""


class Api(http.server.ThreadingHTTPServer):
    """Answers each path with the function that a test has put there; remembers who asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.routes: dict[str, Callable[[Asked], Answer]] = {}
        self.asked: list[Asked] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """A client that gives up is no error here."""


class Handler(http.server.BaseHTTPRequestHandler):
    server: Api
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length", 0))
        asked = Asked(
            parts.path,
            {name: values[-1] for name, values in parse_qs(parts.query).items()},
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(length).decode(),
            sum(parts.path == earlier.path for earlier in self.server.asked),
        )
        self.server.asked.append(asked)
        answer = self.server.routes[parts.path](asked)
        if answer.status == 0:
            self.close_connection = True  # not a word
            return
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            body = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.close_connection = answer.cut
        sent = body[: len(body) // 2] if answer.cut else body
        step = 1 if answer.drip else max(len(sent), 1)
        for start in range(0, len(sent), step):
            self.wfile.write(sent[start : start + step])
            time.sleep(answer.drip)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


@pytest.fixture(scope="module")
def server() -> Iterator[Api]:
    with Api() as api:
        yield api
        api.shutdown()


@pytest.fixture
def api(server: Api) -> Api:
    """Nobody has asked yet, and nothing is there."""
    server.routes.clear()
    server.asked.clear()
    return server


@pytest.fixture(scope="module")
def product(make: Make) -> Path:
    return make("api", inputs=["rest-api"], platforms=["postgres"])


Load = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def load(product: Path, product_python: Path) -> Iterator[Load]:
    """Reads with these properties; returns the table, or the problem. `lands`: as the pipeline does, with dlt."""
    worker = subprocess.Popen(
        [product_python, SUPPORT / "rest_api_worker.py"],
        cwd=product,
        env=children_environment(PYTHONPATH=str(product), SOURCES__THINGS__TOKEN=SECRET),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdin and worker.stdout

    def ask(properties: dict[str, Any], **asked: Any) -> dict[str, Any]:
        asked |= {"lands": True} if "cursor" in properties else {}
        worker.stdin.write(json.dumps({"properties": properties, **asked}) + "\n")
        worker.stdin.flush()
        said = json.loads(worker.stdout.readline())
        if "No module named 'psycopg2'" in said.get("crash", ""):
            pytest.skip("the products' environment has no psycopg2, which postgres@1 brings")
        assert "crash" not in said, said["crash"]
        return said

    yield ask
    worker.stdin.close()
    assert worker.wait(30) == 0


def properties(api: Api, path: str = "rows", paginator: str = "single_page", **more: Any) -> dict[str, Any]:
    return {"base_url": api.url, "path": path, "paginator": {"type": paginator}, **more}


def ids(table: dict[str, Any]) -> list[int]:
    assert "rows" in table, table
    return [row["id"] for row in table["rows"]]


def page(rows: list[Any], start: int, most: int = PAGE) -> list[Any]:
    return rows[start : start + most]


def linked(asked: Asked) -> Answer:
    start = int(asked.params.get("from", 0))
    following = f"/rows?from={start + PAGE}" if start + PAGE < len(ROWS) else ""
    return Answer(
        {"items": page(ROWS, start), "links": {"next": following}},
        headers={"Link": f'<{following}>; rel="next"'} if following else {},
    )


def by_offset(asked: Asked) -> Answer:
    # Whatever a client asks for, no page has more than ten.
    start = int(asked.params["offset"])
    return Answer({"items": page(ROWS, start), "total": len(ROWS), "more": start + PAGE < len(ROWS)})


def by_number(asked: Asked) -> Answer:
    return Answer({"items": page(ROWS, (int(asked.params["page"]) - 1) * PAGE), "pages": 3})


def by_cursor(asked: Asked) -> Answer:
    start = int(asked.params.get("after", 0))
    return Answer(
        {"items": page(ROWS, start), "after": str(start + PAGE) if start + PAGE < len(ROWS) else None}
    )


LINKS = {"type": "json_link", "next_url_path": "links.next"}
PAGING: dict[str, tuple[Callable[[Asked], Answer], dict[str, Any]]] = {
    "links in the answer": (linked, LINKS),
    "links in the header": (linked, {"type": "header_link"}),
    "offset, up to an empty page": (by_offset, {"type": "offset", "limit": 1000}),
    "offset, up to the total": (by_offset, {"type": "offset", "limit": 10, "total_path": "total"}),
    "offset, while there is more": (by_offset, {"type": "offset", "limit": 10, "has_more_path": "more"}),
    "numbers, up to an empty page": (by_number, {"type": "page_number", "base_page": 1}),
    "numbers, up to the last": (by_number, {"type": "page_number", "base_page": 1, "total_path": "pages"}),
    "a cursor": (by_cursor, {"type": "cursor", "cursor_path": "after", "cursor_param": "after"}),
    "none": (lambda _: Answer({"items": ROWS}), {"type": "single_page"}),
}


@pytest.mark.parametrize("way", PAGING)
def test_every_way_of_paging_gives_every_row_once(way: str, api: Api, load: Load) -> None:
    api.routes["/rows"], paginator = PAGING[way]
    table = load(properties(api, data_selector="items", params={"sort": "id"}) | {"paginator": paginator})
    assert ids(table) == list(range(25))
    assert table["types"] == {"id": "int64", "name": "string", "at": "timestamp[us, tz=UTC]"}
    assert api.asked[0].params["sort"] == "id"


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


AUTH: dict[str, tuple[dict[str, Any], Callable[[Asked], bool]]] = {
    "a token": (
        {"type": "bearer", "token": SECRET},
        lambda asked: asked.headers.get("authorization") == f"Bearer {SECRET}",
    ),
    "a token that dlt's providers know": (
        {"type": "bearer"},
        lambda asked: asked.headers.get("authorization") == f"Bearer {SECRET}",
    ),
    "a key in a header": (
        {"type": "api_key", "name": "X-Key", "api_key": SECRET},
        lambda asked: asked.headers.get("x-key") == SECRET,
    ),
    "a key in the address": (
        {"type": "api_key", "name": "key", "api_key": SECRET, "location": "query"},
        lambda asked: asked.params.get("key") == SECRET,
    ),
    "a password": (
        {"type": "http_basic", "username": "ada", "password": SECRET},
        lambda asked: asked.headers.get("authorization") == basic("ada", SECRET),
    ),
    "OAuth": (
        {"type": "oauth2_client_credentials", "client_id": "ada", "client_secret": SECRET},
        lambda asked: asked.headers.get("authorization") == "Bearer granted-for-a-while-0",
    ),
}


def guarded(api: Api, kind: str) -> dict[str, Any]:
    """The API behind this kind of authentication, and the properties that open it."""
    auth, opens = AUTH[kind]

    def tokens(asked: Asked) -> Answer:
        sent = parse_qs(asked.body)
        if sent.get("client_secret") != [SECRET] or sent["grant_type"] != ["client_credentials"]:
            return Answer({"error": "invalid_client"}, 401)
        return Answer({"access_token": f"granted-for-a-while-{asked.before}", "expires_in": 600})

    api.routes["/rows"] = lambda asked: linked(asked) if opens(asked) else Answer(status=401)
    api.routes["/token"] = tokens
    if "client_id" in auth:
        auth = auth | {"access_token_url": f"{api.url}/token"}
    return properties(api, data_selector="items", auth=auth) | {"paginator": LINKS}


@pytest.mark.parametrize("kind", AUTH)
def test_every_way_to_say_who_asks_opens_every_page(kind: str, api: Api, load: Load) -> None:
    assert ids(load(guarded(api, kind))) == list(range(25))
    assert sum(asked.path == "/rows" for asked in api.asked) == 3
    assert sum(asked.path == "/token" for asked in api.asked) == (kind == "OAuth")


def shown(product: Path, words: str) -> list[str]:
    """The files below build/ that hold these words."""
    return [
        str(file)
        for file in (product / "build").rglob("*")
        if file.is_file()
        and any(form in file.read_bytes() for form in (words.encode(), words[::-1].encode()))
    ]


@pytest.mark.parametrize("kind", AUTH)
def test_who_is_refused_asks_once_and_no_secret_is_shown(
    kind: str, api: Api, load: Load, product: Path
) -> None:
    asks = guarded(api, kind)
    # What it says has the stranger's own words in it, as some servers do.
    api.routes["/rows"] = lambda asked: Answer(f"{asked.headers} {asked.params}", 401)
    refused = load(asks, lands=True)
    assert "401 Unauthorized" in refused["problem"] and f"{api.url}/rows " in refused["problem"]
    assert sum(asked.path == "/rows" for asked in api.asked) == 1
    told = json.dumps(refused)
    for word in (
        SECRET,
        "s3cr3t",
        base64.b64encode(f"ada:{SECRET}".encode()).decode(),
        "granted-for-a-while",
    ):
        assert word not in told, told
        assert shown(product, word) == []


def test_an_answer_that_comes_packed_and_in_pieces_is_read_whole(api: Api, load: Load) -> None:
    packed = gzip.compress(json.dumps(ROWS).encode())
    api.routes["/rows"] = lambda _: Answer(packed, headers={"Content-Encoding": "gzip"}, chunked=True)
    assert ids(load(properties(api))) == list(range(25))


def after(failures: int, failure: Answer) -> Callable[[Asked], Answer]:
    return lambda asked: failure if asked.before < failures else Answer(ROWS)


PASSING = {
    "too many requests": (1, Answer({"slow": "down"}, 429, {"Retry-After": "1"})),
    "an error of the server": (3, Answer(b"<html>oops", 500)),
    "a gateway that has nothing behind it": (1, Answer(b"", 503)),
    "a connection that closes without an answer": (2, Answer(status=0)),
    "a connection that breaks in the middle": (2, Answer(ROWS, cut=True)),
    "a connection that breaks between two pieces": (2, Answer(ROWS, cut=True, chunked=True)),
}


@pytest.mark.parametrize("case", PASSING)
def test_what_passes_is_waited_for(case: str, api: Api, load: Load) -> None:
    failures, failure = PASSING[case]
    api.routes["/rows"] = after(failures, failure)
    started = time.monotonic()
    assert ids(load(properties(api))) == list(range(25))
    assert len(api.asked) == failures + 1
    assert time.monotonic() - started >= int(failure.headers.get("Retry-After", 0))


LASTING = {
    "an error of the server": (Answer(b"", 500), 5, "500 Internal Server Error"),
    "too many requests": (Answer(b"", 429, {"Retry-After": "3600"}), 5, "429 Too Many Requests"),
    "a connection that breaks": (Answer(ROWS, cut=True), 5, "the connection failed or was lost"),
    "silence": (Answer(ROWS, drip=0.5), 5, "it did not answer in time"),
    "a wrong request": (Answer({"message": "no such airport"}, 400), 1, '400 Bad Request. Its response: {"message": "no such airport"}'),
    "a wrong path": (Answer(b"", 404), 1, "404 Not Found"),
}  # fmt: skip


@pytest.mark.parametrize("case", LASTING)
def test_what_lasts_ends_the_run(case: str, api: Api, load: Load) -> None:
    answer, times, says = LASTING[case]
    api.routes["/rows"] = lambda _: answer
    ended = load(properties(api), constants={"LONGEST_WAIT_SECONDS": 0.01, "TIMEOUT_SECONDS": 0.3})
    assert says in ended["problem"]
    assert len(api.asked) == times


@pytest.fixture
def elsewhere() -> Iterator[Api]:
    """Another server, which nobody should ask."""
    with Api() as other:
        other.routes["/rows"] = linked
        yield other
        other.shutdown()


def leads(address: str) -> Callable[[Asked], Answer]:
    return lambda _: Answer({"items": ROWS, "links": {"next": address}})


@pytest.mark.parametrize(
    "form", ["{other}/rows", "//{place}/rows", "http://{here}@{place}/rows", "HTTP://{place}/rows"]
)
def test_a_link_to_another_host_gets_no_request(form: str, api: Api, elsewhere: Api, load: Load) -> None:
    place, here = elsewhere.url.removeprefix("http://"), api.url.removeprefix("http://")
    api.routes["/rows"] = leads(form.format(other=elsewhere.url, place=place, here=here))
    for kind in ("a token", "a key in the address"):
        auth, _ = AUTH[kind]
        refused = load(properties(api, data_selector="items", auth=auth) | {"paginator": LINKS})
        assert "host differs from that of `base_url`" in refused["problem"], refused
    assert elsewhere.asked == []


def test_a_redirect_gets_no_request(api: Api, elsewhere: Api, load: Load) -> None:
    api.routes["/rows"] = lambda _: Answer(status=307, headers={"Location": f"{elsewhere.url}/rows?key=1"})
    auth, _ = AUTH["a key in a header"]
    refused = load(properties(api, auth=auth))
    assert f"it has moved to {elsewhere.url}/rows." in refused["problem"]
    api.routes["/token"] = api.routes["/rows"]
    asks = guarded(api, "OAuth")
    api.routes["/token"] = lambda _: Answer(status=307, headers={"Location": f"{elsewhere.url}/rows"})
    assert "it has moved to" in load(asks)["problem"]
    assert elsewhere.asked == []


def test_secrets_go_by_https_only_or_stay_on_this_machine(api: Api, load: Load, product: Path) -> None:
    auth, _ = AUTH["a token"]
    for base_url in (
        "http://api.example.org",
        "ftp://127.0.0.1",
        "https://ada:pw@api.example.org",
        "http://:pw@127.0.0.1",
        "https://a:99999",
        "https://[",
        "/etc",
        "..",
    ):
        refused = load(properties(api, auth=auth) | {"base_url": base_url})
        assert "receive the secrets" in refused["problem"] or "neither an http(s) URL" in refused["problem"]
        assert "pw" not in refused["problem"]
    tokens = {"type": "oauth2_client_credentials", "access_token_url": "http://id.example.org"}
    assert "http://id.example.org would" in load(properties(api, auth=tokens))["problem"]
    missing = load(properties(api, auth={"type": "http_basic", "username": "ada"}))
    assert "SOURCES__THINGS__PASSWORD" in missing["fix"]


def rows(*rows: Any) -> Callable[[Asked], Answer]:
    return lambda _: Answer({"items": list(rows)})


def body(content: bytes, **headers: str) -> Callable[[Asked], Answer]:
    return lambda _: Answer(content, headers=headers)


LIES: dict[str, tuple[Callable[[Asked], Answer], dict[str, Any], str]] = {
    "the same link again": (leads("/rows?from=10"), LINKS, "has no end: page 2 links to a page that was read before"),
    "a new link for ever": (
        lambda asked: Answer({"items": [{"id": asked.before}], "links": {"next": f"/rows?{asked.before}"}}),
        LINKS,
        "has no end: page 50 is not the last",
    ),
    "an offset that nobody heeds": (rows({"id": 1}), {"type": "offset", "limit": 1}, "page 2 links to a page that was read before"),
    "a cursor that stays": (
        lambda asked: Answer({"items": [{"id": asked.before}], "after": "x"}),
        {"type": "cursor", "cursor_path": "after", "cursor_param": "after"},
        "links to a page that was read before",
    ),
    "a link to a file": (leads("file:///etc/passwd"), LINKS, "does not fit `paginator`"),
    "a link that is a number": (leads(7), LINKS, "does not fit `paginator`"),  # type: ignore[arg-type]
    "a total that is a word": (
        lambda _: Answer({"items": ROWS, "total": "many s3cr3t"}),
        {"type": "offset", "limit": 1, "total_path": "total"},
        "does not fit `paginator`",
    ),
    "a page for people": (body(b"<html>Log in"), {}, "its response is not JSON: Expecting value in line 1, column 1. Its response: <html>Log in"),
    "half of an answer": (body(b'{"items": [{"id": 1}, {"i'), {}, "its response is not JSON"),
    "no text at all": (body(bytes(range(128, 256))), {}, "byte 1 of its response, in line 1, is not UTF-8"),
    "nothing": (body(b""), {}, "its response is not JSON"),
    "a deep hole": (body(b"[" * 200_000), {}, "nested too deeply"),
    "no rows where they should be": (body(b'{"rows": []}'), {}, "its response has no items"),
    "rows that are none": (rows(1, 2), {}, "row 1 is not a JSON object"),
    "no number": (body(b'{"items": [{"id": NaN}]}'), {}, "NaN is not a number in JSON"),
    "a name twice": (body(b'{"items": [{"id": 1, "id": 2}]}'), {}, "an object has id twice"),
    "a thousand levels": (body(b'{"items": [{"id": ' + b"[" * 1000 + b"]" * 1000 + b"}]}"), {}, "nested"),
    "a hundred levels": (body(b'{"items": [{"id": ' + b"[" * 101 + b"]" * 101 + b"}]}"), {}, "page 1, row 1: id is nested more than 100 levels deep"),
    "latin-1 and no word of it": (body('[{"city": "Zürich"}]'.encode("latin-1")), {}, "byte 13 of its response, in line 1, is not UTF-8"),
    "an encoding that nobody knows": (body(b"[]", **{"Content-Type": "application/json; charset=x-none"}), {}, "its charset x-none is unknown"),
    "half of a sign": (rows({"id": "\ud800"}), {}, "page 1, row 1: id is "),
    "two columns of one name": (rows({"Flight No.": 1, "flight-no": 2}), {}, "several columns would have the name flight_no"),
    "objects by their names": (rows({str(number): {} for number in range(2000)}), {}, "more than 1000 columns"),
    "no row, and no columns": (rows(), {}, "its columns are unknown"),
    "too much": (rows({"text": "x" * 2_000_000}), {}, "its response is too large or too slow"),
    "too much, packed": (
        body(gzip.compress(b'{"items": [{"text": "' + b"x" * 2_000_000 + b'"}]}'), **{"Content-Encoding": "gzip"}),
        {},
        "its response is too large or too slow",
    ),
    "a little now and then": (lambda _: Answer({"items": ROWS}, drip=0.05), {}, "its response is too large or too slow"),
    "no zip": (body(b"{}", **{"Content-Encoding": "gzip"}), {}, "the connection failed or was lost"),
}  # fmt: skip


EMPTY = {
    ("items", '{"error": "later"}'): False,
    ("results[*].items[*]", '{"error": "later"}'): False,
    ("results[*].items[*]", '{"results": "later"}'): False,
    ("results[*].items[*]", '{"results": [{"error": "later"}]}'): False,
    ("results[*].items[*]", '{"results": []}'): True,
    ("results[*].items[*]", '{"results": [{"items": []}]}'): True,
    ("results[*].items", '{"results": [{"error": "later"}]}'): False,
    ("$.results.*", '{"results": {}}'): True,
    ("[*]", "[]"): True,
    ("$[*].row", '[{"error": "later"}]'): False,
    ("*", '"later"'): False,
    ("$..items[*]", "{}"): True,
}
"""Selector and a response in which it finds nothing -> whether that is because a list is empty."""


def test_a_page_without_rows_is_not_a_page_without_its_list(product: Path, product_python: Path) -> None:
    program = (
        "import json, sys; from pipeline.inputs.rest_api import _is_empty;"
        "print(json.dumps([_is_empty(one, json.loads(other)) for one, other in json.load(sys.stdin)]))"
    )
    done = subprocess.run(
        [product_python, "-c", program],
        cwd=product,
        input=json.dumps(list(EMPTY)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert dict(zip(EMPTY, json.loads(done.stdout), strict=True)) == EMPTY


@pytest.mark.parametrize("lie", LIES)
def test_an_answer_that_is_no_good_ends_the_run_and_says_why(
    lie: str, api: Api, load: Load, product: Path
) -> None:
    api.routes["/rows"], paginator, says = LIES[lie]
    asks = properties(api, data_selector="items", auth=AUTH["a token"][0], maximum_pages=50)
    limits = {"LARGEST_ANSWER_BYTES": 1_000_000, "LONGEST_ANSWER_SECONDS": 0.5}
    ended = load(asks | {"paginator": paginator or asks["paginator"]}, constants=limits)
    assert says in ended["problem"], ended
    assert len(ended["problem"]) < 500 and ended["fix"]


def test_a_broken_answer_with_personal_data_is_not_shown(api: Api, load: Load, product: Path) -> None:
    api.routes["/rows"] = body(b'{"items": [{"name": "Jane Doe"}')
    contract = product / "contract.odcs.yaml"
    text = contract.read_text("utf-8")
    assert "Jane Doe" in load(properties(api, data_selector="items"))["problem"]
    try:
        contract.write_text(text.replace("classification: public", "classification: confidential"), "utf-8")
        problem = load(properties(api, data_selector="items"))["problem"]
    finally:
        contract.write_text(text, "utf-8")
    assert "its response is not JSON" in problem and "Jane" not in problem


def test_values_land_as_what_they_are(api: Api, load: Load) -> None:
    api.routes["/rows"] = lambda _: Answer(
        [
            {
                "Flight No.": 1,
                "share": 1,
                "zip": "01234",
                "day": "2026-01-01",
                "at": "2026-01-01T10:00:00+02:00",
            },
            {
                "share": 0.5,
                "local": "2026-01-01 10:00:00.5",
                "tags": ["é", {"b": None}],
                "yes": True,
                "none": None,
            },
            {"day": None, "mixed": "2026-01-01", "tags": {}, "code": 7},
            {"mixed": "soon", "zip": None, "code": 8},
        ]
    )
    table = load(properties(api, types={"code": "VARCHAR", "never": "DATE"}), lands=True)
    assert table["types"] == {
        "code": "VARCHAR", "never": "DATE", "flight_no": "BIGINT", "share": "DECIMAL(18,1)", "zip": "VARCHAR", "day": "DATE",
        "at": "TIMESTAMP WITH TIME ZONE", "local": "TIMESTAMP", "tags": "VARCHAR", "yes": "BOOLEAN",
        "mixed": "VARCHAR", "none": "VARCHAR",
    }  # fmt: skip
    first, second, third, _ = table["rows"]
    assert first["at"] == "2026-01-01 08:00:00+00:00" and first["zip"] == "01234"
    assert (
        json.loads(second["tags"]) == ["é", {"b": None}] and second["local"] == "2026-01-01 10:00:00.500000"
    )
    assert third["code"] == "7" and third["tags"] == "{}"


DIGITS = {
    # The JSON of a value on page 1, that of one on page 2, the declared type: the type that lands, and both values.
    "twenty digits": ("12345678901234567890", "1", "", "VARCHAR", "12345678901234567890", "1"),
    "as declared": ("12345678901234567890", "1", "DECIMAL(20,0)", "DECIMAL(20,0)", "12345678901234567890", "1"),
    "money": ("1234567890123456.78", "1.5", "DECIMAL(20,2)", "DECIMAL(20,2)", "1234567890123456.78", "1.50"),
    "money in quotes": ('"12.50"', "0.1", "DECIMAL(18,2)", "DECIMAL(18,2)", "12.50", "0.10"),
    "a price": ("1.10", "2", "VARCHAR", "VARCHAR", "1.10", "2"),
    "undeclared": ("0.10", "250", "", "DECIMAL(18,2)", "0.10", "250.00"),
    "an exponent": ("1e3", "1E+400", "", "VARCHAR", "1e3", "1E+400"),
    "an exponent of a double": ("1e3", "0.1", "DOUBLE", "DOUBLE", "1000.0", "0.1"),
    "no double": ("9007199254740993", "1", "", "BIGINT", "9007199254740993", "1"),
    "minus nothing": ("-0", "1", "", "VARCHAR", "-0", "1"),
    "whole": ("1.0", "2", "BIGINT", "BIGINT", "1", "2"),
    "codes": ('"007"', '"1"', "", "VARCHAR", "007", "1"),
    "now a text": ("1", '"A2"', "", "VARCHAR", "1", "A2"),
    "now a list": ('"x"', '[1.10, "y"]', "", "VARCHAR", "x", '[1.10, "y"]'),
    "now true": ("1", "true", "", "VARCHAR", "1", "true"),
    "nested": ('{"m": 1234567890123456.780, "n": -0}', "null", "", "VARCHAR", '{"m": 1234567890123456.780, "n": -0}', "None"),
    "days": ('"2024-02-29"', '"2024-03-01"', "", "DATE", "2024-02-29", "2024-03-01"),
    "no days": ('"2024-02-29"', '"2023-02-29"', "", "VARCHAR", "2024-02-29", "2023-02-29"),
    "clocks": ('"23:59:59"', '"10:00:00.5"', "", "TIME", "23:59:59", "10:00:00.500000"),
    "a nanosecond": ('"2024-01-01T10:00:00.123456789"', "null", "", "VARCHAR", "2024-01-01T10:00:00.123456789", "None"),
}  # fmt: skip


def test_numbers_and_texts_arrive_whole_and_what_changes_between_pages_is_a_text(
    api: Api, load: Load
) -> None:
    def paged(asked: Asked) -> Answer:
        number = int(asked.params["page"])
        row = ", ".join(f"{json.dumps(name)}: {case[number]}" for name, case in DIGITS.items())
        # In any encoding that JSON may have.
        return Answer(f"[{{{row}}}]".encode("utf-8-sig" if number else "utf-16") if number < 2 else b"[]")

    api.routes["/rows"] = paged
    types = {name: case[2] for name, case in DIGITS.items() if case[2]}
    asks = properties(api, types=types) | {"paginator": {"type": "page_number", "base_page": 0}}
    table = load(asks, lands=True)
    assert "rows" in table, table
    first, second = table["rows"]
    names = {name: name.replace(" ", "_") for name in DIGITS}
    assert {
        name: (table["types"][landed], str(first[landed]), str(second[landed]))
        for name, landed in names.items()
    } == {name: case[3:] for name, case in DIGITS.items()}


UNFIT = {
    "too many digits": (
        "DECIMAL(10,2)",
        "1.234",
        "n is 1.234, which does not fit DECIMAL(10,2), which data-product.yaml declares",
    ),
    "too large": ("INTEGER", "3000000000", "n is 3000000000, which does not fit INTEGER"),
    "a fraction": ("BIGINT", "3.5", "n is 3.5, which does not fit BIGINT"),
    "too long": ("VARCHAR(3)", '"four"', "n is 'four', which does not fit VARCHAR(3)"),
    "endless": ("DOUBLE", "1e400", "n is 1e400, which does not fit DOUBLE"),
    "endlessly whole": ("BIGINT", "1e999999999", "n is 1e999999999, which does not fit BIGINT"),
    "no day": ("DATE", '"2023-02-29"', "n is '2023-02-29', which does not fit DATE"),
    "no zone": (
        "TIMESTAMP WITH TIME ZONE",
        '"2023-02-28T10:00:00"',
        "which does not fit TIMESTAMP WITH TIME ZONE",
    ),
    "a zone": ("TIMESTAMP", '"2023-02-28T10:00:00Z"', "which does not fit TIMESTAMP"),
    "a word": ("BOOLEAN", '"yes"', "n is 'yes', which does not fit BOOLEAN"),
    "a list": ("BIGINT", "[1]", "n is '[1]', which does not fit BIGINT"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_a_value_that_is_not_what_is_declared_ends_the_run_with_its_place(
    case: str, api: Api, load: Load
) -> None:
    kind, value, says = UNFIT[case]
    api.routes["/rows"] = lambda _: Answer(f'[{{"n": null}}, {{"n": {value}}}]'.encode())
    refused = load(properties(api, types={"n": kind}))
    assert "Input things: page 1, row 2: n is " in refused["problem"] and says in refused["problem"]
    assert "declare n: VARCHAR in `types` of the input, in data-product.yaml" in refused["fix"]


def test_an_encoding_is_the_one_that_is_declared(api: Api, load: Load) -> None:
    text = '[{"city": "Zürich"}]'.encode("latin-1")
    api.routes["/rows"] = lambda _: Answer(
        text, headers={"Content-Type": "application/json; charset=ISO-8859-1"}
    )
    assert load(properties(api))["rows"] == [{"city": "Zürich"}]
    api.routes["/rows"] = lambda _: Answer(text)
    assert load(properties(api, encoding="latin-1"))["rows"] == [{"city": "Zürich"}]


def test_no_row_is_still_a_table_whose_columns_are_given(api: Api, load: Load) -> None:
    api.routes["/rows"] = lambda _: Answer([])
    table = load(properties(api, types={"id": "BIGINT", "at": "TIMESTAMP"}), lands=True)
    assert table["rows"] == [] and table["types"] == {"id": "BIGINT", "at": "TIMESTAMP"}


class Store:
    """What an incremental API has: rows that are added and changed."""

    def __init__(self) -> None:
        self.rows = {row["id"]: row for row in ROWS}

    def put(self, number: int, at: str, **more: Any) -> None:
        self.rows[number] = {"id": number, "name": f"new {number}", "at": at} | more

    def answer(self, asked: Asked) -> Answer:
        new = [row for row in self.rows.values() if row["at"] >= asked.params.get("since", "")]
        start = int(asked.params["offset"])
        return Answer(page(sorted(new, key=lambda row: row["at"]), start))


def growing(api: Api, store: Store, **more: Any) -> dict[str, Any]:
    api.routes["/rows"] = store.answer
    kept = {"cursor": "at", "start_param": "since", "key": ["id"], "initial_value": "2025-01-01", **more}
    return properties(api, **kept) | {"paginator": {"type": "offset", "limit": PAGE}}


def same(table: dict[str, Any], store: Store) -> bool:
    held = {row["id"]: row["name"] for row in table["rows"]}
    return len(held) == len(table["rows"]) and held == {row["id"]: row["name"] for row in store.rows.values()}


def test_a_later_run_asks_for_what_is_new_in_the_words_of_the_api(api: Api, load: Load) -> None:
    store = Store()
    asks = growing(api, store)
    assert same(load(asks), store)
    assert {asked.params["since"] for asked in api.asked} == {"2025-01-01"}
    store.put(3, "2026-01-02T00:00:00Z")  # changed
    store.put(24, "2026-01-01T00:00:24Z")  # changed at the very moment of the last cursor
    store.put(99, "2026-01-01T00:00:24Z")  # added then
    api.asked.clear()
    table = load(asks, goes_on=True)
    assert same(table, store) and table["landed"] == 3
    assert {asked.params["since"] for asked in api.asked} == {"2026-01-01T00:00:24Z"}
    api.asked.clear()
    assert same(load(asks, goes_on=True), store)
    assert {asked.params["since"] for asked in api.asked} == {"2026-01-02T00:00:00Z"}


def test_a_row_that_changes_while_it_is_read_is_there_once_as_it_is_last(api: Api, load: Load) -> None:
    old, new = ROWS[0], {**ROWS[0], "name": "newest", "at": "2026-03-01T00:00:00Z"}
    asks = growing(api, Store())
    api.routes["/rows"] = lambda _: Answer([new, *ROWS[1:], old])
    table = load(asks | {"paginator": {"type": "single_page"}})
    assert sorted(ids(table)) == list(range(25))
    assert [row["name"] for row in table["rows"] if row["id"] == 0] == ["newest"]


def test_an_incremental_column_keeps_its_type(api: Api, load: Load) -> None:
    store = Store()
    asks = growing(api, store)
    load(asks)
    store.put(1, "2026-02-01T00:00:00Z", name="2026-01-01", gate=None)  # looks like a date, and stays a text
    store.put(2, "2026-02-02T00:00:00Z", seats=5)  # a new column comes along
    table = load(asks, goes_on=True)
    assert same(table, store)
    assert (table["types"]["name"], table["types"]["seats"]) == ("VARCHAR", "BIGINT")
    store.put(3, "2026-02-03T00:00:00Z", seats=5.5)
    refused = load(asks, goes_on=True)
    assert "page 1, row 2: seats is 5.5, which does not fit BIGINT" in refused["problem"]
    assert "--full-refresh" in refused["fix"]
    store.put(3, "2026-02-03T00:00:00Z", seats=6)
    assert same(load(asks, goes_on=True), store)


def test_a_cursor_does_not_follow_a_row_into_the_future(api: Api, load: Load) -> None:
    store = Store()
    store.put(50, "2999-01-01T00:00:00Z", extra=1)
    asks = growing(api, store)
    first = load(asks)
    assert (
        same(first, store)
        and len(first["notes"]) == 1
        and first["undeclared"] == ["id", "name", "at", "extra"]
    )
    assert first["notes"][0].startswith("rows whose at is in the future: 1, up to 2999-01-01 00:00:00+00:00")
    del store.rows[50]
    store.put(51, "2026-01-02T00:00:00Z")
    api.asked.clear()
    second = load(asks, goes_on=True)
    assert {asked.params["since"] for asked in api.asked} == {"2026-01-01T00:00:24Z"}
    assert 51 in ids(second) and second["gone"] == ["extra"] and second["notes"] == []
    third = load(asks, goes_on=True)
    assert third["notes"][0].startswith(
        "no row is newer: the cursor at has stayed at 2026-01-02T00:00:00Z, since "
    )
    assert third["gone"] == []
    store.put(52, "2026-01-03T00:00:00Z", colour="red")
    (note,) = load(asks, goes_on=True)["notes"]
    assert (
        note.startswith("new columns: colour. They are empty in rows of earlier runs")
        and "--full-refresh" in note
    )


def test_a_run_that_died_loses_and_doubles_nothing(api: Api, load: Load) -> None:
    store = Store()
    asks = growing(api, store)
    load(asks)
    for number in range(20, 40):
        store.put(number, f"2026-02-01T00:00:{number}Z")
    whole, died = store.answer, load  # the connection breaks on the second page, for good
    api.routes["/rows"] = lambda asked: Answer(status=0) if asked.params["offset"] == "10" else whole(asked)
    assert "was lost" in died(asks, goes_on=True)["problem"]
    api.routes["/rows"] = whole
    load(asks, goes_on=True, dies_after_extract=True)
    store.put(50, "2026-02-02T00:00:00Z")
    assert same(load(asks, goes_on=True), store)


def test_two_apis_are_not_mixed(api: Api, load: Load) -> None:
    asks = growing(api, Store())
    load(asks)
    api.routes["/others"] = api.routes["/rows"]
    refused = load(asks | {"path": "others"}, goes_on=True)
    assert "now they would come from" in refused["problem"] and "--full-refresh" in refused["fix"]


def test_rows_without_what_tells_them_apart_are_refused(api: Api, load: Load) -> None:
    asks = growing(api, Store()) | {"paginator": {"type": "single_page"}}
    for missing in ("id", "at"):
        api.routes["/rows"] = lambda _, missing=missing: Answer([*ROWS, {**ROWS[0], missing: None}])
        assert f"a row has no {missing}" in load(asks)["problem"]


@pytest.fixture(scope="module")
def postgres() -> Iterator[postgres_server.Server]:
    yield from postgres_server.running()


def in_postgres(server: postgres_server.Server) -> tuple[str, Callable[[], Any]]:
    name = server.database()

    def table() -> pa.Table:
        with psycopg.connect(server.url(name), row_factory=dict_row) as connection:
            connection.execute("set timezone = 'UTC'")
            return pa.Table.from_pylist(connection.execute("table inputs.things").fetchall())

    # dlt wants a host and a password, and libpq takes the host that is said last.
    return f"postgresql://postgres:none@host:5432/{name}?host={server.folder}", table


def in_delta(folder: Path) -> tuple[str, Callable[[], Any]]:
    return f"file://{folder}", lambda: deltalake.DeltaTable(folder / "inputs" / "things").to_pyarrow_table()


@pytest.mark.parametrize("kind", ["postgres", "filesystem"])
def test_another_platform_holds_the_same(
    kind: str, api: Api, load: Load, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server = kind == "postgres" and request.getfixturevalue("postgres")
    address, table = in_postgres(server) if server else in_delta(tmp_path)
    store = Store()
    store.put(
        30, "2026-01-01T00:00:30Z", tags=["x"], day="2026-01-01", local="2026-01-01T00:00:00", share=0.5
    )
    asks = growing(api, store)
    load(asks, destination=[kind, address])
    store.put(3, "2026-01-02T00:00:00Z")
    store.put(99, "2026-01-02T00:00:00Z")
    load(asks, goes_on=True, destination=[kind, address])
    held = table()
    assert same({"rows": held.to_pylist()}, store)
    (row,) = [row for row in held.to_pylist() if row["id"] == 30]
    assert row == {
        "id": 30, "name": "new 30", "at": datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC), "tags": '["x"]',
        "day": date(2026, 1, 1), "local": datetime(2026, 1, 1), "share": 0.5,
    }  # fmt: skip


def test_no_row_is_no_error_on_postgres(api: Api, load: Load, postgres: postgres_server.Server) -> None:
    address, table = in_postgres(postgres)
    whole = properties(api, types={"id": "BIGINT", "name": "VARCHAR"})
    for count in (0, 2, 0):
        api.routes["/rows"] = lambda _, count=count: Answer(ROWS[:count])
        load(whole, destination=["postgres", address])
        assert table().num_rows == count


def test_the_sample_is_what_the_files_hold(product: Path, load: Load) -> None:
    spec = yaml.safe_load((product / "data-product.yaml").read_text("utf-8"))["spec"]
    assert [entry["name"] for entry in spec["inputs"]] == ["flights", "airlines", "planes"]
    for entry in spec["inputs"]:
        asks = entry["properties"] | {"base_url": "sample_data/api", "auth": AUTH["a token"][0]}
        table = load(asks, lands=True)
        file = product / "sample_data" / f"{entry['name']}.csv"
        rows = duckdb.read_csv(str(file), na_values=["NA"], sample_size=-1)
        assert table["types"].items() <= dict(zip(rows.columns, map(str, rows.types), strict=True)).items()
        columns = list(table["types"])
        held = {tuple(row.values()) for row in table["rows"]}
        assert held <= set(rows.select(*columns).fetchall())
        assert len(held) == {"flights": 1667, "airlines": 16, "planes": 840}[entry["name"]]


ENTRY = registry.find("inputs", "rest-api@1")
GOOD = {"base_url": "https://api.example.org", "path": "rows", "paginator": {"type": "single_page"}}
WRITTEN = {
    "a secret": {"auth": {"type": "bearer", "token": "abc"}},
    "a secret as a default": {"auth": {"type": "bearer", "token": "${TOKEN:-abc}"}},
    "a secret in a header": {"headers": {"Authorization": "Bearer abc"}},
    "a secret in a header, shouted": {"headers": {"AUTHORIZATION": "Bearer abc"}},
    "a header that ends a line": {"headers": {"X": "a\r\nY: b"}},
    "another kind": {"auth": {"type": "digest"}},
    "one kind's word in another": {"auth": {"type": "bearer", "password": "${TOKEN}"}},
    "no way to page": {"paginator": {}},
    "a way to page that forgets rows": {"paginator": {"type": "page_number", "maximum_page": 3}},
    "an offset without a limit": {"paginator": {"type": "offset"}},
    "a cursor without a key": {"cursor": "at", "start_param": "since"},
    "a key without a cursor": {"key": ["id"]},
    "a word that nobody knows": {"pagination": {}},
}


def test_what_may_be_written_is_checked() -> None:
    assert ENTRY
    schema = jsonschema_rs.validator_for(ENTRY.properties)
    for more in (
        *({"paginator": paginator} for _, paginator in PAGING.values()),
        {"auth": {"type": "bearer", "token": "${TOKEN}"}},
        {"auth": {"type": "bearer"}},
        {"cursor": "at", "start_param": "since", "key": ["id"], "initial_value": "2026-01-01"},
    ):
        schema.validate(GOOD | more)


@pytest.mark.parametrize("case", WRITTEN)
def test_what_may_not_be_written_is_refused(case: str) -> None:
    assert ENTRY and not jsonschema_rs.validator_for(ENTRY.properties).is_valid(GOOD | WRITTEN[case])
