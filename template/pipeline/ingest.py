"""Stage 1: every input becomes a table of the schema `inputs`, where the platform reads it."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pyarrow.parquet as pq

from pipeline.column_types import from_arrow
from pipeline.declared import declared
from pipeline.errors import UnreadableInput
from pipeline.inputs import Files
from pipeline.platforms import INPUTS, Platform
from pipeline.spec import Capability, Product


@dataclass(frozen=True)
class Landed:
    """An input, as it has been read."""

    rows: int
    """That this run has read; fewer than there are, if it reads only what is new."""
    columns: dict[str, str]
    """Column -> canonical type, as pipeline/column_types.py has it."""
    described: bool = False
    """Whether what was read says itself what its columns are."""
    undeclared: tuple[str, ...] = ()
    """Columns whose types were taken because they are certain, and which nothing declares."""


def ingest(product: Product, platform: Platform, *, anew: bool = False) -> dict[str, Landed]:
    """Reads all inputs: files as they lie, and what lies in other systems with dlt.

    `anew`: what earlier runs have loaded is dropped, and how far they came is forgotten.
    """
    systems = [source for source in product.inputs if hasattr(source.module(), "resource")]
    landed = {
        source.name: _attach(source, product, platform) for source in product.inputs if source not in systems
    }
    return landed | (_load(systems, product, platform, anew) if systems else {})


def _attach(source: Capability, product: Product, platform: Platform) -> Landed:
    read = source.module().files(source, product)
    files = read.paths if isinstance(read, Files) else read
    try:
        platform.attach(source.name, files)
        schema = pq.read_schema(files[0])
        rows = sum(pq.read_metadata(file).num_rows for file in files)
    except OSError as error:
        raise UnreadableInput(f"Input {source.name}: {error}") from error
    if not isinstance(read, Files):
        return Landed(rows, {field.name: from_arrow(field.type) for field in schema}, described=True)
    known = set() if read.described else declared(source, product).columns.keys()
    undeclared = () if read.described else tuple(name for name in read.columns if name not in known)
    return Landed(rows, read.columns, read.described, undeclared)


def _load(systems: list[Capability], product: Product, platform: Platform, anew: bool) -> dict[str, Landed]:
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")  # dlt reads these when it is imported
    os.environ.setdefault("RUNTIME__LOG_LEVEL", "ERROR")
    import dlt
    from dlt.pipeline.exceptions import PipelineStepFailed

    destination, options = platform.landing()
    # How far the cursors came, dlt reads where the rows are, and nowhere else: with the load that brought them.
    # What a run that died had read and not loaded is read again, and merged by its key.
    pipeline = dlt.pipeline(
        "ingest", pipelines_dir=str(product.scratch / "dlt"), destination=destination, dataset_name=INPUTS
    )
    resources = [source.module().resource(source, product) for source in systems]
    try:
        pipeline.run(resources, refresh="drop_resources" if anew else None, **options)
    except PipelineStepFailed as failure:
        raise _cause(failure) from failure
    counts = pipeline.last_trace.last_normalize_info.row_counts
    landed = {}
    for source in systems:
        platform.landed(source.name)
        known = pipeline.default_schema.get_table_columns(source.name)
        columns = {
            name: str(column["data_type"]) for name, column in known.items() if not name.startswith("_dlt_")
        }
        landed[source.name] = Landed(counts.get(source.name, 0), columns)
    return landed


def _cause(failure: Exception) -> UnreadableInput:
    """What an input module said, out of the layers that dlt wraps around it."""
    error: BaseException | None = failure
    while error is not None:
        if isinstance(error, UnreadableInput):
            return error
        if isinstance(error, KeyboardInterrupt):
            raise error
        error = error.__cause__ or error.__context__
    return UnreadableInput(f"dlt: {failure}")
