"""Verdicts that are kept from one assessment to the next change nothing about it."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import meshes
import pytest

from meshwright.assess import discovery
from meshwright.assess.expectations import Expectations
from meshwright.assess.kept_verdicts import KeptVerdicts, key
from meshwright.assess.run import assess
from meshwright.product.record import Record

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
SECRET = "AKIA" + "Z7QX3M2K9P4L8R5T"


def assessed(values: list[dict[str, Any]], kept: KeptVerdicts | None) -> dict[str, Any]:
    return assess([Record(value) for value in values], NOW, static=True, kept=kept)


def columns_of(value: dict[str, Any]) -> list[dict[str, Any]]:
    columns: list[dict[str, Any]] = value.get("contract", {}).get("schema", [{}])[0].get("properties") or [{}]
    return columns


def secret(value: dict[str, Any], dice: random.Random) -> None:
    value["agreement"] = f"aws_access_key_id = {SECRET} {dice.random()}"


def purpose(value: dict[str, Any], dice: random.Random) -> None:
    value["product"]["spec"]["description"]["purpose"] = dice.choice(["", "TODO", "Delays of flights by day, for planners."])  # fmt: skip


def classification(value: dict[str, Any], dice: random.Random) -> None:
    dice.choice(columns_of(value))["classification"] = dice.choice(
        ["public", "confidential", "nonsense", None]
    )


def personal(value: dict[str, Any], dice: random.Random) -> None:
    column = dice.choice(columns_of(value))
    column["name"] = dice.choice(["passenger_email", "birth_date", "delay"])
    column["classification"] = "public"


def unexplained(value: dict[str, Any], dice: random.Random) -> None:
    dice.choice(columns_of(value)).pop("description", None)


def no_owner(value: dict[str, Any], dice: random.Random) -> None:
    value["product"]["spec"]["owner"] = dice.choice([{}, {"name": "X"}, None])


def no_document(value: dict[str, Any], dice: random.Random) -> None:
    value.pop(dice.choice(["contract", "policy", "agreement"]), None)


def elsewhere(value: dict[str, Any], dice: random.Random) -> None:
    for entry in value["product"]["spec"]["inputs"]:
        entry["from"] = "dp:no/where#lake"


def excepted(value: dict[str, Any], dice: random.Random) -> None:
    value["exceptions"] = [{"rule": "OwnerIsNamed", "reason": "It is being handed over.", "until": dice.choice(["2020-01-01", "2036-01-01"])}]  # fmt: skip


CHANGES: list[Callable[[dict[str, Any], random.Random], None]] = [
    secret, purpose, classification, personal, unexplained, no_owner, no_document, elsewhere, excepted,
]  # fmt: skip


def test_an_assessment_is_the_same_whatever_changed_and_whatever_is_kept(tmp_path: Path) -> None:
    dice = random.Random(7)  # noqa: S311
    kept = KeptVerdicts(tmp_path / "verdicts.sqlite")
    values = [json.loads(json.dumps(value)) for value in meshes.values(12)]
    for _ in range(12):
        assert assessed(values, kept) == assessed(values, None)
        for value in dice.sample(values, 3):
            dice.choice(CHANGES)(value, dice)
    assert len(kept.find(dict(enumerate(map(Record, values))))) < len(values), "the last changes are new"


def rows(file: Path) -> list[tuple[Any, ...]]:
    with sqlite3.connect(file) as connection:
        return connection.execute("select key, value, digest, at from verdicts").fetchall()


def change(file: Path, statement: str) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute(statement)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "nothing is left": lambda file: file.write_bytes(b""),
    "no database": lambda file: file.write_bytes(b"not a database at all" * 100),
    "cut": lambda file: file.write_bytes(file.read_bytes()[:3000]),
    "another table": lambda file: change(file, "alter table verdicts rename column value to other"),
    "another verdict": lambda file: change(
        file, "update verdicts set value = replace(value, 'broken', 'kept')"
    ),
    "no JSON": lambda file: change(file, "update verdicts set value = '{'"),
    "bytes": lambda file: change(file, "update verdicts set value = x'00ff'"),
    "a folder": lambda file: (file.unlink(), file.mkdir()),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_what_is_damaged_is_examined_again(how: str, tmp_path: Path) -> None:
    file = tmp_path / "cache/verdicts.sqlite"
    values = [json.loads(json.dumps(value)) for value in meshes.values(3)]
    secret(values[0], random.Random(1))  # noqa: S311
    expected = assessed(values, KeptVerdicts(file))
    assert len(rows(file)) == 3
    DAMAGE[how](file)
    assert assessed(values, KeptVerdicts(file)) == expected
    assert assessed(values, KeptVerdicts(file)) == expected


def test_only_what_follows_from_documents_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "verdicts.sqlite"
    assessed(meshes.values(2), KeptVerdicts(file))
    functions = {one.id: one for one in discovery.enabled_functions(Expectations())}
    for _, value, *_ in rows(file):
        kept = json.loads(value)
        assert {"NoCredentialsPublished", "MetamodelKept"} <= set(kept)
        assert all(not functions[id].probes for id in kept)
        assert not {"ReadsUnderAgreements", "HasReaders", "LastRunPassed", "FoundByItsOwnWords"} & set(kept)
        assert all(verdict["state"] != "inconclusive" for given in kept.values() for verdict in given)


def test_a_repository_and_an_exception_are_examined_each_time(tmp_path: Path) -> None:
    metamodel = next(one for one in discovery.enabled_functions(Expectations()) if one.id == "MetamodelKept")
    value = meshes.values(1)[0]
    assert metamodel.is_about_documents(Record(value))
    assert not metamodel.is_about_documents(Record(value, tmp_path))
    assert not metamodel.is_about_documents(Record({**value, "exceptions": [{"rule": "X"}]}))
    assert key(Record(value)) != key(Record({**value, "exceptions": []}))


def test_without_a_place_to_keep_anything_the_assessment_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    values = meshes.values(2)
    assert assessed(values, KeptVerdicts(tmp_path / "file/verdicts.sqlite")) == assessed(values, None)
