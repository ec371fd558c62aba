"""Keys of JSON that have another name are written under both, and read under both."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meshwright.check.findings import Finding, as_json
from meshwright.core.renamed import OLD, with_new, with_old
from meshwright.rollout.outcome import Outcome
from meshwright.serve import RequestProblem

NEW_VALUE = {"issues": [{"fix": "Do it.", "manualActions": [{"fix": "By hand."}]}], "other": 1}
OLD_VALUE = {"flaws": [{"mend": "Do it.", "residuals": [{"mend": "By hand."}]}], "other": 1}


def only(value: Any, names: set[str]) -> Any:
    if isinstance(value, list):
        return [only(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: only(item, names) for key, item in value.items() if key not in names}


@pytest.mark.parametrize("value", [with_old(NEW_VALUE), with_new(OLD_VALUE)], ids=["written", "read"])
def test_both_names_are_there_and_say_the_same(value: Any) -> None:
    assert only(value, set(OLD.values())) == NEW_VALUE
    assert only(value, set(OLD)) == OLD_VALUE


def test_what_has_both_names_stays_as_it_is() -> None:
    both = {"fix": "new", "mend": "old"}
    assert with_old(both) == with_new(both) == both


@pytest.mark.parametrize(
    "written",
    [
        json.loads(as_json([Finding("a", 1, 1, "Rule", "It is wrong.", "Do it.", "error", "")]))[0],
        Outcome("a", "https://git.example.org/a", "first", fix="Do it.").as_json_value(),
        RequestProblem(404, "unknown", "There is none.", "Do it.").value(),
    ],
    ids=["finding", "rollout", "catalog"],
)
def test_programs_that_know_the_old_name_still_find_it(written: dict[str, Any]) -> None:
    assert written["fix"] == written["mend"] == "Do it."
