"""One run of the pipeline, as a command: its options, how it ends, and what it leaves behind.

stages.py adds the part of each stage to the report, which is written to build/run.json here.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import gc
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pipeline import datacontract_cli, endings, progress, sample_run, spec
from pipeline.build_folder import InProgress, run_lock, write
from pipeline.errors import (
    PromiseBroken,
    ServiceLevelMissed,
    UnreadableInput,
    Waiting,
)
from pipeline.progress import say, summary
from pipeline.spec import Product
from pipeline.stages import stages

if TYPE_CHECKING:
    from pipeline.trigger import State

PLACE = "PIPELINE_STATE"
"""Variable for the place where the state of runs is kept: see pipeline/state.py."""
HOMELESS = (
    f"no earlier run has left anything on this machine, and {PLACE} names no place where it could: every run is a full one, and"
    " each history of snapshot@1 begins anew"
)
UNENDED = "The run has not ended: it is in progress, or it was killed."

GARBAGE = (100_000, 50, 100)
"""Thresholds of Python's garbage collector, which by default searches all libraries again for every few that are loaded."""


def main() -> int:
    """Run the product in this folder, or in --project; return the exit code."""
    progress.open_streams()
    options = argparse.ArgumentParser(
        prog="python -m pipeline",
        description="Run the data product in this folder: ingest, transform, verify the contract, publish.",
        epilog="Exit codes: 0 published and all kept; 1 a promise is not kept, nothing was published; 2 the inputs, the "
        "spec or the machine cannot be used; 3 published, and a service level was missed; 4 the catalog did not answer "
        "(--if-ready); 130 interrupted; 143 terminated.",
        allow_abbrev=False,
    )
    options.add_argument(
        "--project", metavar="DIR", help="the repository of the data product (default: this folder)"
    )
    options.add_argument(
        "--environment",
        default="",
        metavar="NAME",
        help="one of spec.environments in data-product.yaml (default: the sample)",
    )
    options.add_argument(
        "--full-refresh",
        action="store_true",
        help="rebuild everything, and ignore the results of earlier runs",
    )
    options.add_argument(
        "--log-format",
        choices=("text", "json"),
        default="text",
        help="text for people, or one JSON object a line, with time stamps (default: text)",
    )
    options.add_argument(
        "--missed-is-failure",
        action="store_true",
        help="exit with 1 instead of 3 if a service level was missed",
    )
    options.add_argument(
        "--if-ready",
        action="store_true",
        help="with the trait trigger@1, run only if the products that it reads have published; otherwise exit with 0",
    )
    options.add_argument(
        "--exit-if-waiting",
        type=_count,
        default=0,
        metavar="CODE",
        help="the exit code of --if-ready where no run is due (default: 0)",
    )
    options.add_argument(
        "--watch",
        action="store_true",
        help="run again whenever a file of the repository is saved, until Ctrl-C",
    )
    options.add_argument(
        "--preview",
        nargs="?",
        const="",
        metavar="NAME",
        help="ingest and transform only, and show columns, types and first rows of all tables, or of the one that is named",
    )
    options.add_argument(
        "--limit",
        type=_count,
        metavar="N",
        help="rows that --preview shows of a table (default: 5)",
    )
    chosen = options.parse_args()
    if chosen.watch and chosen.preview is not None:
        options.error("--watch and --preview exclude each other")
    if chosen.if_ready and (chosen.watch or chosen.preview is not None):
        options.error("--if-ready excludes --watch and --preview")
    if chosen.limit is not None and chosen.preview is None:
        options.error("--limit is an option of --preview: add it")
    if chosen.log_format == "json":
        progress.use_json()
    endings.heed_signals()
    root = None
    try:
        began_in = _folder()
        root = _root(chosen.project)
        os.chdir(root)  # the folder that it was started in may be gone
        # CI passes all variables of the repository as one JSON object; variables of the environment take precedence.
        variables = {**_variables(os.environ.get("PIPELINE_VARIABLES") or "{}"), **os.environ}
        if chosen.preview is not None:
            from pipeline.preview import preview

            preview(
                spec.load(root, variables, chosen.environment),
                chosen.preview,
                5 if chosen.limit is None else chosen.limit,
            )
        elif chosen.watch:
            _watch(root, variables, chosen, began_in)
        else:
            missed = PromiseBroken if chosen.missed_is_failure else ServiceLevelMissed
            run(
                root,
                variables,
                chosen.environment,
                anew=chosen.full_refresh,
                missed=missed,
                counts=True,
                if_ready=chosen.if_ready,
                place=variables.get(PLACE, ""),
            )
    except Waiting as reason:
        say(f"{reason} Nothing was run.", "run.waiting")
        return int(chosen.exit_if_waiting)
    except BaseException as problem:
        return _end(problem, root)
    say("", "run.ended", exitCode=0)
    return 0


