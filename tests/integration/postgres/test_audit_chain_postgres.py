"""The audit chain in PostgreSQL against its anchor: whatever a superuser does to the records, nothing is granted by it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chain_attacks import ATTACKS, attacked
from chain_case import ChainCase, InDatabase
from postgres_product import Product, the_server  # noqa: F401
from postgres_server import Server
from signed import People


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return People(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def fresh(make: Callable[..., Path]) -> Path:
    return make("departures")


@pytest.fixture
def case(server: Server, fresh: Path, people: People, tmp_path: Path) -> Iterator[ChainCase]:
    database = Product(server, "departures")
    case = ChainCase(Path(shutil.copytree(fresh, tmp_path / "departures")), people, InDatabase(database))
    case.add_origin()
    yield case
    database.remove()


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_attack_on_the_records_grants_anything_in_postgresql(case: ChainCase, attack: str) -> None:
    attacked(case, attack)
