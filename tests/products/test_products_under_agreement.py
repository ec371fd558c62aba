"""Two real products: one reads the other under an agreement, in runs of its own, until the agreement is revoked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest
from catalog_server import Catalog, catalog
from edits import edit, merged
from products import Make, pipeline
from shared_product import AGREEMENT, SharedProduct, day
from signed import People

from meshwright.mesh.sources import of_repository

SPEC = "data-product.yaml"


def named(product: Path, agreement: str, port: str = "lake") -> None:
    """The consumer's input names an agreement, and a port."""

    def change(spec: Any) -> Any:
        (entry,) = spec["spec"]["inputs"]
        properties = {**entry["properties"], "agreement": agreement}
        entry = {**entry, "from": f"dp:airport-operations/departures#{port}", "properties": properties}
        return merged(spec, {"spec": {"inputs": [entry]}})

    edit(product / SPEC, change)


@pytest.fixture
def shared(make: Make, product_python: Path, tmp_path: Path) -> SharedProduct:
    """A source that has run, with an agreement for the consumer."""
    root = Path(shutil.copytree(make("departures", outputs=["parquet", "delta"]), tmp_path / "departures"))
    shared = SharedProduct(root, People(tmp_path))
    done = pipeline(product_python, root)
    assert done.returncode == 0, done.stdout + done.stderr
    shared.agree()
    shared.apply()
    return shared


def test_it_reads_in_its_role_until_the_agreement_is_revoked(
    shared: SharedProduct, make: Make, product_python: Path
) -> None:
    consumer = make(
        "punctuality", type="consumer-oriented", product_name="punctuality", domain="customer-experience"
    )
    registry = str(shared.root / "build/addresses.yaml")
    port = consumer / "build/ports/lake/punctuality.parquet"
    for name in ("lake", "tables"):
        named(consumer, AGREEMENT, name)
        done = pipeline(product_python, consumer, ADDRESSES=registry)
        assert done.returncode == 0, done.stdout + done.stderr
        report = json.loads((consumer / "build/run.json").read_text())
        until = f"{day(90)}T00:00:00+00:00"
        assert report["agreements"] == {
            "departures": {"agreement": AGREEMENT, "role": "service", "until": until}
        }
        assert report["inputNotes"] == []
        assert duckdb.sql(f"select count(*) from '{port}'").fetchall() == [(65,)]

    shared.agree("short", until=day(10))
    shared.apply()
    named(consumer, "short")
    done = pipeline(product_python, consumer, ADDRESSES=registry)
    assert done.returncode == 0 and f"the agreement short ends on {day(10)}" in done.stdout

    before = port.read_bytes()
    shared.revoke("short")
    shared.apply()
    done = pipeline(product_python, consumer, ADDRESSES=registry)
    assert done.returncode == 2, done.stdout
    assert "the agreement short is not in force" in done.stdout and "Fix: Ask the owner" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr and port.read_bytes() == before
    assert json.loads((consumer / "build/run.json").read_text())["outcome"] == "failed"

    done = pipeline(product_python, consumer)  # on the sample
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((consumer / "build/run.json").read_text())
    assert report["agreements"] == {"departures": {"agreement": "short", "sample": True}}
    assert "the sample's own address registry" in done.stdout


def published(root: Path, server: Catalog) -> str:
    """Publishes what the last run has left; its identity."""
    record = of_repository(root, f"https://git.example.org/{root.name}.git")
    answer = server.put(dict(record.value))
    assert answer.status in (200, 201), answer.text
    return record.publication


def test_a_run_of_the_source_keeps_what_was_granted_and_triggers_the_reader(
    shared: SharedProduct, make: Make, product_python: Path, tmp_path: Path
) -> None:
    before = shared.registry
    assert AGREEMENT in before["dp:airport-operations/departures#lake"]["agreements"]
    consumer = make(
        "punctuality", type="consumer-oriented", product_name="punctuality", domain="customer-experience", traits=["trigger"]
    )  # fmt: skip
    named(consumer, AGREEMENT)
    report, port = consumer / "build/run.json", "dp:airport-operations/departures#lake"
    with catalog(tmp_path / "catalog") as server:

        def asked(**variables: str) -> Any:
            given = {"MESHWRIGHT_CATALOG": server.url, "ADDRESSES": str(shared.root / "build/addresses.yaml"), **variables}  # fmt: skip
            return pipeline(product_python, consumer, "--if-ready", "--exit-if-waiting", "5", **given)

        done = asked()
        assert done.returncode == 5 and not report.exists(), done.stdout + done.stderr
        assert "airport-operations/departures never published" in done.stdout
        done = asked(ADDRESSES="")
        assert done.returncode == 2 and "the sample's own address registry" in done.stdout

        done = pipeline(product_python, shared.root)
        assert done.returncode == 0, done.stdout + done.stderr
        assert shared.registry == before
        version = published(shared.root, server)
        done = asked()
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(report.read_text())["consumed"] == {port: version}
        done = asked()
        assert done.returncode == 5 and "`meshwright catalog publish`" in done.stdout, (
            "nobody has published it"
        )
        published(consumer, server)
        kept = server.get("/api/publications?of=customer-experience/punctuality").json
        assert kept["publications"]["customer-experience/punctuality"]["consumed"] == {port: version}
        shutil.rmtree(consumer / "build")  # as on another machine
        done = asked()
        assert done.returncode == 5 and "no new publication of airport-operations/departures" in done.stdout
        page = server.get("/products/airport-operations/departures").text
        assert "runs when this has published" in page
