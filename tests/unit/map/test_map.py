"""`meshwright map`: what it shows is what the specs say, drawn without one thing on top of another."""

from __future__ import annotations

import json
import random
import re
import subprocess
import time
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import jsonschema_rs
import meshes
import npm
import pytest
from click.testing import CliRunner
from hostile_maps import HOSTILE, hostile, mapped
from npm import LIKEC4

from meshwright.cli import main
from meshwright.core.yaml import Unreadable, load
from meshwright.map import html, layout, likec4, mermaid, overview, svg
from meshwright.map.command import as_json
from meshwright.map.layout import elements
from meshwright.map.model import model
from meshwright.map.text import width
from meshwright.product import schema
from meshwright.product.record import Record


def issues_of(map: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(issue["kind"], issue["product"]) for issue in map["issues"]}


def shapeless() -> list[dict[str, Any]]:
    return [
        {},
        {"product": 3},
        {"product": {"metadata": None, "spec": {"inputs": [[], 3, {"from": "dp:"}, {"from": "dp:#"}, {"from": "dp:x/y"}]}}},
        {"product": {"metadata": {"name": "a", "domain": "b"}, "spec": {"outputs": [{}], "useCases": [{}, {"users": 3}], "type": 7}}},
    ]  # fmt: skip


Make = Callable[[], list[dict[str, Any]]]
SIZES = ((12, 4, 2), (40, 3, 3), (60, 8, 1), (60, 20, 4))
DRAWN: list[Make] = [meshes.small, meshes.flawed, *(partial(meshes.values, *size) for size in SIZES)]
SHAPELESS: Make = shapeless
NAMED: list[Make] = [partial(hostile, words) for words in HOSTILE]
IDS = ["small", "flawed", *map(str, SIZES), "shapeless", *(f"hostile-{number}" for number in range(len(HOSTILE)))]  # fmt: skip


# -- what it shows ------------------------------------------------------------------------------------


def test_the_map_is_what_the_specs_say() -> None:
    map = mapped(meshes.small())
    assert [one["name"] for one in map["domains"]] == ["airport-operations", "customer-experience", "fleet-management"]  # fmt: skip
    assert [one["name"] for one in map["systems"]] == [
        "fleet-register",
        "flight-operations",
        "reference-data",
    ]
    assert {one["name"] for one in map["users"]} == {"Operations control", "Customer relations", "Fleet board", "Finance desk", "Airlines", "Travellers"}  # fmt: skip
    assert {one["uses"]: (one["kind"], one["products"]) for one in map["capabilities"]}["data-product@1"] == ("input", 3)  # fmt: skip
    ranks = {one["name"]: one["rank"] for one in map["products"]}
    assert ranks == {
        "aircraft": 0,
        "departures": 0,
        "punctuality": 1,
        "aircraft-utilisation": 1,
        "airline-scorecards": 2,
    }
    edges = {(edge["source"], edge["consumer"]) for edge in map["edges"]}
    assert edges == {
        ("airport-operations/departures", "customer-experience/punctuality"),
        ("airport-operations/departures", "fleet-management/aircraft-utilisation"),
        ("fleet-management/aircraft", "fleet-management/aircraft-utilisation"),
        ("customer-experience/punctuality", "customer-experience/airline-scorecards"),
    }
    assert all(edge["pattern"] and edge["reason"] for edge in map["edges"])
    assert map["issues"] == []


def test_what_is_wrong_stands_where_it_is() -> None:
    map = mapped(meshes.flawed())
    assert issues_of(map) == {
        ("dangling-input", "fleet-management/aircraft-utilisation"),
        ("dangling-input", "customer-experience/airline-scorecards"),
        ("classification-lowered", "customer-experience/punctuality"),
        ("cycle", "crew-planning/rosters"),
        ("unused", "airport-operations/gates"),
        ("unused", "fleet-management/aircraft"),
    }
    edges = {(edge["consumer"].partition("/")[2], edge["input"]): edge for edge in map["edges"]}
    kinds = {issue["number"]: issue["kind"] for issue in map["issues"]}
    on = {key: [kinds[number] for number in edge["issues"]] for key, edge in edges.items() if edge["issues"]}
    assert on[("aircraft-utilisation", "aircraft")] == ["dangling-input"]
    assert on[("airline-scorecards", "punctuality")] == ["dangling-input"]
    assert on[("punctuality", "departures")] == ["classification-lowered"]
    assert edges[("aircraft-utilisation", "aircraft")]["missing"] == "product"
    assert edges[("airline-scorecards", "punctuality")]["missing"] == "port"
    assert [key[0] for key, edge in edges.items() if edge["cycle"]] == ["rosters", "swaps"]
    assert [issue["level"] for issue in map["issues"]] == sorted(issue["level"] for issue in map["issues"])


