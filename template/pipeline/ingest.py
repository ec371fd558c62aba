"""Stage 1: load every input into a table of the schema `inputs` on the platform."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pyarrow.parquet as pq

from pipeline.column_types import from_arrow
from pipeline.declared_columns import Change, TypesChanged, declared
from pipeline.errors import UnreadableInput, causes
from pipeline.inputs import Files, IngestReport
from pipeline.platforms import INPUTS, Platform
from pipeline.spec import Capability, Product


@dataclass(frozen=True)
class Landed:
    """An input that was read."""

    rows: int
    """Rows that this run has read; fewer than `total` if it reads only new ones."""
    columns: dict[str, str]
    """Column -> canonical type, as in pipeline/column_types.py."""
    described: bool = False
    """True if the source itself has types for its columns."""
    undeclared: tuple[str, ...] = ()
    """Columns without a declared type, which got the type that is certain."""
    total: int = 0
    """All rows that the input has now, with those of earlier runs."""
    notes: tuple[str, ...] = ()
    """Sentences for the report on rows and columns that came or are missing."""
    gone: tuple[str, ...] = ()
    """Columns that the source no longer has; the table keeps them, empty in new rows."""
    newest: tuple[str, str] | None = None
    """The cursor column and its highest value."""
    agreement: Mapping[str, Any] = field(default_factory=dict)
    """The agreement under which it was read."""
    location: str = ""
    """Where the other product serves what was read; empty for other inputs."""


def ingest(product: Product, platform: Platform, *, anew: bool = False) -> dict[str, Landed]:
    """Read all inputs: files directly, data of other systems with dlt.

    `anew`: drop what earlier runs have loaded, and reset their cursors.
    """
    systems = [source for source in product.inputs if hasattr(source.module(), "resource")]
    landed: dict[str, Landed] = {}
    changes: list[Change] = []  # of all inputs, so that one message has a fix for all
    for source in product.inputs:
        if source not in systems:
            try:
                landed[source.name] = _attach(source, product, platform)
            except TypesChanged as changed:
                changes += changed.changes
    if systems and not changes:
        landed |= _load(systems, product, platform, anew)
    if changes:
        raise TypesChanged.of(changes)
    return landed


def _attach(source: Capability, product: Product, platform: Platform) -> Landed:
    read = source.module().files(source, product)
    files = read.paths if isinstance(read, Files) else read
    try:
        platform.attach(source.name, files)
        schema = pq.read_schema(files[0])
        rows = sum(pq.read_metadata(file).num_rows for file in files)
    except OSError as error:
        raise UnreadableInput(
            f"Input {source.name}: {error}",
            fix=f"Make its files readable, or correct the input {source.name} in data-product.yaml.",
        ) from error
    if not isinstance(read, Files):
        columns = {field.name: from_arrow(field.type) for field in schema}
        return Landed(rows, columns, described=True, total=rows)
    known = set() if read.described else declared(source, product).columns.keys()
    undeclared = () if read.described else tuple(name for name in read.columns if name not in known)
    gone = read.absent if rows else ()
    return Landed(
        rows,
        read.columns,
        read.described,
        undeclared,
        rows,
        read.notes,
        gone,
        agreement=read.agreement,
        location=read.location,
    )


def _load(systems: list[Capability], product: Product, platform: Platform, anew: bool) -> dict[str, Landed]:
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")  # dlt reads these when it is imported
    os.environ.setdefault("RUNTIME__LOG_LEVEL", "ERROR")
    import dlt
    from dlt.pipeline.exceptions import PipelineStepFailed

    destination, options = platform.landing()
    # dlt reads the cursor values from the destination only, where they are stored together with the rows.
    # Rows that an interrupted run had read but not loaded are read again, and merged by their key.
    pipeline = dlt.pipeline(
        "ingest", pipelines_dir=str(product.scratch / "dlt"), destination=destination, dataset_name=INPUTS
    )
    resources = [source.module().resource(source, product) for source in systems]
    if check := getattr(platform, "loadable", None):  # a clear error before dlt's own
        for source, resource in zip(systems, resources, strict=True):
            resource.add_map(partial(check, source.name))
    try:
        pipeline.run(resources, refresh="drop_resources" if anew else None, **options)
    except PipelineStepFailed as failure:
        raise _cause(failure) from None  # it is among the causes of `failure` already
    counts = pipeline.last_trace.last_normalize_info.row_counts
    landed = {}
    for source, resource in zip(systems, resources, strict=True):
        platform.landed(source.name)
        report = getattr(resource, "ingest_report", IngestReport())
        known = pipeline.default_schema.get_table_columns(source.name)
        columns = report.columns or {
            name: str(column["data_type"]) for name, column in known.items() if not name.startswith("_dlt_")
        }
        rows = total = counts.get(source.name, 0)
        if "cursor" in source.properties:
            total = platform.rows(source.name)
        landed[source.name] = Landed(
            rows,
            columns,
            report.described,
            tuple(report.undeclared),
            total,
            (*report.notes, *_drift(report, total)),
            tuple(report.gone),
            report.newest,
        )
    return landed


def _drift(report: IngestReport, kept: int) -> Iterator[str]:
    """Yield what a count of the source shows and a cursor cannot."""
    there = report.rows_at_source
    if there is None or there == kept:
        return
    if there < kept:
        yield (
            f"the source has {there:,} rows, but {kept:,} are kept here: rows were deleted at the source, or"
            " the key of a row changed, such as from `A` to `a`. `python -m pipeline --full-refresh` reads everything again"
        )
    else:
        yield (
            f"the source has {there:,} rows, but only {kept:,} are kept here: rows were added behind the cursor. Raise `lag`,"
            " and read everything again with `python -m pipeline --full-refresh`"
        )


def _cause(failure: Exception) -> UnreadableInput:
    """Return the error of an input module, without the layers that dlt wraps around it."""
    for error in causes(failure):
        if isinstance(error, UnreadableInput):
            return error
        if isinstance(error, KeyboardInterrupt):
            raise error
    return UnreadableInput(
        f"dlt: {failure}",
        fix="Correct the input in data-product.yaml, or the source that it names, and run again.",
    )
