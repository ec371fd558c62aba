"""`lineage@1`: what a run sends, held against OpenLineage's published schemas, and that no run fails because of it."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from catalog_server import catalog
from checkout import ROOT, git
from children import children_environment
from edits import edit, merged
from lineage_schemas import EVENT, facets, problems, registry
from products import SUPPORT, Make, pipeline

from meshwright.mesh.sources import observed, of_repository

ID = "airport-operations/departures"
RUN = "0193a8b0-8f6a-7c8e-b8a0-0a1b2c3d4e5f"
PARENT = "0193a8b0-0000-7000-8000-00000000000a"
LOGIN = "hunter2-and-more"
FAILS = {"FLIGHTS": "missing.csv"}
"""Variables of a run that ends early."""


@pytest.fixture(scope="module")
def product(make: Make) -> Path:
    """A product with the trait, of a repository whose address has a login."""
    product = make("lineage", traits=["schedule", "lineage"])
    git("init", "--quiet", cwd=product)
    git("remote", "add", "origin", f"https://bot:{LOGIN}@git.example.org/team/departures.git", cwd=product)
    return product


@pytest.fixture(scope="module")
def sent(product: Path, product_python: Path) -> list[dict[str, Any]]:
    """The events of a whole run, which nothing is configured for."""
    parent = f"airflow://example/nightly.run_departures/{PARENT}"
    done = pipeline(product_python, product, OPENLINEAGE_PARENT_ID=parent, OPENLINEAGE_API_KEY=LOGIN)
    assert done.returncode == 0 and "lineage:" not in done.stdout, done.stdout + done.stderr
    return events(product)


def events(product: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (product / "build/openlineage.jsonl").read_text().splitlines()]


def warnings(done: subprocess.CompletedProcess[str]) -> list[str]:
    return re.findall(r"^ +lineage: .*", done.stdout, re.MULTILINE)


# -- a whole run -------------------------------------------------------------------------------------------


@pytest.mark.main
def test_the_events_of_a_run_keep_the_published_schemas(sent: list[dict[str, Any]], product: Path) -> None:
    assert [event["eventType"] for event in sent] == ["START", "COMPLETE"]
    assert [problems(event) for event in sent] == [[], []]
    assert {event["schemaURL"] for event in sent} == {EVENT}
    run = json.loads((product / "build/run.json").read_text())
    assert {event["run"]["runId"] for event in sent} == {run["lineage"]["runId"]}
    assert {(event["job"]["namespace"], event["job"]["name"]) for event in sent} == {
        ("meshwright", "airport-operations.departures")
    }
    known = {name for event in sent for name, _ in facets(event)}
    assert known >= {
        *("schema", "columnLineage", "dataQualityMetrics", "dataQualityAssertions", "parent", "ownership"),
        *("documentation", "sourceCodeLocation", "jobType", "processing_engine", "symlinks", "tags"),
        *("inputStatistics", "outputStatistics"),
    }
    assert LOGIN not in json.dumps(sent) and "ada@example.org" not in json.dumps(sent)


def test_a_run_says_what_it_read_made_and_checked(sent: list[dict[str, Any]], product: Path) -> None:
    end = sent[1]
    folder = product / "sample_data"
    assert [(one["namespace"], one["name"]) for one in end["inputs"]] == [
        ("file", str(folder / f"{name}.csv")) for name in ("flights", "airlines", "planes")
    ]
    assert [one["inputFacets"]["inputStatistics"]["rowCount"] for one in end["inputs"]] == [1667, 16, 3322]
    (port,) = end["outputs"]
    assert (port["namespace"], port["name"]) == ("file", str(product / "build/ports/lake/departures.parquet"))
    assert port["facets"]["symlinks"]["identifiers"] == [
        {"namespace": "dp", "name": f"{ID}#lake", "type": "DATA_PRODUCT_PORT"}
    ]
    assert port["outputFacets"]["outputStatistics"]["rowCount"] == 1667
    made = port["facets"]["columnLineage"]["fields"]
    assert [one["field"] for one in made["airline"]["inputFields"]] == ["name"]
    assert made["airline"]["inputFields"][0]["name"].endswith("airlines.csv")
    assert {one["field"] for one in made["actual_departure"]["inputFields"]} == {
        *("year", "month", "day", "hour", "minute", "dep_delay")
    }
    assert set(made) == {field["name"] for field in port["facets"]["schema"]["fields"]}
    rows = {
        (one["field"], one["transformations"][0]["subtype"])
        for one in port["facets"]["columnLineage"]["dataset"]
    }
    assert ("tailnum", "JOIN") in rows
    assertions = port["facets"]["dataQualityAssertions"]["assertions"]
    assert len(assertions) == 59 and all(one["success"] for one in assertions)
    assert port["facets"]["dataQualityMetrics"]["columnMetrics"]["airline"] == {"nullCount": 0}
    facets = end["run"]["facets"]
    assert facets["processing_engine"]["name"] == "duckdb"
    assert facets["parent"]["run"]["runId"] == PARENT
    assert facets["parent"]["job"] == {"namespace": "airflow://example", "name": "nightly.run_departures"}
    assert end["job"]["facets"]["sourceCodeLocation"]["repoUrl"] == "https://git.example.org/team/departures"


# -- ends that are not good, in a catalog --------------------------------------------------------------------


@pytest.mark.main
def test_a_run_that_fails_is_in_the_catalog(
    product: Path, copy_of: Callable[[Path], Path], product_python: Path, tmp_path: Path
) -> None:
    copy = copy_of(product)
    with catalog(tmp_path / "catalog") as server:
        server.put(of_repository(copy, "https://git.example.org/team/departures.git").value)
        variables = {"OPENLINEAGE_URL": server.url, "OPENLINEAGE_API_KEY": server.token(ID)}
        done = pipeline(product_python, copy, **FAILS, **variables)
        assert done.returncode == 2 and not warnings(done), done.stdout + done.stderr
        (run,) = server.get(f"/api/products/{ID}/runs").json["runs"]
        assert run["state"] == "FAIL" and run["startedAt"] and "missing.csv" in run["error"]
        sent = server.get(f"/api/products/{ID}/runs/{run['run']}").json["events"]
        assert [event["eventType"] for event in sent] == ["START", "FAIL"]
        assert [problems(event) for event in sent] == [[], []]
        page = server.get(f"/products/{ID}", Accept="text/html").text
        assert "✕ failed" in page and "missing.csv" in page
    assert not (copy / "build/openlineage.jsonl").exists()


class Answers(BaseHTTPRequestHandler):
    """Answers that no catalog gives."""

    def do_POST(self) -> None:
        code = int(self.path.split("/")[1])
        if code == 0:
            time.sleep(20)
        self.send_response(code or 200)
        self.send_header("Location", "http://127.0.0.1:9/")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def answering() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://bot:{LOGIN}@127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.parametrize("way", ["401", "0", "302", "nobody", "nonsense"])
def test_no_run_fails_because_of_it(
    way: str, answering: str, product: Path, copy_of: Callable[[Path], Path], product_python: Path
) -> None:
    copy = copy_of(product)
    trait = [{"uses": "lineage@1", "properties": {"timeout": 2}}]
    edit(copy / "data-product.yaml", lambda spec: merged(spec, {"spec": {"traits": trait}}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://bot:{LOGIN}@127.0.0.1:{free.getsockname()[1]}"
    url = {"nobody": nobody, "nonsense": "no address"}.get(way, f"{answering}/{way}/")
    begun = time.monotonic()
    done = pipeline(product_python, copy, **FAILS, OPENLINEAGE_URL=url)
    assert done.returncode == 2, done.stdout + done.stderr
    assert len(warnings(done)) == 1 and LOGIN not in done.stdout + done.stderr, done.stdout + done.stderr
    assert time.monotonic() - begun < 15
    assert json.loads((copy / "build/run.json").read_text())["exitCode"] == 2


def test_a_run_without_the_trait_loads_nothing_of_it(
    product: Path, copy_of: Callable[[Path], Path], product_python: Path
) -> None:
    copy = copy_of(product)
    edit(copy / "data-product.yaml", lambda spec: merged(spec, {"spec": {"traits": []}}))
    (copy / "build/openlineage.jsonl").unlink(missing_ok=True)
    script = (
        "import sys; sys.argv = ['pipeline']; from pipeline.run import main; code = main();"
        "sys.exit(50 if {'openlineage', 'pipeline.lineage', 'sqlglot.lineage'} & sys.modules.keys() else code)"
    )
    command = [product_python, "-c", script]
    variables = children_environment(**FAILS, OPENLINEAGE_URL="http://127.0.0.1:9")
    done = subprocess.run(command, cwd=copy, env=variables, capture_output=True, text=True)
    assert done.returncode == 2, done.stdout + done.stderr
    assert not (copy / "build/openlineage.jsonl").exists()


# -- cases, in one process of the product's environment ------------------------------------------------------

NAMES = {
    ("data/a.csv",): ["file", "data/a.csv"],
    ("/data/flights/*.csv",): ["file", "/data/flights"],
    ("/data/**/a.csv",): ["file", "/data"],
    ("file:///data/a%20b.csv",): ["file", "/data/a b.csv"],
    ("s3://lake/ports/a.parquet",): ["s3://lake", "ports/a.parquet"],
    ("s3a://lake/ports/",): ["s3://lake", "ports"],
    ("s3://lake/a@b/c.parquet",): ["s3://lake", "a@b/c.parquet"],
    ("s3://lake",): ["s3://lake", "/"],
    ("gcs://lake/a",): ["gs://lake", "a"],
    ("abfss://box@account.dfs.core.windows.net/a/b",): ["abfss://box@account.dfs.core.windows.net", "a/b"],
    ("hdfs://node:8020/a/b",): ["hdfs://node:8020", "/a/b"],
    (f"https://bot:{LOGIN}@example.org/a.csv?token={LOGIN}#x",): ["https://example.org", "/a.csv"],
    (f"https://bot:pa/{LOGIN}@example.org/a.csv",): ["https://example.org", "/a.csv"],
    ("postgresql://reader@db.example.org/bookings", "flights", "ops"): [
        "postgres://db.example.org:5432",
        "bookings.ops.flights",
    ],
    (f"postgresql+psycopg://r:{LOGIN}/x@db:6543/b?sslmode=require&password={LOGIN}", "t"): [
        "postgres://db:6543",
        "b.public.t",
    ],
    ("postgresql://h1:5432,h2:5433/b?options=-csearch_path%3Ddepartures", "departures"): [
        "postgres://h1:5432",
        "b.departures.departures",
    ],
    ("mysql+pymysql://r@db/shop", "orders"): ["mysql://db:3306", "shop.orders"],
    ("mssql+pyodbc://r@db/shop", "orders"): ["mssql://db:1433", "shop.dbo.orders"],
    ("sqlite:////data/a.sqlite", "t"): ["file", "/data/a.sqlite#t"],
    ("snowflake://r@org-account/db/schema", "t", "s"): ["snowflake://org-account", "db/schema.s.t"],
}
DATABASE = "postgresql://db.example.org/mesh?options=-csearch_path%3Dtraffic"
READ: list[tuple[dict[str, Any], list[str] | None]] = [
    ({"from": f"dp:{ID}#lake", "location": "s3://lake/departures.parquet"}, ["s3://lake", "departures.parquet"]),
    ({"from": f"dp:{ID}#db", "location": DATABASE}, ["postgres://db.example.org:5432", "mesh.traffic.departures"]),
    ({"from": f"dp:{ID}#lake"}, None),
    ({"from": "system:x", "properties": {"path": "s3://lake/in/*.csv"}}, ["s3://lake", "in"]),
    ({"from": "system:x", "properties": {"base_url": "https://api.example.org/v1/", "path": "/flights"}}, ["https://api.example.org", "/v1/flights"]),
    ({"from": "system:x", "properties": {"url": "postgresql://r@db/ops", "table": "t", "schema": "s"}}, ["postgres://db:5432", "ops.s.t"]),
]  # fmt: skip
"""Inputs -> what they read; another product's port has the name that its own run gives it."""
TEXTS = {
    f"no answer from https://bot:{LOGIN}@example.org/x?sig={LOGIN}": "no answer from https://…@example.org/x",
    f"connect failed: password={LOGIN} host=db": "connect failed: password=… host=db",
    f"header Authorization: Bearer {LOGIN}": "header Authorization: …",
    "row of bo@example.org": "row of …",
    "the value s3cr3t-value is refused": "the value … is refused",
    "two lines": "two lines",
}
QUERIES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {
            "models": {
                "m": "select a, b + 1 as c, count(*) as n, md5(a) as h from w.inputs.t where d > 0 group by 1, 2, 4"
            }
        },
        {"a": ["t.a IDENTITY"], "c": ["t.b TRANSFORMATION"], "n": [], "h": ["t.a TRANSFORMATION masked"]},
    ),
    (
        {
            "models": {
                "s": "select *, a || b as ab from w.inputs.t",
                "m": "select max(ab) as x, A from w.main.s group by a",
            }
        },
        {"x": ["t.a AGGREGATION", "t.b AGGREGATION"], "a": ["t.a IDENTITY"]},
    ),
    (
        {
            "models": {
                "m": "with x as (select a from w.inputs.t union all select b from w.inputs.t) select a from x"
            }
        },
        {"a": ["t.a IDENTITY", "t.b IDENTITY"]},
    ),
    (
        {
            "models": {
                "p": "def model(dbt, session): ...",
                "m": "select t.a, p.y from w.inputs.t t left join w.main.p p on t.b = p.y",
            }
        },
        {"a": ["t.a IDENTITY"], "y": []},
    ),
    (
        {"models": {"m": "select a from w.inputs.t where a > (select max(a) from w.main.m)"}},
        {"a": ["t.a IDENTITY"]},
    ),
    ({"models": {"m": "select nonsense ( from"}}, {}),
    (
        {"models": {"m": "select sum(b) over (partition by a order by d) as s from w.inputs.t"}},
        {"s": ["t.a AGGREGATION", "t.b AGGREGATION", "t.d AGGREGATION"]},
    ),
    ({"models": {"m": "select `a` from `w`.`inputs`.`t`"}, "dialect": "bigquery"}, {"a": ["t.a IDENTITY"]}),
]
REPORT = {"exitCode": 1, "outcome": "failed", "rowsIn": {"flights": 3}, "checks": [
    {"name": "Check that field a has no missing values", "field": "a", "result": "failed", "reason": f"row 3 has {LOGIN}"},
    {"name": "Check the sum", "field": "", "result": "warning", "reason": LOGIN},
], "doubts": [{"name": "Nobody looks", "field": "", "result": "unchecked", "reason": ""}]}  # fmt: skip
ENDS: list[tuple[dict[str, Any], str, str]] = [
    (
        {"report": REPORT, "error": ["broken", f"The contract is broken.\n{LOGIN}"]},
        "FAIL",
        "The contract is broken.",
    ),
    ({"report": REPORT, "error": ["other", LOGIN]}, "FAIL", "RuntimeError"),
    ({"report": {"exitCode": 143}}, "ABORT", "The run has not ended."),
    ({"report": {"exitCode": 3, "outcome": "published", "missed": ["fresh"]}}, "COMPLETE", ""),
    ({"report": {"exitCode": 1, "outcome": "published", "missed": ["fresh"]}}, "COMPLETE", ""),
    ({}, "START", ""),
]


