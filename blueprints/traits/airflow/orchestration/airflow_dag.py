"""This data product as an Airflow DAG, read from data-product.yaml whenever Airflow loads this file.

The pipeline runs as a process, in the product's own environment: nothing of it is imported here, so that Airflow needs only
PyYAML, which it has. Texts of the spec never reach a template: the operators here have no template fields.
"""

from __future__ import annotations

import contextlib
import html
import json
import logging
import os
import re
import signal
import subprocess
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from airflow.sdk import (
    DAG,
    Asset,
    AsyncCallback,
    BaseOperator,
    CronTriggerTimetable,
    DeadlineAlert,
    DeadlineReference,
    MultipleCronTriggerTimetable,
    TaskGroup,
    Variable,
)
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

ROOT = Path(__file__).resolve().parent.parent
RUN = ROOT / "build" / "run.json"
COMMAND = ["uv", "run", "python", "-m", "pipeline"]
NOTIFIER = "airflow.providers.smtp.notifications.smtp.SmtpNotifier"

WORD = "[a-z][a-z0-9]*(?:-[a-z0-9]+)*"
PORT = "[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*"
EMAIL = r"[A-Za-z0-9_%+'-]+(?:\.[A-Za-z0-9_%+'-]+)*@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}"
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

PUBLISHED, BROKEN, MISSED = 0, 1, 3
"""Exit codes of the pipeline; after any other, the same run may succeed later."""
IN_DOUBT = ("warning", "unchecked")
"""Results of checks that neither passed nor failed."""
STOP_SECONDS = 10
LONGEST_LIST = 100
LONGEST_LIMIT = 3650 * 86400
"""Seconds; longer ones do not fit a date."""


def valid(value: Any, pattern: str, what: str) -> str:
    """Return a text of the spec that becomes an id. Raises ValueError, which Airflow shows as an import error."""
    if not isinstance(value, str) or len(value) > 254 or not re.fullmatch(pattern, value):
        raise ValueError(f"data-product.yaml: {what} is not valid. `meshwright check` shows details.")
    return value


def uses(entry: Mapping[str, Any], capability: str) -> bool:
    return str(entry.get("uses")).startswith(f"{capability}@")


def asset(address: str) -> Asset:
    """Return the asset of an output port, the same in the DAGs of its product and of all that read it.

    Airflow ignores the fragment of a URI, here the port, unless its scheme begins with `x-`.
    """
    return Asset(name=address, uri=f"x-{address}")


def schedule(crons: list[str], inlets: list[Asset]) -> Any:
    """Return when the DAG runs: at the times of schedule@1, in UTC; else when all inputs from products were updated."""
    if len(crons) > 1:
        return MultipleCronTriggerTimetable(*crons, timezone="UTC")
    return CronTriggerTimetable(crons[0], timezone="UTC") if crons else inlets or None


def deadlines(levels: Iterable[Mapping[str, Any]], dag_id: str, email: str) -> list[DeadlineAlert]:
    """Return an alert for each limit of freshness and duration, counted from when a run was due."""
    alerts = []
    for level in levels:
        limit = re.fullmatch(r"<=? *([0-9]{1,12}(?:\.[0-9]{1,9})?) *([smhd])", str(level.get("objective")))
        if level.get("indicator") not in ("freshness", "duration") or not limit:
            continue
        name = valid(level.get("name"), WORD, "the name of a service level")
        text = f"{dag_id} has not ended in time: {name}, {limit[0]}"
        # The notifier renders templates; nothing in these texts is one.
        mail = {"to": email, "subject": text, "html_content": f"<p>{html.escape(text)}</p>"}
        alerts.append(
            DeadlineAlert(
                name=name,
                reference=DeadlineReference.DAGRUN_QUEUED_AT,
                interval=timedelta(seconds=min(float(limit[1]) * SECONDS[limit[2]], LONGEST_LIMIT)),
                callback=AsyncCallback(NOTIFIER, kwargs=mail),
            )
        )
    return alerts


