"""Emit the metrics of a run: as a text file for Prometheus always, and to a server where one is configured.

Nothing here changes how the run ends: what cannot be written or sent is a warning.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from pipeline import grammar, spec
from pipeline.build_folder import write
from pipeline.errors import UnreadableInput
from pipeline.metric_names import BASE, METRICS, OUTCOMES, PUBLICATION, RESULTS, printable
from pipeline.next_run import next_run
from pipeline.progress import say
from pipeline.spec import Product

FILE = "metrics.prom"
"""Name of the text file in build/."""
COPY = "PIPELINE_METRICS_FILE"
"""Variable: the path of another text file, such as one in the folder that node_exporter reads."""
PUSHGATEWAY = "PIPELINE_METRICS_PUSHGATEWAY"
"""Variable: the address of a Pushgateway."""
OTLP = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""OpenTelemetry's own variables: the address of an OTLP receiver."""
INTERRUPTED = 128
"""A greater exit code is that of a signal."""
LENGTH = re.compile(r"([1-9][0-9]{0,4})([mhd])")
"""A deadline of trigger@1."""
LINE = re.compile(r"(?P<name>\w+)\{(?P<labels>.*)\} (?P<value>\S+)")


class Sample(NamedTuple):
    """A value of a metric; the labels without those that all samples of the run have."""

    name: str
    labels: Mapping[str, str]
    value: float


Lines = dict[str, dict[str, str]]
"""Metric -> its labels, as text -> its value, as text."""


def emit(
    root: Path, report: Mapping[str, Any], variables: Mapping[str, str], product: Product | None = None
) -> None:
    """Write and send the metrics of a run that has ended. `product`: the spec, if the run could read it."""
    try:
        _emit(root, report, variables, product)
    except Exception as error:  # metrics must not change the result of the run
        say(f"The metrics of this run are incomplete: {type(error).__name__}.", "metrics.failed", level="warning")  # fmt: skip


def _emit(
    root: Path, report: Mapping[str, Any], variables: Mapping[str, str], product: Product | None
) -> None:
    if "product" not in report:  # the spec cannot be read, and metrics of an unknown product help nobody
        return
    base = labels_of(report)
    samples = [*samples_of(report, due_after(root, product, report))]
    published = any(METRICS[sample.name].kind == PUBLICATION for sample in samples)
    lines = text_lines(base, samples)
    if not published:
        lines = {**lines, **_kept_lines(root / "build" / FILE, base)}
    text = as_text(lines)
    place = f"build/{FILE}"
    try:
        write(root, FILE, text)
        if copy := variables.get(COPY):
            place = f"{copy} ({COPY})"
            _replace(root / copy, text)
    except (UnreadableInput, OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) else ""
        say(f"The metrics of this run could not be written to {place}: {cause or error}", "metrics.failed", level="warning")  # fmt: skip
    if any(variables.get(name) for name in (PUSHGATEWAY, *OTLP)):
        from pipeline import metric_push

        for problem in metric_push.send(base, samples, variables, report, published):
            say(f"The metrics of this run were not sent: {problem}", "metrics.failed", level="warning")


def labels_of(report: Mapping[str, Any]) -> dict[str, str]:
    """Return the labels that all samples of the run have."""
    domain, _, name = str(report["product"]).partition("/")
    values = zip(BASE, (domain, name, str(report.get("environment") or "")), strict=True)
    return {label: value for label, value in values if value}


def due_after(root: Path, product: Product | None, report: Mapping[str, Any]) -> datetime | None:
    """Return when the next run is due: by the schedule, or at trigger@1's deadline; None if nothing says so."""
    if product is not None:
        traits = [(trait.uses, trait.properties) for trait in product.traits]
    else:
        try:
            listed = spec.read(root)["spec"]["traits"]
            traits = [(trait["uses"], trait["properties"]) for trait in listed if "properties" in trait]
        except (UnreadableInput, LookupError, TypeError):
            return None
    started = datetime.fromisoformat(report["startedAt"])
    crons = [str(properties.get("cron")) for uses, properties in traits if uses.startswith("schedule@")]
    lengths = [str(properties.get("deadline")) for uses, properties in traits if uses.startswith("trigger@")]
    deadlines = [started + timedelta(seconds=int(one[1]) * grammar.SECONDS[one[2]]) for one in map(LENGTH.fullmatch, lengths) if one]  # fmt: skip
    return next_run(crons, started) or min(deadlines, default=None)


def samples_of(report: Mapping[str, Any], due: datetime | None) -> Iterator[Sample]:
    """Yield the samples of a run from its report, the content of build/run.json. `due`: when the next run is."""
    for sample in (*_of_run(report, due), *_over_time(report), *_of_publication(report)):
        if math.isfinite(sample.value):
            yield sample


def _of_run(report: Mapping[str, Any], due: datetime | None) -> Iterator[Sample]:
    started = datetime.fromisoformat(report["startedAt"])
    seconds = float(report.get("seconds") or 0)
    versions = {"version": report.get("version"), "contract_version": report.get("contract")}
    yield Sample("data_product_info", {name: str(value) for name, value in versions.items() if value}, 1)
    yield Sample("data_product_run_start_timestamp_seconds", {}, started.timestamp())
    yield Sample("data_product_run_end_timestamp_seconds", {}, started.timestamp() + seconds)
    yield Sample("data_product_run_duration_seconds", {}, seconds)
    yield Sample("data_product_run_exit_code", {}, report.get("exitCode", 0))
    ended = _outcome(report)
    for outcome in OUTCOMES:
        yield Sample("data_product_run_outcome", {"outcome": outcome}, outcome == ended)
    results = [check.get("result") for name in ("checks", "doubts") for check in report.get(name, ())]
    for result in RESULTS:
        yield Sample("data_product_run_checks", {"result": result}, results.count(result))
    if due:
        yield Sample("data_product_next_run_timestamp_seconds", {}, due.timestamp())


