"""Send events with OpenLineage's client, where its own configuration says, or to a file in build/."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.lineage.facets import PRODUCER

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient
    from openlineage.client.event_v2 import RunEvent

FILE = "build/openlineage.jsonl"
"""The events of the last run, where nothing is configured: one a line."""
CONFIGURATION = "openlineage.yml"
PREFIX = "OPENLINEAGE"
"""What the variables of OpenLineage's client begin with."""


def is_disabled(environment: Mapping[str, str]) -> bool:
    """Return True if no events are wanted: OPENLINEAGE_DISABLED."""
    return environment.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true"


class Sender:
    """Makes and sends events one after the other, in a thread that a process does not wait for when it ends."""

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        self._root, self._environment = root, environment
        self._waiting: queue.SimpleQueue[Callable[[], dict[str, Any]] | None] = queue.SimpleQueue()
        self._problem = ""
        self._until = float("inf")
        self._thread = threading.Thread(target=self._work, name="lineage", daemon=True)
        self._thread.start()

    def send(self, make: Callable[[], dict[str, Any]]) -> None:
        """Send the event that `make` returns; it is called in the thread."""
        self._waiting.put(make)

    def close(self, timeout: float) -> str:
        """Wait for all events, at most so many seconds; return what went wrong, or nothing."""
        self._until = time.monotonic() + timeout
        self._waiting.put(None)
        self._thread.join(timeout)
        if self._thread.is_alive():
            return f"the events could not be sent within {timeout:g} seconds"
        return self._problem

    def _work(self) -> None:
        client: OpenLineageClient | None = None
        while make := self._waiting.get():
            try:
                client = client or _client(self._root, self._environment)
                client.emit(_event(make()))
            except Exception as error:  # no problem with lineage may be one of the run
                self._problem = self._problem or _sentence(error)
        if client:
            try:
                client.close(max(self._until - time.monotonic(), 0.1))
            except Exception as error:
                self._problem = self._problem or _sentence(error)


def _sentence(error: Exception) -> str:
    if isinstance(error, ImportError):
        return f"the events could not be sent: {error}. `uv sync` installs what lineage@1 needs"
    text = " ".join(str(error).split())
    return f"the events could not be sent: {type(error).__name__}: {text[:300]}"


def _client(root: Path, environment: Mapping[str, str]) -> OpenLineageClient:
    """Return the client that is configured by variables or openlineage.yml; otherwise one that writes to FILE."""
    for name in ("openlineage", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # a problem is reported once, by the run
    for name, value in environment.items():
        if name.startswith(PREFIX) and value:
            os.environ.setdefault(name, value)  # the client reads only these
    if (root / CONFIGURATION).is_file():
        os.environ.setdefault("OPENLINEAGE_CONFIG", str(root / CONFIGURATION))

    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.file import FileConfig, FileTransport

    file = root / FILE
    file.unlink(missing_ok=True)
    client = OpenLineageClient(transport=FileTransport(FileConfig(str(file), append=True)))
    if client.config.transport or os.environ.get("OPENLINEAGE_URL"):
        client = OpenLineageClient()
    # The client would take the address of the repository from git, with a login that may be in it.
    code = getattr(client.config.facets, "source_code_location", None)
    if code is not None:
        code.disabled = True
    return client


def _event(value: dict[str, Any]) -> RunEvent:
    """Return the client's event for one as JSON. Its facets stay as they are, but for the tags, to which the client adds."""
    from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
    from openlineage.client.facet_v2 import tags_run

    run, job = value["run"], value["job"]
    tags = [
        tags_run.TagsRunFacetFields(tag["key"], tag["value"], tag["source"])
        for tag in run["facets"]["tags"]["tags"]
    ]
    facets = {**run["facets"], "tags": tags_run.TagsRunFacet(tags=tags, producer=PRODUCER)}
    return RunEvent(
        eventTime=value["eventTime"],
        eventType=RunState[value["eventType"]],
        run=Run(runId=run["runId"], facets=facets),
        job=Job(namespace=job["namespace"], name=job["name"], facets=job["facets"]),
        inputs=[InputDataset(**one) for one in value["inputs"]],
        outputs=[OutputDataset(**one) for one in value["outputs"]],
        producer=PRODUCER,
    )
