"""`draft --accept` settles decisions in the files of a product; while one is open, nothing leaves build/."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest
from products import findings

from meshwright.catalog.publish import Unkept, prepared
from meshwright.core.errors import Error
from meshwright.draft.accept import accept

Copy = Callable[[Path], Path]
MARKS = {
    "contract.odcs.yaml": (
        "      - name: carrier\n",
        "      - name: carrier\n        customProperties: [{property: proposed, value: [{field: classification}]}]\n",
    ),
    "models/departures.yml": (
        "  - name: departures\n",
        "  - name: departures\n    config: {meta: {proposed: [{field: description, reason: It is new.}]}}\n",
    ),
    "data-product.yaml": ("extensions: {}", "extensions: {proposed: [{at: spec.classification}]}"),
}


def marked(product: Path, *files: str) -> Path:
    for file in files:
        text = (product / file).read_text("utf-8")
        (product / file).write_text(text.replace(*MARKS[file], 1), "utf-8")
    return product


def test_accepting_all_gives_the_files_back(departures: Path, copy_of: Copy) -> None:
    product = marked(copy_of(departures), *MARKS)
    found = [one for one in findings(product) if one.rule == "DecisionOpen"]
    assert {one.file for one in found} == {*MARKS} and {one.level for one in found} == {"error"}
    assert any(one.message.startswith("`classification` ") for one in found)
    accepted, left = accept(product, ["classification"])
    assert len(accepted) == 2 and [one.id for one in left] == ["models:departures.description"]
    accept(product, ["models:*"])
    for file in MARKS:
        before = (departures / file).read_text("utf-8")
        assert (product / file).read_text("utf-8") == before
    assert not [one for one in findings(product) if one.rule == "DecisionOpen"]


def test_a_name_that_is_wrong_changes_no_file(departures: Path, copy_of: Copy) -> None:
    product = marked(copy_of(departures), *MARKS)
    before = {file: (product / file).read_bytes() for file in MARKS}
    with pytest.raises(Error):
        accept(product, ["classification", "purpose"])
    assert before == {file: (product / file).read_bytes() for file in MARKS}


def test_a_file_that_cannot_be_written_leaves_all_as_they_were(departures: Path, copy_of: Copy) -> None:
    product = marked(copy_of(departures), *MARKS)
    (product / "models").rename(product / "elsewhere")
    (product / "models").symlink_to("elsewhere")  # a draft writes through no link
    (product / "models" / "departures.yml").rename(product / "departures.yml")
    (product / "models" / "departures.yml").symlink_to("../departures.yml")
    before = {file: (product / file).read_bytes() for file in MARKS}
    with pytest.raises(Error):
        accept(product, ["*"])
    assert before == {file: (product / file).read_bytes() for file in MARKS}


@pytest.mark.parametrize("file", MARKS)
def test_a_product_with_an_open_decision_is_not_published_to_a_catalog(
    departures: Path, copy_of: Copy, file: str
) -> None:
    product = marked(copy_of(departures), file)
    with pytest.raises(Unkept) as error:
        prepared(product, "https://git.example.org/departures.git", "main")
    assert [one.rule for one in error.value.findings] == ["DecisionOpen"]


@pytest.mark.parametrize("file", MARKS)
@pytest.mark.parametrize("place", ["inside", "outside"])
def test_a_run_publishes_an_open_decision_within_build_only(
    every_port: Path, tmp_path: Path, file: str, place: str
) -> None:
    refuse = importlib.import_module("pipeline.open_decisions").refuse
    spec = importlib.import_module("pipeline.spec")
    for name in MARKS:
        source = every_port / name
        (tmp_path / name).parent.mkdir(exist_ok=True)
        text = source.read_text("utf-8")
        (tmp_path / name).write_text(text.replace(*MARKS[name], 1) if name == file else text, "utf-8")
    product = spec.load(every_port, {"LAKE": str(tmp_path / "lake")} if place == "outside" else {})
    moved = type(product)(**{**vars(product), "root": tmp_path, "contract": tmp_path / "contract.odcs.yaml"})
    if place == "inside":
        refuse(moved)
        return
    with pytest.raises(importlib.import_module("pipeline.errors").PromiseBroken) as error:
        refuse(moved)
    assert "lake" in str(error.value) and "tables" not in str(error.value)
