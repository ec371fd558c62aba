"""The adapter to data-product-portal, with the real portal: `pytest -m portal`, some 20 s once it is installed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import jsonschema_rs
import pytest
from hostile_records import hostile
from portal_server import OWNER, Portal, running
from records import record, value

from meshwright.catalog import CatalogConnection
from meshwright.catalog.adapters import portal as adapter
from meshwright.core.http import Http, NoAnswer, Refused
from meshwright.product.record import Record

pytestmark = pytest.mark.portal

READS = "dp:airport-operations/departures#lake"


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    yield from running()


@pytest.fixture
def connection(portal: Portal) -> CatalogConnection:
    return CatalogConnection(portal.url, "any", patience=5)


def consumer(name: str) -> Record:
    return record(f"customer-experience/{name}", "consumer-oriented", reads=READS)


def product(portal: Portal, namespace: str) -> dict[str, Any]:
    """The one product of that namespace, with its ports."""
    found = [item for item in portal.get("data_products")["data_products"] if item["namespace"] == namespace]
    assert len(found) == 1, namespace
    home = f"data_products/{found[0]['id']}"
    return portal.get(home) | {"ports": portal.get(f"{home}/output_ports")["output_ports"], "home": home}


def test_a_product_arrives_with_all_that_the_portal_has_a_place_for(
    portal: Portal, connection: CatalogConnection
) -> None:
    said = record("airport-operations/departures")
    done = adapter.publish(said, connection)
    assert done.outcome == "created"
    there = product(portal, "airport-operations.departures")
    assert done.url.endswith(there["id"])
    assert (there["name"], there["description"]) == (said.title, said.purpose)
    assert (there["domain"]["name"], there["type"]["name"]) == ("airport-operations", "source-oriented")
    assert there["status"] == "active" and there["usage"] == said.usage
    assert [tag["value"] for tag in there["tags"]] == ["internal"]
    assert "Data sharing agreement" in there["about"] and "measured" in there["about"]
    (port,) = there["ports"]
    assert port["namespace"] == "airport-operations.departures.lake" and port["status"] == "active"
    assert port["access_type"]["access_function"] == "restricted"
    contract = portal.get(f"{there['home']}/output_ports/{port['id']}/data_contract")["schema_objects"][0]
    columns = {one["name"]: one for one in contract["properties"]}
    assert set(columns) == {column.name for column in said.columns}
    assert columns["carrier"]["logical_type"] == "string" and columns["carrier"]["required"]
    assert columns["carrier"]["description"].endswith("[public]")
    quality = portal.get(f"{there['home']}/output_ports/{port['id']}/data_quality_summary")
    assert quality["overall_status"] == "success" and set(quality["dimensions"].values()) == {"success"}
    owners = portal.get(f"authz/role_assignments/data_product?data_product_id={there['id']}")
    assert OWNER in {one["user"]["email"] for one in owners["role_assignments"]}


def test_the_next_run_has_nothing_to_say(connection: CatalogConnection) -> None:
    said = record("airport-operations/departures")
    adapter.publish(said, connection)
    assert adapter.publish(said, connection).outcome == "unchanged"


def test_what_changed_is_changed_and_nothing_else_is_made(
    portal: Portal, connection: CatalogConnection
) -> None:
    adapter.publish(record("airport-operations/changing"), connection)
    changed = value("airport-operations/changing")
    changed["product"]["spec"]["description"]["purpose"] = "Something quite different."
    changed["product"]["spec"]["outputs"][0]["name"] = "pond"
    changed["quality"]["outcome"] = "failed"
    done = adapter.publish(Record(changed), connection)
    assert done.outcome == "updated" and any("archived" in note for note in done.notes)
    there = product(portal, "airport-operations.changing")
    assert there["description"] == "Something quite different."
    assert {port["namespace"].rpartition(".")[2]: port["status"] for port in there["ports"]} == {"pond": "active", "lake": "archived"}  # fmt: skip
    pond = next(port for port in there["ports"] if port["namespace"].endswith("pond"))
    quality = portal.get(f"{there['home']}/output_ports/{pond['id']}/data_quality_summary")
    assert quality["overall_status"] == "failure"
    assert adapter.publish(Record(changed), connection).outcome == "unchanged"


def test_two_products_of_one_title_are_told_apart(portal: Portal, connection: CatalogConnection) -> None:
    for name in ("departures", "namesake"):
        adapter.publish(record(f"airport-operations/{name}"), connection)
    names = {product(portal, f"airport-operations.{name}")["name"] for name in ("departures", "namesake")}
    assert len(names) == 2 and all(name.startswith("Departures") for name in names)
    assert adapter.publish(record("airport-operations/namesake"), connection).outcome == "unchanged"


def test_lineage_is_asked_for_once(portal: Portal, connection: CatalogConnection) -> None:
    adapter.publish(record("airport-operations/departures"), connection)
    done = adapter.publish(consumer("punctuality"), connection)
    assert any("was requested" in note for note in done.notes)
    assert adapter.publish(consumer("punctuality"), connection).outcome == "unchanged"
    home = product(portal, "customer-experience.punctuality")["home"]
    (link,) = portal.get(f"{home}/input_ports")["input_ports"]
    assert link["output_port"]["namespace"] == "airport-operations.departures.lake"
    assert link["status"] == "pending", "access is for its owners to give"


def test_a_run_that_breaks_anywhere_is_finished_by_the_next(
    portal: Portal, connection: CatalogConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter.publish(record("airport-operations/departures"), connection)
    whole = count(monkeypatch, lambda: adapter.publish(consumer("whole"), connection))
    assert whole >= 6
    ask = Http.request
    for end in range(whole):
        name, left = f"broken-{end}", [end]

        def breaking(self: Http, method: str, *arguments: Any, left: list[int] = left, **more: Any) -> Any:
            if method != "GET":
                left[0] -= 1
                if left[0] < 0:
                    raise NoAnswer("The connection broke.", "Run it again.")
            return ask(self, method, *arguments, **more)

        with monkeypatch.context() as patched, pytest.raises(NoAnswer):
            patched.setattr(Http, "request", breaking)
            adapter.publish(consumer(name), connection)
        adapter.publish(consumer(name), connection)
        there = product(portal, f"customer-experience.{name}")
        assert there["status"] == "active" and [port["status"] for port in there["ports"]] == ["active"]
        assert len(portal.get(f"{there['home']}/input_ports")["input_ports"]) == 1
        assert adapter.publish(consumer(name), connection).outcome == "unchanged", end


def test_a_product_that_is_retired_keeps_its_page_and_can_come_back(
    portal: Portal, connection: CatalogConnection
) -> None:
    said = record("airport-operations/retiring")
    adapter.publish(said, connection)
    for _ in range(2):
        assert (
            adapter.retire(said.id, connection, "Nobody <reads> it.", "airport-operations/departures").outcome
            == "retired"
        )
    there = product(portal, "airport-operations.retiring")
    assert there["status"] == "archived" and {port["status"] for port in there["ports"]} == {"archived"}
    assert there["usage"] == "Retired: Nobody <reads> it. Its successor is airport-operations/departures."
    assert adapter.publish(said, connection).outcome == "updated"
    there = product(portal, "airport-operations.retiring")
    assert there["status"] == "active" and there["usage"] == said.usage
    with pytest.raises(Refused, match="no data product"):
        adapter.retire("airport-operations/unheard-of", connection, "Gone.", None)


def test_what_an_administrator_has_to_make_is_named(connection: CatalogConnection) -> None:
    with pytest.raises(Refused, match="no domain 'finance'") as refused:
        adapter.publish(record("finance/invoices"), connection)
    assert "administrator" in refused.value.fix
    with pytest.raises(Refused, match="no type 'aggregate'"):
        adapter.publish(
            record("airport-operations/x"), CatalogConnection(connection.url, "any", {"type": "aggregate"})
        )


def test_an_owner_whom_the_portal_does_not_know_yet_is_added_by_a_later_run(
    portal: Portal, connection: CatalogConnection
) -> None:
    said = record("airport-operations/ownerless", product__spec__owner__email="bo@example.org")
    done = adapter.publish(said, connection)
    assert any("bo@example.org" in note for note in done.notes)
    portal.call("GET", "users/current", user="bo@example.org")
    assert adapter.publish(said, connection).outcome == "updated"
    id = product(portal, "airport-operations.ownerless")["id"]
    owners = portal.get(f"authz/role_assignments/data_product?data_product_id={id}")["role_assignments"]
    assert "bo@example.org" in {one["user"]["email"] for one in owners}


def test_a_hostile_record_is_taken_as_any_other(portal: Portal, connection: CatalogConnection) -> None:
    done = adapter.publish(hostile(), connection)
    assert done.outcome == "created" and any("is cut to" in note for note in done.notes)
    again = adapter.publish(hostile(), connection)
    assert again.outcome == "unchanged"


@pytest.mark.parametrize(
    "make", [lambda: record(), lambda: consumer("punctuality")], ids=["source", "consumer"]
)
def test_payloads_are_valid_by_the_portals_openapi(portal: Portal, make: Callable[[], Record]) -> None:
    api = httpx.get(f"{portal.url}/api/openapi.json", timeout=30).json()
    for payload in adapter.payloads(make()):
        method, path = payload.call.split(" ", 1)
        shape = re.sub(r"<[^>]*>", "{}", path)
        operation = next(operations[method.lower()] for known, operations in api["paths"].items() if re.sub(r"{[^}]*}", "{}", known) == shape)  # fmt: skip
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        jsonschema_rs.validate({**schema, "components": api["components"]}, payload.body)


def count(monkeypatch: pytest.MonkeyPatch, act: Callable[[], Any]) -> int:
    """How many requests that change something are made."""
    made, ask = [], Http.request

    def counting(self: Http, method: str, *arguments: Any, **more: Any) -> Any:
        made.append(method)
        return ask(self, method, *arguments, **more)

    with monkeypatch.context() as patched:
        patched.setattr(Http, "request", counting)
        act()
    return len([method for method in made if method != "GET"])
