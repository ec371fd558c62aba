"""One run of the pipeline: its four stages, in order, and what it leaves behind."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from pipeline import spec
from pipeline.errors import PromiseBroken, UnreadableInput
from pipeline.progress import counted, say, stage, summary


def main() -> int:
    """Runs the product in this folder; returns the exit code."""
    options = argparse.ArgumentParser(
        prog="python -m pipeline",
        description="Runs the data product in this folder: ingest, transform, verify the contract, publish.",
        epilog="Exit codes: 0 published and all kept, 1 a promise is not kept, 2 nothing to run on.",
    )
    options.add_argument(
        "--environment",
        default="",
        metavar="NAME",
        help="one of spec.environments in data-product.yaml; without it, the sample",
    )
    options.add_argument(
        "--full-refresh", action="store_true", help="make everything anew, whatever earlier runs have left"
    )
    chosen = options.parse_args()
    interrupted = _interruption()
    try:
        # CI hands over all variables of the repository as one; those of the environment come first.
        variables = {**_variables(os.environ.get("PIPELINE_VARIABLES") or "{}"), **os.environ}
        run(Path.cwd(), variables, chosen.environment, anew=chosen.full_refresh)
    except BaseException as problem:
        # Libraries make errors of their own of an interruption.
        if interrupted.is_set() or isinstance(problem, KeyboardInterrupt):
            say("\nInterrupted. Every port serves what it served before, or the new version whole.")
            return 130
        if not isinstance(problem, UnreadableInput):
            raise
        say(f"\n{problem}")
        if problem.mend:
            say(f"Mend: {problem.mend}")
        return problem.exit_code
    return 0


def _interruption() -> threading.Event:
    """Is set when Ctrl-C has been pressed, whatever becomes of the exception."""
    interrupted = threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        interrupted.set()
        signal.default_int_handler(number, frame)

    # A job in the background ignores it, and goes on doing so.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
    return interrupted


def _variables(text: str) -> dict[str, str]:
    try:
        return dict(json.loads(text))
    except ValueError as error:
        raise UnreadableInput(f"PIPELINE_VARIABLES is not a JSON object: {error}") from error


def run(
    root: Path, environment: Mapping[str, str], target: str = "", *, anew: bool = False
) -> dict[str, Any]:
    """Runs the product below `root`, as it is in `target`; returns what build/run.json says of it.

    `environment` has the variables. `anew`: nothing of earlier runs is gone on with.
    Raises PromiseBroken where the data breaks a promise, UnreadableInput where there is nothing to run on.
    """
    started, clock = datetime.now(UTC), time.monotonic()
    product = spec.load(root, environment, target)
    report: dict[str, Any] = {
        "product": f"{product.domain}/{product.name}",
        "version": product.version,
        "startedAt": started.isoformat(timespec="seconds"),
        "outcome": "failed",
    }
    if target:
        report["environment"] = target
    say(f"{report['product']} {product.version}" + (f" as {target}" if target else ""))
    with _alone(product), contextlib.chdir(root):
        try:
            _stages(product, started, report, anew)
        except UnreadableInput as problem:
            report["problem"] = str(problem)
            raise
        finally:
            report["seconds"] = round(time.monotonic() - clock, 3)
            _write(product, "run.json", json.dumps(report, indent=2) + "\n")
    say(summary(report))
    if missed := [level["name"] for level in report["serviceLevels"] if not level["kept"]]:
        raise PromiseBroken(
            f"Published, but {', '.join(missed)} missed the service level.",
            mend="Mend what slows or thins the data, or promise less in spec.serviceLevels.",
        )
    return report


def _stages(product: spec.Product, started: datetime, report: dict[str, Any], anew: bool) -> None:
    """The four stages; each adds to the report what came of it."""
    # A stage imports what it needs when it begins, so that the first one begins at once.
    from pipeline import dataset as datasets
    from pipeline import incremental

    about = datasets.metadata(product, started)
    with contextlib.ExitStack() as stack:
        with stage("ingest") as done:
            from pipeline import evolution
            from pipeline.ingest import ingest

            platform = stack.enter_context(product.platform.module().opened(product, about))
            landed = ingest(product, platform, anew=anew)
            report["rowsIn"] = {name: input.rows for name, input in landed.items()}
            report["inputsChanged"] = evolution.changes(product, landed)
            done(" · ".join(f"{name} {count:,} rows" for name, count in report["rowsIn"].items()))
        for change in report["inputsChanged"]:
            say(f"            {change}")

        with stage("transform") as done:
            before = incremental.last(product, anew=anew)
            incremental.forget(product)
            report["anew"] = not before
            built = product.transform.module().transform(product, platform, landed, anew=not before)
            report["warnings"] = built.warnings
            done(built.done)
        for warning in built.warnings:
            say(f"            warning: {warning['name']} ({warning['file']}): {warning['message']}")

        with stage("verify") as done:
            from pipeline import service_levels, verify

            contract = verify.read_contract(product)
            report["contract"] = contract.version
            columns = datasets.promised(product, platform, verify.promised_columns(product, contract))
            kept = incremental.kept(product, started)
            dataset, partitions = incremental.write(product, platform, columns, about, before, kept)
            dataset = verify.written(product, contract, dataset)
            report["rowsOut"] = dataset.rows
            checks = verify.verify(product, contract, dataset)
            report["checks"] = [vars(check) for check in checks]
            verify.refuse_broken(product, checks)
            # What cannot be measured is told before it is public.
            service_levels.measure(product, dataset, started)
            done(f"{product.contract.name} {contract.version}: {counted(report['checks'])}")

        with stage("publish") as done:
            from pipeline.publish import address_book, publish

            locations = publish(product, dataset)
            report["ports"] = {product.address(name): location for name, location in locations.items()}
            report["serviceLevels"] = [
                vars(level) for level in service_levels.measure(product, dataset, started)
            ]
            report["outcome"] = "published"
            _write(product, "addresses.yaml", address_book(product, locations))
            _write(product, "slis.json", service_levels.told(product, report["serviceLevels"]))
            incremental.remember(product, dataset, before.code, partitions)
            evolution.remember(product, landed)
            done(f"{dataset.rows:,} rows to {', '.join(locations)}")


@contextlib.contextmanager
def _alone(product: spec.Product) -> Iterator[None]:
    """One run at a time, in a fresh scratch folder, whatever an earlier run left there."""
    try:
        product.build.mkdir(exist_ok=True)
        lock = (product.build / ".lock").open("w")
    except OSError as error:
        raise UnreadableInput(f"build/ cannot be written: {error}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UnreadableInput(
                "Another run of this product is under way here.", mend="Wait until it has ended."
            ) from None
        shutil.rmtree(product.scratch, ignore_errors=True)
        product.scratch.mkdir(parents=True)
        yield


def _write(product: spec.Product, name: str, text: str) -> None:
    """Writes a whole file below build/, or nothing."""
    partial = product.build / f".{name}.partial"
    partial.write_text(text, "utf-8")
    os.replace(partial, product.build / name)
