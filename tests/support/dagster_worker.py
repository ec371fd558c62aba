"""Runs in an environment with Dagster alone: loads the definitions of products, runs them, and writes down what came of it."""

from __future__ import annotations

import importlib.util
import json
import sys
import time
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

warnings.simplefilter("ignore")
asked = json.loads(Path(sys.argv[1]).read_text("utf-8"))
Policy = dg.RetryPolicy
policies: list[Any] = []


def at_once(**options: Any) -> Any:
    """The same retries, without waiting."""
    policies.append(options["delay"])
    return Policy(**options | {"delay": 0})


dg.RetryPolicy = at_once  # type: ignore[misc, assignment]


def loaded(name: str, folder: str) -> dg.Definitions:
    spec = importlib.util.spec_from_file_location(name, f"{folder}/orchestration/dagster_definitions.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    dg.Definitions.validate_loadable(module.defs)
    return module.defs


answer: dict[str, Any] = {"products": {}, "errors": {}, "runs": []}
definitions: dict[str, dg.Definitions] = {}
for name, folder in asked["products"].items():
    began = time.process_time()
    try:
        defs = definitions[name] = loaded(name, folder)
    except ValueError as error:
        answer["errors"][name] = str(error)
        continue
    seconds = time.process_time() - began
    graph = defs.resolve_asset_graph()
    (assets,) = defs.assets or []
    specs = {spec.key.to_user_string(): spec for spec in assets.specs}
    answer["products"][name] = {
        "seconds": seconds,
        "assets": {
            key: {
                "deps": [dep.asset_key.to_user_string() for dep in spec.deps],
                "owners": list(spec.owners),
                "tags": dict(spec.tags),
                "kinds": sorted(spec.kinds),
                "group": spec.group_name,
                "version": spec.code_version,
                "description": spec.description,
                "columns": {
                    column.name: [column.type, column.constraints.nullable, dict(column.tags or {})]
                    for column in spec.metadata["dagster/column_schema"].columns
                },
                "fresh within": spec.freshness_policy.fail_window.to_timedelta().total_seconds(),
                "automated": spec.automation_condition is not None,
            }
            for key, spec in specs.items()
        },
        "checks": sorted(key.to_user_string() for key in graph.asset_check_keys),
        "schedules": [[one.name, one.cron_schedule, one.execution_timezone] for one in defs.schedules or []],
        "jobs": [job.name for job in defs.jobs or []],
    }
answer["delays"] = policies
for schedule in definitions["producer"].schedules or []:
    job = definitions["producer"].resolve_job_def(schedule.job_name)
    answer["selected"] = sorted(key.to_user_string() for key in job.asset_layer.executable_asset_keys)
    with dg.build_schedule_context(scheduled_execution_time=datetime(2026, 12, 1, 5, tzinfo=UTC)) as context:
        answer["requests"] = len(schedule.evaluate_tick(context).run_requests or [])

for name, codes in asked["runs"]:
    (Path(asked["products"][name]) / "codes").write_text(codes, "utf-8")
    done = dg.materialize(list(definitions[name].assets or []), raise_on_error=False)
    answer["runs"].append(
        {
            "product": name,
            "codes": codes,
            "success": done.success,
            "errors": [event.message for event in done.all_events if event.is_step_failure]
            + [
                event.step_failure_data.error_display_string[:300]
                for event in done.all_events
                if event.is_step_failure
            ],
            "retries": sum(event.event_type_value == "STEP_RESTARTED" for event in done.all_events),
            "materialized": {
                event.asset_key.to_user_string(): {
                    key: value.value for key, value in event.materialization.metadata.items()
                }
                for event in done.get_asset_materialization_events()
            },
            "checks": {
                f"{one.asset_key.to_user_string()}:{one.check_name}": [
                    one.passed,
                    one.description,
                    one.severity.value,
                ]
                for one in done.get_asset_check_evaluations()
            },
        }
    )

# What the sensor of automation conditions does as the inputs are published, a tick a line.
instance, cursor = dg.DagsterInstance.ephemeral(), None
answer["requested"] = []
for published in asked["ticks"]:
    for key in published:
        instance.report_runless_asset_event(dg.AssetMaterialization(dg.AssetKey(key)))
    tick = dg.evaluate_automation_conditions(definitions["consumer"], instance, cursor=cursor)
    cursor = tick.cursor
    answer["requested"].append(tick.total_requested)
answer["modules"] = sorted(
    name for name in sys.modules if name.partition(".")[0] in ("pipeline", "meshwright")
)
Path(asked["answer"]).write_text(json.dumps(answer, default=str), "utf-8")
