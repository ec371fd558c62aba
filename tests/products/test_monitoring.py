"""Monitoring as code: the alert rules over a month of runs, and what rules and dashboard are made of."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import ROOT
from metric_series import DAY, EVALUATED, STEP, Ran, level, promtool, series

MONITORING = ROOT / "template/monitoring"
RULES = MONITORING / "alerts.yaml"
DAYS = 31
FIVE = 5 * 60
"""When the schedule of the products starts a run, in minutes of the day."""


def daily(changed: dict[int, Ran | None] | None = None, **every: Any) -> list[Ran]:
    """A run a day. `changed`: day -> another run, or none."""
    runs = {day: Ran(day * DAY + FIVE, **every) for day in range(DAYS)} | (changed or {})
    return [run for run in runs.values() if run is not None]


def at(day: int, hour: int = 5, minute: int = 0) -> int:
    return day * DAY + hour * 60 + minute


Windows = dict[str, tuple[int, int, int]]


def window(start: int, until: int, pending: int = 0) -> tuple[int, int, int]:
    """First and last minute in which an alert fires, and how often it is evaluated in between.

    `start`: the first minute in which its condition holds; `until`: the first in which it no longer does, both as far as
    the rules can know; `pending`: how many minutes it has to hold.
    """
    first = -(-start // EVALUATED) * EVALUATED + pending
    last = -(-until // EVALUATED) * EVALUATED - EVALUATED
    return first, last, (last - first) // EVALUATED + 1


SEEN = 20
"""Minutes from the start of a run of 17 minutes until its metrics are scraped."""
VOLUME = level("enough", "volume", ">= 10 rows", value=5.0, unit="rows", kept=False)


def promised(left: float | None, burning: float | None) -> list[dict[str, Any]]:
    """A service level with a target, which the run met."""
    return [level("steady", "duration", "<= 1h", target=0.9, window=30, runs=20, good=19, errorBudget=left, burnRate=burning)]  # fmt: skip


def stale(day: int, hours: int = 6) -> tuple[int, int, int]:
    """The data are 30 hours old, six hours after the run of a day that brought none."""
    return window(at(day, 5 + hours, 12), at(day + 1) + SEEN, pending=60)


MISSED: Windows = {
    "DataProductRunLate": window(at(10, 6, 18), at(10, 11, 17)),
    "DataProductRunMissed": window(at(10, 11, 17), at(11) + SEEN),
    "DataProductStale": stale(10),
}
FAILED: Windows = {
    "DataProductRunFailed": window(at(5) + SEEN, at(6) + SEEN),
    "DataProductStale": stale(5),
}
SCENARIOS: dict[str, tuple[list[Ran], dict[str, Any], Windows]] = {
    "healthy": (daily(), {}, {}),
    "healthy-once": (daily(), {"once": True}, {}),
    "weekly": ([Ran(at(day), levels=[level(objective="<= 8d")]) for day in range(4, DAYS, 7)], {"cron": "0 5 * * 1", "once": True}, {}),
    "missed": (daily({10: None}), {}, MISSED),
    "missed-once": (daily({10: None}), {"once": True}, MISSED),
    "late": (daily({12: Ran(at(12, 9))}), {}, {"DataProductRunLate": window(at(12, 6, 18), at(12, 9) + SEEN)}),
    "failed": (daily({5: Ran(at(5), code=2)}), {}, FAILED),
    "failed-once": (daily({5: Ran(at(5), code=2)}), {"once": True}, FAILED),
    "failed-in-ci": (daily({5: Ran(at(5), code=2, fresh=True)}), {}, FAILED),
    "stopped": (
        daily({5: Ran(at(5), code=143), 6: Ran(at(6))}),
        {},
        {"DataProductRunFailed": window(at(5) + SEEN, at(6) + SEEN), "DataProductStale": stale(5)},
    ),
    "broken": (
        daily({7: Ran(at(7), code=1), 8: Ran(at(8), code=1)}),
        {},
        {
            "DataProductPromiseBroken": window(at(7) + SEEN, at(9) + SEEN),
            "DataProductStale": (stale(7)[0], stale(8)[1], (stale(8)[1] - stale(7)[0]) // EVALUATED + 1),
        },
    ),
    "empty": (daily({8: Ran(at(8), rows=0)}), {}, {"DataProductNoData": window(at(8) + SEEN, at(9) + SEEN)}),
    "too-few": (
        daily({9: Ran(at(9), code=3, levels=[VOLUME])}),
        {},
        {"DataProductServiceLevelMissed": window(at(9) + SEEN, at(10) + SEEN)},
    ),
    "budget": (
        daily(
            {
                13: Ran(at(13), levels=promised(0.4, 2.0)),
                14: Ran(at(14), code=2, levels=promised(-0.2, 3.0)),
                15: Ran(at(15), levels=promised(0.1, 0.5)),
            },
            levels=promised(1.0, 0.0),
        ),
        {},
        {
            "DataProductErrorBudgetBurning": window(at(13) + SEEN, at(14) + SEEN),
            "DataProductErrorBudgetBurnt": window(at(14) + SEEN, at(15) + SEEN),
            "DataProductRunFailed": window(at(14) + SEEN, at(15) + SEEN),
        },
    ),
    # What the run itself counts as missed, and nothing else: progress.is_missed.
    "budget-zero": (
        daily(
            {
                13: Ran(at(13), levels=promised(0.0, 1.0)),
                14: Ran(at(14), levels=promised(0.0, 1.5)),
                15: Ran(at(15), code=3, levels=promised(-0.0001, 0.5)),
            },
            levels=promised(1.0, 0.0),
        ),
        {},
        {
            "DataProductErrorBudgetBurning": window(at(14) + SEEN, at(15) + SEEN),
            "DataProductErrorBudgetBurnt": window(at(15) + SEEN, at(16) + SEEN),
        },
    ),
    "budget-unknown": (
        daily({9: Ran(at(9), code=3, levels=[promised(None, None)[0] | {"kept": False}])}, levels=promised(None, None)),
        {},
        {"DataProductServiceLevelMissed": window(at(9) + SEEN, at(10) + SEEN)},
    ),
    # What the run before had and this one does not: a level that was removed, an age that cannot be measured.
    "removed-once": (
        daily({day: Ran(at(day), levels=promised(-0.2, 0.5)) for day in (8, 9)}),
        {"once": True},
        {"DataProductErrorBudgetBurnt": window(at(8) + SEEN, at(10) + SEEN)},
    ),
    "unmeasured-once": (
        daily({day: Ran(at(day), code=3, levels=[level(value=None, kept=False)]) for day in (11, 12)}),
        {"once": True},
        {"DataProductServiceLevelMissed": window(at(11) + SEEN, at(13) + SEEN)},
    ),
    # node_exporter was down for some hours, between two runs.
    "gone": (
        daily(),
        {"gap": (at(16, 10) // STEP, at(16, 20) // STEP)},
        {"DataProductMetricsMissing": window(at(16, 10, 6), at(16, 20), pending=EVALUATED)},
    ),
    # The file on the machine that it ran on before is still there.
    "moved": ([*daily({day: None for day in range(10, DAYS)}, on="a"), *daily({day: None for day in range(10)}, on="b")], {}, {}),
}  # fmt: skip
"""Product -> its runs in a month, how they reach Prometheus, and which alerts fire, from when to when."""


@pytest.fixture(scope="module")
def month(every_port: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    folder = tmp_path_factory.mktemp("month")
    return [
        one
        for name, (runs, options, _) in SCENARIOS.items()
        for one in series(name, runs, folder, DAYS, **options)
    ]


def expected(part: int) -> list[dict[str, Any]]:
    """The samples of a query about the alerts that fire: 0 first minute, 1 last one, 2 how often."""
    return [
        {
            "labels": f'{{alertname="{alert}",product="{name}"}}',
            "value": when[part] * (1 if part == 2 else 60),
        }
        for name, (*_, windows) in SCENARIOS.items()
        for alert, when in windows.items()
    ]


def test_each_alert_fires_when_it_should_and_ends_when_it_should(
    month: list[dict[str, str]], tmp_path: Path
) -> None:
    firing = 'ALERTS{alertstate="firing"}'
    by, whole = "by (product, alertname)", f"[{DAYS}d:{EVALUATED}m]"
    queries = (
        f"min {by} (min_over_time(timestamp({firing}){whole}))",
        f"max {by} (max_over_time(timestamp({firing}){whole}))",
        f"sum {by} (count_over_time({firing}[{DAYS}d]))",
    )
    tests = [
        {"expr": query, "eval_time": f"{DAYS}d", "exp_samples": expected(part)}
        for part, query in enumerate(queries)
    ]
    problems = promtool(tmp_path, RULES, month, tests)
    assert not problems, problems


def test_what_only_the_run_before_had_is_forgotten_between_all_times_of_evaluation(
    every_port: Path, tmp_path: Path
) -> None:
    """Evaluated each minute, as Prometheus does: the month is not."""
    runs = [Ran(at(0), levels=promised(-0.2, 0.5)), Ran(at(1, 0), levels=[level()])]
    sent = [*series("removed", runs, tmp_path, 1, cron="0 5,0 * * *", once=True)]
    who = '{domain="hotels",indicator="duration",product="removed",service_level="steady"}'
    value = "count_over_time(data_product:service_level_error_budget_remaining_ratio:last[10h])"
    until = at(1, 5) - at(1, 0, SEEN)
    tests = [
        {"expr": value, "eval_time": f"{at(1, 5)}m", "exp_samples": [{"labels": who, "value": 600 - until}]}
    ]
    problems = promtool(tmp_path, RULES, sent, tests, evaluated=1)
    assert not problems, problems


# -- what rules and dashboard are made of -----------------------------------------------------------------

METRICS = runpy.run_path(str(ROOT / "template/pipeline/metric_names.py"))["METRICS"]
BOARD = json.loads((MONITORING / "dashboard.json").read_text("utf-8"))
GROUPS = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
RECORDED = {rule["record"] for group in GROUPS for rule in group["rules"] if "record" in rule}
ALERTS = {rule["alert"] for group in GROUPS for rule in group["rules"] if "alert" in rule}
NAME = re.compile(r"\bdata_product[\w:]*")


def expressions() -> Iterator[str]:
    for group in GROUPS:
        yield from (rule["expr"] for rule in group["rules"])
    yield from (target["expr"] for panel in BOARD["panels"] for target in panel["targets"])
    yield from (one["definition"] for one in BOARD["templating"]["list"] if one["type"] == "query")


def test_every_metric_of_rules_and_dashboard_is_one_that_runs_emit(month: list[dict[str, str]]) -> None:
    emitted = {one["series"].partition("{")[0] for one in month}
    assert emitted == METRICS.keys(), "the month shows every metric"
    used = {name for expression in expressions() for name in NAME.findall(expression)}
    assert used - RECORDED <= emitted and used >= RECORDED
    for label in re.findall(r"[({,]\s*(\w+)=", " ".join(expressions())):
        labels = {label for metric in METRICS.values() for label in metric.labels}
        assert label in labels | {"domain", "product", "environment", "alertname", "alertstate"}, label


def test_every_alert_fires_in_the_month() -> None:
    assert {alert for *_, windows in SCENARIOS.values() for alert in windows} == ALERTS


def test_prometheus_knows_the_rules_and_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    """As Grafana sends it: with values for its variables."""
    sent = [
        {"record": f"panel:{number}", "expr": re.sub(r"\$__range\b", "7d", re.sub(r"\$(domain|product|environment)\b", ".*", target["expr"]))}
        for number, target in enumerate(target for panel in BOARD["panels"] for target in panel["targets"])
    ]  # fmt: skip
    assert len(sent) >= len(BOARD["panels"]) and not any("$" in one["expr"] for one in sent)
    file = tmp_path / "panels.json"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": sent}]}))
    done = subprocess.run(["promtool", "check", "rules", RULES, file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"SUCCESS: {len(RECORDED) + len(ALERTS)} rules found" in done.stdout


def test_the_dashboard_has_the_shape_that_grafana_imports() -> None:
    assert BOARD["schemaVersion"] >= 39 and BOARD["title"] and BOARD["uid"] and "id" not in BOARD
    variables = {one["name"]: one["type"] for one in BOARD["templating"]["list"]}
    assert variables == {
        "datasource": "datasource",
        "domain": "query",
        "product": "query",
        "environment": "query",
    }
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        assert panel["title"] and panel["type"] in ("stat", "table", "timeseries", "state-timeline")
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert place["x"] + place["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells
        assert all(one["datasource"] == panel["datasource"] and one["refId"] for one in panel["targets"])
        assert len({one["refId"] for one in panel["targets"]}) == len(panel["targets"]) > 0


def test_nothing_in_the_folder_names_a_product(departures: Path) -> None:
    for file in MONITORING.iterdir():
        text = file.read_text("utf-8")
        assert "departures" not in text and text == (departures / "monitoring" / file.name).read_text("utf-8")
