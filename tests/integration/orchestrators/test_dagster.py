"""The definitions of a product in the real Dagster: loaded, and materialized with a process in place of the pipeline."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from edits import edit
from orchestrated import HOSTILE, change, facts, impossible, once, orchestrated
from products import Make

RUNS = [
    ("producer", "0"),
    ("producer", "1"),
    ("producer", "2 0"),
    ("producer", "3"),
    ("producer", "0! 0! 0! 0!"),
    ("hostile", "0"),
    ("real", ""),
]
LAKE, TABLES = (f"airport-operations/departures/{port}" for port in ("lake", "tables"))
ONE, OTHER = ["airport-operations", "departures", "lake"], ["airport-operations", "weather", "lake"]
TICKS: list[tuple[list[list[str]], int]] = [
    ([], 0),
    ([ONE], 0),
    ([ONE], 0),  # twice the same is one
    ([OTHER], 1),
    ([], 0),
    ([ONE, OTHER], 1),
    ([ONE], 0),
    ([], 0),
    ([OTHER], 1),
]
"""What is published before each tick, and how many assets are requested then: all of the inputs, and once."""


@pytest.fixture(scope="module")
def dagster(make: Make, product_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    def also(spec: dict[str, Any]) -> dict[str, Any]:
        (lake,) = spec["spec"]["inputs"]
        weather = {**lake, "name": "weather", "from": "dp:airport-operations/weather#lake"}
        spec["spec"]["inputs"] += [weather, {**lake, "name": "again"}]
        return spec

    def work() -> Any:
        products = orchestrated(make, "dagster")
        real = products["real"] = Path(
            shutil.copytree(products["producer"], products["producer"].parent / "real")
        )
        change(real, "dagster", command=[str(product_python), "-m", "pipeline"])
        edit(products["consumer"] / "data-product.yaml", also)
        products |= impossible(products["producer"], "dagster", tmp_path_factory.mktemp("impossible"))
        ticks = [published for published, _ in TICKS]
        known = facts(
            "dagster", tmp_path_factory.mktemp("dagster"), products=products, runs=RUNS, ticks=ticks
        )
        return known | {"folders": products}

    return once("dagster", tmp_path_factory.getbasetemp(), work)


def test_the_assets_say_what_spec_and_contract_say(dagster: Any) -> None:
    assert not dagster["modules"], "nothing of the pipeline is imported"
    producer = dagster["products"]["producer"]
    assert min(product["seconds"] for product in dagster["products"].values()) < 0.2
    assert set(producer["assets"]) == {LAKE, TABLES}
    lake = producer["assets"][LAKE]
    assert lake["owners"] == ["ada@example.org"] and lake["group"] == "airport_operations"
    assert lake["tags"] | {"classification": "internal", "type": "source-oriented"} == lake["tags"]
    assert lake["kinds"] == ["parquet"] and producer["assets"][TABLES]["kinds"] == ["delta"]
    assert (lake["version"], lake["fresh within"]) == ("1.0.0", 24 * 3600)
    assert len(lake["columns"]) == 16
    assert lake["columns"]["carrier"] == ["string", False, {"classification": "public"}]
    checks = ("contract", "fresh", "airline_known")
    assert producer["checks"] == sorted(f"{key}:{check}" for key in (LAKE, TABLES) for check in checks)


def test_the_schedule_runs_both_ports_in_utc(dagster: Any) -> None:
    (schedule,) = dagster["products"]["producer"]["schedules"]
    assert schedule == ["airport_operations__departures__schedule", ["0 5 * * *"], "UTC"]
    assert dagster["selected"] == [LAKE, TABLES] and dagster["requests"] == 1
    assert not any(asset["automated"] for asset in dagster["products"]["producer"]["assets"].values())
    assert set(dagster["delays"]) == {300}


def test_a_consumer_runs_once_for_all_of_its_inputs(dagster: Any) -> None:
    consumer = dagster["products"]["consumer"]
    (asset,) = consumer["assets"].values()
    assert asset["deps"] == [LAKE, "/".join(OTHER)] and asset["automated"] and not consumer["schedules"]
    assert dagster["requested"] == [number for _, number in TICKS]


def test_an_exit_code_is_what_it_means(dagster: Any) -> None:
    kept, broken, again, missed, silent, *_ = dagster["runs"]
    good = {"contract": True, "fresh": True, "airline_known": True}
    for run, success, ports, retries, checks in (
        (kept, True, 2, 0, good),
        (broken, False, 0, 0, {"contract": False}),
        (again, True, 2, 1, good),
        (missed, True, 2, 0, good | {"fresh": False}),
        (silent, False, 0, 3, {}),
    ):
        assert (run["success"], len(run["materialized"]), run["retries"]) == (success, ports, retries), run
        passed = {key: result[0] for key, result in run["checks"].items()}
        assert passed == {f"{port}:{name}": kept for port in (LAKE, TABLES) for name, kept in checks.items()}
    assert kept["checks"][f"{LAKE}:contract"][1] == "2 kept, 0 broken, 1 in doubt"
    assert kept["materialized"][LAKE] == {
        "dagster/row_count": 1667,
        "version": "1.0.0",
        "contract": "1.2.0",
        "startedAt": "2026-12-01T05:00:00+00:00",
        "seconds of the stages": {"ingest": 0.5, "verify": 0.5},
    }


def test_a_service_level_over_time_is_what_the_run_makes_of_it(dagster: Any) -> None:
    checks = dagster["runs"][5]["checks"]
    levels = {
        name: checks[f"airport-operations/hostile/lake:{name}"] for name in ("fresh", "steady", "often")
    }
    assert {name: (level[0], level[2]) for name, level in levels.items()} == {
        "fresh": (True, "ERROR"),
        "steady": (False, "WARN"),
        "often": (True, "ERROR"),
    }
    assert levels["often"][1] == "1.0 h; missed in this run, within the error budget"


def test_the_pipeline_itself_runs_in_its_own_environment(dagster: Any) -> None:
    run = dagster["runs"][-1]
    assert run["success"] and all(result[0] for result in run["checks"].values()), json.dumps(run["errors"])
    assert set(run["materialized"]) == {LAKE, TABLES}
    stages = run["materialized"][LAKE]["seconds of the stages"]
    assert list(stages) == ["ingest", "transform", "verify", "publish"]
    report = json.loads((Path(dagster["folders"]["real"]) / "build/run.json").read_text("utf-8"))
    assert run["materialized"][LAKE]["dagster/row_count"] == report["rowsOut"] > 0


def test_a_text_of_the_spec_is_only_a_text(dagster: Any) -> None:
    folder = Path(dagster["folders"]["hostile"])
    given = json.loads((folder / "given.json").read_text("utf-8"))
    asset = dagster["products"]["hostile"]["assets"]["airport-operations/hostile/lake"]
    assert given["arguments"] == [HOSTILE, "--log-format", "json"] and asset["description"] == HOSTILE
    assert "classification" not in asset["tags"] and not (folder / "stolen").exists()
    names = ("DAGSTER_", "VIRTUAL_ENV", "PYTHONPATH")
    assert [name for name in given["environment"] if name.startswith(names)] == []


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("renamed", "metadata.name is not valid"),
        ("other port", "the name of an output port is not valid"),
        ("no trait", "the trait dagster@1 is missing"),
    ],
)
def test_what_cannot_be_an_id_is_refused(dagster: Any, name: str, says: str) -> None:
    assert says in dagster["errors"][name]
