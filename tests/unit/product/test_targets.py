"""Service levels over time as the package reads them: what is promised, what was counted, and what each reader makes of it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from records import record

from meshwright.assess.functions.trustworthy import (
    ServiceLevelsKept,
)
from meshwright.catalog.adapters import _common
from meshwright.check.rules.service_levels import ObjectiveMeasurable, TargetMeasurable
from meshwright.core.yaml import Document
from meshwright.export import odcs, odps
from meshwright.product import schema
from meshwright.product.breaking.promised_levels import of_product
from meshwright.product.files import SPEC
from meshwright.product.grammar import over_time
from meshwright.product.record import Record

LEVEL = {"name": "fresh", "indicator": "freshness", "objective": "<= 24h", "target": "99%", "window": "30d"}
RUN = {
    "name": "fresh",
    "indicator": "freshness",
    "objective": "<= 24h",
    "value": 2.0,
    "unit": "h",
    "kept": True,
}
COUNTED = {"target": 0.99, "window": 30, "runs": 200, "good": 199, "errorBudget": 0.5, "burnRate": 0.0}


def spec(*levels: Any) -> Document:
    return Document(Path(SPEC), {"spec": {"serviceLevels": list(levels)}})


def with_level(**measured: Any) -> Record:
    """A record with one level over time, and what the last run counted."""
    return record(product__spec__serviceLevels=[LEVEL], measurement__serviceLevels=[RUN | COUNTED | measured])


OBJECTIVES = {
    "volume-change": ({">= -20%", "<= 50%", "> -100%", "<= -100%", ">= 0%", "> 0.5%"}, {">= -100%", "< -100%", ">= -101%", ">= -20 rows", "<= 1h"}),
    "schema-stability": ({"<= 0 changes", "< 1 changes", "<= 2 changes"}, {"< 0 changes", ">= 1 changes", "<= 0%", "<= -1 changes"}),
    "availability": ({">= 100%", "> 50%"}, {"> 100%", ">= 0%", "<= 99%", ">= -5%", ">= 101%"}),
    "freshness": ({"<= 24h"}, {"<= -24h", "<= 0h", "<= 5 changes"}),
    "volume": ({">= 1 rows"}, {">= -1 rows", ">= 0 rows"}),
}  # fmt: skip


@pytest.mark.parametrize("indicator", OBJECTIVES)
def test_an_objective_can_be_both_met_and_missed(indicator: str) -> None:
    rule = ObjectiveMeasurable()
    for group, broken in zip(OBJECTIVES[indicator], (False, True), strict=True):
        for text in group:
            found = list(rule.check(spec({"name": "x", "indicator": indicator, "objective": text})))
            assert bool(found) is broken, text
            assert all(one.keys == ("spec", "serviceLevels", 0, "objective") for one in found)


def test_a_target_and_its_window_are_in_range() -> None:
    rule = TargetMeasurable()
    at = ("spec", "serviceLevels", 0)
    for target, window, place in (
        *(("50%", "1d", None), ("99.9999%", "366d", None)),
        *(("49.9%", "30d", "target"), ("0%", "30d", "target"), ("99%", "367d", "window")),
    ):
        found = list(rule.check(spec(LEVEL | {"target": target, "window": window})))
        assert [one.keys for one in found] == ([(*at, place)] if place else []), (target, window)
        assert all("Write" in one.fix for one in found)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"window": None}, ""), ({"target": None}, ""), ({"target": "100%"}, "target"), ({"target": 0.99}, "target"),
        ({"target": "99"}, "target"), ({"window": "0d"}, "window"), ({"window": "4w"}, "window"), ({"window": 30}, "window"),
        ({"target": "-5%"}, "target"), ({"objective": "<= 3 breaks"}, "objective"),
    ],
)  # fmt: skip
def test_the_schema_refuses_what_is_no_target(change: dict[str, Any], path: str) -> None:
    items = schema.data_product()["properties"]["spec"]["properties"]["serviceLevels"]["items"]
    whole = {"$defs": schema.data_product()["$defs"], **items}
    validator = jsonschema.Draft202012Validator(whole)
    assert validator.is_valid(LEVEL)
    level = {key: value for key, value in (LEVEL | change).items() if value is not None}
    assert {".".join(map(str, error.path)) for error in validator.iter_errors(level)} == {path}
    assert over_time(level) is None or path == "objective"


def test_a_target_is_exact_at_its_edge() -> None:
    for text in ("99%", "99.9%", "66.6667%", "50%", "99.9999%", "33.3%"):
        target = over_time({"target": text, "window": "30d"})
        assert target and abs(target.share - float(text[:-1]) / 100) < 1e-12
        for runs in (1, 3, 7, 100, 999, 1000, 12345):
            for good in {
                0,
                runs // 2,
                runs - 1,
                runs,
                *(max(0, round(runs * target.share) + n) for n in (-1, 0)),
            }:
                enough = good * 1_000_000 >= target.millionths * runs
                assert (target.budget(runs, good) >= 0) is enough, (text, runs, good)
        assert target.budget(10, 10) == 1 and target.burn_rate(10, 10) == 0


COUNTS = {
    # what a run counted -> whether the promise is kept, what is said
    "within the budget": ({}, True, "199 of 200 runs met it; the target is 99% in 30 days. 50% of the error budget"),
    "overspent": ({"good": 190, "errorBudget": -4.0}, False, "190 of 200 runs"),
    "overspent, and called kept": ({"good": 190, "errorBudget": 0.9}, False, "-400% of the error budget"),
    "too few to tell": ({"runs": 3, "good": 3, "errorBudget": None, "burnRate": None}, None, "not known yet"),
    "no run": ({"runs": 0, "good": 0, "errorBudget": None, "burnRate": None}, None, "No run has been counted"),
    "of another target": ({"target": 0.5}, None, "No run has been counted"),
    "of another window": ({"window": 7}, None, "No run has been counted"),
    "more good ones than runs": ({"good": 201}, None, "No run has been counted"),
    "half a run": ({"runs": 2.5}, None, "No run has been counted"),
    "a number of runs that is true": ({"runs": True, "good": True}, None, "No run has been counted"),
    "of another objective": ({"objective": "<= 1h"}, None, "No run has been counted"),
}  # fmt: skip


@pytest.mark.parametrize("case", COUNTS)
def test_what_runs_counted_decides(case: str) -> None:
    measured, kept, words = COUNTS[case]
    (level,) = with_level(**measured).service_levels
    assert level.fulfilled is kept and words in level.over_time
    own = odps.document(with_level(**measured))["customProperties"]
    (exported,) = next(item["value"] for item in own if item["property"] == "serviceLevels")
    assert (exported["target"], exported["window"], exported.get("kept")) == (0.99, "30d", kept)
    assert words.rstrip(".") in _common.level(level)


def verdicts(function: Any, one: Record) -> list[tuple[str, str]]:
    from types import SimpleNamespace

    return [(verdict.state, verdict.evidence) for verdict in function().check(SimpleNamespace(record=one))]


def test_the_assessment_counts_runs_and_not_the_last_one() -> None:
    for measured, state, words in (
        ({"value": 30.0, "kept": False}, "kept", "199 of 200 runs"),
        ({"good": 190, "errorBudget": 1.0}, "broken", "190 of 200 runs"),
        ({"value": None, "kept": False, "good": 190, "errorBudget": -4.0}, "broken", "190 of 200 runs"),
        ({"runs": 3, "good": 3, "errorBudget": None, "burnRate": None}, "inconclusive", "3 of 3 runs"),
        ({"runs": 3, "good": 2, "errorBudget": None, "value": 30.0, "kept": False}, "broken", "It was 30h"),
    ):
        ((got, evidence),) = verdicts(ServiceLevelsKept, with_level(**measured))
        assert got == state and words in evidence, (measured, evidence)
    plain = {key: value for key, value in LEVEL.items() if key not in ("target", "window")}
    one = record(
        product__spec__serviceLevels=[plain], measurement__serviceLevels=[RUN | {"kept": None, "value": None}]
    )
    assert verdicts(ServiceLevelsKept, one)[0][0] == "inconclusive"


PROMISES = {
    # the target before, and now -> the kind of change
    "a lower target": (("99%", "30d"), ("95%", "30d"), "level"),
    "a longer window": (("99%", "30d"), ("99%", "90d"), "level"),
    "a first target": ((None, None), ("99%", "30d"), "level-target"),
    "a higher target": (("99%", "30d"), ("99.5%", "30d"), ""),
    "a shorter window": (("99%", "30d"), ("99%", "7d"), ""),
    "every run": (("99%", "30d"), (None, None), ""),
    "the same": (("99%", "30d"), ("99.0%", "30d"), ""),
}


@pytest.mark.parametrize("case", PROMISES)
def test_a_target_that_promises_less_is_a_change(case: str) -> None:
    before, after, kind = PROMISES[case]
    levels = [
        {key: value for key, value in (LEVEL | {"target": target, "window": window}).items() if value}
        for target, window in (before, after)
    ]
    found = [change.kind for change in of_product(spec(levels[0]), spec(levels[1]))]
    assert found == ([kind] if kind else [])


def test_a_bound_on_the_other_side_is_looser() -> None:
    def change(before: str, after: str) -> list[str]:
        levels = [{"name": "x", "indicator": "volume-change", "objective": text} for text in (before, after)]
        return [found.kind for found in of_product(spec(levels[0]), spec(levels[1]))]

    assert change(">= -20%", ">= -30%") == ["level"] and change(">= -20%", ">= -10%") == []
    assert change("<= 20%", "<= 30%") == ["level"] and change("<= 20%", "<= 10%") == []
    assert change("<= 5%", ">= 5%") == ["level"]


def test_the_contract_is_exported_with_the_service_levels_in_the_words_of_the_standard() -> None:
    levels = [
        LEVEL | {"column": "scheduled_departure"},
        {"name": "open", "indicator": "availability", "objective": ">= 99.5%"},
        {"name": "steady", "indicator": "volume-change", "objective": ">= -20%"},
        {"name": "quick", "indicator": "duration", "objective": "<= 5m"},
        {"name": "none", "indicator": "volume", "objective": "many"},
    ]
    one = record(product__spec__serviceLevels=levels)
    made = odcs.document(one)
    first, *others = made["slaProperties"]
    assert {key: first[key] for key in ("id", "property", "value", "unit", "element", "description")} == {
        "id": "fresh",
        "property": "latency",
        "value": 24,
        "unit": "h",
        "element": f"{one.dataset}.scheduled_departure",
        "description": "99% of the runs in 30 days: freshness of scheduled_departure <= 24h",
    }
    assert [(each["property"], each["value"], each["unit"]) for each in others] == [
        ("availability", 99.5, "%"), ("volumeChange", -20, "%"), ("duration", 5, "min")
    ]  # fmt: skip
    for version in ("v3.1.0", "v3.2.0"):
        contract = copy.deepcopy(dict(one.value["contract"])) | {
            "apiVersion": version,
            "slaProperties": [{"id": "open", "property": "availability", "value": 42}],
        }
        document = odcs.document(Record({**one.value, "contract": contract}))
        jsonschema.validate(document, schema.standard(document)())
        assert [each["value"] for each in document["slaProperties"]] == [42, 24, -20, 5]
        assert ("customProperties" in document["slaProperties"][1]) is (version == "v3.2.0")
    assert "slaProperties" not in odcs.document(record(product__spec__serviceLevels=[]))
