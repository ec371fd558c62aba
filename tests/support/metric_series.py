"""Runs over time, as their metrics reach Prometheus: the input of `promtool test rules`, made by the pipeline's own emitter.

The package `pipeline` has to be one that can be imported.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

STEP = 10
"""Minutes between two times that a text file is scraped."""
EVALUATED = 30
"""Minutes between two evaluations of the rules: more often takes longer. They look back for 15 minutes, and so see every sample."""
DAY = 24 * 60
SERIES = re.compile(r"^(\w+\{.*\}) (\S+)$", re.MULTILINE)


@dataclass
class Ran:
    """A run: when it starts, in minutes since the beginning, how it ends, and what its report has besides."""

    start: int
    code: int = 0
    seconds: float = 1020
    levels: list[dict[str, Any]] = field(default_factory=list)
    rows: int = 1000
    on: str = ""
    """The machine, for the label `instance`."""
    fresh: bool = False
    """True if the machine knows of no earlier run, as in CI."""

    @property
    def end(self) -> int:
        """The first scrape after its end, in steps."""
        return -int(-(self.start * 60 + self.seconds) // (STEP * 60))


def level(
    name: str = "fresh", indicator: str = "freshness", objective: str = "<= 30h", **more: Any
) -> dict[str, Any]:
    return {"name": name, "indicator": indicator, "objective": objective, "value": 0.1, "unit": "h", "kept": True, **more}  # fmt: skip


def report(name: str, run: Ran) -> dict[str, Any]:
    """What build/run.json says of a run."""
    known: dict[str, Any] = {
        "product": f"hotels/{name}",
        "version": "1.0.0",
        "startedAt": datetime.fromtimestamp(run.start * 60, UTC).isoformat(timespec="seconds"),
        "seconds": run.seconds,
        "exitCode": run.code,
        "outcome": "published" if run.code in (0, 3) else "failed",
    }
    if known["outcome"] == "failed":
        levels = [level | {"value": None, "kept": False} for level in run.levels if "target" in level]
        return known | {"problem": "It is said to people."} | ({"serviceLevels": levels} if levels else {})
    return known | {
        "contract": "1.0.0",
        "checks": [{"result": "passed"}],
        "doubts": [],
        "rowsIn": {"bookings": run.rows},
        "rowsOut": run.rows,
        "ports": {f"dp:hotels/{name}#lake": "build/ports/lake"},
        "serviceLevels": run.levels or [level()],
        **({"missed": ["fresh"]} if run.code == 3 else {}),
    }


def series(
    name: str, runs: list[Ran], folder: Path, days: int, *, cron: str = "0 5 * * *", once: bool = False, gap: tuple[int, int] = (0, 0)
) -> Iterator[dict[str, str]]:  # fmt: skip
    """Yield the series of a product. `once`: sent once a run, not scraped; `gap`: steps in which nothing is scraped."""
    from pipeline import metrics

    spans: dict[str, list[tuple[int, int, str]]] = {}
    for machine in sorted({run.on for run in runs}):
        root = folder / name / (machine or "machine")
        (root / "build").mkdir(parents=True)
        (root / "data-product.yaml").write_text(
            f'spec: {{traits: [{{uses: schedule@1, properties: {{cron: "{cron}"}}}}]}}'
        )
        own = [run for run in runs if run.on == machine]
        for run, until in zip(own, [*(run.end for run in own[1:]), days * DAY // STEP + 1], strict=True):
            file = root / "build" / metrics.FILE
            if run.fresh:
                file.unlink(missing_ok=True)
            metrics.emit(root, report(name, run), {})
            text = file.read_text("utf-8")
            for match in SERIES.finditer(text):
                labels = f'{match[1][:-1]},instance="{machine}",job="node"}}' if machine else match[1]
                parts = [(run.end, run.end + 1)] if once else [(run.end, until)]
                if parts[0][0] < gap[0] < parts[0][1]:
                    parts = [(run.end, gap[0]), (gap[1], until)]
                spans.setdefault(labels, []).extend((*part, match[2]) for part in parts)
    for labels, known in spans.items():
        yield {"series": labels, "values": compressed(known)}


def compressed(spans: list[tuple[int, int, str]]) -> str:
    """Values from a step until another, as promtool writes them: `_x3 7x10`. A series that ends is marked as stale."""
    parts: list[str] = []
    before = 0
    for start, until, value in spans:
        absent = start - before
        if absent and not parts:
            parts.append(f"_x{absent}")
        elif absent:
            parts += ["stale", *([f"_x{absent - 1}"] if absent > 1 else [])]
        parts.append(f"{value}x{until - start - 1}")
        before = until
    return " ".join([*parts, "stale"])


def promtool(
    folder: Path,
    rules: Path,
    input_series: list[dict[str, str]],
    tests: list[dict[str, Any]],
    evaluated: int = EVALUATED,
) -> str:
    """What `promtool test rules` finds wrong with the alerts; empty if they are as expected."""
    used = rules.read_text("utf-8")
    needed = [one for one in input_series if one["series"].partition("{")[0] in used]
    # Without an order promtool takes the groups in a random one: alerts before the series that they ask for.
    order = [group["name"] for group in yaml.safe_load(used)["groups"]]
    month = {"interval": f"{STEP}m", "input_series": needed, "promql_expr_test": tests}
    whole = {
        "rule_files": [str(rules)],
        "evaluation_interval": f"{evaluated}m",
        "group_eval_order": order,
        "tests": [month],
    }
    file = folder / "month.json"
    file.write_text(json.dumps(whole))  # which is YAML, and written faster
    done = subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr
