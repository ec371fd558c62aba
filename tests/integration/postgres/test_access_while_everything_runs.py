"""Four who apply, two who publish and those who read, all at once, while agreements come and go.

At no moment does anybody read what the policy of that moment and the one before both deny. A policy is declared once
the one before has been applied, so that a query can meet two of them, and a third that is being declared.
`MESHWRIGHT_SOAK_SECONDS` says for how long; `make soak` takes ten minutes.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from postgres_product import (  # noqa: F401  fixtures
    MASKED,
    SENTINEL,
    Make,
    Product,
    the_make,
    the_server,
    view,
)
from psycopg import errors

from meshwright.access import audit
from meshwright.access.grants import AuditRecord, Desired, Refused, View
from meshwright.access.targets import postgres

SECONDS = float(os.environ.get("MESHWRIGHT_SOAK_SECONDS", "6"))
PATIENCE = 60.0
"""Seconds beyond that, on a slow machine, until everything has been met."""
PAUSE = 0.05
"""Seconds between two steps of one of them."""
PEOPLE = ("ada", "bob", "eve")
ROLES = ("reader", "masked-eu")
CLEAR = view("reader", "id", "email")
HIDDEN = view("reader", "id", ("email", "redacted"))
CONTENT = {"clear": CLEAR, "hidden": HIDDEN}
COLUMNS = "id integer, region text, email text, born date, seen timestamptz, salary numeric"
KEPT = 3
"""Generations that stay when a new one is published."""


@dataclass(frozen=True)
class Policy:
    """What one policy says."""

    number: int
    reader: str
    """What the role `reader` sees of `email`: `clear` or `hidden`."""
    members: frozenset[tuple[str, str]]
    """Person and role."""

    def shows(self, person: str, role: str) -> str:
        """What somebody reads in a role: nothing, or how `email` is shown."""
        if (person, role) not in self.members:
            return "nothing"
        return self.reader if role == "reader" else "domain"


@dataclass
class World:
    """What everybody shares, and what went wrong."""

    product: Product
    dice: random.Random
    policies: list[Policy] = field(default_factory=list)
    applied: int = -1
    """The newest policy that a run has applied."""
    turn: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)
    problems: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    generation: int = 1

    def declare(self) -> None:
        """A new policy, once the last one has been applied."""
        with self.turn:
            if self.applied < len(self.policies) - 1:
                return
            members = {(person, role) for person in PEOPLE for role in ROLES if self.dice.random() < 0.5}
            reader = self.dice.choice(list(CONTENT))
            self.policies.append(Policy(len(self.policies), reader, frozenset(members)))

    def has_met_everything(self) -> bool:
        """Whether enough happened to tell anything."""
        kinds = {"read clear", "read hidden", "read nothing", "read domain"}
        return self.applied > 3 and self.counts["published"] > 3 and kinds <= self.counts.keys()

    def desired(self, policy: Policy) -> Desired:
        views: tuple[View, ...] = (CONTENT[policy.reader], MASKED)
        members = tuple(
            self.product.member(*one) for one in sorted(policy.members, key=lambda one: (one[1], one[0]))
        )
        return Desired("test/people", "people", views, members)


def apply(world: World) -> None:
    """One run, as `meshwright access apply` does it: never behind one that another run has applied."""
    world.declare()
    policy, port = world.policies[-1], world.product.port

    def check(chain: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        if chain and chain[-1]["policy"] > policy.number:
            raise Refused("Another run has changed the port meanwhile.", "Run it again.")
        return {}

    try:
        content = {"at": "now", "product": "test/people", "policy": policy.number}
        done = postgres.apply(port, world.desired(policy), AuditRecord(content, check))
    except Refused as refused:
        world.counts[f"refused: {str(refused)[:60]}"] += 1
        return
    if (
        done.manual_actions
    ):  # somebody used a view: what was taken is taken, and what is given waits for the next run
        world.counts["applied in part"] += 1
        return
    with world.turn:
        world.applied = max(world.applied, policy.number)
    world.counts["applied"] += 1


def publish(world: World) -> None:
    """A new generation in one transaction, as the pipeline does it."""
    with world.turn:
        world.generation += 1
        number = world.generation
    private, old = f"{world.product.schema}_private", number - KEPT
    rows = f"(1, 'EU', 'ada-{SENTINEL}@example.org', NULL, NULL, {number}), (2, 'US', 'bob-{SENTINEL}@example.com', NULL, NULL, 1)"
    names = ", ".join(part.split()[0] for part in COLUMNS.split(", "))
    url = world.product.server.url(world.product.database, f"{world.product.schema}_pipeline")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET lock_timeout = '1s'")
        try:
            connection.execute(f"""
                BEGIN;
                CREATE TABLE {private}."people__{number}" ({COLUMNS});
                INSERT INTO {private}."people__{number}" VALUES {rows};
                CREATE OR REPLACE VIEW {private}.people AS SELECT {names} FROM {private}."people__{number}";
                COMMIT""".encode())  # fmt: skip
            connection.execute(f'DROP TABLE IF EXISTS {private}."people__{old}"'.encode())
            world.counts["published"] += 1
        except (errors.LockNotAvailable, errors.DependentObjectsStillExist, errors.DeadlockDetected):
            connection.execute("ROLLBACK")
            world.counts["not published"] += 1


def read(world: World, person: str) -> None:
    """Read by every way there is, and hold each result against the policies of its moment."""
    schema = world.product.schema
    url = world.product.server.url(world.product.database, world.product.login(person))
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(20):
            role = world.dice.choice(ROLES)
            first = max(world.applied, 0)
            shown = look(connection, f'SELECT email FROM {schema}."{role.replace("-", "_")}"')
            possible = {policy.shows(person, role) for policy in world.policies[first:]}
            world.counts[f"read {shown}"] += 1
            if shown != "empty" and shown not in possible:
                world.problems.append(f"{person} read {role} {shown}; policies {first}… show {possible}")
        for table in (
            f"{schema}_private.people",
            f'{schema}_private."people__{world.generation}"',
            f"{schema}_audit.record",
        ):
            if look(connection, f"SELECT * FROM {table}") != "nothing":
                world.problems.append(f"{person} read {table}")


def look(connection: psycopg.Connection[tuple[object, ...]], query: str) -> str:
    """What a query shows of `email`; `empty` if it returned no row."""
    try:
        rows = connection.execute(query.encode()).fetchall()
    except (errors.InsufficientPrivilege, errors.UndefinedTable):
        return "nothing"
    except (
        errors.DeadlockDetected
    ):  # with a publication that drops an old generation: the server ended this query
        return "empty"
    if not rows:
        return "empty"
    values = {str(value) for row in rows for value in row}
    if any(SENTINEL in value for value in values):
        return "clear"
    return "hidden" if values == {"***"} else "domain" if values == {"example.org"} else f"{values}"


@pytest.fixture
def world(make: Make) -> Iterator[World]:
    product = make(views=(CLEAR, MASKED))
    product.make(*PEOPLE)
    product.admin(f'ALTER ROLE "{product.schema}_pipeline" LOGIN')
    made = World(product, random.Random(20261130))  # noqa: S311 - not for secrets
    made.declare()
    yield made


def test_nobody_reads_what_two_policies_in_a_row_deny(world: World) -> None:
    def again(step: Callable[[], None]) -> None:
        while not world.over.is_set():
            try:
                step()
            except Exception as error:
                world.problems.append(f"{type(error).__name__}: {error}")
                return

    apply(world)
    steps = [lambda: apply(world)] * 4 + [lambda: publish(world)] * 2
    steps += [lambda person=person: read(world, person) for person in PEOPLE]  # type: ignore[misc]
    threads = [threading.Thread(target=again, args=(step,)) for step in steps]
    for thread in threads:
        thread.start()
    begun = time.monotonic()
    while (spent := time.monotonic() - begun) < SECONDS or not world.has_met_everything():
        if world.problems or spent > SECONDS + PATIENCE:
            break
        time.sleep(0.1)
    world.over.set()
    for thread in threads:
        thread.join()
    assert not world.problems, world.problems[:5]
    assert world.has_met_everything(), world.counts
    apply(world)
    assert postgres.verify(world.product.port, world.desired(world.policies[-1])) == []
    assert audit.broken(postgres.audit_records(world.product.port)) == ""
