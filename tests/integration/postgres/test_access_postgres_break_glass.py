"""Break-glass access in PostgreSQL: it ends in the view itself, whatever anybody runs or leaves out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import psycopg
import pytest
from postgres_product import (  # noqa: F401  fixtures
    COLUMNS,
    MASKED,
    Make,
    Product,
    the_make,
    the_server,
    view,
)

from meshwright.access.grants import AuditRecord, Desired
from meshwright.access.targets import postgres

EMERGENCY = replace(view("emergency", *COLUMNS), break_glass=True)
LATER = timedelta(minutes=30)


@pytest.fixture
def product(make: Make) -> Product:
    made = make(views=(MASKED, EMERGENCY))
    made.make("ada", "bob", "eve")
    return made


def desired(product: Product, **ends: datetime) -> Desired:
    """Name of a person -> when they read no more."""
    members = (replace(product.member(name, "emergency"), until=end) for name, end in sorted(ends.items()))
    return replace(product.desired(), members=tuple(members))


def apply(product: Product, wanted: Desired) -> None:
    done = postgres.apply(product.port, wanted, AuditRecord({"at": "now"}))
    assert done.manual_actions == ()
    assert postgres.verify(product.port, wanted) == []


def count(product: Product, name: str) -> int:
    return len(product.read(name, f"SELECT * FROM {product.schema}.emergency"))


def wait(until: datetime) -> None:
    time.sleep(max(0, (until - datetime.now(UTC)).total_seconds()) + 0.05)


@pytest.mark.main
def test_it_ends_in_the_view_without_any_run(product: Product) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=3)
    # another zone means the same moment
    apply(product, desired(product, ada=soon.astimezone(timezone(timedelta(hours=9))), bob=soon + LATER))
    assert (count(product, "ada"), count(product, "bob")) == (3, 3)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        count(product, "eve")
    url = product.server.url(product.database, product.login("ada"))
    with psycopg.connect(url) as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        text = f"SELECT * FROM {product.schema}.emergency"
        connection.execute(f"DECLARE opened CURSOR FOR {text}".encode())
        assert len(connection.execute("FETCH 1 FROM opened").fetchall()) == 1
        connection.execute(f"PREPARE again AS {text}".encode())
        wait(soon)
        assert connection.execute("FETCH ALL FROM opened").fetchall() == []
        assert connection.execute("EXECUTE again").fetchall() == []
        assert connection.execute(text.encode()).fetchall() == []
    assert (count(product, "ada"), count(product, "bob")) == (0, 3)
    apply(product, desired(product, bob=soon + LATER))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        count(product, "ada")


CUTS: Mapping[str, str] = {
    "the predicate is cut": "CREATE OR REPLACE VIEW {s}.emergency WITH (security_barrier = true) AS SELECT * FROM {s}_private.people",
    "the end is later": "CREATE OR REPLACE VIEW {s}.emergency WITH (security_barrier = true) AS SELECT * FROM {s}_private.people "
    "WHERE SESSION_USER = '{ada}' AND clock_timestamp() < '2999-01-01'",
    "the clock stands still": "DO $$ BEGIN EXECUTE 'CREATE OR REPLACE VIEW {s}.emergency WITH (security_barrier = true) AS ' || "
    "replace(pg_get_viewdef('{s}.emergency'::regclass), 'clock_timestamp()', 'now()'); END $$",
    "anybody is let in": "DO $$ BEGIN EXECUTE 'CREATE OR REPLACE VIEW {s}.emergency WITH (security_barrier = true) AS ' || "
    "replace(pg_get_viewdef('{s}.emergency'::regclass), 'SESSION_USER', '''{ada}''::name'); END $$",
}


@pytest.mark.parametrize("how", CUTS)
def test_a_view_without_its_end_is_found_and_closed(product: Product, how: str) -> None:
    wanted = desired(product, ada=datetime.now(UTC) + LATER)
    apply(product, wanted)
    cut = CUTS[how].replace("{s}", product.schema).replace("{ada}", product.login("ada"))
    product.run(f'SET ROLE "{product.schema}_access"; {cut}')
    assert any("emergency" in sentence for sentence in postgres.verify(product.port, wanted))
    # everybody's access has ended meanwhile
    ended = desired(product)
    apply(product, ended)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        count(product, "ada")
    product.run(f'GRANT "{product.schema}:emergency" TO "{product.login("ada")}"')
    assert count(product, "ada") == 0


def test_a_session_of_somebody_else_does_not_read_as_the_member(product: Product) -> None:
    apply(product, desired(product, ada=datetime.now(UTC) + LATER))
    product.run(f'GRANT "{product.login("ada")}" TO "{product.login("eve")}"')
    assert product.read("eve", f"SELECT count(*) FROM {product.schema}.emergency") == [(0,)]
    plan = "\n".join(
        row[0]
        for row in product.read("ada", f"EXPLAIN SELECT * FROM {product.schema}.emergency WHERE id = 1")
    )
    scan = next(line for line in plan.splitlines() if "Filter" in line and "clock_timestamp" in line)
    assert "id = 1" not in scan
