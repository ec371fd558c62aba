"""The Python client against the real catalog, and the examples of its page."""

from __future__ import annotations

import contextlib
import html
import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from catalog_server import Catalog, catalog
from checkout import ROOT, git
from records import record, value

from meshwright.catalog import client
from meshwright.catalog.client import Client, NoProduct
from meshwright.core.errors import Error
from meshwright.core.http import Refused

ID = "airport-operations/departures"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    with catalog(tmp_path_factory.mktemp("catalog"), private=True) as server:
        Client(server.url, server.token("admin")).publish(record())
        yield server


def test_the_examples_of_the_page_run(served: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHWRIGHT_CATALOG_TOKEN", served.token("read"))
    page = (ROOT / "docs/reference/catalog-client.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(code.replace("https://catalog.example.org", served.url), {})  # noqa: S102 - our own page
    assert printed.getvalue().startswith(ID) and "ada@example.org" in printed.getvalue()


def test_the_examples_of_the_api_run(served: Catalog) -> None:
    """Each one that reads, as the catalog's own page has it."""
    page = served.get("/api", token=served.token("read")).text
    examples = re.findall(r'aria-label="GET (\S+) with Python">(.*?)</pre>', page, re.DOTALL)
    paths = Client(served.url, served.token("read")).read("/openapi.json")["paths"]
    assert {path for path, _ in examples} == {path for path, methods in paths.items() if "get" in methods}
    for path, code in examples:
        names = {"catalog": Client(served.url, served.token("read"))}
        refused = (
            pytest.raises(Refused)
            if re.search("{hash}|{run}|latest|mesh.yaml", path)
            else contextlib.nullcontext()
        )
        with refused, contextlib.redirect_stdout(io.StringIO()):
            exec(html.unescape(code), names)  # noqa: S102 - our own page
    assert "lake-reader" in names["catalog"].contract(ID)


def test_a_product_is_published_once_and_a_retired_one_names_its_successor(served: Catalog) -> None:
    one = Client(served.url, served.token("admin"))
    again = record("rail/arrivals")
    assert [one.publish(again).outcome for _ in range(2)] == ["created", "unchanged"]
    served.ask(
        "POST",
        "/api/products/rail/arrivals/retire",
        {"reason": "old", "successor": ID},
        served.token("admin"),
    )
    with pytest.raises(NoProduct) as retired:
        one.record("rail/arrivals")
    assert (retired.value.successor, retired.value.fix) == (ID, f"Use {ID}.")
    with pytest.raises(NoProduct, match="has no product a/b"):
        one.record("a/b")
    assert list(one.lineage()) == []


def test_search_goes_on_over_pages(served: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PAGE", 2)
    one = Client(served.url, served.token("admin"))
    for number in range(4):
        one.publish(record(f"paged/p{number}"))
    assert sorted(product.id for product in one.search(domain="paged")) == [f"paged/p{n}" for n in range(4)]


def test_errors_have_a_fix(served: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MESHWRIGHT_CATALOG", raising=False)
    with pytest.raises(Error, match="no address") as missing:
        Client()
    broken = record(product__spec__owner=None)
    calls = [
        lambda: Client(served.url, "wrong").record(ID),
        lambda: Client(served.url, served.token("admin")).publish(broken),
        lambda: Client("http://127.0.0.1:9", patience=0).record(ID),
    ]
    assert missing.value.fix
    for call in calls:
        with pytest.raises(Error) as refused:
            call()
        assert refused.value.fix, refused.value


def test_a_repository_is_published(served: Catalog, departures: Path, tmp_path: Path) -> None:
    root = shutil.copytree(departures, tmp_path / "product")
    git("init", "-q", cwd=root)
    git("remote", "add", "origin", f"https://git.example.org/{ID}.git", cwd=root)
    one = Client(served.url, served.token("admin"))
    assert one.publish(root).outcome == "updated"
    assert one.record(ID).title == value()["product"]["metadata"]["title"]