def _end(problem: BaseException, root: Path | None) -> int:
    """Report why a run ended early; return its exit code."""
    code = endings.exit_code(problem)
    text, fix = endings.explained(problem, code, root)
    say(f"\n{text}", "run.ended", level="warning" if code in (3, 4) else "error", exitCode=code, fix=fix)
    return code


def _watch(root: Path, variables: Mapping[str, str], chosen: argparse.Namespace, began_in: str) -> NoReturn:
    """Run now and whenever a file is saved. Ends with a signal's KeyboardInterrupt."""
    from pipeline.watch import watch

    progress.use_brief()
    anew = iter([chosen.full_refresh])

    def once() -> None:
        try:
            run(root, variables, chosen.environment, anew=next(anew, False), place=variables.get(PLACE, ""))
        except InProgress:
            raise
        except BaseException as problem:
            if endings.was_stopped(problem):
                raise KeyboardInterrupt from problem
            _end(problem, root)

    def restart() -> NoReturn:
        atexit._run_exitfuncs()  # libraries give back what outlasts a process
        if began_in:
            os.chdir(began_in)
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - this very command

    watch(root, once, lambda: spec.files_outside(root, variables, chosen.environment), restart)


def _folder() -> str:
    """Return the current folder; empty if it is gone."""
    try:
        return os.getcwd()
    except OSError:
        return ""


def _count(text: str) -> int:
    """Return a number of rows. Raises ValueError."""
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


def _root(project: str | None) -> Path:
    """Return the product's repository. Raises UnreadableInput if there is none."""
    try:
        root = Path(project or ".").resolve(strict=True)
        if (root / spec.FILE).exists():
            return root
    except (OSError, RuntimeError, ValueError) as error:  # missing folder, circular links, null byte
        raise UnreadableInput(
            f"{project or 'The current folder'} is not a readable folder: {error}",
            fix="Give the repository of a data product: --project DIR",
        ) from error
    raise UnreadableInput(
        f"{root} is not a data product: it has no {spec.FILE}.",
        fix="Run in the repository of a data product, or give it: --project DIR",
    )


def _variables(text: str) -> dict[str, str]:
    fix = 'Write a JSON object of texts, such as {"FLIGHTS": "in/flights.csv"}, or remove the variable.'
    try:
        variables = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableInput(f"PIPELINE_VARIABLES is not a JSON object: {error}", fix=fix) from error
    if not isinstance(variables, dict):
        raise UnreadableInput("PIPELINE_VARIABLES is JSON, but not an object.", fix=fix)
    if other := [name for name, value in variables.items() if not isinstance(value, str)]:
        # Its value may be a secret.
        raise UnreadableInput(f"PIPELINE_VARIABLES: the value of {other[0]} is not a text.", fix=fix)
    return variables


def run(
    root: Path,
    environment: Mapping[str, str],
    target: str = "",
    *,
    anew: bool = False,
    missed: type[PromiseBroken] = ServiceLevelMissed,
    counts: bool = False,
    if_ready: bool = False,
    place: str = "",
) -> dict[str, Any]:
    """Run the product below `root` in the environment `target`; return the content of build/run.json.

    `environment` has the variables. `anew`: ignore all results of earlier runs. `counts`: the run counts for service levels
    over time, unless it is one on the sample. `if_ready`: only if trigger@1 finds its inputs ready; otherwise nothing is
    written, and Waiting is raised. `place`: where the state of runs is kept, if not only below build/.
    Raises PromiseBroken if the data breaks a promise, `missed` if it is published but misses a service level,
    UnreadableInput if there is nothing to run on.
    """
    gc.set_threshold(*GARBAGE)
    started, clock = datetime.now(UTC), time.monotonic()
    report: dict[str, Any] = {
        "startedAt": started.isoformat(timespec="seconds"),
        "outcome": "failed",
        "problem": UNENDED,
    }
    if target:
        report["environment"] = target
    product: Product | None = None
    with _only_run(root, if_ready), contextlib.ExitStack() as at_end:
        known = _ask(root, environment, target, place) if if_ready else None
        try:
            product = spec.load(root, environment, target)
            datacontract_cli.begin(product.contract)
            report = {"product": f"{product.domain}/{product.name}", "version": product.version, **report}
            say(
                f"{report['product']} {product.version}" + (f" as {target}" if target else ""),
                "run.started",
                **{key: report[key] for key in ("product", "version", "environment") if key in report},
            )
            _begin_lineage(product, environment, report)
            write(root, "run.json", report)  # what is known of a run that is killed
            basis = sample_run.basis(product, environment)
            killed = None
            if place:
                from pipeline import state

                killed = at_end.enter_context(state.at_home(place, product, environment, started))
            elif product.state and not product.state.exists() and _is_for_real(environment, target):
                say(f"  state    {HOMELESS}", level="warning")
            if counts and product.has_targets and not sample_run.is_sample(product, environment):
                from pipeline import history

                history.begin(product, started, killed)
                report["counted"] = True
            if product.trait("trigger") is not None:
                from pipeline import trigger

                report["consumed"] = trigger.consumed(product, environment, known)
            with contextlib.chdir(root):
                stages(product, started, report, anew)
            if "consumed" in report:
                trigger.remember(product, report["consumed"])
            report["seconds"] = round(time.monotonic() - clock, 3)
            say(summary(report), "run.published", **progress.fields(report))
            if names := [level["name"] for level in report["serviceLevels"] if progress.is_missed(level)]:
                report["missed"] = names
                raise missed(
                    f"Published, but {', '.join(names)} missed the service level.",
                    fix=progress.fix_of_miss(report),
                )
        except BaseException as problem:
            report = {**_name(root), **report, "exitCode": endings.exit_code(problem)}
            report["seconds"] = round(time.monotonic() - clock, 3)
            if "missed" not in report:
                report["problem"] = endings.explained(problem, report["exitCode"], None)[0]
            with contextlib.suppress(UnreadableInput):  # the disk may be the cause
                if product is None and counts:
                    from pipeline import history

                    history.end_unread(root, environment, target, started)
            with contextlib.suppress(UnreadableInput):
                _record(root, report, product, started, environment)
            raise
        report["exitCode"] = 0
        if basis and basis == sample_run.basis(product, environment):  # nothing was saved while it ran
            report["sample"] = {"basis": basis, "ports": sample_run.served(report)}
        _record(root, report, product, started, environment)
    return report


