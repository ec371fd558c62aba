"""Read OpenLineage events of products' runs: what a run read, what it wrote, and how it ended. Events are untrusted.

https://openlineage.io/docs/spec/ describes the format. The job of a product is called `<domain>.<product>`, or by a name
that goes on after another `.`; a port is known by the symlink `dp`, which the trait `lineage@1` adds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from meshwright.core.yaml import Unreadable

ENDS = ("COMPLETE", "ABORT", "FAIL")
TYPES = ("START", "RUNNING", *ENDS, "OTHER")
DATASETS, COLUMNS, ORIGINS = 200, 1_000, 3_000
"""The most of each that is kept of an event; of origins, for all columns together."""
LONGEST = 2_000
"""Characters of a name; longer ones are refused, because a name that is cut is another name."""
PORTS = "dp"
"""The namespace of symlinks to ports."""
_JOB = re.compile(r"([a-z][a-z0-9]*(?:-[a-z0-9]+)*)\.([a-z][a-z0-9]*(?:-[a-z0-9]+)*)(?:\..*)?", re.DOTALL)
_PORT = re.compile(r"[a-z0-9-]+/[a-z0-9-]+#[A-Za-z0-9_.-]+")
FIX = "Send a RunEvent as https://openlineage.io/spec/2-0-2/OpenLineage.json has it."


@dataclass(frozen=True)
class RunDataset:
    """A data set that a run reads or writes."""

    namespace: str
    name: str
    port: str = ""
    """`<domain>/<product>#<port>`, if the event says that it is one."""


@dataclass(frozen=True)
class RunEvent:
    """One event of one run of a product."""

    product: str
    """`<domain>/<name>`."""
    run: str
    type: str
    at: str
    """RFC 3339, in UTC."""
    inputs: Sequence[RunDataset] = ()
    outputs: Sequence[RunDataset] = ()
    rows: int | None = None
    """Rows that were written."""
    checks: int = 0
    """Assertions on what was written."""
    failed: Sequence[str] = ()
    """Those that do not hold, by name."""
    error: str = ""
    parent: str = ""
    """The job that started it: `<namespace>/<name>`."""
    columns: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    """Column that was written -> data set and column that it is made of."""

    def value(self) -> dict[str, Any]:
        """Return the event as JSON, without its columns, which can be many."""
        return {key: one for key, one in asdict(self).items() if key != "columns"}


def of_value(value: Mapping[str, Any]) -> RunEvent:
    """Return an event that `RunEvent.value` has written."""
    datasets = {key: tuple(RunDataset(**one) for one in value[key]) for key in ("inputs", "outputs")}
    return RunEvent(**{**value, **datasets})


def run_event(value: Any) -> RunEvent:
    """Return what an OpenLineage event says. Raises Unreadable."""
    event, run, job = (
        _object(value, "the event"),
        _object(_of(value, "run"), "run"),
        _object(_of(value, "job"), "job"),
    )
    kind = event.get("eventType")
    if kind not in TYPES:
        raise Unreadable(f"eventType is none of {', '.join(TYPES)}.", FIX)
    name = _text(job.get("name"), "job.name")
    named = _JOB.fullmatch(name)
    if named is None:
        raise Unreadable(
            f"The job {name[:200]!r} is not one of a product.",
            "Call the job <domain>.<product>, as lineage@1 does.",
        )
    _text(job.get("namespace"), "job.namespace")
    outputs = list(_datasets(event, "outputs"))
    quality = [_facet(one, "dataQualityAssertions").get("assertions") for one, _ in outputs]
    assertions = next((_objects(one) for one in quality if one), [])
    counts = (_facet(one, "outputStatistics", "outputFacets").get("rowCount") for one, _ in outputs)
    return RunEvent(
        product="/".join(named.groups()),
        run=_run_id(run.get("runId")),
        type=kind,
        at=_time(event.get("eventTime")),
        inputs=tuple(dataset for _, dataset in _datasets(event, "inputs")),
        outputs=tuple(dataset for _, dataset in outputs),
        rows=next((one for one in counts if type(one) is int and abs(one) < 2**63), None),
        checks=len(assertions),
        failed=tuple(_short(one.get("name")) for one in assertions if one.get("success") is False)[:100],
        error=_short(_facet(run, "errorMessage").get("message")),
        parent=_parent(run),
        columns=next(filter(None, (_columns(one) for one, _ in outputs)), {}),
    )


def _columns(dataset: Mapping[str, Any]) -> dict[str, Sequence[tuple[str, str]]]:
    fields = _facet(dataset, "columnLineage").get("fields")
    found: dict[str, Sequence[tuple[str, str]]] = {}
    left = ORIGINS
    for column, made in list(fields.items())[:COLUMNS] if isinstance(fields, dict) else ():
        origins = _objects(made.get("inputFields") if isinstance(made, dict) else None)[:left]
        found[_short(column)] = tuple((_short(one.get("name")), _short(one.get("field"))) for one in origins)
        left -= len(origins)
    return found


def _datasets(event: Mapping[str, Any], key: str) -> Iterator[tuple[Mapping[str, Any], RunDataset]]:
    values = event.get(key)
    if values is None:
        return
    if not isinstance(values, list):
        raise Unreadable(f"{key} is not a list.", FIX)
    if len(values) > DATASETS:
        raise Unreadable(f"{key} has more than {DATASETS} data sets.", "Send events of smaller jobs.")
    for number, one in enumerate(values):
        dataset = _object(one, f"{key}[{number}]")
        namespace, name = (
            _text(dataset.get(part), f"{key}[{number}].{part}") for part in ("namespace", "name")
        )
        yield dataset, RunDataset(namespace, name, _port(dataset))


def _port(dataset: Mapping[str, Any]) -> str:
    """Return the port that a data set is one of, by its symlink or by its own name; empty for another data set."""
    links = [dataset, *_objects(_facet(dataset, "symlinks").get("identifiers"))]
    ports = (str(one.get("name")) for one in links if one.get("namespace") == PORTS)
    return next((port for port in ports if len(port) <= 200 and _PORT.fullmatch(port)), "")


def _parent(run: Mapping[str, Any]) -> str:
    job = _facet(run, "parent").get("job")
    parts = (job.get("namespace"), job.get("name")) if isinstance(job, dict) else ()
    return _short("/".join(map(str, parts))) if parts and all(isinstance(part, str) for part in parts) else ""


def _run_id(value: Any) -> str:
    try:
        return str(UUID(value))
    except (ValueError, AttributeError, TypeError) as error:
        raise Unreadable("run.runId is not a UUID.", FIX) from error


def _time(value: Any) -> str:
    try:
        at = datetime.fromisoformat(value)
        if at.tzinfo is None:
            raise ValueError(value)
        return at.astimezone(UTC).isoformat(timespec="milliseconds")
    except (ValueError, TypeError, OverflowError) as error:
        raise Unreadable("eventTime is not a time with its zone.", FIX) from error


def _facet(of: Mapping[str, Any], name: str, among: str = "facets") -> dict[str, Any]:
    facets = of.get(among)
    value = facets.get(name) if isinstance(facets, dict) else None
    return value if isinstance(value, dict) else {}


def _of(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unreadable(f"{what} is not an object.", FIX)
    return value


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise Unreadable(f"{what} is not a text.", FIX)
    if len(value) > LONGEST:
        raise Unreadable(f"{what} has more than {LONGEST} characters.", FIX)
    return value


def _short(value: Any) -> str:
    """Return a text that is only shown, cut and without NUL; empty for anything else."""
    return value.replace("\0", "")[:500] if isinstance(value, str) else ""


# -- reads between products ---------------------------------------------------------------------------------


@dataclass(frozen=True, order=True)
class ObservedRead:
    """A product's last complete run read a port of another one."""

    consumer: str
    source: str
    port: str
    at: str
    """When that run ended."""


def observed_reads(events: Iterable[RunEvent]) -> list[ObservedRead]:
    """Return who read whom, by the last complete run of each product.

    An input is a port by its symlink, or because exactly one other product has written the data set of that name. What a
    product says of its own outputs counts only for itself.
    """
    latest: dict[str, RunEvent] = {}
    for event in events:
        if event.type == "COMPLETE" and event.at >= latest.get(event.product, event).at:
            latest[event.product] = event
    writers: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for event in latest.values():
        for dataset in event.outputs:
            owner, _, port = dataset.port.partition("#")
            if owner == event.product:
                writers.setdefault((dataset.namespace, dataset.name), set()).add((owner, port))
    found = set()
    for event in latest.values():
        for dataset in event.inputs:
            named = {tuple(dataset.port.split("#", 1))} if dataset.port else set()
            places = named or writers.get((dataset.namespace, dataset.name), set())
            if len(places) == 1:
                source, port = next(iter(places))
                if source != event.product:
                    found.add(ObservedRead(event.product, source, port, event.at))
    return sorted(found)
