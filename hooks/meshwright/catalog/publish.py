"""`meshwright catalog publish` and `retire`: prepare a record, check that it may be published, and send it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, astuple, dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from meshwright.catalog import Adapter, CatalogConnection
from meshwright.catalog.branch import require_default_branch
from meshwright.check.engine import check, check_record
from meshwright.check.findings import Finding, human
from meshwright.core.git_url import canonical
from meshwright.core.http import Refused
from meshwright.core.text import printable
from meshwright.core.yaml import Unreadable
from meshwright.inspection.column_origins import column_origins
from meshwright.mesh.publish_result import PublishResult
from meshwright.mesh.sources import last_run, of_repository
from meshwright.product.files import ADDRESSES, MEASURED, RUN
from meshwright.product.proposals import marked_models
from meshwright.product.record import Record
from meshwright.product.record_builder import record_source

LONGEST = 200
"""Characters of the names of columns and tables in a record."""
RUN_FIRST = "a run of the pipeline, `uv run python -m pipeline`, writes it"


class Unkept(Refused):
    """The record breaks promises of the metamodel, so it is not sent."""

    def __init__(self, findings: list[Finding]) -> None:
        count = f"{len(findings)} promise{'s' if len(findings) > 1 else ''}"
        super().__init__(
            f"The product does not keep {count}, so nothing was sent.", "Fix the findings above."
        )
        self.findings = findings


@dataclass(frozen=True)
class Prepared:
    """A record that may be published."""

    record: Record
    notes: tuple[str, ...]
    """Sentences: what it lacks, and why."""


def adapter(name: str) -> Adapter:
    """Return the module for one kind of catalog."""
    if name == "embedded":
        return import_module("meshwright.catalog.embedded")
    found: Adapter = import_module("meshwright.catalog.adapters").find(name)
    return found


def prepared(root: Path, repository: str | None = None, branch: str = "") -> Prepared:
    """Return the record of the product at `root`. Raises Unreadable, and Unkept if it breaks the metamodel.

    `repository`: its address (default: git's remote `origin`). `branch`: the branch, if git does not know it.
    """
    made = of_repository(root, repository)
    if made.problem:
        raise Unreadable(printable(made.problem), "Fix the file.")
    if not made.repository:
        fix = "Give it with --repository URL, or git remote add origin URL."
        raise Unreadable("The address of the product's repository is unknown.", fix)
    record = _with_origins(_on(made, branch), root)
    errors = [finding for finding in check_record(record.value) if finding.level == "error"]
    if errors or marked_models(root):  # the record does not have dbt's files
        placed = [finding for finding in check([root]) if finding.level == "error"]
        if placed or errors:
            raise Unkept(placed or errors)
    return Prepared(record, tuple(_gaps(root, record)))


def publish(
    root: Path,
    repository: str | None,
    to: Adapter,
    connection: CatalogConnection,
    variables: Mapping[str, str],
) -> tuple[PublishResult, Record]:
    """Publish the product at `root`, from its default branch only. Raises Refused, NoAnswer, Unreadable.

    `variables`: the environment, with CI's variables for branch and commit. A file for a catalog that fetches it may be
    written on any branch, because it is reviewed when it is merged.
    """
    sent = "://" in connection.url
    branch = require_default_branch(root, variables).branch if sent else ""
    run, quality = last_run(root)
    if quality.get("outcome") == "failed" and isinstance(run.get("product"), str):
        failed = Failed(
            run["product"],
            quality,
            record_source(root, repository).get("repository", ""),
            run.get("serviceLevels"),
        )
        if (record := _in_place(failed, to, connection)) is not None:
            outcome, record = _sent(record, to, connection)
            note = f"The last run failed, which the record now shows; everything else is unchanged: {failed.problem}"
            return replace(outcome, notes=(note, *outcome.notes)), record
        if not hasattr(to, "current") and not (root / ADDRESSES).exists():
            note = f"The last run failed, and nothing was sent, because this kind of catalog would lose the locations of the ports. {failed.problem}"
            return PublishResult("unchanged", failed.product, "", (note,)), of_repository(root, repository)
    ready = prepared(root, repository, branch)
    shared = bool(ready.record.readers)  # otherwise there are no agreements that a record could lack
    known = _current(ready.record.id, ready.record.repository, to, connection) if shared else None
    if not run and known is not None and any(port.agreements is not None for port in ready.record.outputs):
        record = Record({**known.value, "addresses": _addresses(known, ready.record)})
        outcome, record = _sent(record, to, connection)
        note = "Access was applied here, and the pipeline did not run: the record shows the agreements in force; everything else is unchanged."
        return replace(outcome, notes=(note, *outcome.notes)), record
    record = ready.record
    if known is not None and isinstance(record.get("addresses"), dict):
        record = Record({**record.value, "addresses": _addresses(record, known)}, record.root)
    outcome, record = _sent(record, to, connection)
    return replace(outcome, notes=(*ready.notes, *outcome.notes)), record


def _sent(record: Record, to: Adapter, connection: CatalogConnection) -> tuple[PublishResult, Record]:
    """Publish a record. Return the result, and the record as the catalog stores it if that is known."""
    outcome = to.publish(record, connection)
    return outcome, to.stored(record) if hasattr(to, "stored") else record


def _addresses(record: Record, other: Record) -> dict[str, Any]:
    """Return the addresses of a record; a port whose agreements it does not know has those of the other record.

    Where both know them, those of `other` count if the pipeline did not run there: it has applied access last.
    """
    newer = other.get("measurement") is None and other.get("quality") is None
    there = {port.address: port for port in other.outputs}
    addresses = dict(record.get("addresses") or {})
    for port in record.outputs:
        also = there.get(port.address)
        if also is None or also.agreements is None or also.uses != port.uses:
            continue
        if newer or port.agreements is None:
            entry = addresses.get(port.address) or {"uses": port.uses, "location": also.location}
            addresses[port.address] = {**entry, "agreements": also.agreements}
    return addresses


@dataclass(frozen=True)
class Failed:
    """A run that failed."""

    product: str
    """`<domain>/<name>`."""
    quality: Mapping[str, Any]
    """The `quality` part of a record."""
    repository: str
    """The address of the repository that it ran in."""
    levels: Any = None
    """What it cost the service levels with a target, as in build/run.json: a list, if it has any."""

    @property
    def problem(self) -> str:
        return printable(str(self.quality.get("problem", "the reason is not given"))[:300])


def _in_place(failed: Failed, to: Adapter, connection: CatalogConnection) -> Record | None:
    """Return the catalog's record with this run as the last one, and its runs counted: the served data is unchanged.

    Return None if the catalog does not have the product, has it from another repository, or does not support reading.
    """
    record = _current(failed.product, failed.repository, to, connection)
    if record is None:
        return None
    return Record({**record.value, **_counted(record, failed.levels), "quality": dict(failed.quality)})


COUNTS = ("runs", "good", "errorBudget", "burnRate")
"""Keys of a service level with a target that a run changes which publishes nothing."""


def _counted(record: Record, levels: Any) -> dict[str, Any]:
    """Return the record's measurement with the counts of a later run; empty if that has none. What was measured stays."""
    measurement = record.get("measurement")
    counted = {
        one.get("name"): one for one in (levels if isinstance(levels, list) else ()) if isinstance(one, dict)
    }
    if (
        not counted
        or not isinstance(measurement, dict)
        or not isinstance(measurement.get("serviceLevels"), list)
    ):
        return {}
    promise = ("objective", "target", "window")
    made = [
        {**level, **{key: new[key] for key in COUNTS if key in new}}
        if isinstance(level, dict)
        and (new := counted.get(level.get("name")))
        and all(new.get(key) == level.get(key) for key in promise)
        else level
        for level in measurement["serviceLevels"]
    ]
    return {"measurement": {**measurement, "serviceLevels": made}}


def _current(id: str, repository: str, to: Adapter, connection: CatalogConnection) -> Record | None:
    """Return the catalog's record of a product; None if it has none of this repository, or does not support reading."""
    record = to.current(id, connection) if hasattr(to, "current") else None
    return record if record is not None and canonical(record.repository) == canonical(repository) else None


def findings_of(error: Unreadable) -> Iterator[str]:
    """Yield the findings of a refusal, ours or the catalog's, one a line."""
    if isinstance(error, Unkept):
        yield from printable(human(error.findings), lines=True).split("\n")
    elif isinstance(error, Refused) and error.status == 422 and error.answer is not None:
        for finding in error.answer.object().get("findings") or []:
            if isinstance(finding, dict):
                line = f"{finding.get('file')}: {finding.get('rule')}: {finding.get('message')}"
                yield printable(line[:1000])
                yield printable(f"    fix: {finding.get('fix') or finding.get('mend')}"[:1000])


def _on(record: Record, branch: str) -> Record:
    """Return the record with the branch that it is published from, if git did not know it."""
    if not branch or record.get("source.branch"):
        return record
    return Record({**record.value, "source": {**record.value["source"], "branch": branch}}, record.root)


def _with_origins(record: Record, root: Path) -> Record:
    """Return the record with what its columns are made of, as far as the SQL of its models says so."""
    platform = record.get("product.spec.platform.uses") or "duckdb@1"
    names = [column.name for column in record.columns]
    known = column_origins(root, record.dataset, str(platform).partition("@")[0], names)
    value = {
        column: [
            {key: text for key, text in asdict(origin).items() if text or key == "column"}
            for origin in origins
        ]
        for column, origins in known.items()
        if len(column) <= LONGEST and all(len(text) <= LONGEST for one in origins for text in astuple(one))
    }
    return Record({**record.value, "columnOrigins": value}, record.root) if value else record


def _gaps(root: Path, record: Record) -> Iterator[str]:
    """Yield what the record lacks, because the last run has no result or was for another version."""
    for part, file, what in (
        ("measurement", MEASURED, "the measurements"),
        ("quality", RUN, "the result of the last run"),
    ):
        if record.get(part) is not None:
            continue
        if (root / file).exists():
            yield f"{file} is not for {record.id} {record.version}, so the record lacks {what}."
        else:
            yield f"There is no {file}, so the record lacks {what}; {RUN_FIRST}."
    if record.get("measurement") is not None:
        unmeasured = [level.name for level in record.service_levels if level.value is None]
        if unmeasured:
            yield f"The last run has no value for {', '.join(unmeasured)}."
    if record.get("quality.outcome") == "failed":
        yield f"The last run failed, which the record shows: {printable(str(record.get('quality.problem', 'the reason is not given'))[:300])}"
    for port in record.outputs:
        if not port.location:
            yield f"The location of {port.name} is unknown; {RUN_FIRST}."
        elif "://" not in port.location:
            yield f"{port.name} is in a folder of the machine of the run, which others cannot read: {printable(port.location[:200])}"