def test_a_product_that_the_catalog_has_taken_out_is_called_retired() -> None:
    gone = "fleet-management/hangars"
    map = mapped(meshes.flawed(), retired={gone: "fleet-management/aircraft"})
    (told,) = [issue["sentence"] for issue in map["issues"] if issue["kind"] == "dangling-input" and gone in issue["sentence"]]  # fmt: skip
    assert "retired" in told


def test_the_picture_shows_issues_and_what_is_missing() -> None:
    drawn = svg.document(mapped(meshes.flawed()))
    for told in ("not in the mesh", "hangars", "gone · missing", "unused", "native", "Platform capabilities"):
        assert told in drawn
    assert "the mesh has no product fleet-management/hangars" in drawn


@pytest.mark.parametrize("made", [*DRAWN, SHAPELESS, *NAMED], ids=IDS)
def test_the_json_has_its_schema_and_is_the_same_however_records_come(made: Make) -> None:
    values = made()
    map = mapped(values)
    jsonschema_rs.validator_for(load(schema.FOLDER / "map.yaml")).validate(json.loads(as_json(map)))
    shuffled = list(values)
    random.Random(5).shuffle(shuffled)  # noqa: S311 - no secret
    assert as_json(mapped(shuffled)) == as_json(map) or "name-taken" in as_json(map)


def test_a_focus_keeps_what_it_comes_from_and_goes_to() -> None:
    map = mapped(meshes.small(), focus="customer-experience/punctuality")
    assert [one["name"] for one in map["products"]] == ["departures", "airline-scorecards", "punctuality"]


def test_a_domain_keeps_its_neighbours_but_not_their_issues() -> None:
    map = mapped(meshes.flawed(), domains=["fleet-management"])
    assert {one["domain"] for one in map["products"]} == {"fleet-management", "airport-operations"}
    assert {product for _, product in issues_of(map)} == {"fleet-management/aircraft", "fleet-management/aircraft-utilisation"}  # fmt: skip


@pytest.mark.parametrize("narrowed", [{"focus": "no/where"}, {"domains": ["nowhere"]}])
def test_what_is_not_there_cannot_be_focussed(narrowed: dict[str, Any]) -> None:
    with pytest.raises(Unreadable, match="the mesh has no such"):
        mapped(meshes.small(), **narrowed)


def test_a_page_links_to_where_products_have_pages() -> None:
    page = html.page(map(Record, meshes.small()), links=lambda id: f"/products/{id}", home="/")
    assert '<a href="/products/fleet-management/aircraft">Aircraft</a>' in page


# -- how it is drawn ----------------------------------------------------------------------------------


def overlapping(boxes: Sequence[tuple[str, float, float, float, float]]) -> list[tuple[str, str]]:
    return [
        (one[0], other[0])
        for one, other in combinations(boxes, 2)
        if one[1] < other[1] + other[3] and other[1] < one[1] + one[3]
        and one[2] < other[2] + other[4] and other[2] < one[2] + one[4]
    ]  # fmt: skip


@pytest.mark.parametrize("made", [*DRAWN, SHAPELESS, *NAMED], ids=IDS)
def test_nothing_lies_on_anything_else(made: Make) -> None:
    found = layout.picture(mapped(made()))
    nodes = [(one.key, one.x - elements.OVERHANG, one.y, one.w + 2 * elements.OVERHANG, one.h) for one in found.nodes]  # fmt: skip
    assert overlapping(nodes) == []
    assert overlapping([(one.name, one.x, one.y, one.w, one.h) for one in found.boxes]) == []
    for node in found.nodes:
        pills = [(pill.whole, pill.x, pill.y, pill.w, elements.PILL) for pill in node.pills]
        assert overlapping(pills) == []
        for _, x, y, w, h in pills:
            assert x >= -elements.OVERHANG and x + w <= node.w + elements.OVERHANG + 0.1 and y + h <= node.h
        for box in found.boxes:
            inside = box.x < node.x and node.x + node.w < box.x + box.w and box.y < node.y and node.y + node.h < box.y + box.h  # fmt: skip
            assert inside == (node.kind in ("product", "ghost") and node.domain == box.name)


