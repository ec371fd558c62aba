"""The assessments that the catalog keeps: each whole, and the scores of each product."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, insert, select, update

from meshwright.core.renamed import with_new
from meshwright.mesh.scores import cells, mean, whole
from meshwright.mesh.standings import NOT_KNOWN
from meshwright.serve.catalog_store.database import CatalogDatabase, number_of
from meshwright.serve.catalog_store.tables import ASSESSMENTS, NEWEST, SCORES, STANDINGS, latest_number


@dataclass(frozen=True)
class ProductFitness:
    """What the latest assessment says of a product."""

    standing: str = NOT_KNOWN
    """A key of mesh/standings.py."""
    score: int | None = None
    known: int = 0
    """Number of functions with an answer."""
    functions: int = 0
    """0: it has not been assessed."""


class Assessments:
    """The assessments of one database."""

    def __init__(self, database: CatalogDatabase) -> None:
        self._database = database

    def add(self, hash: str, value: Mapping[str, Any], body: bytes) -> bool:
        """Store an assessment that has been checked; return False if it is there already."""
        packed = zlib.compress(body, 6)
        with self._database.write() as write:
            if write.connection.execute(
                select(ASSESSMENTS.c.number).where(ASSESSMENTS.c.hash == hash)
            ).first():
                return False
            write.revision()
            made = write.connection.execute(
                insert(ASSESSMENTS).values(
                    hash=hash,
                    at=_utc(value["at"]),
                    static=int(value["static"]),
                    score=mean(product["score"] for product in value["products"]),
                    scores=json.dumps(value["scores"]),
                    functions=json.dumps(value["functions"]),
                    assessed=len(value["products"]),
                    body=packed,
                )
            )
            rows = [
                {
                    "assessment": number_of(made),
                    "id": product["id"],
                    "score": product["score"],
                    "scores": json.dumps({name: product["scores"].get(name) for name in value["scores"]}),
                    "results": json.dumps(product["results"], separators=(",", ":")),
                }
                for product in {product["id"]: product for product in value["products"]}.values()
            ]
            if rows:
                write.connection.execute(insert(SCORES), rows)
                write.connection.execute(insert(STANDINGS), list(_standings(number_of(made), value)))
            latest = write.connection.execute(latest_number()).scalar()
            write.connection.execute(delete(STANDINGS).where(STANDINGS.c.assessment != latest))
            # The evidence of older assessments is in their bodies, and asked for by nobody's page.
            write.connection.execute(
                update(SCORES)
                .where(SCORES.c.assessment != latest, SCORES.c.results != "[]")
                .values(results="[]")
            )
            return True

    def latest(self) -> bytes | None:
        """Return the latest assessment as JSON; None before the first."""
        with self._database.read() as connection:
            chosen = select(ASSESSMENTS.c.body).where(
                ASSESSMENTS.c.number == latest_number().scalar_subquery()
            )
            packed = connection.execute(chosen).scalar()
        return zlib.decompress(packed) if packed else None

    def list(self, limit: int = 400) -> Sequence[dict[str, Any]]:
        """Return dates and scores of the mesh, newest first."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(*ASSESSMENTS.c["at", "static", "score", "scores", "assessed"])
                .order_by(*NEWEST)
                .limit(limit)
            ).all()
        return [
            {
                "at": row.at,
                "static": bool(row.static),
                "score": row.score,
                "scores": json.loads(row.scores),
                "assessed": row.assessed,
            }
            for row in rows
        ]

    def functions(self) -> Sequence[dict[str, Any]]:
        """Return the fitness functions of the latest assessment."""
        with self._database.read() as connection:
            chosen = ASSESSMENTS.c.number == latest_number().scalar_subquery()
            functions = connection.execute(select(ASSESSMENTS.c.functions).where(chosen)).scalar()
        return json.loads(functions) if functions else []

    def before(self, at: str, static: bool) -> Mapping[str, Sequence[int | None]]:
        """Return id -> its scores in order, and its own, in the last assessment of this kind before a moment."""
        with self._database.read() as connection:
            earlier = (ASSESSMENTS.c.at < _utc(at)) & (ASSESSMENTS.c.static == int(static))
            last = select(ASSESSMENTS.c.number).where(earlier).order_by(*NEWEST).limit(1).scalar_subquery()
            chosen = select(*SCORES.c["id", "score", "scores"]).where(SCORES.c.assessment == last)
            rows = connection.execute(chosen).all()
        return {row.id: [*json.loads(row.scores).values(), row.score] for row in rows}

    def fitness(self) -> Mapping[str, ProductFitness]:
        """Return id -> fitness, of the latest assessment."""
        with self._database.read() as connection:
            number = connection.execute(latest_number()).scalar()
            scored = select(*SCORES.c["id", "score"]).where(SCORES.c.assessment == number)
            score = {row.id: row.score for row in connection.execute(scored)}
            rows = connection.execute(select(STANDINGS).where(STANDINGS.c.assessment == number)).all()
        found = {row.id: _fitness(score[row.id], dict(row._mapping)) for row in rows}
        if len(found) < len(score):  # an earlier release has stored it
            value = with_new(json.loads(self.latest() or b'{"functions": [], "products": []}'))
            found = {row["id"]: _fitness(score[row["id"]], row) for row in _standings(0, value)}
        return found

    def history(self, id: str, limit: int = 100) -> Sequence[dict[str, Any]]:
        """Return a product's assessments, newest first; only the latest has the results."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(ASSESSMENTS.c.at, *SCORES.c["score", "scores", "results"])
                .join(ASSESSMENTS)
                .where(SCORES.c.id == id)
                .order_by(*NEWEST)
                .limit(limit)
            ).all()
        return [
            {
                "at": row.at,
                "score": row.score,
                "scores": json.loads(row.scores),
                "results": with_new(json.loads(row.results)),
            }
            for row in rows
        ]


def _standings(assessment: int, value: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the rows of an assessment: computed here, because what was handed in is a claim."""
    kinds = {one["id"]: (one["characteristic"], one["severity"]) for one in value["functions"]}
    for product in {product["id"]: product for product in value["products"]}.values():
        found = cells(product["results"], kinds)
        yield {
            "assessment": assessment,
            "id": product["id"],
            "standing": whole(found),
            "standings": json.dumps({name: cell.standing for name, cell in found.items()}),
            "known": sum(cell.known for cell in found.values()),
            "functions": sum(cell.functions for cell in found.values()),
        }


def _fitness(score: int | None, row: Mapping[str, Any]) -> ProductFitness:
    return ProductFitness(row["standing"], score, row["known"], row["functions"])


def _utc(moment: str) -> str:
    """Return a moment in UTC: moments of one time zone sort as texts."""
    at = datetime.fromisoformat(moment).astimezone(UTC)
    return at.isoformat(timespec="milliseconds")