def _outcome(report: Mapping[str, Any]) -> str:
    """Return how a run ended, one of OUTCOMES."""
    code = report.get("exitCode", 0)
    if code > INTERRUPTED:
        return "interrupted"
    if code in (0, 3) or (
        code == 1 and "missed" in report
    ):  # --missed-is-failure; 2 is a state that could not be saved
        return "success"
    return "promise_broken" if code == 1 else "failed"


def _of_publication(report: Mapping[str, Any]) -> Iterator[Sample]:
    """Yield what is known of the data that the run published; nothing if it published none."""
    if report.get("outcome") != "published" or "serviceLevels" not in report:
        return
    ended = datetime.fromisoformat(report["startedAt"]).timestamp() + float(report.get("seconds") or 0)
    for address in report.get("ports", ()):
        port = {"port": address.rpartition("#")[2]}
        yield Sample("data_product_published_timestamp_seconds", port, ended)
        yield Sample("data_product_rows", port, report["rowsOut"])
    for name, rows in report.get("rowsIn", {}).items():
        yield Sample("data_product_input_rows", {"input": name}, rows)
    for level in report["serviceLevels"]:
        yield from _of_level(level, ended)


def _of_level(level: Mapping[str, Any], measured: float) -> Iterator[Sample]:
    """Yield what a service level was, measured at a time, in seconds since 1970."""
    whose = {"service_level": level["name"], "indicator": level["indicator"]}
    goal = grammar.objective(level["objective"])
    if goal is not None:
        unit, factor = BASE_UNITS.get(goal.unit, (goal.unit, 1))
        compared = {**whose, "unit": unit, "comparison": goal.comparison}
        yield Sample("data_product_service_level_objective", compared, goal.value * factor)
        if level["value"] is not None:
            value = level["value"] * factor
            yield Sample("data_product_service_level_value", {**whose, "unit": unit}, value)
            if level["indicator"] == "freshness":
                since = {"service_level": level["name"]}
                yield Sample("data_product_freshness_timestamp_seconds", since, measured - value)
    if level["kept"] is not None:
        yield Sample("data_product_service_level_kept", whose, level["kept"])


OVER_TIME = {
    "target": ("target_ratio", 1),
    "window": ("window_seconds", grammar.SECONDS["d"]),
    "runs": ("window_runs", 1),
    "good": ("window_good_runs", 1),
    "errorBudget": ("error_budget_remaining_ratio", 1),
    "burnRate": ("burn_rate", 1),
}
"""Key of a service level with a target -> the end of its metric's name, and what its value is multiplied with."""


def _over_time(report: Mapping[str, Any]) -> Iterator[Sample]:
    """Yield how the runs in the window met each service level with a target: a run that fails uses its budget, too."""
    for level in report.get("serviceLevels", ()):
        whose = {"service_level": level["name"], "indicator": level["indicator"]}
        for key, (end, factor) in OVER_TIME.items():
            if isinstance(value := level.get(key), int | float):
                yield Sample(f"data_product_service_level_{end}", whose, value * factor)


BASE_UNITS: dict[str, tuple[str, float]] = {
    **{unit: ("seconds", seconds) for unit, seconds in grammar.SECONDS.items()},
    "%": ("ratio", 0.01),
    "rows": ("rows", 1),
}
"""Unit of an objective -> the base unit, and how many of these it is."""


def text_lines(base: Mapping[str, str], samples: list[Sample]) -> Lines:
    """Return the lines of samples in Prometheus' text format; of two with the same labels, the last."""
    lines: Lines = {}
    for name, labels, value in samples:
        text = ",".join(f'{label}="{escaped(value)}"' for label, value in {**base, **labels}.items())
        lines.setdefault(name, {})[text] = repr(float(value)).removesuffix(".0")
    return lines


def as_text(lines: Lines) -> str:
    """Return the content of a text file for Prometheus, in the order of the metrics."""
    return "".join(
        f"# HELP {name} {metric.help}\n# TYPE {name} gauge\n"
        + "".join(f"{name}{{{labels}}} {value}\n" for labels, value in lines[name].items())
        for name, metric in METRICS.items()
        if name in lines
    )


def escaped(value: str) -> str:
    """Return a label's value for Prometheus' text format."""
    return printable(str(value)).replace("\\", r"\\").replace('"', r"\"")


def _kept_lines(file: Path, base: Mapping[str, str]) -> Lines:
    """Return the lines of the last file about what the ports serve: a run that publishes nothing leaves it as it is."""
    lines: Lines = {}
    begin = ",".join(f'{label}="{escaped(value)}"' for label, value in base.items()) + ","
    with contextlib.suppress(OSError, ValueError):
        for line in file.read_text("utf-8").splitlines():
            match = LINE.fullmatch(line)
            if match is None or match["name"] not in METRICS or not match["labels"].startswith(begin):
                continue
            # A file of a run in an environment begins with the same labels as one of a run without.
            other = "environment" not in base and match["labels"].startswith(f'{begin}environment="')
            if METRICS[match["name"]].kind == PUBLICATION and not other:
                lines.setdefault(match["name"], {})[match["labels"]] = match["value"]
    return lines


def _replace(file: Path, text: str) -> None:
    """Write a file atomically, readable for the account of node_exporter. Raises OSError."""
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, "utf-8")
        os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)
