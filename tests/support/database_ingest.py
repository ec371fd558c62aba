"""Ingests inputs as the pipeline does, in processes that can be killed: run in a product, by the product's Python.

Each line of stdin is a request in JSON, each line of stdout its answer. A request runs in a process of its own,
forked from one that has imported all that takes long.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"
sys.path.insert(0, os.getcwd())

import dlt
import duckdb
import sqlalchemy.dialects.mysql.pymysql
import sqlalchemy.dialects.postgresql.psycopg
import sqlalchemy.dialects.sqlite  # noqa: F401 - so that no process has to import it
from dlt.destinations import filesystem

from pipeline.errors import UnreadableInput
from pipeline.ingest import ingest
from pipeline.inputs import database
from pipeline.spec import Capability


def landing(to: str, place: str) -> tuple[Any, dict[str, Any]]:
    if to == "duckdb":
        return dlt.destinations.duckdb(f"{place}/warehouse.duckdb"), {"loader_file_format": "parquet"}
    return filesystem(bucket_url=f"{place}/lake"), {"table_format": "delta"}


def read(to: str, place: str, table: str, order: str) -> dict[str, Any]:
    """What has landed: types by column, and the rows as texts."""
    connection = duckdb.connect(f"{place}/warehouse.duckdb" if to == "duckdb" else ":memory:")
    connection.execute("set timezone = 'UTC'")
    if to == "duckdb":
        relation = connection.sql(f'from inputs."{table}"')
    else:
        import deltalake

        found = deltalake.DeltaTable(f"{place}/lake/inputs/{table}").to_pyarrow_table()  # noqa: F841
        relation = connection.sql("from found")
    names, kinds, rows = relation.columns, [str(kind) for kind in relation.types], relation.fetchall()
    rows = [
        {name: None if value is None else str(value) for name, value in zip(names, row, strict=True)}
        for row in rows
    ]
    return {
        "types": dict(zip(names, kinds, strict=True)),
        "rows": sorted(rows, key=lambda row: str(row.get(order)).zfill(20)),
    }


def answer(request: dict[str, Any]) -> dict[str, Any]:
    inputs = request["inputs"]
    if request.pop("each", False):  # a run for each input
        return {name: answer(request | {"inputs": {name: given}}) for name, given in inputs.items()}
    shutil.rmtree(Path(request["work"]) / "scratch", ignore_errors=True)  # as every run does
    place, work = request["place"], Path(request["work"])
    product = SimpleNamespace(
        contract=work / "c.yaml",
        classification="",
        root=work,
        work=work,
        scratch=work / "scratch",
        state=work,
        build=work / "build",
        target="",
        inputs=tuple(
            Capability("inputs", "database@1", name, "system:tests", properties)
            for name, properties in inputs.items()
        ),
    )
    shutil.rmtree(product.scratch, ignore_errors=True)  # as a run begins
    platform = SimpleNamespace(
        landing=lambda: landing(request["to"], place),
        landed=lambda name: None,
        rows=lambda name: len(read(request["to"], place, name, "id")["rows"]),
    )
    if request.get("chunk"):
        database.CHUNK_ROWS = request["chunk"]
    if request.get("slow"):  # as on a slow machine: there is time to pull the plug
        whole = database._Reader._chunk
        database._Reader._chunk = lambda *given: (time.sleep(request["slow"]), whole(*given))[1]
    try:
        landed = ingest(product, platform, anew=request.get("anew", False))
    except UnreadableInput as problem:
        return {"error": str(problem), "fix": problem.fix}
    said: dict[str, Any] = {"landed": {name: input.rows for name, input in landed.items()}}
    said |= {
        what: {name: getattr(input, what) for name, input in landed.items()}
        for what in ("notes", "gone", "columns")
    }
    if request.get("read", True):
        said |= {
            "tables": {name: read(request["to"], place, name, request.get("order", "id")) for name in inputs}
        }
    return said


def main() -> None:
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        inside, outside = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(inside)
            os.dup2(2, 1)  # what libraries print is no answer
            try:
                said = answer(request)
            except BaseException as error:
                import traceback

                said = {"crash": f"{error!r}\n{traceback.format_exc()}"}
            with os.fdopen(outside, "w") as pipe:
                pipe.write(json.dumps(said))
            os._exit(0)
        os.close(outside)
        if request.get("killed_after") is not None:
            time.sleep(request["killed_after"])
            os.kill(child, signal.SIGKILL)
        with os.fdopen(inside) as pipe:
            text = pipe.read()
        os.waitpid(child, 0)
        print(text or json.dumps({"killed": True}), flush=True)


main()
