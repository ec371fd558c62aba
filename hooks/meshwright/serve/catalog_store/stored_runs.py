"""The runs of products, by the OpenLineage events that they have sent."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Row, delete, func, insert, select

from meshwright.mesh.run_events import ENDS, RunEvent, of_value
from meshwright.serve import now
from meshwright.serve.catalog_store.database import CatalogDatabase
from meshwright.serve.catalog_store.tables import RUN_EVENTS

KEPT = 200
"""Events of a product; older ones are removed when new ones come."""


@dataclass(frozen=True)
class StoredRun:
    """A run of a product, as far as its events say."""

    id: str
    started_at: str
    """Empty, if its beginning was not sent."""
    ended_at: str
    last: RunEvent
    """The event that ended it, or else the last one."""

    @property
    def state(self) -> str:
        return self.last.type if self.last.type in ENDS else "RUNNING"

    def value(self) -> dict[str, Any]:
        """Return the run as the API has it."""
        times = {"startedAt": self.started_at, "endedAt": self.ended_at}
        value = self.last.value().items()
        facts = {key: one for key, one in value if key not in ("product", "run", "type", "at")}
        return {"run": self.id, "state": self.state, **times, **facts}


class Runs:
    """The runs of one database."""

    def __init__(self, database: CatalogDatabase) -> None:
        self._database = database

    def add(self, event: RunEvent, body: bytes) -> bool:
        """Store an event that has been checked; return False if the run has sent one of this type already."""
        own = RUN_EVENTS.c.product == event.product
        same = own & (RUN_EVENTS.c.run == event.run) & (RUN_EVENTS.c.type == event.type)
        with self._database.write() as write:
            if write.connection.execute(select(RUN_EVENTS.c.number).where(same)).first():
                return False
            if event.type in ENDS:
                write.revision()  # the map shows it
            write.connection.execute(
                insert(RUN_EVENTS).values(
                    product=event.product,
                    run=event.run,
                    type=event.type,
                    at=event.at,
                    received_at=now(),
                    facts=json.dumps(event.value(), separators=(",", ":")),
                    columns=json.dumps(event.columns, separators=(",", ":")),
                    body=zlib.compress(body, 6),
                )
            )
            newest = select(RUN_EVENTS.c.number).where(own).order_by(RUN_EVENTS.c.number.desc())
            last = write.connection.execute(newest.offset(KEPT).limit(1)).scalar()
            if last is not None:
                write.connection.execute(delete(RUN_EVENTS).where(own, RUN_EVENTS.c.number <= last))
            return True

    def list(self, id: str, limit: int = 20) -> Sequence[StoredRun]:
        """Return a product's last runs, newest first."""
        light = select(*RUN_EVENTS.c["number", "run", "type", "at"]).where(RUN_EVENTS.c.product == id)
        with self._database.read() as connection:
            runs: dict[str, list[Row[Any]]] = {}
            for row in connection.execute(light.order_by(RUN_EVENTS.c.number.desc())):
                runs.setdefault(row.run, []).append(row)
            chosen = [_ends_with(events) for events in islice(runs.values(), limit)]
            numbered = select(*RUN_EVENTS.c["number", "facts"]).where(
                RUN_EVENTS.c.number.in_([one.number for one in chosen])
            )
            facts = {row.number: _event(row.facts) for row in connection.execute(numbered)}
        return [
            StoredRun(
                last.run,
                min((event.at for event in runs[last.run] if event.type == "START"), default=""),
                last.at if last.type in ENDS else "",
                facts[last.number],
            )
            for last in chosen
            if last.number in facts
        ]

    def columns(self, id: str) -> Mapping[str, Sequence[tuple[str, str]]]:
        """Return the columns of a product's last complete run -> data sets and columns that each is made of."""
        own = (RUN_EVENTS.c.product == id) & (RUN_EVENTS.c.type == "COMPLETE")
        with self._database.read() as connection:
            newest = select(RUN_EVENTS.c.columns).where(own).order_by(RUN_EVENTS.c.number.desc()).limit(1)
            text = connection.execute(newest).scalar()
        return {column: [tuple(one) for one in made] for column, made in json.loads(text or "{}").items()}

    def bodies(self, id: str, run: str) -> Sequence[bytes]:
        """Return the events of a run as they were sent, the first one first."""
        chosen = select(RUN_EVENTS.c.body).where(RUN_EVENTS.c.product == id, RUN_EVENTS.c.run == run)
        with self._database.read() as connection:
            rows = connection.execute(chosen.order_by(RUN_EVENTS.c.number)).scalars().all()
        return [zlib.decompress(row) for row in rows]

    def complete(self) -> Sequence[RunEvent]:
        """Return the end of the last complete run of each product, by id."""
        last = (
            select(func.max(RUN_EVENTS.c.number))
            .where(RUN_EVENTS.c.type == "COMPLETE")
            .group_by(RUN_EVENTS.c.product)
        )
        chosen = (
            select(RUN_EVENTS.c.facts).where(RUN_EVENTS.c.number.in_(last)).order_by(RUN_EVENTS.c.product)
        )
        with self._database.read() as connection:
            return [_event(row) for row in connection.execute(chosen).scalars()]


def _event(facts: str) -> RunEvent:
    return of_value(json.loads(facts))


def _ends_with(events: Sequence[Row[Any]]) -> Row[Any]:
    """Return the event that ended a run, or else the last one that came, which is the first of them."""
    return next((event for event in events if event.type in ENDS), events[0])
