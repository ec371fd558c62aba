"""The audit chain against its anchor: whatever the storage's owner does to the records, nothing is granted by it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chain_attacks import ATTACKS, attacked
from chain_case import BO, ChainCase, InBucket, InFolder
from signed import People

Make = Callable[..., Path]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return People(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def fresh(make: Make) -> Path:
    return make("departures")


@pytest.fixture
def copied(fresh: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(fresh, tmp_path / "departures"))


@pytest.fixture
def in_clone(copied: Path, people: People) -> ChainCase:
    """A port inside of the clone."""
    return ChainCase(copied, people, InFolder(copied / "build/ports/lake", "build/ports/lake"))


@pytest.fixture
def on_a_share(copied: Path, people: People, tmp_path: Path) -> ChainCase:
    """A port elsewhere, of a product that was pushed."""
    case = ChainCase(copied, people, InFolder(tmp_path / "share"))
    case.add_origin()
    return case


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InBucket]:
    import moto
    from moto.iam.access_control import PermissionResult

    for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    # moto applies a bucket policy as if its conditions were not there.
    monkeypatch.setattr("moto.s3.models.FakeBucket.get_permission", lambda *_: PermissionResult.NEUTRAL)
    with moto.mock_aws():
        yield InBucket(tmp_path)


@pytest.fixture
def in_bucket(bucket: InBucket, copied: Path, people: People) -> ChainCase:
    case = ChainCase(copied, people, bucket)
    case.add_origin()
    return case


@pytest.mark.parametrize("attack", ["newest deleted"])
def test_an_attack_on_the_records_is_an_alarm_in_a_folder(in_clone: ChainCase, attack: str) -> None:
    attacked(in_clone, attack)


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS)
def test_no_attack_on_the_records_grants_anything_in_a_folder(on_a_share: ChainCase, attack: str) -> None:
    attacked(on_a_share, attack)


@pytest.mark.slow
@pytest.mark.parametrize("attack", ["record changed", "newest deleted", "all deleted", "dropped", "forged"])
def test_no_attack_on_the_records_grants_anything_in_a_bucket(in_bucket: ChainCase, attack: str) -> None:
    attacked(in_bucket, attack)


def test_a_first_run_is_an_alarm_until_somebody_calls_it_one(in_clone: ChainCase) -> None:
    in_clone.share()
    planned = in_clone.port("plan")
    assert [change["principal"] for change in planned["changes"] if change["action"] == "grant"] == [BO]
    assert "This is the first run on port lake at build/ports/lake." in planned["notes"][0]
    refused = in_clone.port("apply", code=1)["refused"]
    assert "This is the first run on port lake" in refused["problem"]
    assert not (in_clone.root / "build/ports/lake/roles").exists()
    in_clone.run_as_printed(refused["fix"])
    assert in_clone.keeper.readers() == {BO}
    in_clone("verify")
    in_clone("apply")
    assert [record["number"] for record in in_clone.keeper.read()] == [1, 2]


@pytest.mark.slow
def test_of_two_first_runs_at_once_one_is_run_again(
    in_clone: ChainCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    from meshwright.access.targets import files

    real = files.apply

    def overtaken(*arguments: Any) -> Any:
        monkeypatch.undo()
        in_clone("apply", "--first")
        return real(*arguments)

    monkeypatch.setattr(files, "apply", overtaken)
    refused = in_clone.port("apply", "--first", code=1)["refused"]
    assert refused["problem"] == "Another run has changed the port meanwhile."
    assert [record["number"] for record in in_clone.keeper.read()] == [1]
    in_clone("apply")
