"""The page that names readers, and who may see it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from catalog_server import Catalog, catalog

from meshwright.access import readers

RECORD = {
    "at": "2026-11-30T22:00:00+00:00",
    "agreements": {"delays": {"signers": ["ada@example.org (owner)"]}},
    "members": [
        {"principal": "bo@example.org", "role": "reader", "agreements": ["delays"], "until": "2027-02-01T00:00:00+00:00"}
    ],
    "terms": {"delays": {"purpose": "<script>alert(1)</script>", "requester": "bo@example.org"}},
    "roles": {"reader": {"clear": ["carrier"], "masked": {}, "rows": []}},
    "people": {"bo@example.org": {"name": "Bo Example", "kind": "human"}},
}  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    folder = tmp_path_factory.mktemp("readers")
    found = readers.readings("airport/departures", "lake", RECORD)
    (folder / "readers.json").write_text(
        readers.as_json(readers.report(found, [], datetime(2026, 12, 1, tzinfo=UTC)))
    )
    with catalog(folder, None, False, "--readers", str(folder / "readers.json")) as server:
        yield server


@pytest.mark.parametrize("path", ["/readers", "/readers.csv"])
def test_only_an_administrator_sees_who_reads(served: Catalog, path: str) -> None:
    for scopes, status in (((), 401), (("read",), 403), (("assess",), 403), (("airport/departures",), 403)):
        answer = served.get(path, served.token(*scopes) if scopes else None, Accept="text/html")
        assert answer.status == status and "bo@example.org" not in answer.text
    answer = served.get(path, served.token("admin"))
    assert answer.status == 200 and "bo@example.org" in answer.text
    assert "no-store" in ", ".join(answer.headers.get_all("Cache-Control") or ())
    assert "<script" not in answer.text or path.endswith(".csv")


def test_the_page_runs_nothing_and_follows_the_file(served: Catalog) -> None:
    token = served.token("admin")
    answer = served.get("/readers", token)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "&lt;script&gt;alert(1)" in answer.text
    file = served.folder / "readers.json"
    before = file.read_text()
    for text in (
        "{",
        "[]",
        '{"at": "x", "readings": [], "unknown": []}',
        json.dumps({"readings": [{"who": 1}]}),
    ):
        file.write_text(text)
        assert served.get("/readers", token).status == 404
    file.write_text(before.replace("Bo Example", "Cy Example"))
    assert "Cy Example" in served.get("/readers", token).text


def test_without_the_option_there_is_no_such_page(tmp_path: Path) -> None:
    with catalog(tmp_path) as server:
        assert server.get("/readers", server.token("admin")).status == 404


def test_a_report_reads_back_as_it_was_written() -> None:
    report = readers.report(
        readers.readings("airport/departures", "lake", RECORD), ["x"], datetime(2026, 12, 1, tzinfo=UTC)
    )
    assert readers.of_json(readers.as_json(report)) == report
