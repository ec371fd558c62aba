"""This data product as Dagster definitions, read from data-product.yaml whenever Dagster loads this file.

The pipeline runs as a process, in the product's own environment: nothing of it is imported here, so that a code location needs
only `dagster`, which brings PyYAML.
"""

import contextlib
import json
import logging
import os
import re
import signal
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

ROOT = Path(__file__).resolve().parent.parent
RUN = ROOT / "build" / "run.json"
COMMAND = ["uv", "run", "python", "-m", "pipeline"]

WORD = "[a-z][a-z0-9]*(?:-[a-z0-9]+)*"
PORT = "[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*"
EMAIL = r"[A-Za-z0-9_%+'-]+(?:\.[A-Za-z0-9_%+'-]+)*@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}"
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
LONGEST_LIMIT = 3650 * 86400
"""Seconds; longer ones do not fit a date."""

PUBLISHED, BROKEN, MISSED = 0, 1, 3
"""Exit codes of the pipeline; after any other, the same run may succeed later."""
STOP_SECONDS = 10
LONGEST_LIST = 100
RETRIES = dg.RetryPolicy(max_retries=3, delay=300, backoff=dg.Backoff.EXPONENTIAL)
CONTRACT = "contract"
"""The name of the check of all promises of the contract."""
LEVELS = {"warning": logging.WARNING, "error": logging.ERROR}


def load(path: Path) -> Any:
    """Return the content of a file of YAML. Raises OSError, yaml.YAMLError."""
    return yaml.load(path.read_text("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506


def valid(value: Any, pattern: str, what: str) -> str:
    """Return a text of the spec that becomes an id. Raises ValueError, which Dagster shows at the code location."""
    if not isinstance(value, str) or len(value) > 254 or not re.fullmatch(pattern, value):
        raise ValueError(f"data-product.yaml: {what} is not valid. `meshwright check` shows details.")
    return value


def uses(entry: Mapping[str, Any], capability: str) -> bool:
    return str(entry.get("uses")).startswith(f"{capability}@")


def key(address: str) -> dg.AssetKey:
    """Return the asset key of an output port: domain, product, port. It is the same in the code location of its readers."""
    return dg.AssetKey(re.split("[/#]", address.removeprefix("dp:")))


def name_of(*parts: str) -> str:
    """Return a name as Dagster allows it. The parts have single hyphens only, so that no two become one."""
    return "__".join(parts).replace("-", "_")


def freshness(levels: Iterable[Mapping[str, Any]]) -> dg.FreshnessPolicy | None:
    """Return the policy for the shortest freshness objective; Dagster knows none below a minute."""
    limits = [
        min(float(match[1]) * SECONDS[match[2]], LONGEST_LIMIT)
        for level in levels
        if level.get("indicator") == "freshness"
        and (
            match := re.fullmatch(
                r"<=? *([0-9]{1,12}(?:\.[0-9]{1,9})?) *([smhd])", str(level.get("objective"))
            )
        )
    ]
    return dg.FreshnessPolicy.time_window(timedelta(seconds=max(60, min(limits)))) if limits else None


def columns(spec: Mapping[str, Any]) -> dg.TableSchema:
    """Return the columns that the contract promises."""
    dataset = spec["dataset"]
    path = (ROOT / str(dataset["contract"])).resolve()
    if not path.is_relative_to(ROOT):
        raise ValueError("data-product.yaml: spec.dataset.contract is outside of the repository.")
    tables = load(path).get("schema") or []
    promised: Mapping[str, Any] = next(
        (table for table in tables if table.get("name") == dataset["name"]), {}
    )
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=str(column.get("name")),
                type=str(column.get("physicalType") or column.get("logicalType") or "unknown"),
                description=str(column.get("description") or ""),
                constraints=dg.TableColumnConstraints(
                    nullable=not (column.get("required") or column.get("primaryKey")),
                    unique=bool(column.get("unique")),
                ),
                tags=tags(classification=column.get("classification")),
            )
            for column in promised.get("properties") or []
        ]
    )


def tags(**values: Any) -> dict[str, str]:
    """Return those values that Dagster allows as tags."""
    return {
        name: value for name, value in values.items() if isinstance(value, str) and re.fullmatch(WORD, value)
    }


