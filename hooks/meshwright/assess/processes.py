"""The products of an assessment, spread over processes.

A product is never left out: one that kills its process is inconclusive, with the reason.
"""

from __future__ import annotations

import gc
import multiprocessing
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from meshwright.assess import Fitness, discovery, time_limit
from meshwright.assess.embedded_catalog import EmbeddedCatalog
from meshwright.assess.evidence import Catalog, gather
from meshwright.assess.expectations import Expectations
from meshwright.assess.kept_verdicts import Verdicts
from meshwright.assess.results import Known, results, without_answer
from meshwright.mesh.lineage import Lineage
from meshwright.product.record import Record

AT_ONCE = 100
"""Maximum number of products that a process takes at a time."""
FEW = 20
"""Up to this many products are assessed in one process, if only their records are examined."""
DIED = "The process that assessed this product died."

Progress = Callable[[int], None]
"""Called with how many more products are done."""


@dataclass(frozen=True)
class SpreadTask:
    """The data that every process needs."""

    records: Sequence[Record]
    mesh: Lineage
    now: datetime
    static: bool
    catalog: str | None
    expectations: Expectations
    kept: Mapping[int, Verdicts] = field(default_factory=dict)
    """Number of a record -> verdicts that are kept."""


def spread(
    task: SpreadTask, functions: Sequence[Fitness], chosen: Sequence[int], jobs: int, progress: Progress
) -> Iterator[dict[str, Any]]:
    """Return the results of the chosen products, in their order."""
    catalog = _catalog(task)
    if catalog:  # one error if it does not answer, and not one by every function for every product
        catalog.search("", 1)
    if task.static and len(chosen) <= FEW:
        worker = _Worker(task, functions, None)
        known: Known = {}
        yield from (worker.product(number, known) for number in chosen)
        progress(len(chosen))
        return
    size = max(1, min(AT_ONCE, len(chosen) // (jobs * 4)))
    parts = [tuple(chosen[start : start + size]) for start in range(0, len(chosen), size)]
    # Forked processes share the records; garbage collection would touch, and so copy, all of them.
    gc.freeze()
    # A process that is killed, or forked, removes no temporary files of its own, and they have the ports' clear data.
    with tempfile.TemporaryDirectory(prefix="meshwright-", ignore_cleanup_errors=True) as scratch:
        try:
            done = dict(_pooled(task, functions, parts, jobs, progress, scratch))
            # If a process died, its products are assessed again, one by one, so that only the cause has no result.
            for part in parts:
                if part not in done:
                    done[part] = list(_one_by_one(task, functions, part, progress, scratch))
        finally:
            gc.unfreeze()
    for part in parts:
        yield from done[part]


def _pooled(
    task: SpreadTask,
    functions: Sequence[Fitness],
    parts: Sequence[tuple[int, ...]],
    jobs: int,
    progress: Progress,
    scratch: str,
) -> Iterator[tuple[tuple[int, ...], list[dict[str, Any]]]]:
    with _pool(task, functions, jobs, scratch) as pool:
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
    task: SpreadTask, functions: Sequence[Fitness], part: Sequence[int], progress: Progress, scratch: str
) -> Iterator[dict[str, Any]]:
    pool = _pool(task, functions, 1, scratch)
    try:
        for number in part:
            try:
                yield from pool.submit(_some, (number,)).result()
            except BrokenProcessPool:
                pool = _pool(task, functions, 1, scratch)
                yield without_answer(functions, task.records[number], DIED)
            progress(1)
    finally:
        pool.shutdown()


def _pool(task: SpreadTask, functions: Sequence[Fitness], jobs: int, scratch: str) -> ProcessPoolExecutor:
    """Return a pool of worker processes, whose temporary files are below `scratch`.

    On Linux they are forked, and inherit the functions. Elsewhere the task is pickled, and each worker loads the functions
    itself: those of a folder cannot be pickled.
    """
    shared = sys.platform == "linux"
    way = multiprocessing.get_context("fork" if shared else "spawn")
    return ProcessPoolExecutor(jobs, way, _begin, (task, functions if shared else None, scratch))


def _catalog(task: SpreadTask) -> Catalog | None:
    return None if task.catalog is None or task.static else EmbeddedCatalog(task.catalog)


@dataclass(frozen=True)
class _Worker:
    """What one process works with."""

    task: SpreadTask
    functions: Sequence[Fitness]
    catalog: Catalog | None

    def product(self, number: int, known: Known) -> dict[str, Any]:
        task, record = self.task, self.task.records[number]
        settings = task.expectations.settings
        product = gather(record, task.mesh, task.now, task.static, self.catalog, settings)
        return results(self.functions, product, known, task.kept.get(number))


_WORKER: list[_Worker] = []
"""In a process started for the assessment: its data."""


def _begin(task: SpreadTask, functions: Sequence[Fitness] | None, scratch: str) -> None:
    gc.enable()
    tempfile.tempdir = scratch
    _WORKER[:] = [_Worker(task, functions or discovery.enabled_functions(task.expectations), _catalog(task))]
    time_limit.enable()


def _some(numbers: Sequence[int]) -> list[dict[str, Any]]:
    worker = _WORKER[0]
    known: Known = {}
    return [worker.product(number, known) for number in numbers]
