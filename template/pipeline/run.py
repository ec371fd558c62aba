"""One run of the pipeline: its four stages, what it prints and what it leaves behind."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline import spec
from pipeline.errors import PromiseBroken, UnreadableInput


def main() -> int:
    argparse.ArgumentParser(prog="python -m pipeline", description=__doc__).parse_args()
    try:
        # CI hands over all variables of the repository as one; those of the environment come first.
        run(Path.cwd(), {**json.loads(os.environ.get("PIPELINE_VARIABLES") or "{}"), **os.environ})
    except UnreadableInput as problem:
        _say(f"\n{problem}")
        if problem.mend:
            _say(f"Mend: {problem.mend}")
        return problem.exit_code
    return 0


def run(root: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """Runs the product below `root`; returns what build/run.json says of it.

    Raises PromiseBroken where the data breaks a promise, UnreadableInput where there is nothing to run on.
    """
    started, clock = datetime.now(UTC), time.monotonic()
    product = spec.load(root, environment)
    with _alone(product), contextlib.chdir(root):
        _say(f"{product.domain}/{product.name} {product.version}")

        with _stage("ingest") as done:
            from pipeline.ingest import ingest

            rows_in = ingest(product)
            done(" · ".join(f"{name} {count:,} rows" for name, count in rows_in.items()))

        with _stage("transform") as done:
            done(product.transform.module().transform(product))

        # What follows imports the contract's checker: late, so that the first stages show at once.
        from pipeline import publish, service_levels, verify

        with _stage("verify") as done:
            contract = verify.read_contract(product)
            dataset = publish.stage(product, verify.promised_columns(product, contract), started)
            checks = verify.verify(product, contract, dataset)
            done(f"{len(checks)} checks of {product.contract.name} {contract.version}")

        with _stage("publish") as done:
            locations = publish.publish(product, dataset)
            done(f"{dataset.rows:,} rows to {', '.join(locations)}")

        levels = service_levels.measure(product, dataset, started)
        slis = service_levels.write(product, levels)
        publish.write_address_book(product, locations)
        report = {
            "product": f"{product.domain}/{product.name}",
            "version": product.version,
            "contract": contract.version,
            "startedAt": started.isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - clock, 3),
            "rowsIn": rows_in,
            "rowsOut": dataset.rows,
            "checks": [vars(check) for check in checks],
            "ports": {product.address(name): location for name, location in locations.items()},
        }
        publish.write_text(root / "build" / "run.json", json.dumps(report, indent=2) + "\n")

    unsure = [check for check in checks if check.result == "warning"]
    _say("")
    _say(f"  rows     {sum(rows_in.values()):,} in, {dataset.rows:,} out")
    _say(
        f"  checks   {len(checks) - len(unsure)} passed"
        + (f", {len(unsure)} with a warning" if unsure else "")
    )
    for check in unsure:
        _say(f"           {check}")
    for level in levels:
        _say(f"  SLI      {level}")
    for port in product.outputs:
        _say(f"  port     {product.address(port.name)} ({port.uses})\n           {locations[port.name]}")
    _say(f"  seconds  {report['seconds']:.1f}; indicators in {slis.relative_to(root)}")
    if missed := [level for level in levels if not level.kept]:
        raise PromiseBroken(
            f"Published, but {', '.join(level.name for level in missed)} missed the service level.",
            mend="Mend what slows or thins the data, or promise less in spec.serviceLevels.",
        )
    return report


@contextlib.contextmanager
def _alone(product: spec.Product) -> Iterator[None]:
    """One run at a time, in a fresh scratch folder, whatever an earlier run left there."""
    (product.root / "build").mkdir(exist_ok=True)
    with (product.root / "build" / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UnreadableInput(
                "Another run of this product is under way here.", mend="Wait until it has ended."
            ) from None
        shutil.rmtree(product.scratch, ignore_errors=True)
        product.scratch.mkdir(parents=True)
        yield


@contextlib.contextmanager
def _stage(name: str) -> Iterator[Any]:
    """Shows a stage when it starts, and what it did when it ends."""
    print(f"  {name:<9}", end="", flush=True)
    clock = time.monotonic()

    def done(what: str) -> None:
        _say(f"{time.monotonic() - clock:5.1f} s  {what}")

    try:
        yield done
    except UnreadableInput as problem:
        _say(
            f"{time.monotonic() - clock:5.1f} s  FAILED; nothing was published"
            if name != "publish"
            else "FAILED"
        )
        raise type(problem)(f"{name}: {problem}", mend=problem.mend) from problem


def _say(text: str) -> None:
    print(text, file=sys.stdout, flush=True)