def environment() -> dict[str, str]:
    """Return the variables of the process: those of the code location, without Dagster's and Python's own."""
    own = ("DAGSTER_", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)}


def identity(path: Path) -> tuple[int, ...] | None:
    """Return what differs between two versions of a file that is always written anew; None if there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def written_since(before: tuple[int, ...] | None, code: int) -> dict[str, Any]:
    """Return the report of the run that ended with `code`; empty if it left none, or it is of another run."""
    report = {} if identity(RUN) == before else json.loads(RUN.read_text("utf-8"))
    return report if report.get("exitCode") == code else {}


def follow(lines: Iterable[str], log: Any) -> tuple[dict[str, Any], str]:
    """Log what the pipeline reports; return the seconds of its stages, and its last words."""
    stages, problem = {}, ""
    for line in lines:
        try:
            event = json.loads(line)
            kind, message = str(event["event"]), str(event.get("message", ""))
        except (ValueError, LookupError, TypeError, RecursionError):
            log.info(line.rstrip())
            continue
        if kind in ("stage.ended", "stage.failed"):
            stages[str(event.get("stage"))] = event.get("seconds")
        message += f"\nFix: {event['fix']}" if event.get("fix") else ""
        if message or kind == "stage.started":
            stage = f"{event['stage']}: " if event.get("stage") else ""
            log.log(LEVELS.get(str(event.get("level")), logging.INFO), f"{stage}{message or 'started'}")
        if kind == "run.ended":
            problem = message
    return stages, problem


def run(command: list[str], log: Any) -> tuple[int, dict[str, Any], dict[str, Any], str]:
    """Run the pipeline; return its exit code, its report, the seconds of its stages, and its last words."""
    variables = environment()
    command = [*command, "--log-format", "json"]
    if variables.get("PIPELINE_ENVIRONMENT"):
        command += ["--environment", variables["PIPELINE_ENVIRONMENT"]]
    before = identity(RUN)
    try:
        process = subprocess.Popen(  # noqa: S603, RUF100 - no shell; the command is that of the repository
            command,
            cwd=ROOT,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise dg.Failure(f"The pipeline cannot be started: {error}") from error
    try:
        stages, problem = follow(process.stdout or (), log)
        code = process.wait()
    finally:
        stop(process)
    report = written_since(before, code)
    return code, report, stages, problem or str(report.get("problem") or f"The pipeline ended with {code}.")


def stop(process: subprocess.Popen[str]) -> None:
    """Let the pipeline end by itself, if it runs: every port serves either the old version or the new one."""
    if process.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def results(
    key: dg.AssetKey, levels: Iterable[str], code: int, report: Mapping[str, Any]
) -> Iterator[dg.AssetCheckResult]:
    """Yield what the run found out: on a failed run only the contract's result, if it was checked."""
    checks, doubts = report.get("checks"), report.get("doubts") or []
    published = code in (PUBLISHED, MISSED)
    if checks is not None:
        others = [check for check in checks if check.get("result") != "passed"]
        found = {"promises kept": len(checks) - len(others)}
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=CONTRACT,
            passed=published and not others,
            description=f"{len(checks) - len(others)} kept, {len(others)} broken, {len(doubts)} in doubt",
            metadata={**found, "broken": others[:LONGEST_LIST], "in doubt": doubts[:LONGEST_LIST]},
        )
    measured = {level.get("name"): level for level in report.get("serviceLevels") or []}
    for name in levels if published else ():
        level = measured.get(name) or {"reason": "The run did not measure it."}
        known = level.get("kept") is not None
        within = "; missed in this run, within the error budget" if level.get("kept") is False else ""
        missed = name in (report.get("missed") or [])
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=name_of(name),
            passed=known and not missed,
            severity=dg.AssetCheckSeverity.ERROR
            if known or name not in measured
            else dg.AssetCheckSeverity.WARN,
            description=str(level.get("reason") or f"{level.get('value')} {level.get('unit')}")
            + ("" if missed else within),
            metadata={"objective": str(level.get("objective")), "value": str(level.get("value"))},
        )


