"""Runs in the environment and folder of a product on Spark: brings tables through one session, as a run does.

Each line of standard input is JSON: a folder with `rows.parquet`. What Spark makes of it as a model is left there, in `made`.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path

sys.path.insert(0, os.getcwd())

from pipeline import spec
from pipeline.errors import UnreadableInput
from pipeline.platforms import spark

root, settings = Path(sys.argv[1]), json.loads(sys.argv[2])
platform = spec.Capability("platforms", "spark@1", properties=settings)
transform = spec.Capability("transforms", "dbt@1")
product = spec.Product(
    root, "drawn", "tests", "1.0.0", "data", root / "c.yaml", (), transform, (), (), platform=platform
)
product.scratch.mkdir(parents=True)
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what Spark prints is no answer
with spark.opened(product, {}) as engine:
    for number, line in enumerate(sys.stdin):
        folder, name, model = Path(json.loads(line)), f"rows_{number}", f"model_{number}"
        try:
            engine.attach(name, [folder / "rows.parquet"])
            with spark._understood():
                engine.session.sql(
                    f"create table {engine.relation(model)} using parquet as select * from {engine.input(name)}"
                )
            columns = engine.columns(model)
            # With a condition Spark writes the rows itself, and does not take the table's files.
            engine.write(model, list(columns), folder / "made", rows="true" if number % 2 else "")
            answer = {"columns": columns}
        except UnreadableInput as error:
            answer = {"refused": str(error), "fix": error.fix}
        except Exception:
            answer = {"crash": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)
