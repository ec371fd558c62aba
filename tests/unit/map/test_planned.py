"""What a survey adds to a map: planned products in every format, without issues of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import meshes
import pytest
from click.testing import CliRunner
from hostile_maps import HOSTILE

from meshwright.cli import main
from meshwright.core.yaml import Unreadable
from meshwright.map import html, likec4, mermaid, svg
from meshwright.map.command import as_json
from meshwright.map.model import model
from meshwright.map.planned import overlay
from meshwright.product import schema
from meshwright.product.record import Record

THERE = "airport-operations/departures"


def candidate(id: str, state: str = "planned", reads: list[str] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "id": id, "name": id.rpartition("/")[2], "type": "consumer-oriented" if reads else "source-oriented", "state": state,
        "product": id if state == "there" else "", "source": "crm", "tables": [{"id": "crm.t", "role": "main", "reason": ""}],
        "evidence": [], "doubts": ["only names suggest it"], "reads": reads or [], "attributes": [], "sensitive": [],
        "needs": [], "commands": [], **more,
    }  # fmt: skip


def survey(*candidates: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "meshwright/v1", "kind": "Survey", "domain": "crm", "delta": {"there": 0, "planned": 0, "missing": 0},
        "sources": [{"name": "crm", "kind": "database", "where": "", "tables": 1, "models": 0}], "candidates": list(candidates),
        "products": [], "leftOut": [], "unread": [],
        "needs": [{"name": "kafka", "what": "a topic", "instead": "", "origins": [], "candidates": ["a"]}],
    }  # fmt: skip


@pytest.fixture
def drawn(tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "survey.json"
    file.write_text(
        json.dumps(
            survey(
                candidate("crm/tickets"),
                candidate("crm/calls", "missing"),
                candidate("crm/delays", reads=[THERE, "crm/tickets"]),
                candidate(THERE, "there"),
            )
        )
    )
    records = [Record(value) for value in meshes.small()]
    return model(records, planned=overlay([file], records))


def test_candidates_are_planned_and_the_mesh_is_there(drawn: dict[str, Any]) -> None:
    states = {one["id"]: one["state"] for one in drawn["products"]}
    assert states["crm/tickets"] == "planned"
    assert states["crm/calls"] == "missing"
    assert states[THERE] == "there"
    assert drawn["delta"] == {"there": len(meshes.small()), "planned": 2, "missing": 1}
    assert {"uses": "kafka", "kind": "", "products": 1, "missing": True} in drawn["capabilities"]


def test_a_planned_product_reads_what_is_there(drawn: dict[str, Any]) -> None:
    (edge,) = [
        edge for edge in drawn["edges"] if edge["source"] == THERE and edge["consumer"] == "crm/delays"
    ]
    assert edge["missing"] == ""


def test_a_planned_product_is_no_issue(drawn: dict[str, Any]) -> None:
    assert not [issue for issue in drawn["issues"] if issue["product"].startswith("crm/")]


def test_every_format_shows_what_is_planned(drawn: dict[str, Any]) -> None:
    assert not list(jsonschema_rs.validator_for(schema.map_of_mesh()).iter_errors(json.loads(as_json(drawn))))
    assert 'class="node product source planned"' in svg.drawn(drawn)
    assert 'class="node product source missing"' in svg.drawn(drawn)
    assert 'class="line share planned"' in svg.drawn(drawn)
    assert 'class="node capability missing"' in svg.drawn(drawn)
    assert "plannedSource" in mermaid.flowchart(drawn)
    assert 'planned "Tickets"' in likec4.document(drawn)
    assert "2 planned" in html.drawn(drawn)


def test_without_a_survey_nothing_changes() -> None:
    records = [Record(value) for value in meshes.small()]
    text = as_json(model(records)) + svg.document(model(records)) + mermaid.flowchart(model(records))
    assert "planned" not in text.replace(svg.STYLE.read_text("utf-8"), "")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_text(tmp_path: Path, name: str) -> None:
    file = tmp_path / "survey.json"
    file.write_text(json.dumps(survey(candidate(f"crm/{name}", doubts=[name], source=name))))
    map = model([], planned=overlay([file], []))
    for page in (html.drawn(map), svg.document(map)):
        assert "<script>alert" not in page
        assert "<img" not in page.partition("<body")[2].partition("<script")[0]


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"kind": "Map"}', '{"kind": "Survey", "candidates": 3}', '{"a": NaN}']
)
def test_a_file_that_is_no_survey_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "survey.json"
    file.write_text(content)
    with pytest.raises(Unreadable) as error:
        overlay([file], [])
    assert "survey.json: it " in str(error.value) and "Problem(" not in str(error.value)


def test_a_survey_alone_is_drawn(tmp_path: Path) -> None:
    file, output = tmp_path / "survey.json", tmp_path / "mesh.json"
    file.write_text(json.dumps(survey(candidate("crm/tickets"))))
    result = CliRunner().invoke(main, ["map", "--survey", str(file), "--format", "json", "-o", str(output)])
    assert result.exit_code == 0, result.output
    assert json.loads(output.read_text())["products"][0]["state"] == "planned"
    assert CliRunner().invoke(main, ["map"]).exit_code == 2
