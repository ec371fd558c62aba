"""What the catalog keeps, in SQLite or PostgreSQL.

Every write takes the one row of `state` first. That puts writes in an order on both databases, and gives each change
a revision, by which readers know that what they hold in memory is out of date. What has been acknowledged is on disk.
"""

from __future__ import annotations

import contextlib
import json
import threading
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import CursorResult, Row, insert, select, update
from sqlalchemy import text as sql
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, OperationalError, TimeoutError

from meshwright.core.git_url import canonical
from meshwright.core.renamed import with_new
from meshwright.core.yaml import Unreadable
from meshwright.mesh.scores import mean
from meshwright.mesh.tokenize import of_record
from meshwright.product.record import Record
from meshwright.serve import Problem, now, tokens
from meshwright.serve.database import PATIENCE, address, busy, engine, is_locked, unavailable
from meshwright.serve.summary import summary
from meshwright.serve.tables import (
    ASSESSMENTS,
    FIND,
    FORGET,
    FORMAT,
    LEARN,
    NEWEST,
    PRODUCTS,
    SCORES,
    STATE,
    TABLES,
    TOKENS,
    VERSIONS,
    WORDS,
    latest_number,
)
from meshwright.serve.tokens import Right, Token


@dataclass(frozen=True)
class Product:
    """A product as it is kept."""

    number: int
    id: str
    hash: str
    version_hash: str
    published_at: str
    text: str
    """The record as JSON."""
    retired_at: str | None
    reason: str
    successor: str | None

    @property
    def record(self) -> Record:
        return Record(json.loads(self.text))


@dataclass(frozen=True)
class Version:
    """What a product said of itself, from some moment on."""

    version: str
    hash: str
    published_at: str
    commit: str

    def value(self) -> dict[str, str]:
        """As the API has it."""
        told = {"version": self.version, "hash": self.hash, "publishedAt": self.published_at}
        return told | {"commit": self.commit}


@dataclass(frozen=True)
class Change:
    """What readers hold in memory of a product."""

    number: int
    summary: dict[str, Any]
    retired: bool


