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


HIDES = {
    "rows of security": "ALTER TABLE {s}_audit.record ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; "
    "CREATE POLICY p ON {s}_audit.record USING (number < 2)",
    "a trigger that drops what is written": "CREATE FUNCTION public.nothing() RETURNS trigger LANGUAGE plpgsql "
    "AS 'BEGIN RETURN NULL; END'; CREATE TRIGGER t BEFORE INSERT ON {s}_audit.record "
    "FOR EACH ROW EXECUTE FUNCTION public.nothing()",
    "a rule that writes elsewhere": "CREATE RULE r AS ON INSERT TO {s}_audit.record DO INSTEAD NOTHING",
    "a backup": "DELETE FROM {s}_audit.record WHERE number > 1",
}
HEALED = ("rows of security", "a trigger that drops what is written", "a rule that writes elsewhere")
"""What a run removes before it writes."""


@pytest.mark.parametrize("hides", HIDES)
def test_a_table_that_hides_or_drops_records_grants_nothing(case: ChainCase, hides: str) -> None:
    case("apply", "--first")
    case("apply")
    assert isinstance(case.keeper, InDatabase)
    case.keeper.database.run(HIDES[hides].format(s=case.keeper.schema))
    case.share()
    if hides in HEALED:
        case("apply")
        assert [record["number"] for record in case.keeper.read()] == [1, 2, 3]
    else:
        assert "end with number 1. The last run wrote number 2" in case.refusal()
        assert case.keeper.readers() == set()