def when_updated(upstream: Iterable[dg.AssetKey]) -> Any:
    """Return the condition of a product without a schedule: all that it reads from products is new since its last run began.

    A port that is published twice counts once. What is published while a run is in progress counts for the next one.
    """
    condition: Any = ~dg.AutomationCondition.in_progress()
    for each in upstream:
        updated = dg.AutomationCondition.asset_matches(each, dg.AutomationCondition.newly_updated())
        condition &= updated.since(dg.AutomationCondition.newly_requested())
    return condition


def definitions() -> dg.Definitions:
    """Return the definitions of the product that this file is in. Raises ValueError, OSError."""
    document = load(ROOT / "data-product.yaml")
    metadata, spec = document["metadata"], document["spec"]
    domain = valid(metadata.get("domain"), WORD, "metadata.domain")
    product = valid(metadata.get("name"), WORD, "metadata.name")
    traits = spec.get("traits") or []
    if not any(uses(trait, "dagster") for trait in traits):
        raise ValueError(
            "data-product.yaml: the trait dagster@1 is missing, so Dagster does not start the runs."
        )
    properties = next(trait.get("properties") or {} for trait in traits if uses(trait, "dagster"))
    command = [str(word) for word in properties.get("command") or COMMAND]
    crons = [trait["properties"]["cron"] for trait in traits if uses(trait, "schedule")]
    sources = [str(entry.get("from")) for entry in spec.get("inputs") or []]
    upstream = [
        key(valid(source, f"dp:{WORD}/{WORD}#{PORT}", "`from` of an input"))
        for source in dict.fromkeys(sources)
        if source.startswith("dp:")
    ]
    levels = [
        valid(level.get("name"), WORD, "the name of a service level")
        for level in spec.get("serviceLevels") or []
    ]
    owner = spec.get("owner") or {}
    owners = [valid(owner.get("email"), EMAIL, "spec.owner.email")]
    version = str(metadata.get("version"))
    schema = columns(spec)
    specs = []
    for port in spec.get("outputs") or []:
        port_name = valid(port.get("name"), PORT, "the name of an output port")
        kind = valid(str(port.get("uses")).partition("@")[0], WORD, "`uses` of an output port")
        specs.append(
            dg.AssetSpec(
                key=key(f"dp:{domain}/{product}#{port_name}"),
                deps=upstream,
                description=str((spec.get("description") or {}).get("purpose") or ""),
                group_name=name_of(domain),
                code_version=version,
                owners=owners,
                kinds={kind},
                tags=tags(type=spec.get("type"), classification=spec.get("classification")),
                metadata={"dagster/column_schema": schema, "title": str(metadata.get("title") or product)},
                freshness_policy=freshness(spec.get("serviceLevels") or []),
                automation_condition=when_updated(upstream) if upstream and not crons else None,
            )
        )
    name = name_of(domain, product)

    @dg.multi_asset(
        name=name,
        specs=specs,
        check_specs=[
            dg.AssetCheckSpec(name=check, asset=each.key)
            for each in specs
            for check in (CONTRACT, *map(name_of, levels))
        ],
        retry_policy=RETRIES,
        pool=name,
    )
    def pipeline(context: dg.AssetExecutionContext) -> Iterator[Any]:
        code, report, stages, problem = run(command, context.log)
        if code in (PUBLISHED, MISSED) and report.get("outcome") != "published":
            raise dg.Failure(f"The pipeline ended with {code}, but left no new {RUN.relative_to(ROOT)}.")
        for each in specs:
            if code in (PUBLISHED, MISSED):
                yield dg.MaterializeResult(
                    asset_key=each.key,
                    metadata={
                        "dagster/row_count": int(report["rowsOut"]),
                        "version": str(report.get("version")),
                        "contract": str(report.get("contract")),
                        "startedAt": str(report.get("startedAt")),
                        "seconds of the stages": stages,
                    },
                )
            yield from results(each.key, levels, code, report)
        if code == BROKEN:
            raise dg.Failure(problem, allow_retries=False)
        if code not in (PUBLISHED, MISSED):
            raise dg.Failure(problem)

    job = dg.define_asset_job(name=f"{name}__job", selection=[pipeline])
    schedules = []
    if crons:
        at = {"cron_schedule": crons, "execution_timezone": "UTC"}
        schedules.append(dg.ScheduleDefinition(name=f"{name}__schedule", job=job, **at))
    return dg.Definitions(assets=[pipeline], jobs=[job], schedules=schedules)


defs = definitions()
