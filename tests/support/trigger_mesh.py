"""A mesh of eight products with trigger@1, a real catalog, the real decision, and runs that only publish.

What is expected of each product is counted here in another way than in the pipeline: by what has happened since its last run,
not by comparing what the catalog says.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import records
from catalog_server import Catalog

READS: Mapping[str, tuple[str, ...]] = {
    "one": (),
    "two": (),
    "three": (),
    "left": ("one",),
    "right": ("one", "two"),
    "side": ("two", "three"),
    "diamond": ("left", "right"),  # both are of `one`
    "end": ("diamond", "side", "three"),
}
SOURCES = tuple(name for name, reads in READS.items() if not reads)
CONSUMERS = tuple(name for name, reads in READS.items() if reads)
START = datetime(2026, 3, 1, 5, tzinfo=UTC)
DEADLINE = timedelta(hours=26)
RETRY = timedelta(hours=1)
_number = itertools.count()


@dataclass
class Expected:
    """What is expected of one product."""

    published: bool = False
    ran_at: datetime | None = None
    new: set[str] = field(default_factory=set)
    """The inputs that have published since the last run that is recorded asked."""
    failed_at: datetime | None = None
    changed_at: datetime | None = None
    """When one of `new` published last."""


@dataclass
class Run:
    """A run that has asked, and has not ended."""

    name: str
    state: Any
    consumed: dict[str, str]
    at_ask: set[str]
    """The inputs that were new when it asked."""


class TriggerMesh:
    """Eight products of a domain of their own."""

    def __init__(self, catalog: Catalog, modules: Any, folder: Path, **properties: str) -> None:
        """`modules`: of pipeline_modules. `properties`: of the trait, besides its cron and deadline."""
        self.domain = f"mesh-{next(_number)}"
        self.catalog, self.folder, self.now = catalog, folder, START
        self.trigger, self.spec, self.errors = (modules(name) for name in ("trigger", "spec", "errors"))
        self.away = modules("catalog_publications").NoAnswer
        self.properties = {"cron": "*/15 * * * *", "deadline": "26h", **properties}
        self.environment = {"MESHWRIGHT_CATALOG": catalog.url}
        self.expected = {name: Expected() for name in READS}
        self.runs: dict[str, list[dict[str, str]]] = {name: [] for name in READS}
        """What each recorded run has read, in order."""
        self.records: dict[str, dict[str, Any]] = {}
        self.machines = itertools.count()

    def later(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    def product(self, name: str, machine: str = "") -> Any:
        """The product as the pipeline knows it, on a machine; on one that nobody has used, if none is named."""
        root = self.folder / self.domain / (machine or f"fresh-{next(self.machines)}") / name
        root.mkdir(parents=True, exist_ok=True)
        addresses = {"addresses": "https://catalog.example.org/api/addresses.yaml"}
        capability = self.spec.Capability
        return self.spec.Product(
            root, name, self.domain, "1.0.0", name, root / "contract.odcs.yaml",
            tuple(capability("inputs", "data-product@1", source, self.port(source), addresses) for source in READS[name]),
            capability("transforms", "dbt@1"), (), (),
            traits=(capability("traits", "trigger@1", properties=self.properties),),
        )  # fmt: skip

    def port(self, name: str) -> str:
        return f"dp:{self.domain}/{name}#lake"

    # -- what happens -----------------------------------------------------------------------------------

    def publish(self, name: str, consumed: Mapping[str, str] | None = None) -> None:
        """A run has published, and the catalog knows."""
        self.later(1)
        at = self.now.isoformat(timespec="milliseconds")
        made = self._record(name)
        made["measurement"]["measuredAt"] = at
        made["quality"] = {"startedAt": at, "outcome": "published", "rows": 1, "checks": 1, "failed": []}
        if consumed is not None:
            made["consumed"] = dict(consumed)
        self._send(name, made)
        mine = self.expected[name]
        mine.published, mine.ran_at, mine.failed_at = True, self.now, None
        for reader, reads in READS.items():
            if name in reads:
                self.expected[reader].new.add(name)
                self.expected[reader].changed_at = self.now

    def _record(self, name: str, measured: bool = True) -> dict[str, Any]:
        kind = "consumer-oriented" if READS[name] else "source-oriented"
        return records.value(f"{self.domain}/{name}", kind, measured=measured)

    def send_again(self, name: str) -> None:
        """The same publication is sent twice."""
        if name in self.records:
            self._send(name, self.records[name])

    def _send(self, name: str, made: dict[str, Any]) -> None:
        self.records[name] = made
        answer = self.catalog.put(made)
        assert answer.status in (200, 201), answer.text

    def ask(self, name: str, machine: str = "") -> Run | str:
        """What the product decides now: a run, or `waiting` or `late`. It has to be what is expected."""
        product, expected = self.product(name, machine), self.expects(name)
        try:
            state = self.trigger.require_ready(product, self.environment, self.now)
        except self.errors.Waiting as reason:
            assert expected == "waiting", (name, str(reason), self.expected[name])
            return "waiting"
        except self.trigger.Late as reason:
            assert expected == "late", (name, str(reason), self.expected[name])
            return "late"
        assert expected == "run", (name, state, self.expected[name])
        consumed = self.trigger.consumed(product, self.environment, state)
        assert consumed not in self.runs[name], "it runs twice for one set"
        return Run(name, state, consumed, set(self.expected[name].new))

    def end(self, run: Run, machine: str = "") -> None:
        """The run publishes, and is recorded."""
        mine = self.expected[run.name]
        # What has published while it ran is not among what it has certainly read.
        mine.new = {
            source for source in mine.new if run.consumed.get(self.port(source)) != self._published(source)
        }
        if machine:
            self.trigger.remember(self.product(run.name, machine), run.consumed, self.now)
        self.runs[run.name].append(run.consumed)
        self.publish(run.name, run.consumed)

    def fail(self, run: Run) -> None:
        """The run fails, which the catalog shows; its data stay."""
        self.break_promise(run.name)

    def break_promise(self, name: str) -> None:
        """A run of a product fails: its record says so, and is else as it was."""
        self.expected[name].failed_at = self.now
        record = self.records.get(name) or self._record(name, measured=False)
        at = self.now.isoformat(timespec="milliseconds")
        broken = {"startedAt": at, "outcome": "failed", "problem": "A promise is broken."}
        self._send(name, {**record, "quality": broken})

    def _published(self, name: str) -> str:
        return str(self.records[name]["measurement"]["measuredAt"])

    def expects(self, name: str) -> str:
        """`run`, `waiting` or `late`, by what has happened since the last run."""
        mine, reads = self.expected[name], READS[name]
        never = any(not self.expected[source].published for source in reads)
        complete = bool(mine.new) if self.properties.get("wait-for") == "any" else mine.new == set(reads)
        since = mine.ran_at or min(
            (ran for source in reads if (ran := self.expected[source].ran_at)), default=None
        )
        late = since is not None and self.now - since > DEADLINE
        due = complete or (
            late and bool(mine.new) and not never and self.properties.get("past-deadline") == "run"
        )
        if due and mine.failed_at and self.now - mine.failed_at < RETRY:
            due = mine.changed_at is not None and mine.changed_at > mine.failed_at
            return "run" if due else "waiting"
        return "run" if due else "late" if late else "waiting"

    def settle(self, names: Iterable[str] = CONSUMERS) -> int:
        """Let every product ask, in the order of the data, until none has anything to do; the number of runs."""
        count = 0
        for name in names:
            while isinstance(run := self.ask(name), Run):
                self.end(run)
                count += 1
                assert count < 100
        return count
