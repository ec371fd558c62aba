"""Runs in a product's environment and folder: lands the inputs that each line of standard input names, as a run does.

A request is JSON: the root of a product, and its inputs. What has landed is left there as an Arrow file for each input, so
that another process can read it without DuckDB.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import traceback
from pathlib import Path
from typing import Any

os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"
sys.path.insert(0, os.getcwd())

import duckdb
import pyarrow as pa

from pipeline import ingest, spec
from pipeline.errors import UnreadableInput


def done(asked: dict[str, Any]) -> dict[str, Any]:
    root = Path(asked["root"])
    inputs = tuple(
        spec.Capability("inputs", given["uses"], name, given.get("from", "system:drawn"), given["properties"])
        for name, given in asked["inputs"].items()
    )
    product = spec.Product(
        root, "drawn", "tests", "1.0.0", "data", root / "c.yaml", inputs, spec.Capability("transforms", "dbt@1"), (), ()
    )  # fmt: skip
    shutil.rmtree(product.scratch, ignore_errors=True)
    product.scratch.mkdir(parents=True)
    try:
        with product.platform.module().opened(product, {}) as platform:
            landed = ingest.ingest(product, platform)
            with duckdb.connect(str(platform.database), read_only=True) as connection:
                connection.execute("set timezone = 'UTC'")
                for name in asked["inputs"]:
                    columns = connection.sql(f'describe inputs."{name}"').fetchall()
                    kept = ", ".join(
                        '"{}"'.format(column.replace('"', '""'))
                        for column, *_ in columns
                        if not column.startswith("_dlt_")
                    )
                    table = connection.sql(f'select {kept} from inputs."{name}"').to_arrow_table()
                    with (
                        pa.OSFile(str(root / f"{name}.arrow"), "wb") as sink,
                        pa.ipc.new_file(sink, table.schema) as file,
                    ):
                        file.write_table(table)
    except UnreadableInput as error:
        return {"error": str(error), "fix": error.fix}
    except Exception:
        return {"crash": traceback.format_exc()}
    return {
        "types": {name: one.columns for name, one in landed.items()},
        "undeclared": {name: one.undeclared for name, one in landed.items()},
    }


for line in sys.stdin:
    print(json.dumps(done(json.loads(line))), flush=True)
