"""`lineage@1`: send OpenLineage events of each run: START, and then COMPLETE, FAIL or ABORT.

Events are made and sent beside the run, in a thread of their own. What cannot be made or sent is a warning at the end of
the run, which waits for a few seconds (`timeout`) and never fails because of it. A run that is killed leaves its START.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from pipeline.lineage import events
from pipeline.lineage.sending import Sender, is_disabled
from pipeline.progress import say
from pipeline.spec import Product

TIMEOUT = 10.0
"""Seconds to wait for events at the end of a run, unless the trait says otherwise."""
STOPPED_TIMEOUT = 3.0
"""The same for a run that was stopped by a signal: it has 8 seconds in all (PATIENCE in pipeline/endings.py)."""

_running: tuple[events.Run, Sender] | None = None
"""The run that has been reported and has not ended; a process has one at a time."""


def started(product: Product, environment: Mapping[str, str], report: Mapping[str, Any]) -> dict[str, Any]:
    """Send START; return what build/run.json says of it. `report`: the run's, so far."""
    global _running
    run = events.Run(product, environment, str(uuid4()), datetime.fromisoformat(str(report["startedAt"])))
    if is_disabled(environment):
        return {}
    sender = Sender(product.root, environment)
    _running = run, sender
    sender.send(run.start)
    return {"runId": run.id}


def ended(report: Mapping[str, Any]) -> None:
    """Send how the run ended, by the error that is being handled, and wait until all events are sent: at most the timeout.

    `report`: the content of build/run.json.
    """
    global _running
    if _running is None:
        return
    (run, sender), _running = _running, None
    error, report = sys.exception(), dict(report)
    sender.send(lambda: run.end(report, error))
    timeout = float((run.product.trait("lineage") or {}).get("timeout", TIMEOUT))
    problem = sender.close(min(timeout, STOPPED_TIMEOUT) if report["exitCode"] > 128 else timeout)
    if problem:
        say(
            f"            lineage: {events.without_secrets(problem, run.environment)}",
            "lineage.unsent",
            level="warning",
        )
