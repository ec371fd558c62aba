"""`meshwright assess`, whatever its functions ask: running them, scores, exceptions, floors, history, badges."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from catalog_server import catalog
from checkout import ROOT
from click.testing import CliRunner, Result
from records import value as record_value

from meshwright.assess import badge, discovery, embedded_catalog, history, results, run
from meshwright.assess.expectations import Expectations, read
from meshwright.assess.failures import failures
from meshwright.cli import main
from meshwright.core.yaml import Unreadable
from meshwright.mesh import scores
from meshwright.mesh.scores import CHARACTERISTICS, SEVERITIES
from meshwright.mesh.standings import STANDINGS, worst
from meshwright.product.record import Record

NOW = datetime(2026, 11, 22, 16, tzinfo=UTC)
REASON = "The old warehouse cannot do it."

OURS = '''
import os, time
from meshwright.assess import Fitness, Verdict

class _Told(Fitness):
    def check(self, product):
        for number, state in enumerate(product.record.get(f"answers.{self.id}") or []):
            if state == "raises":
                raise RuntimeError("no luck at https://ada:secret@example.org/x")
            if state == "dies":
                os._exit(9)
            while state == "hangs":
                time.sleep(0.01)
            yield Verdict(state, f"It is {state}.", "Fix it.", f"place-{number}")

class Locked(_Told):
    """Is it locked?

    Because doors should be."""
    characteristic, severity = "secure", "critical"

class Labelled(_Told):
    """Has it a label?"""
    characteristic, severity = "secure", "medium"

class Sealed(_Told):
    """Is it sealed?"""
    characteristic, severity = "secure", "low"

class Fresh(_Told):
    """Is it fresh?"""
    characteristic, severity, probes = "trustworthy", "high", True
'''
"""Functions that find what the record says that they find."""


def told(id: str = "fleet/engines", **answers: list[str]) -> dict[str, Any]:
    domain, _, name = id.partition("/")
    return {"product": {"metadata": {"domain": domain, "name": name}}, "answers": answers}


@pytest.fixture
def ours(tmp_path: Path) -> Callable[..., Path]:
    """Writes a fitness.yaml with the functions above and no other, and what else is given."""

    def write(module: str = OURS, **said: Any) -> Path:
        (tmp_path / "ours").mkdir(exist_ok=True)
        (tmp_path / "ours" / "told.py").write_text(module, "utf-8")
        off = {one.id: {"off": "This test is not about it."} for one in discovery.functions()}
        said["functions"] = off | said.get("functions", {})
        path = tmp_path / "fitness.yaml"
        path.write_text(yaml.safe_dump({"folders": ["ours"], **said}, sort_keys=False), "utf-8")
        return path

    return write


@pytest.fixture
def mesh(tmp_path: Path) -> Callable[..., Path]:
    def write(*values: Mapping[str, Any]) -> Path:
        path = tmp_path / "mesh.jsonl"
        path.write_text("".join(json.dumps(value) + "\n" for value in values), "utf-8")
        return path

    return write


def assess(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["assess", *map(str, arguments)])


def assessed(expectations: Path, *values: Mapping[str, Any], **options: Any) -> dict[str, Any]:
    return run.assess([Record(value) for value in values], NOW, expectations=read(expectations), **options)


def result(assessment: Mapping[str, Any], function: str, product: int = 0) -> dict[str, Any]:
    found = assessment["products"][product]["results"]
    return next(one for one in found if one["function"] == function)


# -- scores ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "score", "standing"),
    [
        ({"Locked": ["kept"], "Labelled": ["kept"], "Sealed": ["kept"]}, 100, "kept"),
        ({"Locked": ["broken"], "Labelled": ["kept"], "Sealed": ["kept"]}, 0, "critical"),
        ({"Locked": ["kept", "broken"], "Labelled": ["kept"]}, 0, "critical"),
        ({"Locked": ["kept"], "Labelled": ["broken"], "Sealed": ["kept"]}, 71, "broken"),
        ({"Locked": ["kept"], "Labelled": ["kept", "kept", "broken"], "Sealed": ["kept"]}, 90, "broken"),
        ({"Locked": ["kept"], "Labelled": ["broken"]}, 66, "broken"),
        ({"Labelled": ["broken"], "Sealed": ["kept"]}, 33, "broken"),
        ({"Locked": ["kept"], "Labelled": ["kept"], "Sealed": ["inconclusive"]}, 100, "partly-known"),
        ({"Locked": ["kept"], "Labelled": ["kept", "inconclusive"], "Sealed": ["kept"]}, 100, "partly-known"),
        ({"Locked": ["inconclusive"], "Labelled": ["kept"], "Sealed": ["kept"]}, 100, "not-known"),
        ({"Locked": ["kept", "inconclusive"], "Labelled": ["kept"], "Sealed": ["kept"]}, 100, "not-known"),
        ({"Locked": ["inconclusive"], "Labelled": ["broken"], "Sealed": ["kept"]}, 33, "broken"),
        ({"Locked": ["inconclusive", "broken"]}, 0, "critical"),
        ({"Locked": ["inconclusive"]}, None, "not-known"),
        ({}, None, "not-known"),
    ],
)
def test_a_score_is_the_weighed_share_of_what_is_known(
    ours: Callable[..., Path], answers: dict[str, list[str]], score: int | None, standing: str
) -> None:
    found = assessed(ours(), told(**answers))
    (product,) = found["products"]
    kinds = {one["id"]: (one["characteristic"], one["severity"]) for one in found["functions"]}
    cell = scores.cells(product["results"], kinds)["secure"]
    assert (product["scores"]["secure"], cell.standing) == (score, standing)
    assert product["standings"]["secure"] == cell.standing
    assert product["standing"] == worst((cell.standing, "not-known")), "one is not answered elsewhere"
    assert product["scores"]["addressable"] is None, "nobody asked"
    assert product["score"] == score, "the mean of what is known"


def test_nothing_broken_is_rounded_up_to_100(ours: Callable[..., Path]) -> None:
    found = assessed(ours(), told(Locked=["kept"], Labelled=["kept"] * 500 + ["broken"]))
    assert found["products"][0]["scores"]["secure"] == 99


def test_the_mesh_is_the_mean_of_what_is_known(ours: Callable[..., Path]) -> None:
    found = assessed(ours(), told("a/x", Labelled=["kept"]), told("a/y", Labelled=["broken"]), told("a/z"))
    assert found["scores"] == dict.fromkeys(CHARACTERISTICS) | {"secure": 50}


def test_the_worst_standing_counts_and_nothing_is_not_known() -> None:
    names = list(STANDINGS)
    assert [worst(names[number:]) for number in range(len(names) + 1)] == [*names, "not-known"]


def test_what_is_known_in_part_is_not_kept() -> None:
    assert scores.state([{"state": "kept"}, {"state": "inconclusive"}]) == "inconclusive"
    assert scores.state([]) == "inconclusive"


# -- running --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("raises", "RuntimeError: no luck at https://example.org/x"),
        ("dies", "The process that assessed this product died."),
        ("hangs", "Stopped after"),
        ("splendid", "'splendid', which is not a state"),
    ],
)
def test_a_function_that_fails_is_inconclusive_for_that_product_alone(
    ours: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, answer: str, says: str
) -> None:
    monkeypatch.setattr(results, "SECONDS", 1)
    values = [told(f"fleet/p{number}", Locked=["kept"]) for number in range(6)]
    values[3]["answers"] = {"Locked": [answer], "Labelled": ["kept"]}
    found = assessed(ours(), *values, jobs=2)
    locked = [result(found, "Locked", number) for number in range(6)]
    assert [one["state"] for one in locked] == ["kept"] * 3 + ["inconclusive"] + ["kept"] * 2
    assert says in locked[3]["verdicts"][-1]["evidence"]
    assert "secret" not in json.dumps(found)


def test_a_static_assessment_does_not_ask_what_looks_outside(ours: Callable[..., Path]) -> None:
    value = told(Fresh=["kept"], Locked=["kept"])
    assert result(assessed(ours(), value), "Fresh")["state"] == "kept"
    static = assessed(ours(), value, static=True)
    assert result(static, "Fresh")["state"] == "inconclusive"
    assert "static" in result(static, "Fresh")["verdicts"][0]["evidence"]
    assert static["products"][0]["scores"]["trustworthy"] is None


def test_the_same_mesh_is_assessed_the_same_however_many_work_on_it(ours: Callable[..., Path]) -> None:
    values = [told(f"d{number % 3}/p{number}", Labelled=["kept", "broken"][: number % 3]) for number in range(50)]  # fmt: skip
    alone = assessed(ours(), *values, jobs=1)
    assert alone == assessed(ours(), *reversed(values), jobs=3)
    assert [one["id"] for one in alone["products"]] == sorted(one["id"] for one in alone["products"])


def test_two_products_with_one_name_are_two_rows(ours: Callable[..., Path]) -> None:
    found = assessed(ours(), told(Locked=["kept"]), told(Locked=["broken"]), told(Locked=["kept"]))
    assert [one["id"] for one in found["products"]] == ["fleet/engines"] * 2, "one that came twice is one"
    assert "2 products have the id fleet/engines; each has a row." in found["notes"]


def test_a_part_of_the_mesh_is_seen_in_all_of_it(ours: Callable[..., Path], mesh: Callable[..., Path]) -> None:  # fmt: skip
    sees = OURS + textwrap.dedent('''
        class Sees(Fitness):
            """How many does it see?"""
            characteristic = "discoverable"
            def check(self, product):
                yield Verdict("kept", f"{len(product.mesh.records)} products.")
    ''')
    path = mesh(told("a/x"), told("a/y"), told("a/z"))
    done = assess(path, "--expectations", ours(sees), "--product", "a/y", "--format", "json")
    found = json.loads(done.stdout)
    assert [one["id"] for one in found["products"]] == ["a/y"]
    assert result(found, "Sees")["verdicts"][0]["evidence"] == "3 products."


def test_a_product_that_cannot_be_read_is_red_and_not_missing(tmp_path: Path) -> None:
    broken = tmp_path / "mesh" / "broken"
    broken.mkdir(parents=True)
    (broken / "data-product.yaml").write_text("metadata: [unclosed\n", "utf-8")
    done = assess(tmp_path / "mesh", "--static", "--format", "json")
    (product,) = json.loads(done.stdout)["products"]
    assert done.exit_code == 1
    assert product["id"] == "unknown/broken" and product["scores"]["self-describable"] == 0


def test_hostile_texts_stay_short_and_steer_no_terminal(
    ours: Callable[..., Path], mesh: Callable[..., Path]
) -> None:
    value = told("fleet/\x1b[2Jengines", Locked=["broken"])
    value["product"]["metadata"]["title"] = "\u202e\ud800" + "x" * 1_000_000
    value["answers"]["Locked"] = ["y" * 100_000]
    path, expectations = mesh(value), ours()
    for form in ("human", "json"):
        done = assess(path, "--expectations", expectations, "--format", form)
        assert "\x1b" not in done.output and len(done.output) < 10_000


# -- exceptions and floors --------------------------------------------------------------------------------------


def exception(product: str = "fleet/*", function: str = "Locked", until: str = "2026-11-22") -> dict[str, str]:  # fmt: skip
    return {"product": product, "function": function, "reason": REASON, "until": until, "approvedBy": "ada@example.org"}  # fmt: skip


def test_what_is_excepted_does_not_count_and_is_shown(ours: Callable[..., Path]) -> None:
    found = assessed(ours(exceptions=[exception()]), told(Locked=["broken"], Labelled=["kept"]))
    locked = result(found, "Locked")
    assert (locked["state"], locked["until"]) == ("excepted", "2026-11-22")
    assert REASON in locked["reason"] and "ada@example.org" in locked["reason"]
    assert locked["verdicts"][0]["state"] == "broken"
    assert found["products"][0]["scores"]["secure"] == 100
    assert not list(failures(found, {}))


def test_what_is_excepted_altogether_is_not_below_its_floor(ours: Callable[..., Path]) -> None:
    found = assessed(ours(exceptions=[exception()]), told(Locked=["broken"]))
    product = found["products"][0]
    kinds = {one["id"]: (one["characteristic"], one["severity"]) for one in found["functions"]}
    only = [result(found, "Locked")]
    assert product["scores"]["secure"] is None
    assert scores.cells(only, kinds)["secure"].standing == "excepted"
    assert [one.what for one in failures(found, {"secure": 80})] == ["secure"], "two others are unknown"
    product["results"] = only
    assert not list(failures(found, {"secure": 80}))


@pytest.mark.parametrize(
    ("entry", "answers", "note"),
    [
        (exception(until="2026-11-21"), ["broken"], "ended on 2026-11-21; it no longer applies"),
        (exception("fleet/wings"), ["broken"], "the mesh has no such product"),
        (exception("weather/*"), ["broken"], "the mesh has no such product"),
        (exception(), ["kept"], "the function is kept"),
    ],
)
def test_an_exception_that_does_nothing_is_told(
    ours: Callable[..., Path], entry: dict[str, str], answers: list[str], note: str
) -> None:
    found = assessed(ours(exceptions=[entry]), told(Locked=answers))
    assert any(note in said for said in found["notes"])
    assert result(found, "Locked")["state"] == answers[0]


def test_what_is_not_known_is_not_excepted(ours: Callable[..., Path]) -> None:
    found = assessed(ours(exceptions=[exception()]), told(Locked=["inconclusive"]))
    assert result(found, "Locked")["state"] == "inconclusive"


KEPT = {"Locked": ["kept"], "Labelled": ["kept"], "Sealed": ["kept"]}


@pytest.mark.parametrize(
    ("answers", "floors", "code"),
    [
        ({"Labelled": ["broken"]}, [], 0),
        ({"Locked": ["broken"]}, [], 1),
        ({"Locked": ["broken"]}, ["trustworthy=0"], 1),
        ({**KEPT, "Labelled": ["kept", "broken"]}, ["secure=85"], 0),
        ({**KEPT, "Labelled": ["kept", "broken"]}, ["secure=86"], 1),
        ({"Labelled": ["inconclusive"]}, ["secure=0"], 1),
        # What nobody has seen meets no floor.
        ({**KEPT, "Sealed": ["inconclusive"]}, ["secure=85"], 0),
        ({**KEPT, "Sealed": ["inconclusive"]}, ["secure=86"], 1),
        ({**KEPT, "Labelled": ["kept", "inconclusive"]}, ["secure=85"], 0),
        ({**KEPT, "Labelled": ["kept", "inconclusive"]}, ["secure=86"], 1),
        ({**KEPT, "Locked": ["inconclusive"]}, ["secure=1"], 1),
    ],
)
def test_the_exit_code_tells_of_critical_functions_and_of_floors(
    ours: Callable[..., Path], mesh: Callable[..., Path], answers: dict[str, list[str]], floors: list[str], code: int
) -> None:  # fmt: skip
    value = told(**({"Fresh": ["kept"]} | answers))
    options = [part for floor in floors for part in ("--floor", floor)]
    done = assess(mesh(value), "--expectations", ours(), *options)
    assert done.exit_code == code, done.output
    assert ("failed: fleet/engines" in done.output) == (code == 1)


def test_a_floor_of_the_command_line_takes_the_place_of_the_files(
    ours: Callable[..., Path], mesh: Callable[..., Path]
) -> None:
    path, expectations = mesh(told(**KEPT | {"Labelled": ["broken"]})), ours(floors={"secure": 80})
    assert assess(path, "--expectations", expectations).exit_code == 1
    assert assess(path, "--expectations", expectations, "--floor", "secure=50").exit_code == 0


def test_a_severity_can_be_changed_and_a_function_switched_off(ours: Callable[..., Path]) -> None:
    said = {"Labelled": {"severity": "critical"}, "Sealed": {"off": "Nothing of ours has a seal."}}
    found = assessed(ours(functions=said), told(Locked=["kept"], Labelled=["broken"], Sealed=["broken"]))
    assert found["products"][0]["scores"]["secure"] == 0
    assert [one["id"] for one in found["functions"]] == ["Labelled", "Locked", "Fresh"]
    assert "Sealed is off for every product: Nothing of ours has a seal." in found["notes"]


# -- what is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("floor: {secure: 80}\n", "1:1", "floor is unknown"),
        ("floors: {safe: 80}\n", "1:10", "no characteristic safe"),
        ("floors: {secure: 101}\n", "1:10", "101"),
        ("floors:\n  secure: high\n", "2:3", "high"),
        ("functions: {Lockt: {severity: low}}\n", "1:13", "no fitness function Lockt"),
        ("functions: {Locked: {severity: fatal}}\n", "1:22", "fatal"),
        ("functions: {Locked: off}\n", "1:13", "false"),
        ("functions: {Locked: {off: no}}\n", "1:22", "false"),
        ("functions: {Locked: {off: because}}\n", "1:22", "because"),
        ("folders: [nowhere]\n", "", "folder does not exist"),
        ("settings: {host: [x]}\n", "1:12", "settings.host is unknown"),
        ("exceptions:\n- {product: a/b, function: Locked, until: 2026-12-31}\n", "2:3", "reason is missing"),
        ("exceptions:\n- {product: a/b, function: Locked, reason: It is as it is.}\n", "2:3", "until is missing"),
        ("exceptions:\n- {product: a/b, function: Locked, reason: Because., until: 2026-12-31}\n", "2:36", "Because."),
        ("exceptions:\n- {product: a/b, function: Locked, reason: It is as it is., until: 2026-02-30}\n", "2:61", "is not a date"),
        ("exceptions:\n- {product: '*', function: Locked, reason: It is as it is., until: 2026-12-31}\n", "2:4", "*"),
        ("exceptions:\n- {product: a/b, function: Lock, reason: It is as it is., until: 2026-12-31}\n", "2:18", "no fitness function Lock"),
        ("floors: {secure: 80, secure: 90}\n", "1:22", "twice"),
        ("", "1:1", "empty"),
    ],
)  # fmt: skip
def test_what_fitness_yaml_should_not_say_is_refused_with_its_place(
    mesh: Callable[..., Path], tmp_path: Path, text: str, place: str, says: str
) -> None:
    path = tmp_path / "fitness.yaml"
    path.write_text(text, "utf-8")
    done = assess(mesh(told()), "--expectations", path)
    assert done.exit_code == 2, done.output
    assert says in done.stderr and "fix: " in done.stderr
    assert not place or f"{path}:{place}: " in done.stderr


ONE = 'class {name}(Fitness):\n    """{text}"""\n    characteristic = "{characteristic}"\n    {more}\n'
CHECK = "def check(self, product): yield"
IMPORT = "from meshwright.assess import Fitness, Verdict\n"


@pytest.mark.parametrize(
    ("module", "line", "says"),
    [
        ("x = 1\ny = = 2\n", 2, "SyntaxError"),
        ("x = 1\n\nimport nowhere_at_all\n", 3, "No module named 'nowhere_at_all'"),
        ("raise SystemExit('gone')\n", 1, "gone"),
        ("x = 1\n", 0, "it contains no fitness function"),
        (IMPORT + ONE.format(name="A", text="Why?", characteristic="nice", more=CHECK), 2, "not one of the six"),
        (IMPORT + ONE.format(name="A", text="Why?", characteristic="secure", more=""), 2, "no `check`"),
        (IMPORT + ONE.format(name="A", text="", characteristic="secure", more=CHECK), 2, "docstring"),
        (IMPORT + ONE.format(name="A", text="Why?", characteristic="secure", more=f"severity = 'grave'\n    {CHECK}"), 2, "`severity`"),
        (IMPORT + ONE.format(name="SpecReadable", text="Why?", characteristic="secure", more=CHECK), 2, "same name"),
    ],
)  # fmt: skip
def test_a_module_that_makes_no_sense_is_told_with_its_line(
    mesh: Callable[..., Path], tmp_path: Path, module: str, line: int, says: str
) -> None:
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "one.py").write_text(module, "utf-8")
    (tmp_path / "fitness.yaml").write_text("folders: [ours]\n", "utf-8")
    done = assess(mesh(told()), "--expectations", tmp_path / "fitness.yaml")
    assert done.exit_code == 2, done.output
    assert says in done.stderr and "fix: " in done.stderr
    assert f"one.py:{line}" in done.stderr if line else f"{tmp_path / 'ours'}: " in done.stderr


def test_modules_of_a_folder_share_what_they_have_in_common(tmp_path: Path) -> None:
    (tmp_path / "_common.py").write_text("WORD = 'locked'\n", "utf-8")
    (tmp_path / "doors.py").write_text(
        "from . import _common\n" + IMPORT + ONE.format(name="Doors", text="Is it {}?".format("locked"), characteristic="secure", more=CHECK),
        "utf-8",
    )  # fmt: skip
    assert "Doors" in {one.id for one in discovery.functions([tmp_path])}


def test_an_installed_package_brings_functions_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plugged_fitness.py").write_text(IMPORT + ONE.format(name="Plugged", text="Is it plugged in?", characteristic="secure", more=CHECK), "utf-8")  # fmt: skip
    info = tmp_path / "plugged-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text("[meshwright.fitness]\nours = plugged_fitness\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "Plugged" in {one.id for one in discovery.functions()}
    (info / "entry_points.txt").write_text("[meshwright.fitness]\nours = not_there_at_all\n", "utf-8")
    with pytest.raises(Unreadable, match="ours = not_there_at_all"):
        discovery.functions()


def test_every_function_that_comes_along_makes_sense() -> None:
    found = discovery.functions()
    assert [one.characteristic for one in found] == sorted((one.characteristic for one in found), key=CHARACTERISTICS.index)  # fmt: skip
    assert {one.severity for one in found} <= set(SEVERITIES)
    assert all(one.question.endswith("?") and one.why and discovery.is_built_in(one) for one in found)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--floor", "safe=80"], "no characteristic safe"),
        (["--floor", "secure"], "is not a score"),
        (["--floor", "secure=200"], "is not a score"),
        (["--product", "fleet/wings"], "no such product"),
        (["--product", "fleet/engines", "--history", "h"], "must not be added to its history"),
        (["--product", "fleet/engines", "--publish"], "must not be added to its history"),
        (["--publish"], "needs --catalog"),
        (["--expectations", "nowhere.yaml"], "cannot be read"),
        (["--static", "--html", "/nowhere/at/all.html"], "cannot be written"),
        (["--catalog", "http://127.0.0.1:9"], "127.0.0.1:9"),
    ],
)
def test_wrong_usage_ends_with_2_and_a_fix(
    mesh: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str
) -> None:
    monkeypatch.setattr(embedded_catalog, "PATIENCE", 0.1)
    monkeypatch.delenv("MESHWRIGHT_CATALOG_TOKEN", raising=False)
    done = assess(mesh(told()), *arguments)
    assert done.exit_code == 2, done.output
    assert says in done.stderr and "fix: " in done.stderr


def test_a_mesh_that_is_asked_nothing_is_no_success(mesh: Callable[..., Path], tmp_path: Path) -> None:
    off = {one.id: {"off": "This test asks nothing at all."} for one in discovery.functions()}
    (tmp_path / "fitness.yaml").write_text(yaml.safe_dump({"functions": off}), "utf-8")
    done = assess(mesh(told()), "--expectations", tmp_path / "fitness.yaml")
    assert done.exit_code == 2 and "Every fitness function is off" in done.stderr


def test_an_empty_mesh_is_no_success(mesh: Callable[..., Path]) -> None:
    done = assess(mesh(), "--static")
    assert done.exit_code == 2 and "no product" in done.stderr


# -- history ----------------------------------------------------------------------------------------------------


def earlier(days: int, score: int | None, static: bool = False, **products: list[int | None]) -> dict[str, Any]:  # fmt: skip
    at = (NOW - timedelta(days=days)).isoformat()
    every = dict.fromkeys(CHARACTERISTICS, score)
    return {"at": at, "static": static, "scores": every, "score": score, "products": products}


def test_a_run_is_added_to_the_history_unless_it_says_the_same_on_the_same_day(
    ours: Callable[..., Path], tmp_path: Path
) -> None:
    path, expectations = tmp_path / "past", ours()
    kept, broken = told(Locked=["kept"]), told(Locked=["broken"])

    def add(value: dict[str, Any], now: datetime, static: bool = False) -> bool:
        found = run.assess([Record(value)], now, static, expectations=read(expectations))
        return history.append(path, found, history.read(path))

    assert add(kept, NOW)
    assert not add(kept, NOW + timedelta(hours=1))
    assert add(broken, NOW + timedelta(hours=2))
    assert add(broken, NOW + timedelta(hours=2), static=True)
    assert add(broken, NOW + timedelta(days=1))
    found = history.read(path)
    assert [one["score"] for one in found] == [100, 0, 0, 0]
    assert [bool(one["products"]) for one in found] == [False, False, True, True], "only the newest of a kind"
    assert found[-1]["products"] == {"fleet/engines": [None, None, None, 0, None, None, 0]}
    assert [path.name for path in path.iterdir()] == [history.FILE]


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b'{"at": "2026-11-22T16:00:00+00:00"}\n',
        json.dumps(earlier(1, 101)).encode() + b"\n",
        json.dumps(earlier(1, 50) | {"at": "yesterday"}).encode() + b"\n",
        json.dumps(earlier(1, 50, a=[1])).encode() + b"\n",
        json.dumps(earlier(1, 50)).encode()[:-20],
        json.dumps(earlier(1, 50)).encode(),
        b"\xff\n",
    ],
)
def test_a_broken_history_is_told_and_left_as_it_is(
    ours: Callable[..., Path], mesh: Callable[..., Path], tmp_path: Path, line: bytes
) -> None:
    path = tmp_path / "past.jsonl"
    path.write_bytes(json.dumps(earlier(2, 50)).encode() + b"\n" + line)
    before = path.read_bytes()
    done = assess(mesh(told(Locked=["kept"])), "--expectations", ours(), "--history", path)
    assert done.exit_code == 2 and f"{path}:2:1: " in done.stderr
    assert path.read_bytes() == before


def test_the_trend_compares_with_the_last_run_and_with_a_month_ago() -> None:
    past = [earlier(90, 10), earlier(40, 40), earlier(31, 50), earlier(29, 60), earlier(2, 90, static=True), earlier(1, 70)]  # fmt: skip
    now = {"at": NOW.isoformat(), "static": False, "scores": dict.fromkeys(CHARACTERISTICS, 75), "products": []}  # fmt: skip
    found = history.trend(history.comparable(past, now), now, "secure")
    assert found == history.Trend((10, 40, 50, 60, 70, 75), since_last=5, since_month=25)
    assert history.trend([], now, "secure") == history.Trend((75,), None, None)


def test_the_report_tells_what_has_changed(ours: Callable[..., Path], mesh: Callable[..., Path], tmp_path: Path) -> None:  # fmt: skip
    path, expectations = tmp_path / "past.jsonl", ours()
    yesterday = datetime.now(UTC) - timedelta(days=1)
    path.write_text(json.dumps(earlier(0, 60) | {"at": yesterday.isoformat()}) + "\n", "utf-8")
    done = assess(mesh(told(Locked=["kept"])), "--expectations", expectations, "--history", path)
    assert f"since {yesterday:%Y-%m-%d}: self-describable ?" in done.stdout
    assert "secure +40" in done.stdout
    assert len(history.read(path)) == 2


# -- what is told -----------------------------------------------------------------------------------------------


def test_the_report_says_what_is_broken_and_how_to_fix_it(
    ours: Callable[..., Path], mesh: Callable[..., Path]
) -> None:
    value = told(Locked=["kept", "broken"], Labelled=["inconclusive"], Sealed=["broken"])
    expectations = ours(exceptions=[exception(function="Sealed", until="2099-12-31")])
    done = assess(mesh(value), "--expectations", expectations)
    for line in (
        "  Locked (broken, critical, secure): Is it locked?",
        "    place-1: It is broken.",
        "      fix: Fix it.",
        "  Sealed (excepted, low, secure): Is it sealed?",
        f"    excepted until 2099-12-31: {REASON} (approved by ada@example.org)",
        "  unknown: Labelled",
        "failed: fleet/engines: breaks Locked, which is critical",
    ):
        assert line in done.stdout.splitlines(), done.stdout


def test_a_large_mesh_is_told_by_its_lowest_scores(ours: Callable[..., Path], mesh: Callable[..., Path]) -> None:  # fmt: skip
    values = [told(f"fleet/p{number:03}", Labelled=["kept"]) for number in range(99)]
    done = assess(mesh(*values, told("fleet/worst", Labelled=["broken"])), "--expectations", ours())
    assert "fleet/worst" in done.stdout
    assert "The 50 of 100 products with the worst standings" in done.stdout


def test_json_is_an_assessment(ours: Callable[..., Path], mesh: Callable[..., Path]) -> None:
    done = assess(mesh(told("a/x", Locked=["kept"]), told("a/y")), "--expectations", ours(), "--format", "json")  # fmt: skip
    found = json.loads(done.stdout)
    assert list(found) == ["apiVersion", "kind", "at", "static", "functions", "scores", "notes", "products"]
    assert found["functions"][0] == {"id": "Labelled", "characteristic": "secure", "severity": "medium", "question": "Has it a label?", "why": ""}  # fmt: skip
    assert result(found, "Locked") == {
        "function": "Locked",
        "state": "kept",
        "verdicts": [
            # `mend` until 0.4.0: see core/renamed.py
            {
                "state": "kept",
                "evidence": "It is kept.",
                "fix": "Fix it.",
                "mend": "Fix it.",
                "place": "place-0",
            }
        ],
    }


def test_badges_say_the_score_and_how_far_it_is_known(ours: Callable[..., Path], mesh: Callable[..., Path], tmp_path: Path) -> None:  # fmt: skip
    value, folder = told(Locked=["kept"], Labelled=["broken"], Sealed=["inconclusive"]), tmp_path / "badges"
    outside = told("../../escape", Locked=["kept"])
    done = assess(mesh(value, outside), "--expectations", ours(), "--badges", folder)
    assert "no badge for ../.._escape" in done.stderr
    assert len(list(folder.rglob("*"))) == 9 and not (tmp_path.parent / "escape.svg").exists()
    titles = {
        path.name: ElementTree.parse(path).find("{http://www.w3.org/2000/svg}title").text  # noqa: S314 - our own
        for path in folder.rglob("*.svg")
    }
    assert titles["secure.svg"] == "secure: ! broken \u00b7 66, 2 of 3 known"
    assert titles["trustworthy.svg"] == "trustworthy: ? not known"
    assert titles["engines.svg"] == "data product: ! broken \u00b7 66, 2 of 4 known"


@pytest.mark.parametrize(
    "text", ['"><script>alert(1)</script>', "\x00\x1b]]>&<", "x" * 100_000, "\u202e\ud800"]
)
def test_a_badge_is_well_formed_whatever_it_says(text: str) -> None:
    made = badge.svg(text, "critical", text)
    root = ElementTree.fromstring(made)  # noqa: S314 - our own
    assert {one.tag.rpartition("}")[2] for one in root.iter()} == {"svg", "title", "clipPath", "rect", "g", "text"}  # fmt: skip
    assert int(root.get("width", "0")) < 1000


def test_an_assessment_is_handed_in_to_the_catalog(
    ours: Callable[..., Path], mesh: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = mesh(told(Locked=["kept"]), told("fleet/\x1b[2J  wings", Locked=["x" * 5000]))
    with catalog(tmp_path / "catalog") as server:
        monkeypatch.setenv("MESHWRIGHT_CATALOG_TOKEN", server.token("assess"))
        done = assess(path, "--expectations", ours(), "--catalog", server.url, "--publish")
        assert done.exit_code == 0 and "uploaded to" in done.stderr, done.output
        latest = server.get("/api/assessments/latest").json
    assert [one["id"] for one in latest["products"]] == ["fleet/_[2J__wings", "fleet/engines"]
    assert latest["scores"]["secure"] == 100


def test_expectations_need_no_file() -> None:
    found = run.assess([Record(told())], NOW, static=True, expectations=Expectations())
    assert {one["id"] for one in found["functions"]} == {one.id for one in discovery.functions()}


def test_without_its_extra_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "records.jsonl").write_text(json.dumps(record_value()) + "\n")
    code = "import sys; sys.modules['duckdb'] = None; from meshwright.cli import main; main(['assess', 'records.jsonl'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "duckdb is not installed." in done.stderr and f"{ROOT}[assess]" in done.stderr
