"""The four stages of a run, in order. Each adds to the report what came of it.

A stage imports what it needs when it begins, so that the first one begins at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline import dbt_packages
from pipeline.build_folder import write
from pipeline.errors import MAKE_ROOM, UnreadableInput
from pipeline.progress import IN_DOUBT, counted, say, stage
from pipeline.spec import Product

if TYPE_CHECKING:
    from pipeline.dataset import Dataset
    from pipeline.incremental import PreviousRun
    from pipeline.ingest import Landed
    from pipeline.platforms import Platform

DECLARE = """            {}: not all columns have declared types; undeclared ones got the types that are certain.
            Give these tables of {} their columns:"""


class _Written(NamedTuple):
    """The data set that was made, with what the next run goes on with."""

    dataset: Dataset
    columns: list[str]
    partitions: dict[str, list[Any]]


def stages(product: Product, started: datetime, report: dict[str, Any], anew: bool) -> None:
    """Ingest, transform, verify and publish. `anew`: nothing of earlier runs is gone on with."""
    dbt_packages.refuse_fetched(product.root)
    origin = about(product, started)
    with contextlib.ExitStack() as stack:
        platform, landed = ingested(product, origin, report, anew, stack)
        before = transformed(product, platform, landed, report, anew)
        written = _verify(product, started, report, platform, landed, origin, before)
        _publish(product, started, report, platform, landed, before, written)


def about(product: Product, started: datetime) -> dict[str, str]:
    """Return the metadata that the data set carries."""
    from pipeline import dataset as datasets

    return datasets.metadata(product, started)


def ingested(
    product: Product, about: dict[str, str], report: dict[str, Any], anew: bool, stack: contextlib.ExitStack
) -> tuple[Platform, dict[str, Landed]]:
    """Read all inputs into the platform, which stays open as long as the stack."""
    with stage("ingest") as done:
        from pipeline import evolution, open_decisions, volumes
        from pipeline.ingest import ingest
        from pipeline.outputs import refuse_impossible

        refuse_impossible(product)
        open_decisions.refuse(product)
        platform = stack.enter_context(product.platform.module().opened(product, about))
        landed = ingest(product, platform, anew=anew)
        report["rowsIn"] = {name: input.rows for name, input in landed.items()}
        report["inputsChanged"] = evolution.changes(product, landed)
        report["inputNotes"] = volumes.notes(product, landed)
        if shared := {name: dict(input.agreement) for name, input in landed.items() if input.agreement}:
            report["agreements"] = shared
        if places := {name: input.location for name, input in landed.items() if input.location}:
            report["inputLocations"] = places
        report["newest"] = {name: dict([input.newest]) for name, input in landed.items() if input.newest}
        done(" · ".join(f"{name} {count:,} rows" for name, count in report["rowsIn"].items()))
    for change in (*report["inputsChanged"], *report["inputNotes"]):
        say(f"            {change}", stage="ingest", level="warning")
    if undeclared := evolution.undeclared(landed):
        report["undeclared"] = undeclared
        files, report["declare"] = evolution.sources_block(product, landed)
        say(
            f"{DECLARE.format(', '.join(undeclared), files)}\n\n{report['declare']}\n",
            stage="ingest",
            level="warning",
        )
    return platform, landed


def transformed(
    product: Product, platform: Platform, landed: Mapping[str, Landed], report: dict[str, Any], anew: bool
) -> PreviousRun:
    """Make the model of the data set; return what the last run left."""
    from pipeline import incremental

    with stage("transform") as done:
        before = incremental.previous_run(product, anew=anew)
        incremental.forget(product)
        report["anew"] = not before
        built = product.transform.module().transform(product, platform, landed, anew=not before)
        report["warnings"] = built.warnings
        done(built.done)
    for warning in built.warnings:
        say(
            f"            warning: {warning['name']} ({warning['file']}): {warning['message']}",
            stage="transform",
            level="warning",
        )
    report["incrementalModels"] = incremental.models(product) if before else []
    for name in report["incrementalModels"]:
        say(
            f"            {name} is an incremental model, which adds only rows that its filter selects: a row that is"
            " late, changed or deleted outside of the filter stays as it was until a run with --full-refresh",
            stage="transform",
            level="warning",
        )
    return before


def _verify(
    product: Product,
    started: datetime,
    report: dict[str, Any],
    platform: Platform,
    landed: Mapping[str, Landed],
    about: dict[str, str],
    before: PreviousRun,
) -> _Written:
    """Write the data set, and check every promise of the contract; raises PromiseBroken."""
    with stage("verify") as done:
        from pipeline import dataset as datasets
        from pipeline import evolution, incremental, service_levels, verify

        contract = verify.read_contract(product)
        report["contract"] = contract["version"]
        columns = datasets.promised(product, platform, verify.promised_columns(product, contract))
        kept = incremental.kept(product, started, platform.columns(product.dataset))
        dataset, partitions = incremental.write(product, platform, columns, about, before, kept)
        dataset = verify.written(product, contract, dataset)
        report["rowsOut"] = dataset.rows
        evolution.refuse_changed(product, landed, dataset)
        checks = verify.verify(product, contract, dataset)
        # Tests of products since 0.1.0 require that all of `checks` passed; warnings and unchecked promises did not fail.
        report["checks"] = [vars(check) for check in checks if check.result not in IN_DOUBT]
        report["doubts"] = [vars(check) for check in checks if check.result in IN_DOUBT]
        verify.refuse_broken(product, checks)
        # A service level that cannot be measured is reported before publishing.
        service_levels.measure(product, dataset, started)
        done(f"{product.contract.name} {contract['version']}: {counted(report)}")
    return _Written(dataset, columns, partitions)


def _publish(
    product: Product,
    started: datetime,
    report: dict[str, Any],
    platform: Platform,
    landed: Mapping[str, Landed],
    before: PreviousRun,
    written: _Written,
) -> None:
    """Serve the new version from every port, and leave in build/ what the next run goes on with."""
    with stage("publish") as done:
        from pipeline import dataset as datasets
        from pipeline import evolution, incremental, service_levels
        from pipeline.publish import address_registry, publish

        dataset = written.dataset
        # `incremental.remember` moves the files.
        types = datasets.described(dataset.parts) if dataset.parts else {}
        locations = publish(product, dataset)
        report["outcome"] = "published"
        del report["problem"]
        report["ports"] = {product.address(name): location for name, location in locations.items()}
        measured = service_levels.measure(product, dataset, started, published=True)
        report["serviceLevels"] = service_levels.counted(
            product, measured, started, counts="counted" in report
        )
        try:
            write(product.root, "addresses.yaml", address_registry(product, locations))
            write(product.root, "slis.json", service_levels.as_text(product, report["serviceLevels"]))
            incremental.remember(product, platform, written.columns, dataset, before.code, written.partitions)
            evolution.remember(product, landed, types, dataset.rows)
        except OSError as error:
            raise UnreadableInput(
                f"The ports serve the new version, but build/ could not be updated: {error}", fix=MAKE_ROOM
            ) from error
        done(f"{dataset.rows:,} rows to {', '.join(locations)}")
