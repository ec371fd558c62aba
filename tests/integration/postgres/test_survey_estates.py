"""A survey finds what the answers of six estates say, with a role that may not select from any table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import mariadb_server
import psycopg
import pytest
from click.testing import CliRunner
from estates import SURVEYOR, answer, load, score
from postgres_server import Server
from psycopg import sql

from meshwright.cli import main
from meshwright.product import schema


@pytest.fixture(scope="session")
def retail(server: Server, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return load("retail", tmp_path_factory.mktemp("retail"), server)


@pytest.fixture(scope="session")
def surveyed(retail: list[str]) -> dict[str, Any]:
    result = CliRunner().invoke(main, ["survey", *retail, "--template", "https://git.example.org/m", "--format", "json"])  # fmt: skip
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_the_output_has_its_documented_shape(surveyed: dict[str, Any]) -> None:
    assert not list(jsonschema_rs.validator_for(schema.survey()).iter_errors(surveyed))


@pytest.mark.main
def test_the_candidates_of_retail_are_found(surveyed: dict[str, Any]) -> None:
    found = score(surveyed, answer("retail"))
    print(found.precision, found.recall, found.missed, found.beside)
    assert found.precision >= 0.9, found.beside
    assert found.recall >= 0.9, found.missed


@pytest.fixture(scope="session")
def hospital(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    for mariadb in mariadb_server.running():
        sources = load("hospital", tmp_path_factory.mktemp("hospital"), server, mariadb)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LAB_PASSWORD", mariadb_server.PASSWORD)
            result = CliRunner().invoke(main, ["survey", *sources, "--template", "https://git.example.org/m", "--format", "json"])  # fmt: skip
        assert result.exit_code == 0, result.stderr
        yield json.loads(result.stdout)


def test_the_candidates_of_the_hospital_are_found(hospital: dict[str, Any]) -> None:
    expected = answer("hospital")
    found = score(hospital, expected)
    print(found.precision, found.recall, found.missed, found.beside)
    assert found.precision >= 0.9, found.beside
    assert found.recall >= 0.9, found.missed
    assert {need["name"] for need in hospital["needs"]} == {*expected["capabilities"]}
    left_out = {one["table"] for one in hospital["leftOut"] if "-dbt." not in one["table"]}
    assert left_out <= {*expected["not_products"]}
    for name, rules in expected["derivable"].items():
        states = {one["rule"]: one["state"] for one in found.pairs[name]["attributes"]}
        assert {rule for rule in rules if states[rule] != "derivable"} == set(), name
    for name, columns in expected["personal"].items():
        assert {*columns} <= {one["column"] for one in found.pairs[name]["sensitive"]}, name
    assert {one["product"] for one in hospital["candidates"] if one["state"] == "there"} == {
        "inpatient-care/bed-occupancy"
    }


@pytest.mark.parametrize(
    ("estate", "precision", "recall"),
    [("energy", 0.9, 0.9), ("logistics", 0.9, 0.9), ("university", 0.9, 0.9), ("theatre", 0.73, 0.85)],
)
def test_the_candidates_of_other_estates_are_found(
    server: Server, tmp_path: Path, estate: str, precision: float, recall: float
) -> None:
    sources = load(estate, tmp_path, server)
    result = CliRunner().invoke(main, ["survey", *sources, "--template", "https://git.example.org/m", "--format", "json"])  # fmt: skip
    assert result.exit_code == 0, result.stderr
    survey = json.loads(result.stdout)
    found = score(survey, answer(estate))
    assert found.precision >= precision, found.beside
    assert found.recall >= recall, found.missed
    tables = {table["id"] for one in survey["candidates"] for table in one["tables"]}
    assert estate != "theatre" or not tables & {*answer(estate)["not_products"]}


def test_tables_of_no_product_are_left_out_with_a_reason(surveyed: dict[str, Any]) -> None:
    left_out = {one["table"]: one["reason"] for one in surveyed["leftOut"]}
    expected = {*answer("retail")["not_products"]}
    assert expected & {table["id"] for one in surveyed["candidates"] for table in one["tables"]} == set()
    assert left_out.keys() - expected == set()
    assert all(left_out.values())


def test_a_product_that_is_there_is_its_candidate(surveyed: dict[str, Any]) -> None:
    for one in answer("retail")["candidates"]:
        found = score(surveyed, answer("retail")).pairs.get(one["name"])
        if found:
            assert found["state"] == one.get("state", "planned")
            assert found["product"] == one.get("product", "")
    assert surveyed["delta"] == {"there": 1, "planned": len(surveyed["candidates"]) - 1, "missing": 0}


def test_missing_capabilities_are_named(surveyed: dict[str, Any]) -> None:
    assert sorted(one["name"] for one in surveyed["needs"]) == answer("retail")["capabilities"]
    assert {one["name"]: one["candidates"] for one in surveyed["needs"]}["kafka"] == ["stock-movements"]


def test_attributes_are_derived_from_what_the_estate_says(surveyed: dict[str, Any]) -> None:
    pairs = score(surveyed, answer("retail")).pairs
    for name, rules in answer("retail")["derivable"].items():
        states = {one["rule"]: one["state"] for one in pairs[name]["attributes"]}
        assert len(states) == 12
        assert {rule for rule in rules if states[rule] != "derivable"} == set(), name


def test_personal_columns_are_hinted_at(surveyed: dict[str, Any]) -> None:
    pairs = score(surveyed, answer("retail")).pairs
    for name, columns in answer("retail")["personal"].items():
        assert {*columns} <= {one["column"] for one in pairs[name]["sensitive"]}, name


def test_the_catalog_says_who_reads_and_writes(surveyed: dict[str, Any]) -> None:
    evidence = {one["name"]: " | ".join(one["evidence"]) for one in surveyed["candidates"]}
    assert "read by bi_reader, logistics" in evidence["orders"]
    assert "written by logistics" in evidence["shipments"]
    assert "exposure sales_dashboard of bo@example.org" in evidence["sales"]


def test_the_role_may_not_select(server: Server, retail: list[str]) -> None:
    with (
        psycopg.connect(server.url("shop", SURVEYOR)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("select from customers")


def test_profiling_without_the_right_to_select_is_listed(server: Server, retail: list[str]) -> None:
    source = next(one for one in retail if one.startswith("shop="))
    result = CliRunner().invoke(main, ["survey", source, "--profile", "--format", "json"])
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert "shop.public.orders" in {one["source"] for one in found["unread"]}
    assert all("permission denied" in one["reason"] for one in found["unread"])
    assert len({one["source"] for one in found["unread"]}) == len(found["unread"])


def test_a_database_that_refuses_is_listed(server: Server, retail: list[str]) -> None:
    name = server.database()
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("revoke connect on database {} from public").format(sql.Identifier(name)))
    result = CliRunner().invoke(main, ["survey", server.url(name, SURVEYOR)])
    assert result.exit_code == 2
    assert "fix: " in result.stdout
