"""`meshwright catalog publish` and `retire`: what a record lacks, what keeps it from being published, and sending it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from meshwright.catalog import Adapter, Place
from meshwright.catalog.branch import stand
from meshwright.check.engine import check, check_record
from meshwright.check.findings import Finding, human
from meshwright.core.git_url import canonical
from meshwright.core.http import Refused
from meshwright.core.text import printable
from meshwright.core.yaml import Unreadable
from meshwright.mesh.catalog import Outcome
from meshwright.mesh.sources import last_run, of_repository
from meshwright.product.documents import origin
from meshwright.product.files import ADDRESSES, MEASURED, RUN
from meshwright.product.record import Record

RUN_FIRST = "the pipeline's run, `uv run python -m pipeline`, makes it"


class Unkept(Refused):
    """The record breaks promises of the metamodel, so nothing is sent."""

    def __init__(self, findings: list[Finding]) -> None:
        count = f"{len(findings)} promise{'s' if len(findings) > 1 else ''}"
        super().__init__(
            f"The product does not keep {count}, so nothing is sent.", "Fix what is named above."
        )
        self.findings = findings


@dataclass(frozen=True)
class Prepared:
    """A record that a catalog may have."""

    record: Record
    notes: tuple[str, ...]
    """Sentences: what it does not say, and why."""


def adapter(name: str) -> Adapter:
    """The module that speaks to one kind of catalog."""
    if name == "embedded":
        return import_module("meshwright.catalog.embedded")
    found: Adapter = import_module("meshwright.catalog.adapters").find(name)
    return found


def prepared(root: Path, repository: str | None = None, branch: str = "") -> Prepared:
    """The record of the product at `root`. Raises Unreadable, and Unkept if it breaks the metamodel.

    `repository`: its address, where git's remote `origin` does not say it. `branch`: where git does not say that.
    """
    made = of_repository(root, repository)
    if made.problem:
        raise Unreadable(printable(made.problem), "Fix the file.")
    if not made.repository:
        fix = "Give it with --repository URL, or git remote add origin URL."
        raise Unreadable("The address of the product's repository is not known.", fix)
    record = _on(made, branch)
    errors = [finding for finding in check_record(record.value) if finding.level == "error"]
    if errors:
        placed = [finding for finding in check([root]) if finding.level == "error"]
        raise Unkept(placed or errors)
    return Prepared(record, tuple(_gaps(root, record)))


def publish(
    root: Path, repository: str | None, to: Adapter, place: Place, variables: Mapping[str, str]
) -> tuple[Outcome, Record]:
    """Publishes the product at `root`, from its default branch only. Raises Refused, NoAnswer, Unreadable.

    `variables`: the environment, in which CI says what it runs for. What is written to a file instead of being sent, for a
    catalog that comes and reads it, may be written on any branch: it is looked at when it is merged.
    """
    sent = "://" in place.url
    branch = stand(root, variables).branch if sent else ""
    run, quality = last_run(root)
    if quality.get("outcome") == "failed" and isinstance(run.get("product"), str):
        failed = Failed(run["product"], quality, origin(root, repository).get("repository", ""))
        if (record := _in_place(failed, to, place)) is not None:
            outcome = to.publish(record, place)
            note = f"The last run failed, and the record says so; all else is as it was: {failed.problem}"
            return replace(outcome, notes=(note, *outcome.notes)), record
        if not hasattr(to, "current") and not (root / ADDRESSES).exists():
            note = f"The last run failed, and nothing was sent: this kind of catalog would lose where the ports are. {failed.problem}"
            return Outcome("unchanged", failed.product, "", (note,)), of_repository(root, repository)
    ready = prepared(root, repository, branch)
    outcome = to.publish(ready.record, place)
    return replace(outcome, notes=(*ready.notes, *outcome.notes)), ready.record


@dataclass(frozen=True)
class Failed:
    """A run that failed."""

    product: str
    """`<domain>/<name>`."""
    quality: Mapping[str, Any]
    """What a record says of it."""
    repository: str
    """The address of the repository that it ran in."""

    @property
    def problem(self) -> str:
        return printable(str(self.quality.get("problem", "it does not say why"))[:300])


def _in_place(failed: Failed, to: Adapter, place: Place) -> Record | None:
    """Returns the record that the catalog has, with this run as the last one: what is served has not changed.

    None where the catalog has no such product, has it of another repository, or cannot be asked.
    """
    if not hasattr(to, "current"):
        return None
    record = to.current(failed.product, place)
    if record is None or canonical(record.repository) != canonical(failed.repository):
        return None
    return Record({**record.value, "quality": dict(failed.quality)})


def findings_of(error: Unreadable) -> Iterator[str]:
    """The findings that come with a refusal, ours or the catalog's, a line each."""
    if isinstance(error, Unkept):
        yield from printable(human(error.findings), lines=True).split("\n")
    elif isinstance(error, Refused) and error.status == 422 and error.answer is not None:
        for finding in error.answer.object().get("findings") or []:
            if isinstance(finding, dict):
                place = f"{finding.get('file')}: {finding.get('rule')}: {finding.get('message')}"
                yield printable(place[:1000])
                yield printable(f"    fix: {finding.get('fix') or finding.get('mend')}"[:1000])


def _on(record: Record, branch: str) -> Record:
    """The record with the branch that it is published from, where git did not say it."""
    if not branch or record.get("source.branch"):
        return record
    return Record({**record.value, "source": {**record.value["source"], "branch": branch}}, record.root)


def _gaps(root: Path, record: Record) -> Iterator[str]:
    """What the record does not say, because the last run did not, or was about something else."""
    for part, file, what in (
        ("measurement", MEASURED, "what was measured"),
        ("quality", RUN, "how the last run went"),
    ):
        if record.get(part) is not None:
            continue
        if (root / file).exists():
            yield f"{file} is not about {record.id} {record.version}, so the record does not say {what}."
        else:
            yield f"There is no {file}, so the record does not say {what}; {RUN_FIRST}."
    if record.get("measurement") is not None:
        unmeasured = [level.name for level in record.service_levels if level.value is None]
        if unmeasured:
            yield f"The last run has no value for {', '.join(unmeasured)}."
    if record.get("quality.outcome") == "failed":
        yield f"The last run failed, and the record says so: {printable(str(record.get('quality.problem', 'it does not say why'))[:300])}"
    for port in record.outputs:
        if not port.location:
            yield f"Where {port.name} was published is not known; {RUN_FIRST}."
        elif "://" not in port.location:
            yield f"{port.name} lies in a folder of the machine that ran, where nobody else finds it: {printable(port.location[:200])}"
