"""Runs in a product's environment and folder: ingests what each line of standard input asks for, as JSON.

Started once for all tests, because dlt takes seconds to start.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import shutil
import sys
import traceback
from pathlib import Path
from typing import Any

import dlt
import duckdb
from dlt.extract.exceptions import ResourceExtractionError

from pipeline import ingest, spec
from pipeline.errors import UnreadableInput
from pipeline.inputs import rest_api
from pipeline.platforms import postgres

QUICKLY = {"BACKOFF_SECONDS": 0.01}


def done(asked: dict[str, Any]) -> dict[str, Any]:
    """One run over one input: its rows and types as the platform has them, or what the run says is wrong."""
    vars(rest_api).update({**DEFAULTS, **QUICKLY, **asked.get("constants", {})})
    source = spec.Capability("inputs", "rest-api@1", "things", "system:x", asked["properties"])
    product = dataclasses.replace(spec.load(Path.cwd(), {}), inputs=(source,))
    shutil.rmtree(product.scratch, ignore_errors=True)
    if not asked.get("goes_on"):
        shutil.rmtree(product.build, ignore_errors=True)
    product.scratch.mkdir(parents=True)
    try:
        return load(asked, source, product)
    except (UnreadableInput, ResourceExtractionError) as failure:
        problem = ingest._cause(failure)
        return {"problem": str(problem), "fix": problem.fix}
    except Exception:
        return {"crash": traceback.format_exc()}


def load(asked: dict[str, Any], source: spec.Capability, product: spec.Product) -> dict[str, Any]:
    if "destination" in asked:
        return elsewhere(asked, source, product)
    if "lands" not in asked:
        tables = list(rest_api.resource(source, product))
        types = {field.name: str(field.type) for field in tables[0].schema}
        rows = itertools.chain(*(table.to_pylist() for table in tables))
        return {"types": types, "rows": [{name: plain(value) for name, value in row.items()} for row in rows]}
    with product.platform.module().opened(product, {}) as platform:
        if asked.get("dies_after_extract"):
            pipeline = dlt.pipeline(
                "ingest",
                pipelines_dir=str(product.scratch / "dlt"),
                destination=platform.landing()[0],
                dataset_name="inputs",
            )
            pipeline.extract([rest_api.resource(source, product)], loader_file_format="parquet")
            return {}
        landed = ingest.ingest(product, platform)
        with duckdb.connect(str(platform.database), read_only=True) as connection:
            connection.execute("set timezone = 'UTC'")
            rows = connection.sql("select * from inputs.things")
            return {
                "landed": landed["things"].rows,
                "notes": landed["things"].notes,
                "gone": landed["things"].gone,
                "undeclared": landed["things"].undeclared,
                "types": dict(zip(rows.columns, map(str, rows.types), strict=True)),
                "rows": [dict(zip(rows.columns, map(plain, row), strict=True)) for row in rows.fetchall()],
            }


def elsewhere(asked: dict[str, Any], source: spec.Capability, product: spec.Product) -> dict[str, Any]:
    """The same into the storage of another platform; whoever asks reads it there."""
    kind, address = asked["destination"]
    made = postgres._destination if kind == "postgres" else getattr(dlt.destinations, kind)
    pipeline = dlt.pipeline(
        "ingest",
        pipelines_dir=str(product.scratch / "dlt"),
        destination=made(address),
        dataset_name="inputs",
    )
    options = {"table_format": "delta"} if kind == "filesystem" else {}
    pipeline.run([rest_api.resource(source, product)], loader_file_format="parquet", **options)
    return {}


def plain(value: Any) -> Any:
    return value if isinstance(value, int | float | str | None) else str(value)


DEFAULTS = {name: value for name, value in vars(rest_api).items() if name.isupper()}
for line in sys.stdin:
    print(json.dumps(done(json.loads(line))), flush=True)