class RunPipeline(BaseOperator):
    """Runs the pipeline as a process, and tells Airflow what came of it.

    A broken promise fails without a retry. A missed service level is left to the tasks of that name: the data set is
    published, and its readers have to learn of it.
    """

    ui_color = "#d6eadf"

    def __init__(self, *, command: list[str], **options: Any) -> None:
        super().__init__(**options)
        self.command = command
        self._process: subprocess.Popen[str] | None = None

    def execute(self, context: Any) -> None:
        variables = environment(self.dag_id)
        command = [*self.command, "--log-format", "json"]
        if variables.get("PIPELINE_ENVIRONMENT"):
            command += ["--environment", variables["PIPELINE_ENVIRONMENT"]]
        before = identity(RUN)
        try:
            self._process = subprocess.Popen(  # noqa: S603, RUF100 - no shell; the command is that of the repository
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
            raise AirflowException(f"The pipeline cannot be started: {error}") from error
        stages, problem = self._follow(self._process.stdout or ())
        code = self._process.wait()
        report = written_since(before, code)
        context["ti"].xcom_push(key="report", value=brief(report, code, stages))
        problem = problem or str(report.get("problem") or f"The pipeline ended with {code}.")
        if code == BROKEN:
            raise AirflowFailException(problem)
        if code not in (PUBLISHED, MISSED):
            raise AirflowException(problem)
        if report.get("outcome") != "published":
            raise AirflowException(
                f"The pipeline ended with {code}, but left no new {RUN.relative_to(ROOT)}."
            )
        for outlet in self.outlets:
            context["outlet_events"][outlet].extra = {
                "rows": report.get("rowsOut"),
                "version": report.get("version"),
                "contract": report.get("contract"),
                "startedAt": report.get("startedAt"),
            }

    def _follow(self, lines: Iterable[str]) -> tuple[dict[str, float], str]:
        """Log what the pipeline reports, a group for each stage; return the seconds of the stages, and the last words."""
        stages, problem = {}, ""
        for line in lines:
            try:
                event = json.loads(line)
                kind, message = str(event["event"]), str(event.get("message", ""))
            except (ValueError, LookupError, TypeError, RecursionError):
                self.log.info("%s", line.rstrip())
                continue
            if kind == "stage.started":
                self.log.info("::group::%s", event.get("stage"))
            elif kind in ("stage.ended", "stage.failed"):
                stages[str(event.get("stage"))] = event.get("seconds")
                self.log.info("::endgroup::")
            if fix := event.get("fix"):
                message += f"\nFix: {fix}"
            if message:
                self.log.log(LEVELS.get(str(event.get("level")), logging.INFO), "%s", message)
            if kind == "run.ended":
                problem = message
        return stages, problem

    def on_kill(self) -> None:
        """Let the pipeline end by itself: every port serves either the old version or the new one."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


LEVELS = {"warning": logging.WARNING, "error": logging.ERROR}


class CheckContract(BaseOperator):
    """Fails unless the run checked the contract and published; shows warnings, and what nobody could check."""

    ui_color = "#e7e3f4"

    def execute(self, context: Any) -> None:
        report = context["ti"].xcom_pull(task_ids="run", key="report") or {}
        for check in report.get("others", []):
            self.log.warning("%s: %s (%s)", check.get("name"), check.get("result"), check.get("reason"))
        if report.get("outcome") != "published" or report.get("passed") is None:
            raise AirflowFailException(report.get("problem") or "Unknown: the run left no report.")
        self.log.info("%s checks passed, %s others", report["passed"], len(report["others"]))


class CheckServiceLevel(BaseOperator):
    """Fails if the run counts this service level as missed; is skipped where there is nothing to compare with yet."""

    ui_color = "#e7e3f4"

    def __init__(self, *, level: str, **options: Any) -> None:
        super().__init__(**options)
        self.level = level

    def execute(self, context: Any) -> None:
        report = context["ti"].xcom_pull(task_ids="run", key="report") or {}
        level = next((one for one in report.get("serviceLevels", []) if one.get("name") == self.level), None)
        if level is None:
            raise AirflowFailException("Unknown: the run did not measure it.")
        text = f"{level.get('value')} {level.get('unit')}, objective {level.get('objective')} {level.get('reason', '')}"
        if self.level in report.get("missed", []):
            raise AirflowFailException(f"Missed: {text}")
        if level.get("kept") is None:
            raise AirflowSkipException(f"Not known yet: {text}")
        if level["kept"]:
            self.log.info("Kept: %s", text)
        else:
            self.log.warning("Missed in this run, within the error budget: %s", text)


def environment(dag_id: str) -> dict[str, str]:
    """Return the variables of the process: the worker's, without Airflow's own, and the product's.

    The product's are in two Airflow variables, objects of texts in JSON. Airflow masks a variable with `secret` in its name.
    """
    own = ("AIRFLOW", "_AIRFLOW", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    for key in (f"{dag_id}_variables", f"{dag_id}_secrets"):
        given = Variable.get(key, default=None, deserialize_json=True) or {}
        if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
            raise AirflowFailException(f"The Airflow variable {key} is not a JSON object of texts.")
        variables |= given
    return variables


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


def brief(report: Mapping[str, Any], code: int, stages: Mapping[str, float]) -> dict[str, Any]:
    """Return what the tasks after the run look at, small enough for Airflow's database."""
    others = [check for check in report.get("checks", []) if check.get("result") != "passed"]
    others += report.get("doubts", [])
    return {
        "exitCode": code,
        "outcome": report.get("outcome"),
        "problem": report.get("problem"),
        "rows": report.get("rowsOut"),
        "version": report.get("version"),
        "stages": dict(stages),
        "passed": sum(check.get("result") == "passed" for check in report["checks"])
        if "checks" in report
        else None,
        "others": others[:LONGEST_LIST],
        "serviceLevels": report.get("serviceLevels", []),
        "missed": report.get("missed", []),
    }


def product() -> DAG:
    """Return the DAG of the product that this file is in. Raises ValueError, OSError."""
    text = (ROOT / "data-product.yaml").read_text("utf-8")
    document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    metadata, spec = document["metadata"], document["spec"]
    domain = valid(metadata.get("domain"), WORD, "metadata.domain")
    name = valid(metadata.get("name"), WORD, "metadata.name")
    traits = spec.get("traits") or []
    if not any(uses(trait, "airflow") for trait in traits):
        raise ValueError(
            "data-product.yaml: the trait airflow@1 is missing, so Airflow does not start the runs."
        )
    properties = next(trait.get("properties") or {} for trait in traits if uses(trait, "airflow"))
    crons = [trait["properties"]["cron"] for trait in traits if uses(trait, "schedule")]
    sources = [str(entry.get("from")) for entry in spec.get("inputs") or []]
    inlets = [
        asset(valid(source, f"dp:{WORD}/{WORD}#{PORT}", "`from` of an input"))
        for source in dict.fromkeys(sources)
        if source.startswith("dp:")
    ]
    outlets = [
        asset(f"dp:{domain}/{name}#{valid(port.get('name'), PORT, 'the name of an output port')}")
        for port in spec.get("outputs") or []
    ]
    levels = spec.get("serviceLevels") or []
    owner = spec.get("owner") or {}
    email = valid(owner.get("email"), EMAIL, "spec.owner.email")
    described = spec.get("description") or {}
    dag_id = f"{domain}.{name}"
    dag = DAG(
        dag_id=dag_id,
        dag_display_name=str(metadata.get("title") or dag_id)[:200],
        description=str(described.get("purpose") or "")[:1000],
        # A text that ends in .md would be taken for the name of a file.
        doc_md="\n\n".join(str(text) for text in described.values()) + "\n",
        schedule=schedule(crons, inlets),
        catchup=False,
        max_active_runs=1,
        deadline=deadlines(levels, dag_id, email),
        tags={domain, str(spec.get("type")), str(spec.get("classification"))},
        default_args={"owner": email},
        owner_links={email: f"mailto:{email}"},
    )
    queue = {"queue": str(properties["queue"])} if properties.get("queue") else {}
    with dag:
        run = RunPipeline(
            task_id="run",
            command=[str(word) for word in properties.get("command") or COMMAND],
            inlets=inlets,
            outlets=outlets,
            retries=3,
            retry_delay=timedelta(minutes=5),
            retry_exponential_backoff=2,
            max_retry_delay=timedelta(hours=1),
            **queue,
        )
        # A failed run is reported here too: the last tasks of a DAG decide about the state of its run.
        run >> CheckContract(task_id="contract", trigger_rule="all_done", retries=0)
        with TaskGroup("service_levels"):
            for level in levels:
                task_id = valid(level.get("name"), WORD, "the name of a service level")
                run >> CheckServiceLevel(task_id=task_id, level=task_id, retries=0)
    return dag


dag = product()
