"""Runs that go on from the one before: the data set is what a full run would have made, and only what changed is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from edits import edit
from readings import (
    CORRECTED,
    only_the_correction_is_written,
    steps,
    without_cursor,
)

pytestmark = pytest.mark.slow


def test_late_rows_changes_and_reruns_end_as_a_full_run_would(
    copy_of, readings: Path, product_python: Path
) -> None:
    said = steps(
        product_python,
        copy_of(readings),
        """
said["first"] = go()
give("second.csv", "4,2026-03,8.0,2026-03-01 08:00:00", "5,2026-01,12.0,2026-03-02 08:00:00",
     "6,2026-03,9.5,2026-03-03 08:00:00")
said["late"] = go()
said["again"] = go()
give("third.csv", "7,2026-03,1.0,2026-03-04 08:00:00")
said["more"] = go()
said["full"] = go(anew=True)
""",
    )
    assert all(said[step]["same"] for step in said)
    assert [said[step]["anew"] for step in said] == [True, False, False, False, True]
    # What such a model has not let in, it says each time that it goes on.
    assert [said[step]["models"] for step in said] == [[], ["readings"], ["readings"], ["readings"], []]
    assert said["first"]["written"] == ["2026-01", "2026-02"]
    assert said["late"]["written"] == ["2026-01", "2026-03"]  # a row that was late, and a new month
    assert said["again"]["written"] == [] and said["again"]["rows"] == said["late"]["rows"]
    assert said["more"]["written"] == ["2026-03"]
    assert len(said["more"]["rows"]) == 7 and said["full"]["rows"] == said["more"]["rows"]


def test_a_correction_is_seen_where_no_cursor_tells_it(copy_of, readings: Path, product_python: Path) -> None:
    product = copy_of(readings)
    without_cursor(product)
    only_the_correction_is_written(steps(product_python, product, CORRECTED))


def test_what_was_not_published_is_not_gone_on_with(copy_of, readings: Path, product_python: Path) -> None:
    said = steps(
        product_python,
        copy_of(readings),
        """
said["good"] = go()
give("broken.csv", "8,2026-02,1.0,2026-03-01 08:00:00", "8,2026-02,2.0,2026-03-02 08:00:00")
said["broken"] = go()
said["served"] = served()
(here / "in" / "broken.csv").unlink()
give("fixed.csv", "8,2026-02,2.0,2026-03-02 08:00:00")
said["fixed"] = go()
model = here / "models" / "readings.sql"
model.write_text(model.read_text().replace("    value,", "    value * 2 as value,"))
said["other code"] = go()
""",
    )
    assert "duplicate" in said["broken"]["failed"]
    assert said["served"] == said["good"]["rows"]
    assert said["fixed"]["anew"] and len(said["fixed"]["rows"]) == 4
    assert said["other code"]["anew"] and "'value': 21.0" in said["other code"]["rows"][0]


def test_old_rows_go_and_the_history_of_an_input_stays(copy_of, readings: Path, product_python: Path) -> None:
    product = copy_of(readings)

    def spec(document: dict[str, Any]) -> dict[str, Any]:
        meters = {
            "name": "meters",
            "uses": "file@1",
            "from": "system:meters",
            "properties": {"path": "meters.csv"},
        }
        document["spec"]["inputs"].append(meters)
        document["spec"]["traits"] += [
            {"uses": "snapshot@1", "properties": {"input": "meters", "key": ["place", "number"]}},
            {"uses": "retention@1", "properties": {"column": "changed_at", "keep": "30d"}},
            {"uses": "snapshot@1", "properties": {"input": "readings", "key": ["id"]}},
        ]
        return document

    def sources(document: dict[str, Any]) -> dict[str, Any]:
        columns = [{"name": name, "data_type": "VARCHAR"} for name in ("place", "number")]
        document["sources"][0]["tables"].append({"name": "meters", "columns": columns})
        return document

    edit(product / "data-product.yaml", spec)
    edit(product / "models/sources.yml", sources)
    said = steps(
        product_python,
        product,
        """