class Store:
    """One database. Safe to be used by several threads, and by several processes at once."""

    def __init__(self, database: str) -> None:
        """Opens it, and makes the tables if it is empty. Raises Unreadable."""
        url = address(database)
        self.kind = url.get_backend_name()
        if self.kind == "sqlite":
            with contextlib.suppress(OSError):  # told below, in the database's own words
                Path(url.database or "").touch(
                    mode=0o600
                )  # a private catalog's file is nobody else's, either
        self._engine = engine(url)
        driver = self._engine.dialect.dbapi
        assert driver is not None, "an engine that connects has one"
        self._failures = (driver.OperationalError,)
        self._turn = threading.Lock()  # threads queue here in order; a database only tells them to try again
        try:
            with self._alone() as connection:
                if self.kind == "postgresql":  # two that start at once
                    connection.execute(sql("select pg_advisory_xact_lock(6207153)"))
                TABLES.create_all(connection)
                for statement in WORDS[self.kind]:
                    connection.execute(sql(statement))
                found = connection.execute(select(STATE.c.format)).scalar()
                if found is None:
                    connection.execute(insert(STATE).values(one=1, format=FORMAT, revision=0))
        except DBAPIError as error:
            shown = url.render_as_string(hide_password=True)
            reason = str(error.orig).strip().splitlines()[:1]
            problem = f"{shown}: the database cannot be used: {''.join(reason)}"
            raise Unreadable(problem, "Is it there, and may this user write to it?") from error
        if found not in (None, FORMAT):
            raise Unreadable(
                f"The database has format {found}, and this Meshwright knows {FORMAT}.",
                "Serve it with the Meshwright that made it.",
            )

    def close(self) -> None:
        self._engine.dispose()

    # -- products -------------------------------------------------------------------------------------

    def put(self, record: Record, transfer: bool = False) -> str:
        """Keeps a record that has been checked: `created`, `updated` or `unchanged`. Raises Problem."""
        repository = canonical(record.repository)
        at = now()
        with self._write() as write:
            known = write.connection.execute(
                select(*PRODUCTS.c["number", "repository", "hash", "retired_at"]).where(
                    PRODUCTS.c.id == record.id
                )
            ).first()
            if known and known.repository != repository and not transfer:
                raise Problem(
                    409,
                    "name-taken",
                    f"{record.id} belongs to another repository.",
                    "Give the product another name; or let the catalog's administrator hand this one over.",
                )
            same = known and known.retired_at is None and known.repository == repository
            if known and same and known.hash == record.hash:
                return "unchanged"
            revision = write.revision()
            text = json.dumps(record.value, separators=(",", ":"))
            kept = {
                "repository": repository,
                "hash": record.hash,
                "version_hash": record.version_hash,
                "published_at": at,
                "record": text,
                "summary": json.dumps(summary(record, at), separators=(",", ":")),
                "retired_at": None,
                "reason": None,
                "successor": None,
                "revision": revision,
            }
            if known:
                write.connection.execute(
                    update(PRODUCTS).where(PRODUCTS.c.number == known.number).values(kept)
                )
                number = known.number
            else:
                made = write.connection.execute(insert(PRODUCTS).values(id=record.id, **kept))
                number = _number(made)
            version = (VERSIONS.c.product == number) & (VERSIONS.c.hash == record.version_hash)
            if write.connection.execute(select(VERSIONS.c.number).where(version)).first() is None:
                write.connection.execute(
                    insert(VERSIONS).values(
                        product=number,
                        hash=record.version_hash,
                        version=record.version,
                        commit=_plain(record.get("source.commit")),
                        published_at=at,
                        record=text,
                    )
                )
            self._learn(write.connection, number, record)
            return "updated" if known else "created"

    def retire(self, id: str, reason: str, successor: str | None) -> None:
        """Takes a product out of search and lineage; its pages stay. Raises Problem."""
        with self._write() as write:
            known = write.connection.execute(
                select(*PRODUCTS.c["number", "retired_at", "reason", "successor"]).where(PRODUCTS.c.id == id)
            ).first()
            if known is None:
                raise unknown(id)
            if known.retired_at and (known.reason, known.successor) == (reason, successor):
                return
            write.connection.execute(
                update(PRODUCTS)
                .where(PRODUCTS.c.number == known.number)
                .values(
                    retired_at=known.retired_at or now(),
                    reason=reason,
                    successor=successor,
                    revision=write.revision(),
                )
            )
            write.connection.execute(sql(FORGET[self.kind]), {"number": known.number})

    def product(self, id: str) -> Product | None:
        """A product, active or retired."""
        with self._read() as connection:
            row = connection.execute(select(PRODUCTS).where(PRODUCTS.c.id == id)).first()
        return None if row is None else _product(row)

    def after(self, id: str, limit: int) -> Sequence[Product]:
        """Active products in the order of their ids, from the one after `id` on."""
        with self._read() as connection:
            chosen = select(PRODUCTS).where(PRODUCTS.c.id > id, PRODUCTS.c.retired_at.is_(None))
            rows = connection.execute(chosen.order_by(PRODUCTS.c.id).limit(limit)).all()
        return [_product(row) for row in rows]

    def every(self) -> Iterator[Product]:
        """Every product, active or retired, by id."""
        last = ""
        while True:
            with self._read() as connection:
                chosen = select(PRODUCTS).where(PRODUCTS.c.id > last).order_by(PRODUCTS.c.id).limit(50)
                rows = connection.execute(chosen).all()
            if not rows:
                return
            yield from map(_product, rows)
            last = rows[-1].id

    def named(self, ids: Collection[str]) -> Mapping[str, Product]:
        """Some products by id; those that are not there are left out."""
        with self._read() as connection:
            rows = connection.execute(select(PRODUCTS).where(PRODUCTS.c.id.in_(list(ids)))).all()
        return {row.id: _product(row) for row in rows}

    def sources(self) -> Iterator[Mapping[str, Any]]:
        """Where each active product's record was made."""
        last = ""
        while page := self.after(last, 500):
            yield from (product.record.get("source") for product in page)
            last = page[-1].id

    def versions(self, id: str) -> Sequence[Version]:
        """Every version of a product, newest first."""
        with self._read() as connection:
            rows = connection.execute(
                select(*VERSIONS.c["version", "hash", "published_at", "commit"])
                .join(PRODUCTS)
                .where(PRODUCTS.c.id == id)
                .order_by(VERSIONS.c.number.desc())
            ).all()
        return [Version(*row) for row in rows]

    def version(self, id: str, hash: str) -> str | None:
        """The record of a version, as JSON."""
        with self._read() as connection:
            wanted = (PRODUCTS.c.id == id) & (VERSIONS.c.hash == hash)
            return connection.execute(select(VERSIONS.c.record).join(PRODUCTS).where(wanted)).scalar()

    # -- what is searched -----------------------------------------------------------------------------

    def revision(self) -> int:
        """Grows with each change of a product or an assessment."""
        with self._read() as connection:
            return int(connection.execute(select(STATE.c.revision)).scalar_one())

    def changes(self, since: int) -> Sequence[Change]:
        """Products that have changed after a revision."""
        with self._read() as connection:
            rows = connection.execute(
                select(*PRODUCTS.c["number", "summary", "retired_at"]).where(PRODUCTS.c.revision > since)
            ).all()
        return [Change(row.number, json.loads(row.summary), row.retired_at is not None) for row in rows]

    def find(self, query: Sequence[str]) -> Sequence[int]:
        """The numbers of the active products that have all of these words (words.of_query), best first."""
        if self.kind == "sqlite":
            told = " ".join(f'"{word}"' for word in query) + "*"
        else:
            told = " & ".join(f"'{word}'" for word in query) + ":*"
        # By the driver itself: what SQLAlchemy adds is more than the search costs, and is what searches wait for.
        try:
            connection = self._engine.raw_connection()
            try:
                cursor = connection.cursor()
                cursor.execute(FIND[self.kind], {"query": told})
                return [row[0] for row in cursor.fetchall()]
            finally:
                connection.close()
        except (*self._failures, TimeoutError, OperationalError) as error:
            raise unavailable() from error

    def _learn(self, connection: Connection, number: int, record: Record) -> None:
        parts = of_record(record)
        connection.execute(sql(FORGET[self.kind]), {"number": number})
        if self.kind == "sqlite":
            told = {part: " ".join(found) for part, found in parts.items()}
        else:
            told = {"document": _document(parts)}
        connection.execute(sql(LEARN[self.kind]), {"number": number, **told})

    # -- assessments ----------------------------------------------------------------------------------

    def assess(self, hash: str, value: Mapping[str, Any], body: bytes) -> bool:
        """Keeps an assessment that has been checked; False if it is there already."""
        packed = zlib.compress(body, 6)
        with self._write() as write:
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
                    "assessment": _number(made),
                    "id": product["id"],
                    "score": product["score"],
                    "scores": json.dumps({name: product["scores"].get(name) for name in value["scores"]}),
                    "results": json.dumps(product["results"], separators=(",", ":")),
                }
                for product in {product["id"]: product for product in value["products"]}.values()
            ]
            if rows:
                write.connection.execute(insert(SCORES), rows)
            latest = write.connection.execute(latest_number()).scalar()
            # The evidence of older assessments is in their bodies, and asked for by nobody's page.
            write.connection.execute(
                update(SCORES)
                .where(SCORES.c.assessment != latest, SCORES.c.results != "[]")
                .values(results="[]")
            )
            return True

    def latest(self) -> bytes | None:
        """The latest assessment as JSON."""
        with self._read() as connection:
            wanted = select(ASSESSMENTS.c.body).where(
                ASSESSMENTS.c.number == latest_number().scalar_subquery()
            )
            packed = connection.execute(wanted).scalar()
        return zlib.decompress(packed) if packed else None

    def assessments(self, limit: int = 400) -> Sequence[dict[str, Any]]:
        """Dates and scores of the mesh, newest first."""
        with self._read() as connection:
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
        """The fitness functions of the latest assessment."""
        with self._read() as connection:
            wanted = ASSESSMENTS.c.number == latest_number().scalar_subquery()
            told = connection.execute(select(ASSESSMENTS.c.functions).where(wanted)).scalar()
        return json.loads(told) if told else []

    def before(self, at: str, static: bool) -> Mapping[str, Sequence[int | None]]:
        """Id -> its scores in order, and its own, in the last assessment of this kind before a moment."""
        with self._read() as connection:
            earlier = (ASSESSMENTS.c.at < _utc(at)) & (ASSESSMENTS.c.static == int(static))
            chosen = select(ASSESSMENTS.c.number).where(earlier).order_by(*NEWEST).limit(1).scalar_subquery()
            wanted = select(*SCORES.c["id", "score", "scores"]).where(SCORES.c.assessment == chosen)
            rows = connection.execute(wanted).all()
        return {row.id: [*json.loads(row.scores).values(), row.score] for row in rows}

    def scores(self) -> Mapping[str, int | None]:
        """Id -> score, of the latest assessment."""
        with self._read() as connection:
            wanted = SCORES.c.assessment == latest_number().scalar_subquery()
            return {
                row.id: row.score
                for row in connection.execute(select(*SCORES.c["id", "score"]).where(wanted))
            }

    def history(self, id: str, limit: int = 100) -> Sequence[dict[str, Any]]:
        """A product's assessments, newest first; only the latest has the results."""
        with self._read() as connection:
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

    # -- tokens ---------------------------------------------------------------------------------------

    def make_token(self, scopes: Collection[str], note: str = "", days: int | None = None) -> tuple[str, str]:
        """The token, which nobody sees again, and its id."""
        token, id, kept = tokens.made()
        expires = (
            (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="milliseconds") if days else None
        )
        with self._alone() as connection:
            connection.execute(
                insert(TOKENS).values(
                    id=id,
                    hash=kept,
                    scopes=" ".join(sorted(scopes)),
                    note=note,
                    created_at=now(),
                    expires_at=expires,
                )
            )
        return token, id

    def tokens(self) -> Sequence[Token]:
        """Every token, without what would let anybody in."""
        with self._read() as connection:
            rows = connection.execute(select(TOKENS).order_by(TOKENS.c.created_at)).all()
        return [
            Token(row.id, row.scopes.split(), row.note, row.created_at, row.expires_at, row.revoked_at)
            for row in rows
        ]

    def revoke(self, id: str) -> bool:
        """Whether there was such a token."""
        with self._alone() as connection:
            done = connection.execute(
                update(TOKENS)
                .where(TOKENS.c.id == id, TOKENS.c.revoked_at.is_(None))
                .values(revoked_at=now())
            )
            return bool(done.rowcount) or bool(
                connection.execute(select(TOKENS.c.id).where(TOKENS.c.id == id)).first()
            )

    def right(self, token: str) -> Right | None:
        """What a token may do; None if it is not one that counts, whatever the reason."""
        id = tokens.id_of(token)
        with self._read() as connection:
            row = connection.execute(select(TOKENS).where(TOKENS.c.id == id)).first()
        is_it = tokens.same(row.hash if row else "", token)
        if row is None or not is_it or row.revoked_at or (row.expires_at and row.expires_at <= now()):
            return None
        return Right(frozenset(row.scopes.split()))

    # -- how it is reached ----------------------------------------------------------------------------

    @contextlib.contextmanager
    def _read(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except (OperationalError, TimeoutError) as error:
            raise unavailable() from error

    @contextlib.contextmanager
    def _alone(self) -> Iterator[Connection]:
        with self._engine.connect().execution_options(alone=True) as connection, connection.begin():
            yield connection

    @contextlib.contextmanager
    def _write(self) -> Iterator[_Write]:
        """A transaction that no other one runs beside; undone where nothing was changed. Raises Problem."""
        if not self._turn.acquire(timeout=PATIENCE):
            raise busy()
        try:
            with self._alone() as connection:
                connection.execute(select(STATE.c.one).with_for_update())
                yield _Write(connection)
        except OperationalError as error:
            raise (busy() if is_locked(error) else unavailable()) from error
        except TimeoutError as error:
            raise busy() from error
        finally:
            self._turn.release()


@dataclass
class _Write:
    connection: Connection

    def revision(self) -> int:
        """The next one; asked for by whoever changes something."""
        self.connection.execute(update(STATE).values(revision=STATE.c.revision + 1))
        return int(self.connection.execute(select(STATE.c.revision)).scalar_one())


def _number(made: CursorResult[Any]) -> int:
    """Return the number that the one inserted row was given."""
    assert made.inserted_primary_key is not None
    return int(made.inserted_primary_key[0])


def unknown(id: str) -> Problem:
    return Problem(
        404,
        "unknown-product",
        f"The catalog has no product {id}.",
        "Search for it: its name may have changed.",
    )


def _product(row: Row[Any]) -> Product:
    return Product(
        row.number,
        row.id,
        row.hash,
        row.version_hash,
        row.published_at,
        row.record,
        row.retired_at,
        row.reason or "",
        row.successor,
    )


def _document(parts: Mapping[str, Sequence[str]]) -> str:
    """A tsvector as PostgreSQL writes one. Made here, because its own parser takes texts apart in another way."""
    places: dict[str, list[str]] = {}
    position = 0
    for weight, found in zip("ABC", parts.values(), strict=True):
        for word in found:
            position += 1
            kept = places.setdefault(word, [])
            if len(kept) < 30:
                kept.append(f"{min(position, 16_383)}{weight}")
    return " ".join(f"'{word}':{','.join(found)}" for word, found in places.items())


def _plain(value: Any) -> str:
    return value.replace("\0", "") if isinstance(value, str) else ""


def _utc(moment: str) -> str:
    """Moments of one time zone sort as texts."""
    at = datetime.fromisoformat(moment).astimezone(UTC)
    return at.isoformat(timespec="milliseconds")