@pytest.fixture(scope="module")
def cases(product: Path, product_python: Path) -> dict[str, list[Any]]:
    """What comes of all cases."""
    given = {
        "names": [{"place": place} for place in NAMES],
        "inputs": [case for case, _ in READ],
        "texts": [{"text": text, "environment": {"DB_PASSWORD": "s3cr3t-value"}} for text in TEXTS],
        "queries": [{"inputs": {"t": ["a", "b", "d"]}, **query} for query, _ in QUERIES],
        "events": [
            {"run": RUN, "environment": {"OPENLINEAGE_PARENT_ID": "nonsense"}, **end} for end, *_ in ENDS
        ],
    }
    worker = [product_python, SUPPORT / "lineage_worker.py"]
    done = subprocess.run(
        worker,
        input=json.dumps(given),
        cwd=product,
        env=children_environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_data_sets_have_openlineages_names(cases: dict[str, list[Any]]) -> None:
    assert dict(zip(NAMES, cases["names"], strict=True)) == NAMES
    assert LOGIN not in json.dumps(cases["names"])


def test_inputs_have_the_names_of_what_they_read(cases: dict[str, list[Any]]) -> None:
    assert cases["inputs"] == [named for _, named in READ]


def test_messages_have_no_secrets(cases: dict[str, list[Any]]) -> None:
    assert dict(zip(TEXTS, cases["texts"], strict=True)) == TEXTS


def test_columns_are_traced_through_models(cases: dict[str, list[Any]]) -> None:
    for (query, fields), made in zip(QUERIES, cases["queries"], strict=True):
        assert made["fields"] == fields, query
    assert cases["queries"][0]["rows"] == ["t.a GROUP_BY", "t.b GROUP_BY", "t.d FILTER"]


def test_each_end_is_an_event_of_its_kind(cases: dict[str, list[Any]]) -> None:
    for (end, kind, message), event in zip(ENDS, cases["events"], strict=True):
        assert problems(event) == [] and event["eventType"] == kind, end
        assert event["run"]["facets"].get("errorMessage", {}).get("message", "") == message, end
        assert LOGIN not in json.dumps(event) and "parent" not in event["run"]["facets"]
    assertions = cases["events"][0]["outputs"][0]["facets"]["dataQualityAssertions"]["assertions"]
    assert [(one["assertion"], one["success"], one["severity"]) for one in assertions] == [
        ("not_null", False, "error"),
        ("contract", False, "warn"),
    ]


def test_facets_name_the_schemas_that_are_kept_here() -> None:
    text = (ROOT / "blueprints/traits/lineage/pipeline/lineage/facets.py").read_text()
    named = re.findall(r'\("(\w+Facet)", "([\d-]+)"\)', text)
    addresses = {f"https://openlineage.io/spec/facets/{version}/{kind}.json" for kind, version in named}
    assert addresses | {EVENT.partition("#")[0]} == set(registry())


def test_the_events_of_a_repository_are_read_back(sent: list[dict[str, Any]], product: Path) -> None:
    assert observed([str(product)]) == []  # it reads no other product
