"""The contract that the catalog and the static site give to readers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from records import record, value
from served import served
from starlette.testclient import TestClient

from meshwright.product.record import Record
from meshwright.serve.catalog_store import CatalogStore
from meshwright.serve.site import export

FILE = "/api/products/airport-operations/departures/contract.yaml"
WAREHOUSE = {
    "name": "warehouse",
    "uses": "postgres@1",
    "properties": {"url": "postgresql://db.example.org/flights"},
}


def with_database() -> Record:
    made = value("airport-operations/arrivals")
    made["product"]["spec"]["outputs"].append(WAREHOUSE)
    return Record(made)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, CatalogStore]]:
    with served(tmp_path_factory.mktemp("catalog"), [record(), with_database()]) as made:
        yield made


def test_it_has_servers_of_each_role_and_the_service_levels(catalog: tuple[TestClient, CatalogStore]) -> None:
    answer = catalog[0].get(FILE)
    contract = yaml.safe_load(answer.text)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/yaml")
    assert {one["server"] for one in contract["servers"]} >= {"lake-reader", "lake-service"}
    assert contract["slaProperties"] and contract["id"] == "urn:contract:airport-operations:departures"


def test_a_role_and_a_port_are_chosen(catalog: tuple[TestClient, CatalogStore]) -> None:
    where = FILE.replace("departures", "arrivals")
    contract = yaml.safe_load(catalog[0].get(f"{where}?role=reader&port=warehouse").text)
    assert [(one["server"], one["host"]) for one in contract["servers"]] == [("warehouse", "db.example.org")]
    assert contract["schema"][0]["physicalName"] == "reader"


@pytest.mark.parametrize(("query", "code"), [("role=nobody", "unknown-role"), ("port=x", "unknown-port")])
def test_an_unknown_one_is_refused(catalog: tuple[TestClient, CatalogStore], query: str, code: str) -> None:
    answer = catalog[0].get(f"{FILE}?{query}")
    assert (answer.status_code, answer.json()["error"]) == (400, code)
    assert answer.json()["fix"].startswith("Give one of: ")


def test_the_site_has_it_as_a_file(catalog: tuple[TestClient, CatalogStore], tmp_path: Path) -> None:
    export(catalog[1], tmp_path / "site")
    folder = tmp_path / "site/products/airport-operations/departures"
    assert yaml.safe_load((folder / "contract.yaml").read_text()) == yaml.safe_load(catalog[0].get(FILE).text)
    assert 'contract.yaml"' in (folder / "index.html").read_text()


def test_a_private_catalog_gives_it_to_the_products_own_token_only(tmp_path: Path) -> None:
    with served(tmp_path, [record(), with_database()], private=True) as (client, store):
        token, _ = store.tokens.create({"product:airport-operations/arrivals"}, "", hours=1)
        headers = {"Authorization": f"Bearer {token}"}
        assert client.get(FILE).status_code == 401
        assert client.get(FILE, headers=headers).status_code == 403
        assert client.get(FILE.replace("departures", "arrivals"), headers=headers).status_code == 200
