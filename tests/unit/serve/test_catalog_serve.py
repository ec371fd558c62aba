"""The embedded catalog as programs see it, as a process of its own, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import base64
import concurrent.futures
import gzip
import http.client
import json
import re
import socket
import sqlite3
import urllib.parse
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from assessments import assessment
from catalog_server import Answer, Catalog, catalog
from postgres_server import Server, running
from records import value

from meshwright.core.git_url import canonical, is_remote
from meshwright.mesh.catalog_client import Catalog as Client
from meshwright.mesh.catalog_client import Retired
from meshwright.mesh.standings import STANDINGS
from meshwright.product import schema
from meshwright.product.record import Record
from meshwright.rollout import fleet
from meshwright.serve.catalog_store import CatalogStore

DEPARTURES = "/api/products/airport-operations/departures"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    yield from running()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """One catalog for each database. Tests choose names of their own in it."""
    database = None
    if request.param == "postgresql":
        cluster = request.getfixturevalue("postgres")
        database = cluster.url(cluster.database())
    with catalog(tmp_path_factory.mktemp("catalog"), database) as served:
        yield served


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """A private catalog with the product airport-operations/departures."""
    with catalog(tmp_path_factory.mktemp("private"), private=True) as served:
        assert served.put(value()).status == 201
        yield served


def ids(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.text
    return [product["id"] for product in answer.json["products"]]


# -- publishing ---------------------------------------------------------------------------------------


def test_a_record_is_created_left_updated_and_given_back_as_it_was(server: Catalog) -> None:
    record = value("upsert/orders")
    made = server.put(record)
    assert (made.status, made.json["outcome"], made.json["hash"]) == (201, "created", Record(record).hash)
    assert made.json["url"] == f"{server.url}/products/upsert/orders"
    assert server.put(record).json["outcome"] == "unchanged"
    record["quality"]["rows"] += 1
    done = server.put(record)
    assert (done.status, done.json["outcome"]) == (200, "updated")
    got = server.get("/api/products/upsert/orders")
    assert got.json == record and got.headers["ETag"] == f'"{Record(record).hash}"'
    assert server.get("/api/products/upsert/orders", **{"If-None-Match": got.headers["ETag"]}).status == 304


def test_a_run_that_only_measures_makes_no_version_and_a_change_does(server: Catalog) -> None:
    record = value("versions/orders")
    first = Record(record).version_hash
    server.put(record)
    record["quality"]["rows"] = 7
    server.put(record)
    record["product"]["metadata"]["version"] = "1.1.0"
    server.put(record)
    found = server.get("/api/products/versions/orders/versions").json["versions"]
    assert [entry["version"] for entry in found] == ["1.1.0", "1.0.0"]
    assert [entry["hash"] for entry in found] == [Record(record).version_hash, first]
    old = server.get(f"/api/products/versions/orders/versions/{first}").json
    assert old["product"]["metadata"]["version"] == "1.0.0"
    assert server.get(f"/api/products/versions/orders/versions/{'0' * 64}").status == 404


def test_what_breaks_a_rule_is_refused_with_its_findings_and_nothing_is_kept(server: Catalog) -> None:
    refused = server.put(value("refused/orders", product__spec__classification=None))
    assert (refused.status, refused.json["error"]) == (422, "invalid")
    assert "ClassificationGiven" in {finding["rule"] for finding in refused.json["findings"]}
    assert server.get("/api/products/refused/orders").status == 404
    elsewhere = server.ask(
        "PUT", "/api/products/refused/other", value("refused/orders"), server.token("admin")
    )
    assert (elsewhere.status, elsewhere.json["error"]) == (422, "invalid")


BAD_BODIES = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "deep": b"[" * 100_000,
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "not a number": b'{"a": NaN}',
    "endless number": b'{"a": 1e999}',
    "a number of many digits": b'{"a": ' + b"9" * 100_000 + b"}",
    "not UTF-8": b'{"a": "\xff"}',
    "half a sign": b'{"a": "\\ud800"}',
    "a key twice": b'{"a": 1, "a": 2}',
}


@pytest.mark.parametrize("kind", BAD_BODIES)
def test_a_body_that_is_no_record_is_refused_in_words(server: Catalog, kind: str) -> None:
    answer = server.ask("PUT", DEPARTURES, BAD_BODIES[kind], server.token("admin"))
    assert answer.status == (422 if kind in ("a list",) else 400), answer.text
    assert answer.json["detail"] and answer.json["fix"]


def test_a_record_that_is_too_large_is_refused_and_its_sender_is_told(server: Catalog) -> None:
    record = value("large/orders", contract__description__usage="x" * 2_000_000)
    answer = server.put(record)
    assert (answer.status, answer.json["error"]) == (413, "too-large")


def test_a_body_that_is_too_large_is_refused_while_it_comes(server: Catalog) -> None:
    host, _, port = server.url.removeprefix("http://").partition(":")
    head = f"PUT {DEPARTURES} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token('admin')}\r\n"
    for length in ("Content-Length: 999999999\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"):
        with socket.create_connection((host, int(port)), 10) as connection:
            connection.sendall((head + length).encode())
            if "chunked" in length:
                part = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
                connection.sendall(part + part)
            assert b" 413 " in connection.recv(100)


def test_the_page_of_a_product_that_never_ran_says_so(server: Catalog) -> None:
    record = value("idle/orders")
    record["product"]["spec"]["traits"] = [{"uses": "schedule@1", "properties": {"cron": "0 5 * * *"}}]
    server.put(
        {part: of for part, of in record.items() if part not in ("quality", "measurement", "addresses")}
    )
    page = server.get("/products/idle/orders").text
    assert re.search(r"It has never run; the schedule required a run at 20\d\d-\d\d-\d\d 05:00 UTC\.", page)


def test_retiring_keeps_the_page_and_the_versions_and_publishing_brings_it_back(server: Catalog) -> None:
    record = value("retiring/orders")
    server.put(record)
    path = "/api/products/retiring/orders"
    for _ in range(2):
        said = {"reason": "Nobody reads it.", "successor": "retiring/sales"}
        assert server.ask("POST", f"{path}/retire", said, server.token("retiring/orders")).status == 200
    gone = server.get(path)
    assert (gone.status, gone.json["error"], gone.json["successor"]) == (410, "retired", "retiring/sales")
    assert ids(server.get("/api/products?domain=retiring")) == []
    page = server.get("/products/retiring/orders")
    assert page.status == 200 and "Nobody reads it." in page.text
    assert len(server.get(f"{path}/versions").json["versions"]) == 1
    assert server.put(record).json["outcome"] == "updated"
    assert ids(server.get("/api/products?domain=retiring")) == ["retiring/orders"]


@pytest.mark.parametrize(
    "said",
    [[], {}, {"reason": ""}, {"reason": "x\0"}, {"reason": "x", "successor": "../x"}, {"reason": "x", "successor": "a/b"}, {"reason": "x", "more": 1}],
)  # fmt: skip
def test_retiring_for_no_reason_or_to_nowhere_is_refused(server: Catalog, said: Any) -> None:
    answer = server.ask("POST", "/api/products/a/b/retire", said, server.token("admin"))
    assert (answer.status, answer.json["error"]) == (422, "invalid")


def test_a_name_belongs_to_one_repository_until_an_administrator_hands_it_over(server: Catalog) -> None:
    mine, theirs = value("names/orders"), value("names/orders")
    theirs["source"]["repository"] = "https://git.example.org/names/another.git"
    server.put(mine)
    refused = server.put(theirs, server.token("names/orders"))
    assert (refused.status, refused.json["error"]) == (409, "name-taken")
    mine["source"]["repository"] = "git@GIT.example.org:names/orders"
    assert server.put(mine, server.token("names/orders")).json["outcome"] == "updated"
    path = "/api/products/names/orders?transfer=true"
    assert server.ask("PUT", path, theirs, server.token("names/orders")).status == 403
    assert server.ask("PUT", path, theirs, server.token("admin")).json["outcome"] == "updated"
    assert server.put(mine).status == 409


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://git.example.org/a/b.git", "ssh://git@GIT.example.org:2222/a/b/", True),
        ("https://git.example.org/a/b", "git@git.example.org:a/b.git", True),
        ("https://git.example.org/a/b", "http://git.example.org//a//b.git/", True),
        ("https://git.example.org/a/b", "https://git.example.org/a/B", False),
        ("https://git.example.org/a/b", "https://git.example.com/a/b", False),
        ("https://git.example.org/a/b", "/git.example.org/a/b", False),
        ("https://[", "https://]", False),
        ("file:///srv/a.git", "/srv/a", True),
    ],
)
def test_one_repository_has_many_addresses(one: str, other: str, same: bool) -> None:
    assert (canonical(one) == canonical(other)) is same


@pytest.mark.parametrize("address", ["/srv/x", "../x", "file:///x", "ext::sh -c x", "-oProxyCommand=x", "https://", "https://h/a b", "javascript://x/y"])  # fmt: skip
def test_no_other_machine_is_sent_to_an_address_that_it_cannot_use(address: str) -> None:
    assert not is_remote(address)


def test_twenty_who_publish_at_once_all_succeed_and_one_product_stays_one(server: Catalog) -> None:
    own = [value(f"crowd/product-{number}") for number in range(20)]
    same = [value("crowd/same", quality__rows=number) for number in range(20)]
    server.token("admin")
    with concurrent.futures.ThreadPoolExecutor(20) as people:
        answers = list(
            people.map(server.put, [record for pair in zip(own, same, strict=True) for record in pair])
        )
    assert {answer.status for answer in answers} <= {200, 201}
    outcomes = [answer.json["outcome"] for answer in answers if answer.json["id"] == "crowd/same"]
    assert outcomes.count("created") == 1 and len(outcomes) == 20
    assert len(ids(server.get("/api/products?domain=crowd&limit=100"))) == 21
    assert server.get("/api/products/crowd/same/versions").json["versions"][1:] == []


def test_records_come_in_pages_and_the_client_reads_them_all(server: Catalog) -> None:
    for number in range(5):
        server.put(value(f"pages/product-{number}"))
    first = server.get("/api/records?after=pages/&limit=2").json
    assert [entry["record"]["product"]["metadata"]["name"] for entry in first["records"]] == [
        "product-0",
        "product-1",
    ]
    assert first["next"] == "pages/product-1"
    assert first["records"][0]["hash"] == Record(first["records"][0]["record"]).hash
    client = Client(server.url, server.token("pages/retired", "read"))
    assert {f"pages/product-{number}" for number in range(5)} <= {record.id for record in client.records()}
    record = Record(value("pages/retired"))
    assert client.put(record).outcome == "created" and client.has(record)
    assert client.retire(record.id, "Done.").outcome == "retired"
    assert isinstance(client.get(record.id), Retired) and client.get("pages/never") is None


def test_the_mesh_is_what_rollout_takes(tmp_path: Path) -> None:
    with catalog(tmp_path) as server:
        assert server.get("/api/mesh.yaml").json["error"] == "no-template"
        for number, template in enumerate(
            ["https://git.example.org/t.git", "https://git.example.org/t.git", "/srv/t"]
        ):
            server.put(value(f"fleet/product-{number}", source__template=template))
        server.put(value("fleet/local", source__repository="/srv/local"))
        text = server.get("/api/mesh.yaml").text
        assert jsonschema_rs.is_valid(schema.mesh(), yaml.safe_load(text))
        found = fleet.read(f"{server.url}/api/mesh.yaml")
        assert found.template == "https://git.example.org/t.git"
        assert [one.url for one in found.repositories] == [f"https://git.example.org/fleet/product-{number}.git" for number in range(3)]  # fmt: skip


def test_the_catalog_is_the_address_book_of_the_mesh(tmp_path: Path) -> None:
    with catalog(tmp_path) as server:
        for name in ("guests", "bookings", "gone"):
            server.put(value(f"hotel/{name}"))
        server.ask(
            "POST", "/api/products/hotel/gone/retire", {"reason": "Nobody reads it."}, server.token("admin")
        )
        addresses = yaml.safe_load(server.get("/api/addresses.yaml").text)
        assert set(addresses) == {"dp:hotel/guests#lake", "dp:hotel/bookings#lake"}
        assert addresses["dp:hotel/guests#lake"] == {
            "uses": "parquet@1",
            "location": "https://data.example.org/hotel/guests/lake.parquet",
            "version": "1.0.0",
        }


def test_the_api_describes_itself(server: Catalog) -> None:
    told = server.get("/openapi.json").json
    assert {"/api/products", "/api/products/{domain}/{name}", "/api/assessments"} <= told["paths"].keys()
    assert told["paths"]["/api/products/{domain}/{name}"]["put"]["security"] == [{"token": []}]
    assert server.get("/docs").status == 404
    assert server.get("/api/health").json["status"] == "ok"


# -- search -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shelf(server: Catalog) -> Catalog:
    """Products to search for, of the domains shelf and rack."""
    column = {"name": "quokka_count", "logicalType": "integer", "classification": "public", "description": "Counted at dawn."}  # fmt: skip
    columns = [*value()["contract"]["schema"][0]["properties"], column]
    registries = (
        value("shelf/quokkas", product__metadata__title="Quokkas of the island"),
        value(
            "shelf/animals", product__spec__description__purpose="Where quokkas and other animals were seen."
        ),
        value("shelf/counts", contract__schema__0__properties=columns),
        value("rack/other", product__spec__classification="confidential", contract__tags=["Zoölogy"]),
    )
    for addresses in registries:
        assert (answer := server.put(addresses)).status == 201, answer.text
    return server


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"q": "quokka"}, ["shelf/quokkas", "shelf/counts", "shelf/animals"]),  # title, column, purpose
        ({"q": "QUOK"}, ["shelf/quokkas", "shelf/counts", "shelf/animals"]),  # the beginning of the last word
        ({"q": "quokka island"}, ["shelf/quokkas"]),  # a stem
        ({"q": "quokkas island"}, ["shelf/quokkas"]),
        ({"q": "counted dawn"}, ["shelf/counts"]),
        ({"q": "zoology"}, ["rack/other"]),
        ({"domain": "rack"}, ["rack/other"]),
        ({"tag": "Zoölogy"}, ["rack/other"]),
        ({"q": "quokkas", "domain": "rack"}, []),
        ({"domain": "shelf", "port": "parquet@1", "type": "source-oriented", "limit": "1", "offset": "1"}, ["shelf/counts"]),
        ({"domain": "nowhere"}, []),
        ({"q": "!!!"}, []),
    ],
)  # fmt: skip
def test_a_product_is_found_by_its_words_and_facets_best_first(
    shelf: Catalog, asked: dict[str, str], expected: list[str]
) -> None:
    found = shelf.get("/api/products?" + urllib.parse.urlencode(asked))
    if asked.get("domain") == "shelf":
        assert len(ids(found)) == 1 and found.json["total"] == 3
    else:
        assert ids(found) == expected


def test_facets_count_what_another_choice_would_give(shelf: Catalog) -> None:
    facets = shelf.get("/api/products?q=quokka&domain=shelf&classification=public").json["facets"]
    assert facets["domain"] == {} and facets["classification"] == {"internal": 3}
    assert shelf.get("/api/products?domain=rack").json["facets"]["domain"]["shelf"] == 3


HOSTILE = ['"', "'", "a\"b'c", "NEAR(a b)", "a AND OR NOT b", "title:x", "^a*", "-a", "(((", "a\0b", "\0", "%", "_", "🙂", "ß", "a" * 10_000, "a " * 5_000, "&|!:*<->", "\\", "'; drop table words; --", "٣", "①", "\ud7ff", "क्षि", "東京", "𐄇", "ﬁ", "İ"]  # fmt: skip


@pytest.mark.parametrize("q", HOSTILE, ids=range(len(HOSTILE)))
def test_no_query_is_an_error(shelf: Catalog, q: str) -> None:
    for path in ("/api/products", "/", "/access"):
        answer = shelf.get(f"{path}?{urllib.parse.urlencode({'q': q, 'domain': q[:50], 'offset': q[:9]} if path != '/api/products' else {'q': q, 'tag': q})}")  # fmt: skip
        assert answer.status == 200, answer.text
    assert shelf.get("/api/products?q=%ff%fe").status == 200


@pytest.mark.parametrize(
    "asked", ["limit=0", "limit=101", "limit=x", "offset=-1", "offset=99999999999999999999"]
)
def test_a_page_that_there_cannot_be_is_refused(server: Catalog, asked: str) -> None:
    answer = server.get(f"/api/products?{asked}")
    assert (answer.status, answer.json["error"]) == (400, "bad-request")


def test_a_document_of_many_long_words_can_be_kept_and_found(server: Catalog) -> None:
    """PostgreSQL takes documents of one megabyte and words of two kilobytes."""
    words = " ".join(chr(0x1E900 + number % 34) * 39 + chr(0x4E00 + number) for number in range(2_000))
    record = value("long/words", contract__schema__0__description=f"{words} needle", contract__description__usage="first " + "x" * 5_000)  # fmt: skip
    assert server.put(record).status == 201
    assert ids(server.get("/api/products?q=first&domain=long")) == ["long/words"]


# -- tokens -------------------------------------------------------------------------------------------

SCOPES = {"none": (), "product": ("airport-operations/departures",), "other": ("a/b",), "read": ("read",), "assess": ("assess",), "admin": ("admin",)}  # fmt: skip
MAY = {
    "read the catalog": ("GET", "/api/products", {"read", "assess", "admin"}),
    "read all records": ("GET", "/api/records", {"read", "assess", "admin"}),
    "read the mesh": ("GET", "/api/assessments", {"read", "assess", "admin"}),
    "read the description of the API": ("GET", "/openapi.json", {"read", "assess", "admin"}),
    "read the first page": ("GET", "/", {"read", "assess", "admin"}),
    "read the access page": ("GET", "/access", {"read", "assess", "admin"}),
    "read the dashboard": ("GET", "/fitness", {"read", "assess", "admin"}),
    "read a domain": ("GET", "/domains/airport-operations", {"read", "assess", "admin"}),
    "read the product": ("GET", DEPARTURES, {"product", "read", "assess", "admin"}),
    "read its versions": ("GET", f"{DEPARTURES}/versions", {"product", "read", "assess", "admin"}),
    "read its page": ("GET", "/products/airport-operations/departures", {"product", "read", "assess", "admin"}),
    "read its badge": ("GET", "/badges/airport-operations/departures.svg", {"product", "read", "assess", "admin"}),
    "publish it": ("PUT", DEPARTURES, {"product", "admin"}),
    "retire it": ("POST", f"{DEPARTURES}/retire", {"product", "admin"}),
    "assess": ("POST", "/api/assessments", {"assess", "admin"}),
    "ask whether it runs": ("GET", "/api/health", set(SCOPES)),
}  # fmt: skip


@pytest.mark.parametrize("what", MAY)
def test_a_token_of_a_private_catalog_may_do_just_that(private: Catalog, what: str) -> None:
    method, path, allowed = MAY[what]
    body = b"{" if method != "GET" else None  # what is allowed then fails for its body
    for kind, scopes in SCOPES.items():
        answer = private.ask(method, path, body, private.token(*scopes) if scopes else None)
        expected = {"GET": 200}.get(method, 400) if kind in allowed else 403 if scopes else 401
        assert answer.status == expected, (kind, answer.text)


def test_in_a_public_catalog_everybody_reads_and_nobody_writes_without_a_token(server: Catalog) -> None:
    assert server.get("/api/products").status == 200
    assert server.ask("PUT", DEPARTURES, value()).status == 401
    assert server.ask("POST", "/api/assessments", {}).status == 401
    assert server.ask("PUT", DEPARTURES, value(), server.token("other/product")).status == 403


def test_whatever_is_wrong_with_a_token_the_answer_is_the_same(private: Catalog) -> None:
    revoked = private.run("token", "create", "--read").splitlines()[-1]
    assert private.get("/api/products", revoked).status == 200
    private.run("token", "revoke", revoked.split("_")[1])
    expired = private.run("token", "create", "--read", "--expires", "1").splitlines()[-1]
    with sqlite3.connect(private.database) as connection:
        past = (datetime.now(UTC) - timedelta(days=1)).isoformat()
        connection.execute("update tokens set expires_at = ? where id = ?", (past, expired.split("_")[1]))
    good = private.token("read")
    answers = {
        (answer.status, answer.body, answer.headers["WWW-Authenticate"])
        for answer in (private.get("/api/products", said) for said in (None, revoked, expired, "x", "mwc_", good[:-1], good + "x", good.replace("mwc", "mwx"), "é"[:0] or "ü".encode().decode("latin-1")))
    }  # fmt: skip
    assert len(answers) == 1 and answers.pop()[0] == 401


def test_a_browser_gives_the_token_as_a_password_and_only_to_read(private: Catalog) -> None:
    page = private.get("/", Accept="text/html")
    assert page.status == 401 and page.headers["WWW-Authenticate"].startswith("Basic") and "<h1>" in page.text
    basic = "Basic " + base64.b64encode(f"anybody:{private.token('admin')}".encode()).decode()
    assert private.get("/", Authorization=basic).status == 200
    assert private.ask("PUT", DEPARTURES, value(), Authorization=basic).status == 401
    for wrong in (
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff\xfe").decode(),
        "Negotiate x",
        "Bearer",
    ):
        assert private.get("/", Authorization=wrong).status == 401


def test_tokens_are_kept_as_hashes_listed_without_secrets_and_never_logged(private: Catalog) -> None:
    token = private.token("admin")
    private.get(f"/api/products?q={token}", token)
    secret = token.split("_", 2)[2]
    listed = private.run("token", "list")
    assert token.split("_")[1] in listed and "admin" in listed and secret not in listed
    assert secret not in private.log and "GET /api/products 200" in private.log
    for file in private.folder.glob("catalog.db*"):
        assert secret.encode() not in file.read_bytes()


@pytest.mark.parametrize(
    "arguments",
    [
        ["token", "create"],
        ["token", "create", "--product", "Not/A/Product"],
        ["token", "create", "--read", "--expires", "0"],
        ["token", "list", "--database", "mysql://x"],
        ["token", "list", "--database", "sqlite://"],
        ["token", "list", "--database", "postgresql://u:hunter2@127.0.0.1:1/x"],
        ["serve", "--database", "/nowhere/at/all.db"],
        ["site", "x", "--database", "/nowhere/at/all.db"],
    ],
)
def test_wrong_usage_is_told_in_words_and_without_passwords(private: Catalog, arguments: list[str]) -> None:
    said = private.run(*arguments, code=2)
    assert said and "Traceback" not in said and "hunter2" not in said


# -- assessments --------------------------------------------------------------------------------------


def test_an_assessment_is_shown_everywhere_and_its_history_is_kept(server: Catalog) -> None:
    server.put(value("scored/orders"))
    token = server.token("assess")
    old = assessment(("scored/orders", 40), at="2026-01-01T00:00:00+01:00")
    new = assessment(("scored/orders", 70), ("gone/away", 100), at="2026-02-01T00:00:00Z")
    for one in (new, new, old):  # handed in twice, and late: neither changes what is latest
        assert server.ask("POST", "/api/assessments", one, token).status == 201
    assert server.get("/api/assessments/latest").json == new
    told = server.get("/api/assessments").json["assessments"]
    assert [entry["at"][:10] for entry in told] == ["2026-02-01", "2025-12-31"]
    assert told[0]["scores"]["secure"] == 50 and told[0]["score"] == 85
    mine = server.get("/api/products/scored/orders/assessments").json["assessments"]
    assert [entry["score"] for entry in mine] == [70, 40]
    (found,) = server.get("/api/products?domain=scored").json["products"]
    assert (found["standing"], found["score"], found["known"], found["functions"]) == ("broken", 70, 1, 1)
    page = server.get("/products/scored/orders").text
    assert "Is an anonymous read refused?" in page and "Anybody reads it." in page
    assert "! broken \u00b7 70" in server.get("/badges/scored/orders.svg").text
    assert "Flights" not in server.get("/fitness").text and server.get("/fitness").status == 200
    for path in ("/?domain=scored", "/fitness"):
        assert "scored/orders" in server.get(path).text


def standing_assessment() -> dict[str, Any]:
    """An assessment whose scores are all high: one product for each standing."""
    functions = [
        {"id": id, "characteristic": "secure", "severity": severity, "question": f"Is it {id}?", "why": ""}
        for id, severity in (("Closed", "critical"), ("Labelled", "medium"), ("Masked", "low"))
    ]
    states = {
        "critical": ("broken", "kept", "kept"),
        "broken": ("inconclusive", "broken", "kept"),
        "not-known": ("inconclusive", "kept", "kept"),
        "partly-known": ("kept", "inconclusive", "kept"),
        "excepted": ("kept", "kept", "excepted"),
        "kept": ("kept", "kept", "kept"),
    }
    found = assessment(*[(f"standing/{name}", 99) for name in states], functions=functions)
    for product, given in zip(found["products"], states.values(), strict=True):
        product["standing"] = "kept"  # what is handed in is a claim
        product["results"] = [
            {"function": function["id"], "state": state, "verdicts": [{"state": "kept", "evidence": "It says no more.", "fix": "", "place": ""}]}
            | ({"reason": "Old.", "until": "2027-01-01"} if state == "excepted" else {})
            for function, state in zip(functions, given, strict=True)
        ]  # fmt: skip
    return found


def test_the_standing_is_the_same_wherever_it_is_shown(server: Catalog) -> None:
    names = [*STANDINGS]
    for name in (*names, "new"):
        server.put(value(f"standing/{name}"))
    sent = server.ask("POST", "/api/assessments", standing_assessment(), server.token("assess"))
    assert sent.status == 201, sent.text
    listed = server.get("/api/products?domain=standing").json
    shown = {one["name"]: one["standing"] for one in listed["products"]}
    assert shown == {name: name for name in names} | {"new": "not-known"}
    assert listed["facets"]["standing"] == dict.fromkeys(names, 1) | {"not-known": 2}
    for name, one in STANDINGS.items():
        words = f"{one.sign} {one.words}"
        assert [entry["name"] for entry in server.get(f"/api/products?domain=standing&standing={name}").json["products"]] == sorted({name} | ({"new"} if name == "not-known" else set()))  # fmt: skip
        mark = f'<span class="standing {name}"><i aria-hidden="true">{one.sign}</i> {one.words}</span>'
        for path in (
            f"/?domain=standing&standing={name}",
            "/domains/standing",
            f"/products/standing/{name}",
            f"/?q={name}",
        ):
            assert mark in server.get(path).text, path
        assert f"{words} \u00b7 99" in server.get(f"/badges/standing/{name}.svg").text
        assert f'<span class="chip {name}">' in server.get("/fitness").text
    by_standing = server.get("/api/products?domain=standing&sort=standing").json["products"]
    assert [one["name"] for one in by_standing] == [
        "critical",
        "broken",
        "not-known",
        "new",
        "partly-known",
        "excepted",
        "kept",
    ]
    newest = server.get("/api/products?domain=standing&sort=published&limit=1").json["products"]
    assert [one["name"] for one in newest] == ["new"]
    assert "? not known \u00b7 not assessed" in server.get("/badges/standing/new.svg").text
    assert "not assessed</span>" in server.get("/products/standing/new").text


def test_an_assessment_that_an_earlier_release_stored_has_its_standings(tmp_path: Path) -> None:
    store = CatalogStore(str(tmp_path / "catalog.db"))
    found = standing_assessment()
    store.assessments.add("hash", found, json.dumps(found).encode())
    with sqlite3.connect(tmp_path / "catalog.db") as connection:
        connection.execute("delete from standings")
    fitness = store.assessments.fitness()
    assert {id.partition("/")[2]: one.standing for id, one in fitness.items()} == {
        name: name for name in STANDINGS
    }
    assert (fitness["standing/broken"].known, fitness["standing/broken"].functions) == (2, 3)


def test_what_changed_is_on_the_page_and_in_feeds(server: Catalog) -> None:
    server.put(value("fed/orders"))
    again = server.put(
        value(
            "fed/orders",
            product__metadata__version="2.0.0",
            product__spec__serviceLevels=value()["product"]["spec"]["serviceLevels"][1:],
        )
    )
    assert again.status == 200, again.text
    page = server.get("/products/fed/orders").text
    assert "Service level fresh is withdrawn." in page and "../../products/fed/orders/changes.atom" in page
    for path in ("/products/fed/orders/changes.atom", "/changes.atom"):
        answer = server.get(path)
        assert answer.headers["Content-Type"] == "application/atom+xml"
        feed = ElementTree.fromstring(answer.body)  # noqa: S314 - our own
        newest = feed.find("{*}entry")
        assert newest is not None and newest.findtext("{*}title") == "fed/orders 2.0.0"
        assert "Service level fresh is withdrawn." in (newest.findtext("{*}content") or "")
        link = newest.find("{*}link")
        assert link is not None and link.attrib["href"] == f"{server.url}/products/fed/orders"
    assert server.get("/products/fed/none/changes.atom").status == 404


def test_a_page_is_packed_for_who_can_unpack_it_and_has_no_session(server: Catalog) -> None:
    server.put(value("packed/orders"))
    for path in ("/", "/map", "/products/packed/orders"):
        plain = server.ask("GET", path)
        packed = server.get(path, Accept_Encoding="gzip, br")
        assert packed.headers["Content-Encoding"] == "gzip" and plain.headers["Content-Encoding"] is None
        assert gzip.decompress(packed.body) == plain.body and len(packed.body) < 0.6 * len(plain.body)
        assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
        assert packed.headers["Content-Security-Policy"] == plain.headers["Content-Security-Policy"]
    signed_in = server.get("/", Accept_Encoding="gzip", Cookie="meshwright-session=x")
    assert signed_in.headers["Content-Encoding"] is None
    icon = server.get("/favicon.ico")
    assert (
        icon.status == 200 and icon.headers["Content-Type"] == "image/svg+xml" and "<script" not in icon.text
    )


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (lambda: gzip.compress(b"{}"), "gzip", 422),  # unpacked, and no assessment
        (lambda: b"{}", "gzip", 400),
        (lambda: gzip.compress(b"{}" * 1000)[:-9], "gzip", 400),
        (lambda: gzip.compress(b" " * 201_000_000, 1), "gzip", 413),
        (lambda: b"{}", "br", 415),
        (lambda: b"{}", "identity", 422),
    ],
    ids=["packed", "not packed", "cut off", "a bomb", "another coding", "plain"],
)
def test_an_assessment_is_unpacked_within_bounds(
    server: Catalog, body: Callable[[], bytes], encoding: str, status: int
) -> None:
    token = server.token("assess")
    answer = server.ask("POST", "/api/assessments", body(), token, Content_Encoding=encoding)
    assert answer.status == status, answer.text


@pytest.mark.parametrize(
    "changes",
    [
        {"at": "yesterday"},
        {"at": "2026-99-99T00:00:00Z"},
        {"at": "2999-01-01T00:00:00Z"},
        {"scores": {}},
        {"functions": []},
        {"products": [{}]},
        {"extra": 1},
        {"static": "yes"},
    ],
)
def test_what_is_no_assessment_is_refused(server: Catalog, changes: dict[str, Any]) -> None:
    sent = assessment(("a/b", 1)) | changes
    answer = server.ask("POST", "/api/assessments", sent, server.token("assess"))
    assert (answer.status, answer.json["error"]) == (422, "invalid"), answer.text


# -- what was acknowledged ----------------------------------------------------------------------------


def test_killed_in_the_middle_of_publishes_it_has_lost_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    records = [value(f"crash/product-{number}") for number in range(300)]
    acknowledged: list[str] = []
    with catalog(tmp_path) as server:
        token = server.token("admin")

        def publish(record: dict[str, Any]) -> None:
            try:
                answer = server.put(record, token)
            except (OSError, http.client.HTTPException):
                return
            if answer.status == 201:
                acknowledged.append(answer.json["id"])
                if len(acknowledged) == 120:
                    server.kill()

        with concurrent.futures.ThreadPoolExecutor(8) as people:
            list(people.map(publish, records))
        assert 120 <= len(acknowledged) < 300
        server.start()
        kept = {record.id for record in Client(server.url).records()}
        assert set(acknowledged) <= kept
        for id in acknowledged[::10]:
            assert len(server.get(f"/api/products/{id}/versions").json["versions"]) == 1
        found = server.get("/api/products?q=crash&limit=1").json["total"]
        assert found == len(kept)
        for record in records[:10]:
            assert server.put(record, token).status in (200, 201)


def test_asked_to_end_it_ends_well(tmp_path: Path) -> None:
    with catalog(tmp_path) as server:
        server.put(value())
        assert server.stop() == 0
    assert not (tmp_path / "catalog.db-wal").exists(), "what was written is in the database itself"
    assert "Traceback" not in server.log


def test_two_processes_on_one_database_see_what_the_other_writes(postgres: Server, tmp_path: Path) -> None:
    database = postgres.url(postgres.database())
    with catalog(tmp_path / "a", database) as one, catalog(tmp_path / "b", database) as other:
        one.tokens = other.tokens
        assert other.get("/api/products").json["total"] == 0
        assert one.put(value()).status == 201
        while not other.get("/api/products").json["total"]:
            pass
        assert other.put(value()).json["outcome"] == "unchanged"


def test_a_database_that_goes_away_is_told_as_such_and_found_again(postgres: Server, tmp_path: Path) -> None:
    database = postgres.url(postgres.database())
    with catalog(tmp_path, database) as server:
        record = value()
        assert server.put(record).status == 201
        postgres.stop()
        try:
            answer = server.get(DEPARTURES)
            assert (answer.status, answer.json["error"]) == (503, "unavailable")
            assert answer.headers["Retry-After"]
        finally:
            postgres.start()
        assert server.get(DEPARTURES).json == record
        assert server.put(value("airport-operations/arrivals")).status == 201


def test_a_database_of_another_format_is_left_alone(tmp_path: Path) -> None:
    database = str(tmp_path / "catalog.db")
    CatalogStore(database).close()
    with sqlite3.connect(database) as connection:
        connection.execute("update state set format = 99")
    server = Catalog(tmp_path, database)
    assert "format 99" in server.run("token", "list", code=2)


def test_every_answer_has_the_headers_that_keep_browsers_safe(server: Catalog) -> None:
    for path in ("/", "/api/products", "/nowhere", "/access", "/fitness", "/map", "/api/health"):
        answer = server.get(path, Accept="text/html")
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy, path
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Set-Cookie"] is None and answer.headers["Server"] is None


def test_errors_are_pages_for_browsers_and_json_for_programs(server: Catalog) -> None:
    page = server.get("/products/no/where", Accept="text/html")
    assert page.status == 404 and "<!doctype html>" in page.text
    for path in ("/products/no/where", "/api/nothing", "/products/%2e%2e/x", "/products/A/B", "/domains/<x>"):
        answer = server.get(path, Accept="*/*")
        assert answer.status == 404 and json.loads(answer.body)["fix"], path
    assert server.ask("DELETE", DEPARTURES).status == 405
    assert server.ask("HEAD", "/api/health").body == b""
