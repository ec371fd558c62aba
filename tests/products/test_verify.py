"""A run that goes on from the one before it asks what changed, and keeps every promise of the whole data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from edits import edit
from readings import steps

pytestmark = pytest.mark.slow


def test_what_breaks_a_promise_is_seen_though_only_changed_rows_are_looked_at(
    copy_of, readings: Path, product_python: Path
) -> None:
    product = copy_of(readings)

    def promised(document: dict[str, Any]) -> dict[str, Any]:
        (table,) = document["schema"]
        table["quality"].append(
            {"type": "library", "metric": "rowCount", "mustBeLessThan": 7, "description": "A handful."}
        )
        value = next(column for column in table["properties"] if column["name"] == "value")
        value |= {"unique": True, "required": True, "logicalTypeOptions": {"minimum": 0}}
        return document

    edit(product / "contract.odcs.yaml", promised)
    said = steps(
        product_python,
        product,
        """
def checked(*rows):
    "What a run that goes on from a good one, with these rows, finds to be broken."
    (here / "in" / "new.csv").unlink(missing_ok=True)
    go(anew=True)
    count = len(json.loads((here / "build/run.json").read_text())["checks"])
    give("new.csv", *rows)
    outcome = go()
    report = json.loads((here / "build/run.json").read_text())
    broken = [[check["field"], check["name"]] for check in report["checks"] if check["result"] == "failed"]
    return {"anew": report["anew"], "broken": broken, "lost": count - len(report["checks"]), "failed": "failed" in outcome}
said["good"] = checked("4,2026-03,8.0,2026-03-01 08:00:00")
said["missing"] = checked("4,2026-03,,2026-03-01 08:00:00")
said["too small"] = checked("4,2026-02,-1,2026-03-01 08:00:00")
said["twice, in another month"] = checked("4,2026-03,10.5,2026-03-01 08:00:00")
said["too many, in all months"] = checked(*(f"{4 + n},2026-03,{n},2026-03-01 08:00:00" for n in range(4)))
said["nothing new"] = checked("1,2026-01,99,2020-01-01 00:00:00")
""",
    )
    assert not any(outcome["anew"] for outcome in said.values())
    assert not any(outcome["lost"] for outcome in said.values())
    fields = {name: [field for field, _ in outcome["broken"]] for name, outcome in said.items()}
    assert fields == {
        "good": [],
        "missing": ["value"],
        "too small": ["value"],
        "twice, in another month": ["value"],
        "too many, in all months": [""],
        "nothing new": [],
    }
    assert [name for name, outcome in said.items() if outcome["failed"]] == [
        name for name in fields if fields[name]
    ]