def _is_for_real(environment: Mapping[str, str], target: str) -> bool:
    """Return True in CI, unless the product is only checked on its sample."""
    return bool(environment.get("CI") and (target or environment.get("PIPELINE_VARIABLES")))


@contextlib.contextmanager
def _only_run(root: Path, if_ready: bool) -> Iterator[None]:
    """Allow one run at a time. Raises InProgress, and Waiting where a run was only to be made if one is due."""
    try:
        with run_lock(root):
            yield
    except InProgress as problem:
        if if_ready:
            raise Waiting("Another run of this product is in progress here.", fix="") from problem
        raise


def _ask(root: Path, environment: Mapping[str, str], target: str, place: str) -> State | None:
    """Return what trigger@1 knows, if a run is due; None for a product without it. Raises Waiting, among others.

    The lock is held, so that a run that has just ended here counts; so does the last one that saved its state at `place`.
    """
    product = spec.load(root, environment, target)
    if product.trait("trigger") is None:
        return None
    from pipeline import trigger

    if place:
        from pipeline import state

        state.bring(place, product, trigger.file_of(product))
    return trigger.require_ready(product, environment)


def _record(
    root: Path,
    report: dict[str, Any],
    product: Product | None,
    started: datetime,
    environment: Mapping[str, str],
) -> None:
    """Record how a run ended, good or bad. Raises UnreadableInput if the disk cannot take it."""
    try:
        if product and "counted" in report:
            from pipeline import error_budgets

            error_budgets.close(product, report, started)
    except UnreadableInput as problem:
        if not report["exitCode"]:
            report |= {"exitCode": problem.exit_code, "problem": str(problem)}
        raise
    finally:
        try:
            write(root, "run.json", report)
        finally:  # a server can still take what the disk cannot
            from pipeline import metrics

            metrics.emit(root, report, environment, product)
            if "lineage" in report:
                from pipeline import lineage

                lineage.ended(report)


def _begin_lineage(product: Product, environment: Mapping[str, str], report: dict[str, Any]) -> None:
    """Send the beginning of a run as an OpenLineage event, if the product has `lineage@1`."""
    if product.trait("lineage") is None:
        return
    try:
        from pipeline import lineage
    except ImportError:  # the spec names the trait, and the repository does not have its files
        say(
            f"  lineage: no events are sent: lineage@1 needs more files. {spec.CHECK} prints how to add them.",
            level="warning",
        )
        return
    report["lineage"] = lineage.started(product, environment, report)


def _name(root: Path) -> dict[str, str]:
    """Return the product's name and version, as far as the spec can be read; else the name that the last run here had."""
    try:
        metadata = spec.read(root)["metadata"]
        return {"product": f"{metadata['domain']}/{metadata['name']}", "version": metadata["version"]}
    except (UnreadableInput, LookupError, TypeError):
        pass
    # Without a name there are no metrics, and those of the last run would go on to say that all is well.
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
        name = json.loads((root / "build" / "run.json").read_text("utf-8"))["product"]
        if isinstance(name, str) and name.count("/") == 1:
            return {"product": name}
    return {}
