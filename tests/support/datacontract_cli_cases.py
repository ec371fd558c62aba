"""The process of datacontract-cli: what it answers, and how it ends. Runs with a product's packages, in its folder."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import duckdb
import pytest
import yaml

from pipeline import datacontract_cli
from pipeline.errors import UnreadableInput

CONTRACT = {
    **{"apiVersion": "v3.2.0", "kind": "DataContract", "id": "x", "version": "1.0.0", "status": "active"},
    "schema": [
        {
            "name": "t",
            "properties": [{"name": "a", "logicalType": "integer", "required": True, "unique": True}],
        }
    ],
}


@pytest.fixture
def cli() -> Iterator[ModuleType]:
    yield datacontract_cli
    if datacontract_cli._running is not None:
        datacontract_cli._running.end()


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    file = tmp_path / "contract.yaml"
    file.write_text(yaml.safe_dump(CONTRACT), "utf-8")
    return file


def tables(folder: Path, rows: str) -> Path:
    file = folder / "t.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute(f"create table t as select * from (values {rows}) t(a)")
    return file


def test_answers_name_the_broken_promise(cli: ModuleType, contract: Path, tmp_path: Path) -> None:
    cli.begin(contract)
    content, wrong = cli.read(contract)
    assert not wrong and content["schema"] == CONTRACT["schema"]
    answers = cli.test(content, tables(tmp_path, "(1), (1), (null)"), {})
    failed = {answer.key for answer in answers if answer.result == "failed"}
    assert failed == {"t__a__field_required", "t__a__field_unique"}
    filtered = cli.test(content, tmp_path / "t.duckdb", {"t": "a is not null"}, ["schema"])
    assert {one.result for one in filtered if one.key == "t__a__field_required"} == {"passed"}


def test_a_file_that_is_no_contract_is_wrong(cli: ModuleType, contract: Path) -> None:
    contract.write_text("kind: DataContract\nschema: 7\n", "utf-8")
    assert cli.read(contract).wrong


def test_a_run_that_ended_early_leaves_no_answer_to_the_next(
    cli: ModuleType, contract: Path, tmp_path: Path
) -> None:
    cli.begin(contract)
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump(CONTRACT | {"version": "2.0.0"}), "utf-8")
    cli.begin(other)
    assert cli.read(other).content["version"] == "2.0.0"
    contract.write_text(yaml.safe_dump(CONTRACT | {"version": "3.0.0"}), "utf-8")
    cli.begin(contract)
    assert cli.read(contract).content["version"] == "3.0.0"


def test_an_error_of_a_run_that_ended_early_is_not_the_next_ones(
    cli: ModuleType, contract: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(cli, "_read", cli._test)  # which the contract's name alone makes fail
        cli.begin(contract)
    for _ in range(2):
        cli.begin(contract)
    assert cli.read(contract).content["id"] == "x"


def test_a_process_that_ends_by_its_own_error_says_where_that_is(
    cli: ModuleType, contract: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "CODE", "raise SystemExit('no such code')")
    with pytest.raises(UnreadableInput, match="has ended with 1; its error is printed above") as raised:
        cli.read(contract)
    assert "memory" not in raised.value.fix


def test_an_error_reaches_the_caller_with_its_place(cli: ModuleType, contract: Path) -> None:
    process = cli._process()
    process.send(cli._test, {"schema": 7}, "", {}, [])
    with pytest.raises(ValueError, match="validation error") as raised:
        process.receive()
    assert "in _test" in "".join(raised.value.__notes__)
    assert cli.read(contract).content["id"] == "x"


def test_a_killed_process_is_reported_and_replaced(cli: ModuleType, contract: Path) -> None:
    cli.begin(contract)
    os.kill(cli._running.process.pid, signal.SIGKILL)
    with pytest.raises(UnreadableInput, match="datacontract-cli has ended with -9") as raised:
        cli.read(contract)
    assert "memory" in raised.value.fix
    assert cli.read(contract).content["id"] == "x"


def test_what_a_library_prints_is_no_answer(
    cli: ModuleType, contract: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit, pickle\nload = pickle.load\n"
        "def loud(file):\n    print('hello', flush=True)\n    return load(file)\npickle.load = loud\n",
        "utf-8",
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert cli.read(contract).content["id"] == "x"
