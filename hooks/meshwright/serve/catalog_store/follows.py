"""Who follows which product, where messages go, and which state of the product was sent last."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from meshwright.serve import RequestProblem, now
from meshwright.serve.catalog_store.database import CatalogDatabase
from meshwright.serve.catalog_store.tables import FOLLOWS

MAIL, WEBHOOK = "mail", "webhook"
MOST = 500
"""Products that one person follows."""
CLAIM = timedelta(minutes=15)
"""How long one message may take; after that another run sends it again."""


@dataclass(frozen=True)
class Follow:
    """One product that somebody follows in one way."""

    number: int
    product: str
    person: str
    kind: str
    target: str
    key: str
    seen: Mapping[str, Any]


class Follows:
    """What is followed in one database."""

    def __init__(self, database: CatalogDatabase) -> None:
        self._database = database

    def add(self, product: str, person: str, kind: str, target: str, seen: Mapping[str, Any]) -> None:
        """Begin to send what changes from `seen` on, or send it to another place; raises RequestProblem."""
        same = (FOLLOWS.c.product == product) & (FOLLOWS.c.person == person) & (FOLLOWS.c.kind == kind)
        with self._database.write() as write:
            if write.connection.execute(select(FOLLOWS.c.number).where(same)).first():
                write.connection.execute(update(FOLLOWS).where(same).values(target=target))
                return
            count = select(func.count()).select_from(FOLLOWS).where(FOLLOWS.c.person == person)
            if int(write.connection.execute(count).scalar_one()) >= MOST:
                raise RequestProblem(
                    409, "too-many", f"You follow {MOST} products.", "End some of them first."
                )
            write.connection.execute(
                insert(FOLLOWS).values(
                    product=product,
                    person=person,
                    kind=kind,
                    target=target,
                    key=secrets.token_urlsafe(32),
                    created_at=now(),
                    seen=json.dumps(seen),
                    busy_until="",
                )
            )

    def of(self, person: str, product: str) -> Sequence[Follow]:
        """Return how somebody follows a product."""
        return self._chosen((FOLLOWS.c.person == person) & (FOLLOWS.c.product == product))

    def every(self) -> Sequence[Follow]:
        """Return all, the oldest first."""
        return self._chosen(FOLLOWS.c.number > 0)

    def end(self, person: str, product: str) -> None:
        """End all ways in which somebody follows a product."""
        with self._database.write() as write:
            chosen = (FOLLOWS.c.person == person) & (FOLLOWS.c.product == product)
            write.connection.execute(delete(FOLLOWS).where(chosen))

    def end_by(self, key: str) -> bool:
        """End the one that has a key; return False if there is none."""
        with self._database.write() as write:
            return bool(write.connection.execute(delete(FOLLOWS).where(FOLLOWS.c.key == key)).rowcount)

    def claim(self, follow: Follow) -> bool:
        """Return True if this run is to send what has changed; False if another one does, or has done it."""
        until = (datetime.now(UTC) + CLAIM).isoformat(timespec="milliseconds")
        free = (FOLLOWS.c.number == follow.number) & (FOLLOWS.c.busy_until < now())
        unsent = free & (FOLLOWS.c.seen == json.dumps(follow.seen))
        with self._database.write() as write:
            done = write.connection.execute(update(FOLLOWS).where(unsent).values(busy_until=until))
            return bool(done.rowcount)

    def sent(self, follow: Follow, seen: Mapping[str, Any]) -> None:
        """Note the state that was sent."""
        self._settle(follow, {"seen": json.dumps(seen), "busy_until": ""})

    def not_sent(self, follow: Follow) -> None:
        """Let the next run send it."""
        self._settle(follow, {"busy_until": ""})

    def _settle(self, follow: Follow, values: Mapping[str, str]) -> None:
        with self._database.write() as write:
            write.connection.execute(
                update(FOLLOWS).where(FOLLOWS.c.number == follow.number).values(**values)
            )

    def _chosen(self, condition: Any) -> Sequence[Follow]:
        columns = FOLLOWS.c["number", "product", "person", "kind", "target", "key", "seen"]
        with self._database.read() as connection:
            rows = connection.execute(select(*columns).where(condition).order_by(FOLLOWS.c.number)).all()
        return [
            Follow(row.number, row.product, row.person, row.kind, row.target, row.key, json.loads(row.seen))
            for row in rows
        ]
