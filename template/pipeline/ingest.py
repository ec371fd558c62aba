"""Stage 1: dlt loads every input into the warehouse's schema `inputs`."""

from __future__ import annotations

import os

os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")  # dlt reads it when it is imported

import dlt
from dlt.pipeline.exceptions import PipelineStepFailed

from pipeline.errors import UnreadableInput
from pipeline.spec import Product

SCHEMA = "inputs"


def ingest(product: Product) -> dict[str, int]:
    """Loads all inputs; returns the rows of each."""
    pipeline = dlt.pipeline(
        "ingest",
        pipelines_dir=str(product.scratch / "dlt"),
        destination=dlt.destinations.duckdb(str(product.warehouse)),
        dataset_name=SCHEMA,
    )
    pipeline.config.restore_from_destination = False  # every run loads all anew
    tables = [
        dlt.resource(source.module().read(source, product), name=source.name, write_disposition="replace")
        for source in product.inputs
    ]
    try:
        pipeline.run(tables, loader_file_format="parquet")
    except PipelineStepFailed as failure:
        raise _cause(failure) from failure
    counts = pipeline.last_trace.last_normalize_info.row_counts
    return {source.name: counts.get(source.name, 0) for source in product.inputs}


def _cause(failure: PipelineStepFailed) -> UnreadableInput:
    """What an input module said, out of the layers that dlt wraps around it."""
    error: BaseException | None = failure
    while error is not None:
        if isinstance(error, UnreadableInput):
            return error
        if isinstance(error, KeyboardInterrupt):
            raise error
        error = error.__cause__ or error.__context__
    return UnreadableInput(f"dlt: {failure}")