@pytest.mark.parametrize("made", [*DRAWN, SHAPELESS, *NAMED], ids=IDS)
def test_every_text_has_the_room_it_needs(made: Make) -> None:
    for node in layout.picture(mapped(made())).nodes:
        bold = node.kind in ("product", "ghost")
        for text in node.lines:
            assert width(text, elements.TITLE if bold else elements.SMALL, bold=bold) <= node.w - 16
        for pill in node.pills:
            assert width(pill.text, elements.TINY) <= pill.w


@pytest.mark.parametrize("made", DRAWN, ids=IDS[: len(DRAWN)])
def test_lines_pass_between_what_stands_there(made: Make) -> None:
    found = layout.picture(mapped(made()))
    for line in found.lines:
        others = [node for node in found.nodes if node not in (line.source, line.target)]
        for before, after in re.findall(r"([\d.-]+ [\d.-]+)L([\d.-]+ [\d.-]+)", line.path):
            (x, y), (to_x, _) = (tuple(map(float, point.split())) for point in (before, after))
            left, right = min(x, to_x), max(x, to_x)
            hit = [node.key for node in others if node.y < y < node.y + node.h and node.x < right and left < node.x + node.w]  # fmt: skip
            assert hit == [], (line.source.key, line.target.key)


@pytest.mark.parametrize("made", [*DRAWN, SHAPELESS, *NAMED], ids=IDS)
def test_a_picture_is_as_wide_as_a_window_in_which_its_text_can_be_read(made: Make) -> None:
    assert layout.picture(mapped(made())).w <= elements.WIDEST + 0.1


def test_a_use_case_of_several_products_is_drawn_once() -> None:
    values = [meshes.changed(value) for value in meshes.small()]
    cases = [
        ("Plan the day", ["Crew"], "Choose"),
        ("plan  the Day", ["Board"], "Decide"),
        ("Other", ["Crew"], "x"),
    ]
    for value, (name, users, action) in zip(values, cases, strict=False):
        value["product"]["spec"]["useCases"] = [
            {"name": name, "users": users, "action": action, "outputs": []}
        ]
    map = mapped(values[:3])
    assert [one["name"] for one in map["useCases"]] == ["Other", "Plan the day"]
    found = layout.picture(map)
    case = next(node for node in found.nodes if node.key == "c:plan the day")
    assert case.value == {"users": ["Crew", "Board"], "action": "Choose; Decide"}
    assert sum(line.target is case for line in found.lines) == 2
    for drawn in (mermaid.flowchart(map), likec4.document(map)):
        assert (drawn.count("Plan the day"), drawn.count("plan  the Day")) == (1, 0)
    assert len([node for node in found.nodes if node.kind == "case"]) == 2


