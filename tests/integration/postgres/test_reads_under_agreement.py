"""A product reads another one's PostgreSQL port in the role of an agreement, as a login of its own; on two versions."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import duckdb
import psycopg
import pytest
import yaml
from postgres_product import (  # noqa: F401  a fixture
    SENTINEL,
    Product,
    the_server,
)
from postgres_server import Server
from shared_product import AGREEMENT, CONSUMER, SOURCE, Reader, day

from meshwright.access.targets import postgres

PLACE = f"dp:{SOURCE}#lake"


@pytest.fixture
def product(server: Server) -> Iterator[Product]:
    made = Product(server, "shared")
    try:
        made.run(postgres.bootstrap(made.schema, [view.role for view in made.views]))
        made.publish()
        made.make("ada", "bob", "eve")
        yield made
    finally:
        made.remove()


def reader(product: Product, folder: Path, role: str) -> Reader:
    """A consumer whose registry says what `access apply` writes of the port."""
    where = postgres.location(product.port, product.dataset, role)
    view = next(view for view in product.views if view.role == role)
    given = {
        "role": role,
        "kind": "machine",
        "consumer": CONSUMER,
        **where,
        "columns": {visible.column.name: visible.mask for visible in view.columns},
        "until": f"{day(90)}T00:00:00Z",
    }
    entry = {"uses": "postgres@1", "location": where["location"], "agreements": {AGREEMENT: given}}
    (folder / "addresses.yaml").write_text(yaml.safe_dump({PLACE: entry}))
    return Reader(folder, str(folder / "addresses.yaml"))


def landed(found: Any) -> tuple[dict[str, str], list[tuple[Any, ...]]]:
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        rows = connection.sql(f"from read_parquet({[str(path) for path in found.paths]}) order by id")
        return dict(zip(rows.columns, map(str, rows.types), strict=True)), rows.fetchall()


@pytest.mark.main
def test_a_product_reads_the_view_of_its_role_and_no_other(
    product: Product, tmp_path: Path, every_port: Path
) -> None:
    product.apply(ada="full", bob="masked-eu")
    where = postgres.location(product.port, product.dataset, "masked-eu")
    assert where["table"] == "shared.masked_eu" and "shared_access" not in where["location"]

    full = reader(product, tmp_path, "full")
    types, rows = landed(full.files(agreement=AGREEMENT, login=product.login("ada")))
    assert types == {
        "id": "INTEGER", "region": "VARCHAR", "email": "VARCHAR", "born": "DATE",
        "seen": "TIMESTAMP WITH TIME ZONE", "salary": "VARCHAR",
    }  # fmt: skip
    assert rows[0][:4] == (1, "EU", f"ada-{SENTINEL}@example.org", date(1815, 12, 10))
    assert rows[0][4].astimezone(UTC) == datetime(2025, 12, 31, 22, 30, tzinfo=UTC)
    assert Decimal(rows[0][5]) == 71234567 and rows[2][1:] == (None,) * 5

    masked = reader(product, tmp_path, "masked-eu")
    read = masked.files(agreement=AGREEMENT, login=product.login("bob"))
    (row,) = landed(read)[1]
    assert row[:4] == (1, "EU", "example.org", date(1815, 1, 1))
    assert SENTINEL.encode() not in b"".join(path.read_bytes() for path in read.paths)


def test_the_reason_is_named_where_nobody_is_let_in(
    product: Product, tmp_path: Path, every_port: Path
) -> None:
    product.apply(ada="full", bob="masked-eu")
    full = reader(product, tmp_path, "full")
    for name in ("bob", "eve"):
        message, fix = full.refused(agreement=AGREEMENT, login=product.login(name))
        assert f"cannot be read in the role full of the agreement {AGREEMENT}: permission denied" in message
        assert "was revoked" in message and f"meshwright access renew {AGREEMENT}" in fix
    product.apply(bob="masked-eu")  # the agreement was revoked, and the registry is older
    message, _ = full.refused(agreement=AGREEMENT, login=product.login("ada"))
    assert "permission denied" in message and "was revoked" in message
    message, fix = full.refused(agreement=AGREEMENT, login="nobody-at-all")
    assert message.startswith(f"Input departures: {PLACE}: PostgreSQL: ") and fix
    message, fix = full.refused(login=product.login("ada"))
    assert "is read only under an agreement" in message and "`agreement: " in fix


HOSTILE = (
    "&user=postgres&passfile=%2Fetc%2Fpasswd&application_name=x",
    "&service=steal",  # of the run's machine, with a login that reads everything
)


def test_a_registry_sends_a_login_nowhere_else(
    product: Product, tmp_path: Path, every_port: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another product writes decides on server and database, and on nothing else of the connection."""
    product.apply(ada="full")
    full = reader(product, tmp_path, "full")
    (tmp_path / "services").write_text("[steal]\nuser=postgres\napplication_name=stolen\n")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    registry = yaml.safe_load((tmp_path / "addresses.yaml").read_text())
    given = registry[PLACE]["agreements"][AGREEMENT]
    location = given["location"]

    def refusal(place: str, **login: str) -> str:
        given["location"] = place
        (tmp_path / "addresses.yaml").write_text(yaml.safe_dump(registry))
        return full.refused(agreement=AGREEMENT, **login)[0]

    monkeypatch.setenv("PGUSER", product.login("eve"))
    for more in HOSTILE:
        for login in ({"login": product.login("eve")}, {}):
            assert "permission denied" in refusal(location + more, **login)
    assert "names a service of libpq, and no server" in refusal("postgresql:///?service=steal")
    given["location"] = location
    given["table"] = "shared_private.people"
    (tmp_path / "addresses.yaml").write_text(yaml.safe_dump(registry))
    message, _ = full.refused(agreement=AGREEMENT, login=product.login("ada"))
    assert "permission denied" in message


TLS = {
    # the run's own mode -> what a registry's modes make of it
    None: {"disable": None, "allow": None, "prefer": "prefer", "verify-full": "verify-full", "none": None},
    "require": {"disable": None, "prefer": None, "require": "require", "verify-ca": "verify-ca"},
    "verify-full": {"require": None, "verify-ca": None, "verify-full": "verify-full"},
    "disable": {"disable": "disable", "require": "require"},
}


@pytest.mark.parametrize("own", TLS)
def test_a_registry_weakens_no_connection(
    own: str | None, tmp_path: Path, every_port: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[dict[str, Any]] = []

    def connect(address: dict[str, Any]) -> NoReturn:
        opened.append(address)
        raise psycopg.OperationalError("closed")

    monkeypatch.setattr(importlib.import_module("pipeline.postgres.session"), "connect", connect)
    monkeypatch.delenv("PGSSLMODE", raising=False)
    if own:
        monkeypatch.setenv("PGSSLMODE", own)
    for mode, taken in TLS[own].items():
        location = f"postgresql://db.example.org/crew?sslmode={mode}"
        given = {
            "role": "full",
            "kind": "machine",
            "location": location,
            "table": "crew.full",
            "columns": {"a": None},
        }
        entry = {"uses": "postgres@1", "agreements": {AGREEMENT: given | {"until": f"{day(90)}T00:00:00Z"}}}
        (tmp_path / "addresses.yaml").write_text(yaml.safe_dump({PLACE: entry}))
        Reader(tmp_path, str(tmp_path / "addresses.yaml")).refused(agreement=AGREEMENT, login="crew")
        expected = {"host": "db.example.org", "dbname": "crew", "user": "crew"}
        assert opened.pop() == expected | ({"sslmode": taken} if taken else {})
