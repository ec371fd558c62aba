"""The DAG of a product in the real Airflow: loaded, stored, and run on SQLite, with a process in place of the pipeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from orchestrated import HOSTILE, facts, impossible, once, orchestrated
from products import Make

RUNS = [
    ("producer", "0"),
    ("producer", "1"),
    ("producer", "2 0"),
    ("producer", "3"),
    ("producer", "0! 0! 0! 0!"),
    ("hostile", "0"),
]
ADDRESS = "dp:airport-operations/departures#{}"


@pytest.fixture(scope="module")
def airflow(make: Make, tmp_path_factory: pytest.TempPathFactory) -> Any:
    def work() -> Any:
        products = orchestrated(make, "airflow")
        products |= impossible(products["producer"], "airflow", tmp_path_factory.mktemp("impossible"))
        known = facts("airflow", tmp_path_factory.mktemp("airflow"), products=products, runs=RUNS)
        return known | {"folders": products}

    return once("airflow", tmp_path_factory.getbasetemp(), work)


def test_a_dag_says_what_the_spec_says(airflow: Any) -> None:
    assert not airflow["modules"], "nothing of the pipeline is imported"
    for name in ("producer", "consumer", "hostile"):
        dag = airflow["dags"][name]
        assert airflow["errors"][name] == [] and dag["stored"]
        assert (dag["catchup"], dag["active runs"], dag["retries"]) == (False, 1, 3)
        assert dag["owner"] == "ada@example.org" and dag["links"] == {
            "ada@example.org": "mailto:ada@example.org"
        }
    assert min(dag["seconds"] for dag in airflow["dags"].values()) < 0.1
    producer = airflow["dags"]["producer"]
    assert producer["id"] == "airport-operations.departures"
    assert "CronTriggerTimetable" in producer["timetable"] and "'0 5 * * *'" in producer["timetable"]
    assert "timezone='UTC'" in producer["timetable"]
    levels = ["service_levels.airline-known", "service_levels.fresh"]
    assert producer["tasks"] == ["contract", "run", *levels]
    assert producer["tags"] == ["airport-operations", "internal", "source-oriented"]
    assert airflow["deadlines"] == [24 * 3600]
    (mail,) = producer["mails"]
    assert mail["to"] == "ada@example.org" and "has not ended in time: fresh, <= 24h" in mail["subject"]


def test_a_consumer_waits_for_the_assets_of_its_producer(airflow: Any) -> None:
    producer, consumer = airflow["dags"]["producer"], airflow["dags"]["consumer"]
    assert producer["outlets"] == [
        [ADDRESS.format(port), f"x-{ADDRESS.format(port)}"] for port in ("tables", "lake")
    ]
    assert producer["inlets"] == [] and consumer["inlets"] == [producer["outlets"][1]]
    assert "AssetTriggeredTimetable" in consumer["timetable"]
    published = airflow["runs"][0]
    assert published["queued"] == [consumer["id"]], "Airflow itself wants to run the consumer"


def test_an_exit_code_is_what_it_means(airflow: Any) -> None:
    kept, broken, again, missed, silent, _ = airflow["runs"]
    good, failed, lost = ["success", 1], ["failed", 1], ["upstream_failed", 0]
    known, fresh = "service_levels.airline-known", "service_levels.fresh"
    assert kept["tasks"] == {"run": good, "contract": good, known: good, fresh: good}
    assert kept["state"] == again["state"] == "success"
    # A broken promise is not tried again, and no reader learns of it.
    assert broken["tasks"] == {"run": failed, "contract": failed, known: lost, fresh: lost}
    assert (broken["state"], broken["events"]) == ("failed", {})
    assert again["tasks"]["run"] == ["success", 2]
    # What is published is published, although a service level was missed.
    assert missed["tasks"] == {"run": good, "contract": good, known: good, fresh: failed}
    assert missed["state"] == "failed" and len(missed["events"]) == 2
    # Without a report nothing is known of the run.
    assert silent["tasks"]["run"] == ["failed", 4] and silent["state"] == "failed" and not silent["events"]


def test_a_service_level_over_time_is_what_the_run_makes_of_it(airflow: Any) -> None:
    run = airflow["runs"][-1]
    levels = {name.rpartition(".")[2]: task[0] for name, task in run["tasks"].items() if "." in name}
    assert levels == {"fresh": "success", "steady": "skipped", "often": "success"}
    assert run["state"] == "success"


def test_an_asset_event_says_what_was_published(airflow: Any) -> None:
    expected = {
        "rows": 1667,
        "version": "1.0.0",
        "contract": "1.2.0",
        "startedAt": "2026-12-01T05:00:00+00:00",
    }
    uris = [f"x-{ADDRESS.format(port)}" for port in ("tables", "lake")]
    assert airflow["runs"][0]["events"] == dict.fromkeys(uris, expected)


def test_the_process_gets_its_variables_and_none_of_airflows(airflow: Any) -> None:
    given = json.loads(Path(airflow["folders"]["producer"], "given.json").read_text("utf-8"))
    assert given["arguments"] == ["--log-format", "json", "--environment", "production"]
    assert given["environment"]["PGPASSWORD"] == "hunter2"
    names = ("AIRFLOW", "_AIRFLOW", "VIRTUAL_ENV", "PYTHONPATH")
    assert [name for name in given["environment"] if name.startswith(names)] == []


def test_a_text_of_the_spec_is_only_a_text(airflow: Any) -> None:
    dag, run = airflow["dags"]["hostile"], airflow["runs"][-1]
    assert (
        dag["templates"] == [] and dag["title"] == HOSTILE and dag["doc"] == "\n\n".join([HOSTILE] * 3) + "\n"
    )
    folder = Path(airflow["folders"]["hostile"])
    given = json.loads((folder / "given.json").read_text("utf-8"))
    assert run["state"] == "success" and given["arguments"] == [HOSTILE, "--log-format", "json"]
    assert not (folder / "stolen").exists()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("renamed", "metadata.name is not valid"),
        ("other port", "the name of an output port is not valid"),
        ("no trait", "the trait airflow@1 is missing"),
    ],
)
def test_what_cannot_be_an_id_is_an_import_error(airflow: Any, name: str, says: str) -> None:
    (error,) = airflow["errors"][name]
    assert says in error and name not in airflow["dags"]
