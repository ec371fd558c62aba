"""Count how often runs met a service level with a target in its window: the error budget that is left, and its burn rate.

Keys of such a level in build/run.json and build/slis.json:

- `target`: the share of the runs that has to meet the objective, 0 to 1; `window`: days, up to the start of this run;
- `runs`: the runs in the window that could be judged, this one too; `good`: those that met the objective;
- `errorBudget`: the part that is left of the runs that may miss it: 1 is all of it, below 0 the level is missed;
- `burnRate`: the share of bad runs in the last tenth of the window, divided by the share that the target allows. At 1, a
  window uses exactly all of its budget (Google's SRE workbook alerts on three days of thirty at 1).

Both are null until they are known: from as many runs on as the target needs to allow a bad one (100 at 99 %), or once the
history is as long as the window. A run on the sample knows of no other run.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from pipeline import grammar, history
from pipeline.build_folder import write
from pipeline.progress import level_text, say
from pipeline.spec import Product

NOTHING_PUBLISHED = "the run published nothing"


def counted(product: Product, measured: list[dict[str, Any]], started: datetime) -> list[dict[str, Any]]:
    """Return the levels that this run has measured, with the keys of those that have a target."""
    earlier, broken = history.runs(product, started)
    if broken:
        say(
            f"            history: {len(broken)} line{'s' if len(broken) > 1 else ''} of"
            f" {history.FILE} cannot be read, and"
            f" {'do' if len(broken) > 1 else 'does'} not count: {', '.join(map(str, broken[:5]))}",
            level="warning",
        )
    return _with_keys(product, measured, started, earlier)


def uncounted(product: Product, measured: list[dict[str, Any]], started: datetime) -> list[dict[str, Any]]:
    """Return the same for a run that does not count, such as one on the sample: nothing is known over time."""
    keys = {name: values | {"runs": 0, "good": 0} for name, values in _targets(product).items()}
    return [level | keys.get(level["name"], {}) for level in measured]


def close(product: Product, report: dict[str, Any], started: datetime) -> None:
    """Add a run that has ended to the history; to a report of one that published nothing, what that costs. Raises UnreadableInput."""
    if report["outcome"] != "published":
        report["serviceLevels"] = _failed(product, started)
        _update_measured(product, report["serviceLevels"])
        for level in report["serviceLevels"]:
            say(f"  SLI      {level_text(level)}", level="warning")
    history.end(product, report)


def _failed(product: Product, started: datetime) -> list[dict[str, Any]]:
    """Return the levels with a target after a run that published nothing, and so met none of them."""
    measured = [
        {
            **{key: level[key] for key in ("name", "indicator", "objective")},
            "value": None,
            "unit": goal.unit,
            "kept": False,
            "reason": NOTHING_PUBLISHED,
        }
        for level in product.service_levels
        if grammar.over_time(level) and (goal := grammar.objective(level["objective"]))
    ]
    return counted(product, measured, started)


def _update_measured(product: Product, levels: Iterable[Mapping[str, Any]]) -> None:
    """Write what a failed run has cost into build/slis.json; values stay those of the data that the ports still serve."""
    now = {level["name"]: level for level in levels}
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
        record = json.loads((product.build / "slis.json").read_text("utf-8"))
        for level in record["serviceLevels"]:
            new = now.get(level["name"])
            if new and new["objective"] == level["objective"] and "target" in level:
                level |= {key: new[key] for key in KEYS}
        write(product.root, "slis.json", record)


KEYS = ("target", "window", "runs", "good", "errorBudget", "burnRate")


def _targets(product: Product) -> dict[str, dict[str, Any]]:
    """Return the keys of each level with a target, as far as they are known without any run."""
    return {
        level["name"]: dict.fromkeys(KEYS) | {"target": goal.share, "window": goal.days}
        for level in product.service_levels
        if (goal := grammar.over_time(level))
    }


def _with_keys(
    product: Product, measured: list[dict[str, Any]], started: datetime, earlier: list[history.Run]
) -> list[dict[str, Any]]:
    levels = {level["name"]: level for level in product.service_levels}
    keys = _targets(product)
    made = []
    for one in measured:
        level = levels[one["name"]]
        if goal := grammar.over_time(level):
            judged = [
                (run.started, met)
                for run in earlier
                if run.started != started and (met := run.met(level)) is not None
            ]
            if one["kept"] is not None:
                judged.append((started, one["kept"]))
            made.append(one | keys[one["name"]] | _counts(goal, judged, started))
        else:
            made.append(one)
    return made


def _counts(goal: grammar.Target, judged: list[tuple[datetime, bool]], now: datetime) -> dict[str, Any]:
    """Return the keys that runs decide. `judged`: when each run started, and whether it met the objective."""
    start, recently = now - timedelta(days=goal.days), now - timedelta(days=goal.days) / 10
    inside = [met for at, met in judged if at > start]
    recent = [met for at, met in judged if at > recently]
    counts: dict[str, Any] = {"runs": len(inside), "good": sum(inside)}
    if inside and (len(inside) >= goal.fewest or any(at <= start for at, _ in judged)):
        counts["errorBudget"] = goal.budget(len(inside), sum(inside))
        counts["burnRate"] = goal.burn_rate(len(recent), sum(recent)) if recent else None
    return counts