meters = here / "meters.csv"
meters.write_text("place,number\\na|b,c\\na,b\\n")
from datetime import datetime, timedelta
def row(number, value, days):
    then = datetime.now() - timedelta(days=days)
    return f"{number},2026-05,{value},{then:%Y-%m-%d %H:%M:%S}"
give("first.csv", row(1, 1, 100), row(2, 2, 10), row(3, 3, 20))
said["first"] = go()
meters.write_text("place,number\\na|b,c\\na,d\\n")
give("first.csv", row(1, 1, 100), row(2, 5, 5), row(3, 3, 20))
said["second"] = go()
with duckdb.connect("build/state/default/warehouse.duckdb") as connection:
    said["kept"] = connection.sql("select count(*) from readings where id = 1").fetchone()
    said["history"] = connection.sql(
        "select value, dbt_valid_to is null from readings_history where id = 2 order by value").fetchall()
    said["meters"] = connection.sql(
        "select place, number, dbt_valid_to is null from meters_history order by all").fetchall()
sources = here / "models" / "sources.yml"
sources.write_text(sources.read_text().replace("DOUBLE", "VARCHAR"))
give("first.csv", row(1, 1, 100), row(2, "007", 5), row(3, 3, 20))
said["other type"] = go()
meters.write_text("place,number\\na|b,c\\na,b|c\\n")
said["same when joined"] = go()
""",
    )
    assert len(said["first"]["rows"]) == 2 and said["kept"] == [0]
    assert any("'value': 5" in row for row in said["second"]["rows"]) and len(said["second"]["rows"]) == 2
    assert said["history"] == [[2, False], [5, True]]
    # All columns are part of the key.
    assert said["meters"] == [["a", "b", False], ["a", "d", True], ["a|b", "c", True]]
    assert "(place = a, number = b|c) and (place = a|b, number = c)" in said["same when joined"]["failed"]
    # dbt would write "007" into the history's column of numbers, as 7.
    assert (
        "the column value is VARCHAR, but DOUBLE in its history readings_history"
        in said["other type"]["failed"]
    )


def test_a_source_that_changes_is_held_against_the_contract(
    copy_of, readings: Path, product_python: Path
) -> None:
    said = steps(
        product_python,
        copy_of(readings),
        """
said["first"] = go()
give("first.csv", "1,2026-01,10.5,2026-01-03 08:00:00,mW", header="id,month,value,changed_at,unit")
said["new"] = go()
give("first.csv", "1,2026-01,many,2026-05-04 08:00:00", header="id,month,value,changed_at")
said["other"] = go()
said["served"] = served()
""",
    )
    assert said["first"]["changed"] == []
    assert said["new"]["changed"] == ["input readings: unit (VARCHAR) is new, and is not in the contract"]
    assert "value" in said["other"]["failed"]  # a text is no number: refused, and nothing was published
    assert said["served"] == said["new"]["rows"]


def test_rows_deleted_at_the_source_are_gone_whatever_the_partition_is(
    copy_of, readings: Path, product_python: Path
) -> None:
    """The partition is an instant; a row goes, one changes, and the same is run again."""
    product = copy_of(readings)
    without_cursor(product)
    model = "select id, cast(month || '-01 00:00:00+00' as timestamptz) as month, value, cast(changed_at as timestamp) as changed_at"
    (product / "models" / "readings.sql").write_text(model + " from {{ source('inputs', 'readings') }}\n")

    def contract(document: dict[str, Any]) -> dict[str, Any]:
        for column in document["schema"][0]["properties"]:
            if column["name"] == "month":
                for key in ("physicalType", "logicalTypeOptions", "quality"):
                    column.pop(key, None)
                column["logicalType"] = "timestamp"
        return document

    edit(product / "contract.odcs.yaml", contract)
    said = steps(
        product_python,
        product,
        """
said["first"] = go()
give("first.csv", "2,2026-01,12.0,2026-01-04 08:00:00")
said["less"] = go()
said["again"] = go()
""",
    )
    assert all(said[step].get("same") for step in said), said
    assert [len(said[step]["rows"]) for step in said] == [3, 1, 1]
    assert "12.0" in said["less"]["rows"][0] and said["again"]["written"] == []
