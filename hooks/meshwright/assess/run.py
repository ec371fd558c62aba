"""Asks every product of a mesh every fitness function, spread over processes.

A product is never left out, and no function stops the run: what raises, takes too long or kills its process is
inconclusive for that one product, and told.
"""

from __future__ import annotations

import gc
import multiprocessing
import re
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from meshwright.assess import Fitness, Verdict, as_text
from meshwright.assess.discovery import functions as discovered
from meshwright.assess.evidence import Catalog, Evidence, gather, prepare
from meshwright.assess.expectations import Exemption, Expectations
from meshwright.core.git import without_credentials
from meshwright.core.yaml import Unreadable
from meshwright.mesh import scores
from meshwright.mesh.lineage import Lineage
from meshwright.mesh.scores import CHARACTERISTICS
from meshwright.product.record import API_VERSION, Record

KIND = "Assessment"
SECONDS = 120
"""How long one function may look at one product."""
PATIENCE = 10.0
"""How long, in seconds, a catalog may take to come round, each time it is asked."""
AT_ONCE = 100
"""Products that a process takes at a time, at most."""
PLACES, SIGNS = 1000, 900
"""How many verdicts of one function are kept, and how much of a text: records are hostile."""
ALONE = 20
"""Up to so many products are not worth other processes, if nothing outside of their records is looked at."""

STATIC = "Not looked at: this assessment is static, and the function looks at storage or at a catalog."
NOTHING = "There was nothing to look at."
FAILED = "The function itself failed: {problem}"
TOO_LONG = f"Given up after {SECONDS} seconds."
DIED = "The process that looked at this product died."

Progress = Callable[[int], None]
"""Is told how many more products are done."""


@dataclass(frozen=True)
class _Task:
    """What every process has to know."""

    records: Sequence[Record]
    mesh: Lineage
    now: datetime
    static: bool
    catalog: str | None
    expectations: Expectations


def assess(
    records: Sequence[Record],
    now: datetime,
    static: bool = False,
    catalog: str | None = None,
    expectations: Expectations | None = None,
    only: Sequence[str] = (),
    jobs: int = 1,
    progress: Progress = lambda count: None,
) -> dict[str, Any]:
    """The assessment of a mesh, in the order of its products' ids, as JSON has it (schemas/assessment.yaml).

    `catalog`: the address of the one that products should be found in. `only`: ids of the products that are assessed,
    in the mesh of all of them. Raises Unreadable where fitness.yaml and the functions do not fit together, or the
    catalog does not answer.
    """
    expectations = expectations or Expectations()
    asked = functions(expectations)
    records = sorted(_distinct(records), key=lambda record: record.id)
    mesh = Lineage(records)
    prepare(mesh)
    task = _Task(records, mesh, now, static, catalog, expectations)
    chosen = [number for number, record in enumerate(records) if not only or record.id in only]
    products = list(_spread(task, asked, chosen, jobs, progress))
    told = [
        {"id": one.id, "characteristic": one.characteristic, "severity": severity_of(one, expectations), "question": one.question, "why": one.why}
        for one in asked
    ]  # fmt: skip
    kinds = {one["id"]: (one["characteristic"], one["severity"]) for one in told}
    notes = [f"{function} is off for every product: {why}" for function, why in sorted(expectations.off.items())]  # fmt: skip
    notes += _taken_twice(records)
    notes += _exempted(products, expectations, records, now)
    for product in products:
        found = scores.cells(product["results"], kinds)
        product["scores"] = {name: cell.score for name, cell in found.items()}
        product["score"] = scores.mean(product["scores"].values())
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "at": now.isoformat(timespec="seconds"),
        "static": static,
        "functions": told,
        "products": products,
        "scores": {
            name: scores.mean(product["scores"][name] for product in products) for name in CHARACTERISTICS
        },
        "notes": notes,
    }


def functions(expectations: Expectations) -> list[Fitness]:
    """Those that are asked. Raises Unreadable."""
    every = discovered(expectations.folders)
    expectations.checked(every)
    asked = [one for one in every if one.id not in expectations.off]
    if not asked:
        raise Unreadable(
            "Every fitness function is off: there is nothing to assess.", "Leave some of them on."
        )
    return asked


def severity_of(function: Fitness, expectations: Expectations) -> str:
    return expectations.severities.get(function.id, function.severity)


def _distinct(records: Sequence[Record]) -> Iterator[Record]:
    """Without those that came from two sources alike."""
    seen: dict[str, list[Record]] = {}
    for record in records:
        others = seen.setdefault(record.id, [])
        if not any(other.root == record.root and other.hash == record.hash for other in others):
            others.append(record)
            yield record


# -- spreading ------------------------------------------------------------------------------------------------


