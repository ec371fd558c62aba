"""The page about the API: every route is on it, nothing else is, and requests are answered as it says."""

from __future__ import annotations

import html
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from records import record
from served import ADDRESS, served
from starlette.testclient import TestClient

from meshwright.serve.api_document import api_document, routes_of
from meshwright.serve.routes.openapi import ERRORS

ALL: dict[str, Any] = {
    "readers": Path("readers.json"),
    "shares": {"x": None},
    "pull_requests": SimpleNamespace(),
}
"""Settings with which a catalog has all its routes."""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with served(tmp_path_factory.mktemp("plain"), [record()]) as (client, _):
        yield client


def app_of(client: TestClient) -> FastAPI:
    return client.app._inner  # type: ignore[attr-defined]


def code_of(page: str) -> set[str]:
    """Return the requests that a page describes, `GET /path`."""
    described = re.findall(
        r'<h3 id="title-[^"]*"><span class="method">(\w+)</span> <code>([^<]+)</code></h3>', page
    )
    others = re.findall(r'<tr><td class="name">([A-Z]+ /[^<]*)</td>', page)
    return {f"{method} {path}" for method, path in described} | set(others)


@pytest.mark.parametrize("settings", [{}, ALL], ids=["plain", "all"])
def test_every_route_is_on_the_page_and_nothing_else(settings: dict[str, Any], tmp_path: Path) -> None:
    with served(tmp_path, [], **settings) as (client, _):
        answer = client.get("/api")
        routes = {
            f"{method} {route.path}"
            for route in routes_of(app_of(client))
            for method in route.methods - {"HEAD"}
        }
        assert answer.status_code == 200 and {"GET /api", "GET /openapi.json"} < routes
        assert code_of(answer.text) == routes
        assert "unsafe" not in answer.headers["content-security-policy"] and "http-equiv" in answer.text
        document = api_document(app_of(client))
    operations = [(path, method, one) for path, of in document["paths"].items() for method, one in of.items()]
    for path, method, one in operations:
        named = {parameter["name"] for parameter in one.get("parameters", ()) if parameter["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path)), path
        assert all(parameter.get("description") for parameter in one.get("parameters", ())), path
        assert one["tags"] and one["description"], path
        assert min(one["responses"]) in ("200", "201"), path
        assert "HTTPValidationError" not in str(one), path
        assert ("requestBody" in one) == (method != "get" and "/delta-sharing/" not in path), path


def test_each_request_is_answered_as_the_page_says(plain: TestClient) -> None:
    """By the curl commands of the page, whose addresses have examples in them."""
    commands = re.findall(
        r'<pre data-copy[^>]*aria-label="GET (\S+) with curl">(.*?)</pre>', plain.get("/api").text, re.DOTALL
    )
    paths = api_document(app_of(plain))["paths"]
    assert {path for path, _ in commands} == {path for path, methods in paths.items() if "get" in methods}
    # Hash and run are made up, and the record names no template that others can reach.
    missing = {path for path in paths if re.search("{hash}|{run}|/latest|mesh.yaml", path)}
    for path, command in commands:
        words = shlex.split(html.unescape(command).replace("\\\n", " "))
        answer = plain.get(words[-1].removeprefix(ADDRESS))
        assert (answer.status_code == 404) == (path in missing) and answer.status_code in (200, 404), path
        said = paths[path]["get"]["responses"][str(answer.status_code)]
        assert answer.headers["content-type"].partition(";")[0] in said["content"], path
        if answer.status_code == 404:
            assert answer.json()["error"] in said["x-errors"], path


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/products?limit=0", None),
        ("GET", "/api/products/a/b", None),
        ("GET", "/api/products/a/b/runs", None),
        ("GET", "/products/a/b/dcat.ttl", None),
        ("GET", "/dcat?limit=501", None),
        ("GET", "/api/products/airport-operations/departures/contract.yaml?role=x", None),
        ("PUT", "/api/products/a/b", "{}"),
        ("PUT", "/api/products/airport-operations/departures", "{"),
        ("PUT", "/api/products/airport-operations/departures", "{}"),
        ("POST", "/api/products/airport-operations/departures/retire", "{}"),
        ("POST", "/api/products/a/b/retire", '{"reason": "x", "successor": null}'),
        ("POST", "/api/assessments", "[]"),
        ("POST", "/api/v1/lineage", "{}"),
        ("PUT", "/api/products/airport-operations/departures", "x" * 2_000_001),
    ],
)
def test_errors_are_those_of_the_page(plain: TestClient, method: str, path: str, body: str | None) -> None:
    token, _ = app_of(plain).state.context.store.tokens.create({"admin"}, "", hours=1)
    headers = {"Authorization": f"Bearer {token}"} if method != "PUT" or "/a/b" not in path else {}
    answer = plain.request(method, path, content=body, headers=headers)
    route = next(
        one
        for one in routes_of(app_of(plain))
        if method in one.methods and one.path_regex.fullmatch(path.partition("?")[0])
    )
    said = api_document(app_of(plain))["paths"][route.path][method.lower()]["responses"]
    assert answer.status_code >= 400 and answer.json()["error"] in said[str(answer.status_code)]["x-errors"]
    assert ERRORS[answer.json()["error"]][0] == answer.status_code


def test_a_private_catalog_shows_it_to_readers_with_tokens_in_the_commands(tmp_path: Path) -> None:
    with served(tmp_path, [], private=True) as (client, store):
        assert [client.get(path).status_code for path in ("/api", "/openapi.json")] == [401, 401]
        token, _ = store.tokens.create({"read"}, "", hours=1)
        page = client.get("/api", headers={"Authorization": f"Bearer {token}"}).text
    commands = re.findall(r'with curl">(.*?)</pre>', page, re.DOTALL)
    assert sum("Authorization" not in one for one in commands) == 1  # whether it is up
    assert token not in page


def test_an_address_that_breaks_out_stays_a_text(tmp_path: Path) -> None:
    with served(tmp_path, [], url="") as (client, _):
        page = client.get("/api", headers={"Host": "a'\"><script>alert(1)</script>"}).text
    assert "<script>alert" not in page