def read_by_teams(values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same products, where the people of teams read under agreements."""
    made = [meshes.changed(value) for value in values]
    for number, value in enumerate(made):
        value["readers"] = [
            *value.get("readers", []),
            {"agreement": f"a{number}", "role": "reader", "principals": ["id:x"], "until": "2036-01-01T00:00:00Z", "team": f"Team {number % 12}"},
        ]  # fmt: skip
    return made


def test_readers_by_agreement_are_drawn() -> None:
    found = layout.picture(mapped(read_by_teams(meshes.small())))
    readers = {node.key for node in found.nodes if node.kind == "reader"}
    assert readers == {"r:Team 0", "r:Team 1", "r:Team 2", "r:Team 3", "r:Team 4"}
    assert {line.target.key for line in found.lines if line.kind == "read"} == readers
    assert "Team 3 reads" in svg.drawn(mapped(read_by_teams(meshes.small())))


def test_a_large_mesh_has_what_its_products_stand_between_in_groups() -> None:
    map = mapped(read_by_teams(meshes.values(70)))
    found = overview.overview(map)
    assert found.w == elements.WINDOW
    kinds = Counter(entry.kind for entry in found.entries)
    assert kinds["system"] == len(map["systems"]) == 10
    assert (kinds["case"], kinds["user"], kinds["reader"]) == (9, len(map["users"]), 9)
    assert kinds["capability"] == len(map["capabilities"])
    groups = {entry.key: entry.text for entry in found.entries if entry.kind == "group"}
    assert groups == {"g:useCases": f"and {len(map['useCases']) - 9} more", "g:readers": "and 3 more"}
    places = [(entry.key, entry.x, entry.y, entry.w, 25.0) for entry in found.entries]
    tiles = [(tile.name, tile.x, tile.y, tile.w, tile.h) for tile in found.tiles]
    assert overlapping([*places, *tiles]) == []
    assert all(x >= 0 and x + w <= found.w and y + h <= found.h for _, x, y, w, h in [*places, *tiles])
    drawn = svg.drawn(map)
    for product in map["products"]:
        assert f"#{product['id']}" in drawn


def test_a_large_mesh_is_its_domains_first_and_small_and_fast() -> None:
    records = meshes.mesh(500)
    start = time.perf_counter()
    map = model(records)
    page = html.drawn(map)
    assert time.perf_counter() - start < 3
    assert len(page) < 3_000_000
    found = overview.overview(map)
    assert len(found.tiles) == 25
    assert sum(len(tile.dots) + tile.more for tile in found.tiles) == 500
    assert overlapping([(one.name, one.x, one.y, one.w, one.h) for one in found.tiles]) == []
    for tile in found.tiles:
        assert all(dot.x + 11 <= tile.w and dot.y + 11 <= tile.h for dot in tile.dots)
    assert sum(flow.strong for flow in found.flows) <= 40


def test_thousands_of_products_take_seconds() -> None:
    records = meshes.mesh(3_000)
    start = time.perf_counter()
    page = html.drawn(model(records))
    assert time.perf_counter() - start < 10  # a tenth of it on an idle machine
    assert len(page) < 7_000_000


@pytest.mark.parametrize("count", [0, 1])
def test_a_mesh_of_next_to_nothing_is_drawn_too(count: int) -> None:
    map = mapped(meshes.small()[:count])
    for drawn in (html.drawn(map), svg.document(map), mermaid.flowchart(map), likec4.document(map)):
        assert drawn


def test_a_chain_and_a_ring_as_long_as_the_mesh_are_drawn() -> None:
    chain = meshes.values(50, 3)
    ids = [f"{value['product']['metadata']['domain']}/{value['product']['metadata']['name']}" for value in chain]  # fmt: skip
    for number, value in enumerate(chain):
        value["product"]["spec"]["inputs"] = [
            {"name": "before", "uses": "data-product@1", "from": f"dp:{ids[number - 1]}#lake"}
        ]
    map = mapped(chain)
    assert all(edge["cycle"] for edge in map["edges"])
    assert max(one["rank"] for one in map["products"]) >= 49
    assert layout.picture(map).w <= elements.WIDEST


# -- nothing gets out of its place --------------------------------------------------------------------


def tags_of(drawn: str) -> set[str]:
    return {element.tag.partition("}")[2] for element in ET.fromstring(drawn).iter()}  # noqa: S314 - our own


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_no_name_breaks_out_of_svg_or_html(words: str) -> None:
    map = mapped(hostile(words))
    tame = mapped(hostile("tame"))
    assert tags_of(svg.document(map)) <= tags_of(svg.document(tame))
    page = html.drawn(map)
    assert page.count("<script") == html.drawn(tame).count("<script") == 2
    assert "<img" not in page
    assert not re.search(r"[\x00-\x08\x0e-\x1f\u202a-\u202e\u2066-\u2069]", page)
    assert len(page) < 600_000
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert data and json.loads(data[1])["products"] == json.loads(json.dumps(map["products"]))


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_a_label_of_mermaid_holds_nothing_but_itself(words: str) -> None:
    map = mapped(hostile(words))
    chart = mermaid.flowchart(map)
    assert len(chart) < 50_000
    for line in chart.splitlines():
        if '"' in line:
            assert all(re.fullmatch(r"(?:<br/>|#\d+;|[^<>\"#&`;%{}\\|])*", text) for text in re.findall(r'"(.*?)"', line))  # fmt: skip


@pytest.fixture(scope="module")
def likec4_program() -> Path:
    """98 MB, 18 s to fetch."""
    return npm.program(*LIKEC4)


@pytest.mark.slow
def test_likec4_takes_the_map_whatever_it_is_called(likec4_program: Path, tmp_path: Path) -> None:
    named = [value for words in HOSTILE[:7] for value in hostile(words)[:1]]
    everything = mapped([*meshes.flawed(), *named])
    (tmp_path / "mesh").mkdir()
    (tmp_path / "mesh" / "mesh.c4").write_text(likec4.document(everything), "utf-8")
    for verb in (["validate"], ["export", "json", "-o", tmp_path / "out.json"]):
        done = subprocess.run([likec4_program, *verb, tmp_path / "mesh"], capture_output=True, text=True)
        assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    told = json.loads((tmp_path / "out.json").read_text("utf-8"))
    told = told[0] if isinstance(told, list) else told
    domains = {one["title"] for one in told["elements"].values() if one["kind"] == "domain"}
    assert {" ".join(one["name"][:100].split()) for one in everything["domains"]} == {" ".join(name[:100].split()) for name in domains}  # fmt: skip
    assert len([one for one in told["elements"].values() if one["kind"] == "product"]) == len(everything["products"])  # fmt: skip


# -- the verb -----------------------------------------------------------------------------------------


@pytest.fixture
def sources(tmp_path: Path) -> Mapping[str, str]:
    files = {}
    for name, values in (("small", meshes.small()), ("flawed", meshes.flawed())):
        (tmp_path / f"{name}.json").write_text(json.dumps(values))
        files[name] = str(tmp_path / f"{name}.json")
    return files


@pytest.mark.parametrize(
    ("form", "first"), [("json", "{"), ("mermaid", "flowchart LR"), ("likec4", "specification {")]
)
def test_text_goes_to_standard_output_and_nothing_else_does(
    sources: Mapping[str, str], form: str, first: str
) -> None:
    done = CliRunner().invoke(main, ["map", sources["small"], "--format", form])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(first)
    assert "no problems" in done.stderr


@pytest.mark.parametrize("form", ["html", "svg"])
def test_pictures_go_to_a_file(
    sources: Mapping[str, str], form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["map", sources["small"], "--format", form])
    assert (done.exit_code, done.stdout) == (0, "")
    assert "Flight departures" in (tmp_path / f"mesh.{form}").read_text("utf-8")
    assert not list(tmp_path.glob(".mesh*"))


def test_an_error_is_told_with_its_fix_and_is_exit_code_1(sources: Mapping[str, str], tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["map", sources["flawed"], "-o", str(tmp_path / "deep" / "mesh.html")])
    assert done.exit_code == 1
    assert "error dangling-input: fleet-management/aircraft-utilisation: It reads" in done.stderr
    assert "    fix: " in done.stderr
    assert (tmp_path / "deep" / "mesh.html").is_file()


def test_warnings_alone_are_exit_code_0(tmp_path: Path) -> None:
    (tmp_path / "mesh.json").write_text(json.dumps([meshes.flawed()[5]]))
    done = CliRunner().invoke(main, ["map", str(tmp_path / "mesh.json"), "--format", "json"])
    assert done.exit_code == 0
    assert "warning unused: airport-operations/gates" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere"], "nowhere"),
        (["{small}", "--focus", "no/where"], "the mesh has no such product"),
        (["{small}", "--domain", "nowhere"], "the mesh has no such domain"),
        (["{small}", "--focus", "a/b", "--domain", "c"], "exclude each other"),
        (["{small}", "--format", "dot"], "dot"),
        ([], "SOURCES"),
        (["{small}", "-o", "/proc/none/mesh.html"], "cannot be written"),
    ],
)
def test_wrong_usage_is_exit_code_2(sources: Mapping[str, str], arguments: list[str], told: str) -> None:
    done = CliRunner().invoke(main, ["map", *(one.format(**sources) for one in arguments)])
    assert done.exit_code == 2
    assert told in done.stderr


def test_a_product_that_cannot_be_read_is_named_and_drawn_as_far_as_it_is_known(tmp_path: Path) -> None:
    (tmp_path / "gates").mkdir()
    (tmp_path / "gates" / "data-product.yaml").write_text("a: [")
    done = CliRunner().invoke(main, ["map", str(tmp_path), "--format", "json"])
    assert done.exit_code == 2
    assert "data-product.yaml:" in done.stderr
    assert json.loads(done.stdout)["products"][0]["id"] == "unknown/gates"


def test_a_terminal_is_not_steered(tmp_path: Path) -> None:
    (tmp_path / "mesh.json").write_text(json.dumps(hostile(HOSTILE[6])))
    done = CliRunner().invoke(main, ["map", str(tmp_path / "mesh.json"), "--format", "mermaid"])
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", done.output)


def test_too_many_products_for_a_flowchart_are_told_how_to_narrow(tmp_path: Path) -> None:
    (tmp_path / "mesh.json").write_text(json.dumps(meshes.values(200)))
    done = CliRunner().invoke(main, ["map", str(tmp_path / "mesh.json"), "--format", "mermaid"])
    assert done.exit_code == 0
    assert "--domain or --focus" in done.stderr
    assert "--domain or --focus" in done.stdout