def _spread(
    task: _Task, asked: Sequence[Fitness], chosen: Sequence[int], jobs: int, progress: Progress
) -> Iterator[dict[str, Any]]:
    """The results of the chosen products, in their order."""
    catalog = _catalog(task)
    if catalog:  # whether it answers at all is told here, not by every function for every product
        catalog.search("", 1)
    if task.static and len(chosen) <= ALONE:
        here = _Here(task, asked, None)
        same: Same = {}
        yield from (here.product(task.records[number], same) for number in chosen)
        progress(len(chosen))
        return
    size = max(1, min(AT_ONCE, len(chosen) // (jobs * 4)))
    parts = [tuple(chosen[start : start + size]) for start in range(0, len(chosen), size)]
    # Processes that are forked share the records; a collection would touch, and so copy, all of them.
    gc.collect()
    gc.freeze()
    try:
        done = dict(_pooled(task, asked, parts, jobs, progress))
        # Whoever was in a process that died is asked once more, alone, so that only the culprit is without an answer.
        for part in parts:
            if part not in done:
                done[part] = list(_one_by_one(task, asked, part, progress))
    finally:
        gc.unfreeze()
    for part in parts:
        yield from done[part]


def _pooled(
    task: _Task, asked: Sequence[Fitness], parts: Sequence[tuple[int, ...]], jobs: int, progress: Progress
) -> Iterator[tuple[tuple[int, ...], list[dict[str, Any]]]]:
    with _pool(task, asked, jobs) as pool:
        waiting: dict[Future[list[dict[str, Any]]], tuple[int, ...]] = {}
        for part in parts:
            try:
                waiting[pool.submit(_some, part)] = part
            except BrokenProcessPool:
                break
        for future in as_completed(waiting):
            try:
                yield waiting[future], future.result()
            except BrokenProcessPool:
                continue
            progress(len(waiting[future]))


def _one_by_one(
    task: _Task, asked: Sequence[Fitness], part: Sequence[int], progress: Progress
) -> Iterator[dict[str, Any]]:
    pool = _pool(task, asked, 1)
    try:
        for number in part:
            try:
                yield from pool.submit(_some, (number,)).result()
            except BrokenProcessPool:
                pool = _pool(task, asked, 1)
                yield _assessed(task.records[number], {one.id: [_inconclusive(DIED)] for one in asked})
            progress(1)
    finally:
        pool.shutdown()


def _pool(task: _Task, asked: Sequence[Fitness], jobs: int) -> ProcessPoolExecutor:
    """Processes that share what is here, or else have it copied, and look for the functions themselves: those of a
    folder cannot be copied."""
    shared = sys.platform == "linux"
    way = multiprocessing.get_context("fork" if shared else "spawn")
    return ProcessPoolExecutor(jobs, way, _begin, (task, asked if shared else None))


# -- in one process -------------------------------------------------------------------------------------------


Same = dict[tuple[str, ...], dict[str, str]]


@dataclass(frozen=True)
class _Here:
    """What this process works with."""

    task: _Task
    asked: Sequence[Fitness]
    catalog: Catalog | None

    def product(self, record: Record, same: Same) -> dict[str, Any]:
        """`same`: verdicts of other products; of equal ones only one is kept, because most are."""
        task = self.task
        settings = task.expectations.settings
        product = gather(record, task.mesh, task.now, task.static, self.catalog, settings)
        return _assessed(record, {function.id: _verdicts(function, product, same) for function in self.asked})


_PROCESS: list[_Here] = []
"""Of a process that was started for the assessment: what it was given."""


def _begin(task: _Task, asked: Sequence[Fitness] | None) -> None:
    gc.enable()
    _PROCESS[:] = [_Here(task, asked or functions(task.expectations), _catalog(task))]
    if CAN_STOP:
        signal.signal(signal.SIGALRM, _give_up)


class _Asked:
    """The embedded catalog, as functions ask it."""

    def __init__(self, url: str) -> None:
        from meshwright.mesh.catalog_client import Catalog

        self._client = Catalog(url, patience=PATIENCE)

    def product(self, id: str) -> Mapping[str, Any] | None:
        found = self._client.get(id)
        return found.value if isinstance(found, Record) else None

    def search(self, words: str, limit: int) -> Sequence[str]:
        return [str(entry.get("id")) for entry in self._client.search(words, limit)]


def _catalog(task: _Task) -> Catalog | None:
    return None if task.catalog is None or task.static else _Asked(task.catalog)


def _some(numbers: Sequence[int]) -> list[dict[str, Any]]:
    here = _PROCESS[0]
    same: Same = {}
    return [here.product(here.task.records[number], same) for number in numbers]


def _assessed(record: Record, verdicts: Mapping[str, list[dict[str, str]]]) -> dict[str, Any]:
    results = [
        {"function": function, "state": scores.state(found), "verdicts": found}
        for function, found in verdicts.items()
    ]
    id = _name(record)
    return {
        "id": id,
        "title": _written(as_text(record.title)),
        "domain": id.partition("/")[0],
        "results": results,
    }


def _name(record: Record) -> str:
    """Its id; one that no catalog would take, and no line would hold, is made to fit."""
    domain, _, name = record.id.partition("/")
    return "/".join(re.sub(r"[/\s\x00-\x20\x7f]", "_", _written(as_text(part))) for part in (domain, name))


def _verdicts(function: Fitness, product: Evidence, same: Same) -> list[dict[str, str]]:
    """What a function says of a product; something, in any case."""
    if function.probes and product.static:
        return [same.setdefault((STATIC,), _inconclusive(STATIC))]
    found: list[dict[str, str]] = []
    try:
        with _at_most(SECONDS):
            for verdict in islice(function.check(product), PLACES):
                plain = _plain(verdict)
                found.append(same.setdefault(tuple(plain.values()), plain))
    except _TooLong:
        found.append(_inconclusive(TOO_LONG))
    except Exception as error:  # whatever it is, the other products are still to be assessed
        problem = _written(without_credentials(as_text(f"{type(error).__name__}: {error}")))
        found.append(_inconclusive(FAILED.format(problem=problem)))
    return found or [_inconclusive(NOTHING)]


def _plain(verdict: Verdict) -> dict[str, str]:
    if verdict.state not in ("kept", "broken", "inconclusive"):
        raise ValueError(f"it says {verdict.state!r}, which is no state of a verdict")
    told = {"evidence": verdict.evidence, "fix": verdict.fix, "mend": verdict.fix, "place": verdict.place}
    return {"state": verdict.state} | {name: _written(said) for name, said in told.items()}


def _written(said: str) -> str:
    """A text that can be written, and is not too long."""
    if len(said) > SIGNS:
        said = f"{said[:SIGNS]} …"
    return said if said.isascii() else said.encode("utf-8", "replace").decode()


def _inconclusive(evidence: str) -> dict[str, str]:
    return {"state": "inconclusive", "evidence": evidence, "fix": "", "mend": "", "place": ""}


CAN_STOP = hasattr(signal, "setitimer")


class _TooLong(BaseException):
    """No function takes it for an error of its own."""


def _give_up(*_: object) -> None:
    raise _TooLong


@contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    """Raises _TooLong in what takes longer, in a process of the assessment's own."""
    if not (CAN_STOP and _PROCESS):
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


# -- exceptions -----------------------------------------------------------------------------------------------


def _exempted(
    products: Sequence[dict[str, Any]], expectations: Expectations, records: Sequence[Record], now: datetime
) -> list[str]:
    """Turns what is broken and excepted into `excepted`; tells which exceptions have ended, or do nothing."""
    notes = []
    today = now.date()
    for exemption in expectations.exemptions:
        what = f"{exemption.function} of {exemption.product}"
        if exemption.until < today:
            notes.append(f"The exception for {what} ended on {exemption.until}; it counts no more.")
            continue
        if exemption.function in expectations.off:
            notes.append(f"The exception for {what} does nothing: the function is off.")
            continue
        if not any(exemption.covers(record.id) for record in records):
            notes.append(f"The exception for {what} does nothing: the mesh has no such product.")
            continue
        results = [
            result
            for product in products
            if exemption.covers(product["id"])
            for result in product["results"]
            if result["function"] == exemption.function
        ]
        for result in results:
            _except(result, exemption)
        if results and all(result["state"] == "kept" for result in results):
            notes.append(f"The exception for {what} does nothing: the function is kept.")
    return notes


def _except(result: dict[str, Any], exemption: Exemption) -> None:
    """Of several exceptions the one counts that ends last."""
    until = exemption.until.isoformat()
    if result["state"] == "broken" or (result["state"] == "excepted" and result["until"] < until):
        by = f" (approved by {exemption.approved_by})" if exemption.approved_by else ""
        result |= {"state": "excepted", "reason": f"{exemption.reason}{by}", "until": until}


def _taken_twice(records: Sequence[Record]) -> list[str]:
    counted = Counter(record.id for record in records)
    return [
        f"{count} products are called {_written(as_text(id))}; each has a row."
        for id, count in counted.items()
        if count > 1
    ]


@dataclass(frozen=True)
class Failure:
    """Why an assessment does not end with exit code 0."""

    product: str
    what: str
    """A characteristic that is below its floor, or unknown where there is one; or a critical function that is broken."""
    score: int | None = None
    floor: int | None = None
    """None: it is about a critical function."""


def failures(assessment: Mapping[str, Any], floors: Mapping[str, int]) -> Iterator[Failure]:
    """By product. What is excepted is no failure."""
    kinds = {one["id"]: (one["characteristic"], one["severity"]) for one in assessment["functions"]}
    for product in assessment["products"]:
        for result in product["results"]:
            if result["state"] == "broken" and kinds[result["function"]][1] == "critical":
                yield Failure(product["id"], result["function"])
        found = scores.cells(product["results"], kinds, floors) if floors else {}
        for name, floor in floors.items():
            cell = found[name]
            if cell.standing != "excepted" and (cell.score is None or cell.score < floor):
                yield Failure(product["id"], name, cell.score, floor)
