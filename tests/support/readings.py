"""A product of meter readings, of which files arrive now and then."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import ROOT
from children import children_environment
from edits import edit
from products import Make

READINGS = ROOT / "tests" / "data" / "readings"


DRIVER = """
import contextlib, io, json, os, shutil, sys
from pathlib import Path
import deltalake, duckdb
from pipeline.errors import UnreadableInput
from pipeline.run import run

here = Path.cwd()

def go(anew=False):
    "One run: what it said of itself, what the ports serve, and which files of the table are new."
    before = set(files())
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            report = run(here, {}, anew=anew)
        except UnreadableInput as problem:
            return {"failed": str(problem)}
    return {"anew": report["anew"], "rows": served(), "same": served() == lake(), "written": written(before),
            "changed": report["inputsChanged"], "models": report["incrementalModels"]}

def files():
    table = "build/ports/tables/readings"
    return deltalake.DeltaTable(table).file_uris() if os.path.isdir(table + "/_delta_log") else []

def written(before):
    "The months whose files the run has written."
    return sorted({uri.split("month=")[1].split("/")[0] for uri in set(files()) - before})

def served():
    found = deltalake.DeltaTable("build/ports/tables/readings").to_pyarrow_table()
    return sorted(map(repr, found.select(["id", "month", "value", "changed_at"]).to_pylist()))

def lake():
    "The same, out of the Parquet port."
    import pyarrow.parquet as pq
    return sorted(map(repr, pq.read_table("build/ports/lake/readings.parquet").to_pylist()))

def give(name, *rows, header="id,month,value,changed_at"):
    (here / "in" / name).write_text("\\n".join([header, *rows]) + "\\n")

said = {}
STEPS
sys.stdout.write("\\n" + json.dumps(said))
sys.stdout.flush()
os._exit(0)  # two engines' threads that end at the same time can abort a process that has done its work
"""


@pytest.fixture(scope="session")
def readings(make: Make) -> Path:
    """A product of meter readings, of which a file arrives now and then. Only to be copied."""
    product = make(
        "readings", product_name="readings", outputs=["parquet", "delta"], traits=[], platforms=["postgres"]
    )

    def spec(document: dict[str, Any]) -> dict[str, Any]:
        document["spec"] |= {
            "inputs": [
                {
                    "name": "readings",
                    "uses": "file@1",
                    "from": "system:meters",
                    "properties": {"path": "in/*.csv"},
                }
            ],
            "traits": [
                {"uses": "incremental@1", "properties": {"partition": "month", "cursor": "changed_at"}}
            ],
            "serviceLevels": [{"name": "some", "indicator": "volume", "objective": ">= 0 rows"}],
        }
        return document

    edit(product / "data-product.yaml", spec)
    for path in (product / "models").iterdir():
        path.unlink()
    (product / "models" / "readings.sql").write_text((READINGS / "readings.sql").read_text())
    types = {"id": "BIGINT", "month": "VARCHAR", "value": "DOUBLE", "changed_at": "TIMESTAMP"}
    columns = [{"name": name, "data_type": kind} for name, kind in types.items()]
    sources = {"sources": [{"name": "inputs", "tables": [{"name": "readings", "columns": columns}]}]}
    (product / "models" / "sources.yml").write_text(yaml.safe_dump(sources))
    (product / "contract.odcs.yaml").write_text((READINGS / "contract.odcs.yaml").read_text())
    (product / "in").mkdir()
    rows = [
        "1,2026-01,10.5,2026-01-03 08:00:00",
        "2,2026-01,11.0,2026-01-04 08:00:00",
        "3,2026-02,9.25,2026-02-01 08:00:00",
    ]
    (product / "in" / "first.csv").write_text("\n".join(["id,month,value,changed_at", *rows]) + "\n")
    return product


def steps(python: Path, product: Path, code: str) -> dict[str, Any]:
    """Runs the steps in one process, in a product's folder; returns what they wrote into `said`."""
    done = subprocess.run(
        [python, "-c", DRIVER.replace("STEPS", code)],
        cwd=product,
        env=children_environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.rpartition("\n")[2])


CORRECTED = """
said["first"] = go()
(newest,) = [line for line in (here / "in/first.csv").read_text().splitlines() if line.startswith("3,")]
give("first.csv", "1,2026-01,10.5,2026-01-03 08:00:00", "2,2026-01,11.0,2026-01-04 08:00:00", newest.replace("9.25", "9.75"))
said["corrected"] = go()
said["again"] = go()
said["full"] = go(anew=True)
"""
"""The newest row gets another value, and nothing else tells that it has changed."""


def without_cursor(product: Path) -> None:
    """Takes away what tells a change; the model reads its newest rows anew each time."""

    def spec(document: dict[str, Any]) -> dict[str, Any]:
        document["spec"]["traits"] = [{"uses": "incremental@1", "properties": {"partition": "month"}}]
        return document

    edit(product / "data-product.yaml", spec)
    model = product / "models" / "readings.sql"
    model.write_text(model.read_text().replace(" > (select", " >= (select"))


def only_the_correction_is_written(said: dict[str, Any]) -> None:
    assert all(said[step]["same"] for step in said)
    assert [said[step]["anew"] for step in said] == [True, False, False, True]
    assert said["corrected"]["written"] == ["2026-02"] and said["again"]["written"] == []
    assert "9.75" in said["corrected"]["rows"][2] and said["full"]["rows"] == said["corrected"]["rows"]
