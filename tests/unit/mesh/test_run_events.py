"""OpenLineage events of products' runs, and who reads whom by them."""

from __future__ import annotations

from typing import Any

import pytest
from records import record
from run_events import BASE, dataset, event, run_of

from meshwright.core.yaml import Unreadable
from meshwright.map.model import model
from meshwright.map.svg import drawn
from meshwright.mesh.lineage import Lineage, issues
from meshwright.mesh.run_events import ObservedRead, observed_reads, of_value, run_event

SOURCE, READER = "airport-operations/departures", "customer-experience/punctuality"
PORT = f"{SOURCE}#lake"


def test_an_event_says_what_a_run_did() -> None:
    columns = {
        "fields": {"late": {"inputFields": [{"namespace": "s3://lake", "name": "a", "field": "delay"}]}}
    }
    assertions = [
        {"assertion": "x", "success": True},
        {"assertion": "y", "name": "no nulls", "success": False},
    ]
    port = dataset(
        "b", PORT, columnLineage=BASE | columns, dataQualityAssertions=BASE | {"assertions": assertions}
    ) | {"outputFacets": {"outputStatistics": BASE | {"rowCount": 7}}}
    value = event(inputs=[dataset("a")], outputs=[port], at="2026-12-01T06:00:00+01:00")
    value["run"]["facets"]["parent"] = BASE | {"job": {"namespace": "airflow", "name": "nightly"}}
    found = run_event(value)
    assert (found.product, found.run, found.type, found.at) == (
        *(SOURCE, run_of("one"), "COMPLETE"),
        "2026-12-01T05:00:00.000+00:00",
    )
    assert (found.rows, found.checks, found.failed, found.parent) == (7, 2, ("no nulls",), "airflow/nightly")
    assert [one.port for one in found.outputs] == [PORT] and dict(found.columns) == {
        "late": (("a", "delay"),)
    }
    again = of_value(found.value())
    assert (again.inputs, again.outputs, again.at) == (found.inputs, found.outputs, found.at)


@pytest.mark.parametrize(
    "change",
    [
        {"eventType": "DONE"},
        {"eventTime": "2026-12-01T05:00:00"},
        {"eventTime": "0001-01-01T00:00:00+23:59"},
        {"run": {"runId": "1"}},
        {"run": []},
        {"job": {"namespace": "m", "name": "departures"}},
        {"job": {"namespace": "m", "name": "../x.y"}},
        {"job": {"name": "a.b"}},
        {"inputs": {}},
        {"inputs": [1]},
        {"inputs": [{"namespace": "s", "name": "a\0b"}]},
        {"inputs": [{"namespace": "s", "name": "a" * 2001}]},
        {"outputs": [dataset("a")] * 201},
    ],
)
def test_what_is_no_event_of_a_run_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Unreadable) as problem:
        run_event(event() | change)
    assert problem.value.fix


@pytest.mark.parametrize("facets", [1, [], {"columnLineage": 1}, {"columnLineage": {"fields": [1]}}, {"symlinks": {"identifiers": [1, {"namespace": "dp", "name": ["x"]}]}}, {"columnLineage": {"fields": {"a": {"inputFields": [{"field": 1}]}}}}, {"dataQualityAssertions": {"assertions": {"a": 1}}}])  # fmt: skip
def test_facets_of_any_shape_are_left_out(facets: Any) -> None:
    port = {
        "namespace": "s",
        "name": "n",
        "facets": facets,
        "outputFacets": {"outputStatistics": {"rowCount": True}},
    }
    found = run_event(event(outputs=[port]))
    assert (found.rows, found.checks, found.outputs[0].port) == (None, 0, "")


READS = [
    ("by the symlink", [event(READER, inputs=[dataset("copy", PORT)])], True),
    ("by the name alone", [event(), event(READER, inputs=[dataset(f"{SOURCE}.parquet")])], True),
    ("of a run that failed", [event(READER, "FAIL", inputs=[dataset("copy", PORT)])], False),
    (
        "in an earlier run",
        [
            event(READER, run="new", inputs=[], at="2026-12-02T05:00:00Z"),
            event(READER, run="old", inputs=[dataset("copy", PORT)]),
        ],
        False,
    ),
    (
        "of a data set that two have written",
        [event(), event("a/b", outputs=[dataset(f"{SOURCE}.parquet", "a/b#x")]), event(READER, inputs=[dataset(f"{SOURCE}.parquet")])],
        False,
    ),
    (
        "of a port that another product calls its own",
        [event("a/b", outputs=[dataset("x", PORT)]), event(READER, inputs=[dataset("x")])],
        False,
    ),
    ("of itself", [event(SOURCE, inputs=[dataset("x", PORT)])], False),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "is_read"), [row[1:] for row in READS], ids=[row[0] for row in READS])
def test_a_read_is_observed(sent: list[dict[str, Any]], is_read: bool) -> None:
    found = [(read.consumer, read.source, read.port) for read in observed_reads(map(run_event, sent))]
    assert found == ([(READER, SOURCE, "lake")] if is_read else [])


def test_an_undeclared_read_is_a_finding_and_on_the_map() -> None:
    read = ObservedRead(READER, SOURCE, "lake", "2026-12-01T05:00:00.000+00:00")
    declares = record(READER, "consumer-oriented", reads=f"dp:{PORT}")
    silent = record(READER, "consumer-oriented", reads="system:flights")
    for consumer, kinds in ((declares, []), (silent, ["undeclared-read"])):
        mesh = [record(SOURCE), consumer]
        found = [issue for issue in issues(Lineage(mesh, observed=[read])) if issue.kind == "undeclared-read"]
        assert [issue.kind for issue in found] == kinds and all(issue.level == "warning" for issue in found)
        map = model(mesh, observed=[read])
        (edge,) = [edge for edge in map["edges"] if edge["source"] == SOURCE]
        assert edge["observed"].startswith("2026-12-01") and bool(edge["input"]) is not bool(kinds)
        assert bool(edge["issues"]) >= bool(kinds)
        assert f'data-b="p:{READER}"' in drawn(map)
    assert not [edge for edge in model([silent], observed=[read])["edges"] if edge["source"] == SOURCE]
