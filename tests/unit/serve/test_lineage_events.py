"""The catalog takes OpenLineage events of products' own runs, and shows runs and lineage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from catalog_server import Catalog, catalog
from records import value
from run_events import BASE, dataset, event, run_of

from meshwright.mesh.catalog_client import Catalog as Client
from meshwright.mesh.run_events import run_event
from meshwright.serve.catalog_store import CatalogStore, stored_runs

PATH = "/api/v1/lineage"
SOURCE, READER = "airport-operations/departures", "customer-experience/punctuality"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    with catalog(tmp_path_factory.mktemp("lineage")) as served:
        assert served.put(value(SOURCE)).status == 201
        assert (
            served.put(value(READER, "consumer-oriented", reads="dp:airport-operations/flights#lake")).status
            == 201
        )
        yield served


def test_an_event_is_taken_once_and_from_the_product_alone(server: Catalog) -> None:
    own, other = server.token(SOURCE), server.token(READER)
    sent = event(run="once", type="START")
    assert [server.ask("POST", PATH, sent, own).status for _ in range(2)] == [201, 200]
    assert server.ask("POST", PATH, sent | {"eventType": "COMPLETE"}, own).json["outcome"] == "created"
    for token, status in ((None, 401), ("mwc_0_x", 401), (other, 403), (server.token("read"), 403)):
        assert server.ask("POST", PATH, event(run="never"), token).status == status
    assert run_of("never") not in server.get(f"/api/products/{SOURCE}/runs").text
    runs = server.get(f"/api/products/{SOURCE}/runs").json["runs"]
    assert [(run["run"], run["state"]) for run in runs if run["run"] == run_of("once")] == [
        (run_of("once"), "COMPLETE")
    ]
    events = server.get(f"/api/products/{SOURCE}/runs/{run_of('once')}").json["events"]
    assert [one["eventType"] for one in events] == ["START", "COMPLETE"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 422),
        (b'{"eventType": "START"}', 422),
        (b'{"a": "' + b"x" * 2_000_001 + b'"}', 413),
    ],
)
def test_what_is_no_event_is_refused(server: Catalog, body: bytes, status: int) -> None:
    answer = server.ask("POST", PATH, body, server.token(SOURCE))
    assert answer.status == status and answer.json["fix"]


def test_runs_and_lineage_are_shown_and_hostile_texts_escaped(server: Catalog) -> None:
    script = "<script>alert(1)</script>"
    columns = {"fields": {script: {"inputFields": [{"namespace": script, "name": script, "field": script}]}}}
    failed = event(READER, "FAIL", "bad")
    failed["run"]["facets"]["errorMessage"] = BASE | {"message": script, "programmingLanguage": "PYTHON"}
    good = event(
        READER,
        run="good",
        inputs=[dataset("x", f"{SOURCE}#lake"), dataset(script)],
        outputs=[dataset(script, f"{READER}#lake", columnLineage=BASE | columns)],
    )
    for sent in (failed, good):
        assert server.ask("POST", PATH, sent, server.token(READER)).status == 201
    page = server.get(f"/products/{READER}", Accept="text/html").text
    assert script not in page and page.count("&lt;script&gt;") >= 4
    assert "✕ failed" in page and "✓ complete" in page and "not declared" in page
    client = Client(server.url)
    assert [(read.consumer, read.source, read.port) for read in client.observed()] == [
        (READER, SOURCE, "lake")
    ]
    drawn = server.get("/map", Accept="text/html").text
    assert "by its last run; not declared" in drawn and "which its spec does not declare" in drawn
    assert server.get(f"/api/products/{SOURCE}/runs/{run_of('other')}").status == 404


def test_the_catalog_keeps_the_last_events_of_each_product(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_runs, "KEPT", 5)
    store = CatalogStore(str(tmp_path / "catalog.db"))
    assert store.runs.add(run_event(event("a/b", run="kept")), b"{}")
    for number in range(9):
        assert store.runs.add(run_event(event(run=str(number))), b"{}")
    assert len(store.runs.list(SOURCE, 1000)) == 5 and len(store.runs.list("a/b")) == 1
    assert store.runs.list(SOURCE, 1)[0].id == run_of("8")
    assert [one.product for one in store.runs.complete()] == ["a/b", SOURCE]
    before = store.revision()
    store.runs.add(run_event(event(run="more", type="START")), b"{}")
    assert store.revision() == before
    store.close()


def test_a_private_catalog_shows_no_runs(tmp_path: Path) -> None:
    with catalog(tmp_path, private=True) as served:
        served.put(value(SOURCE))
        served.ask("POST", PATH, event(), served.token(SOURCE))
        for path in (
            "/api/lineage",
            f"/api/products/{SOURCE}/runs",
            f"/api/products/{SOURCE}/runs/{run_of('one')}",
        ):
            assert served.get(path).status == 401
            assert served.get(path, served.token("read")).status == 200
        assert served.get(f"/api/products/{SOURCE}/runs", served.token(READER)).status == 403
