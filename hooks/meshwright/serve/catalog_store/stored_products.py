"""The products that the catalog keeps, and their versions."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.engine import Connection

from meshwright.core.git_url import canonical
from meshwright.product.record import Record
from meshwright.serve import RequestProblem, now
from meshwright.serve.catalog_store.database import CatalogDatabase, number_of
from meshwright.serve.catalog_store.search_entries import SearchEntries
from meshwright.serve.catalog_store.tables import PRODUCTS, VERSIONS
from meshwright.serve.summary import summary

PUBLICATIONS = 20_000
"""Maximum number of publications in memory."""


@dataclass(frozen=True)
class StoredProduct:
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
        """Return the version as the API has it."""
        value = {"version": self.version, "hash": self.hash, "publishedAt": self.published_at}
        return value | {"commit": self.commit}


@dataclass(frozen=True)
class ProductChange:
    """What readers hold in memory of a product."""

    number: int
    summary: dict[str, Any]
    retired: bool


@dataclass(frozen=True)
class LastPublication:
    """The last publication of a product, for those that wait for it."""

    publication: str
    """Its identity; empty if none is known."""
    consumed: Mapping[str, str]
    failedAt: str | None
    """When the last run began, if it failed."""
    retired: bool = False


class Products:
    """The products of one database."""

    def __init__(self, database: CatalogDatabase, search_entries: SearchEntries) -> None:
        self._database, self._search_entries = database, search_entries
        self._publications: dict[str, LastPublication] = {}
        """Hash of a record -> its publication: products ask for them every few minutes, and records are large."""

    def put(self, record: Record, transfer: bool = False) -> str:
        """Store a record that has been checked: `created`, `updated` or `unchanged`; raises RequestProblem."""
        repository, at = canonical(record.repository), now()
        with self._database.write() as write:
            known = write.connection.execute(
                select(*PRODUCTS.c["number", "repository", "hash", "retired_at"]).where(
                    PRODUCTS.c.id == record.id
                )
            ).first()
            if known and known.repository != repository and not transfer:
                raise RequestProblem(
                    409,
                    "name-taken",
                    f"{record.id} belongs to another repository.",
                    "Give the product another name; or let the catalog's administrator hand this one over.",
                )
            same = known and known.retired_at is None and known.repository == repository
            if known and same and known.hash == record.hash:
                return "unchanged"
            columns = _columns(record, at) | {"repository": repository, "revision": write.revision()}
            if known:
                number = known.number
                chosen = update(PRODUCTS).where(PRODUCTS.c.number == number)
                write.connection.execute(chosen.values(columns))
            else:
                new = insert(PRODUCTS).values(id=record.id, **columns)
                number = number_of(write.connection.execute(new))
            _add_version(write.connection, number, record, at)
            self._search_entries.replace(write.connection, number, record)
            return "updated" if known else "created"

    def retire(self, id: str, reason: str, successor: str | None) -> None:
        """Take a product out of search and lineage; its pages stay; raises RequestProblem."""
        with self._database.write() as write:
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

    def get(self, id: str) -> StoredProduct | None:
        """Return a product, active or retired; None if there is none."""
        with self._database.read() as connection:
            row = connection.execute(select(PRODUCTS).where(PRODUCTS.c.id == id)).first()
        return None if row is None else _product(row)

    def after(self, id: str, limit: int) -> Sequence[StoredProduct]:
        """Return active products in the order of their ids, from the one after `id` on."""
        with self._database.read() as connection:
            chosen = select(PRODUCTS).where(PRODUCTS.c.id > id, PRODUCTS.c.retired_at.is_(None))
            rows = connection.execute(chosen.order_by(PRODUCTS.c.id).limit(limit)).all()
        return [_product(row) for row in rows]

    def every(self) -> Iterator[StoredProduct]:
        """Return every product, active or retired, by id."""
        last = ""
        while True:
            with self._database.read() as connection:
                chosen = select(PRODUCTS).where(PRODUCTS.c.id > last).order_by(PRODUCTS.c.id).limit(50)
                rows = connection.execute(chosen).all()
            if not rows:
                return
            yield from map(_product, rows)
            last = rows[-1].id

    def named(self, ids: Collection[str]) -> Mapping[str, StoredProduct]:
        """Return some products by id; those that are not there are left out."""
        with self._database.read() as connection:
            rows = connection.execute(select(PRODUCTS).where(PRODUCTS.c.id.in_(list(ids)))).all()
        return {row.id: _product(row) for row in rows}

    def publications(self, ids: Collection[str]) -> Mapping[str, LastPublication]:
        """Return what is known of the last publication of some products, by id; those that are not there are left out."""
        names = PRODUCTS.c["id", "hash", "retired_at"]
        with self._database.read() as connection:
            rows = connection.execute(select(*names).where(PRODUCTS.c.id.in_(list(ids)))).all()
            known = [(row, self._publications.get(row.hash)) for row in rows]
            unread = [row.id for row, publication in known if publication is None]
            # Once more with its hash, which a write in between may have changed.
            whole = select(*names, PRODUCTS.c.record).where(PRODUCTS.c.id.in_(unread))
            for row in connection.execute(whole) if unread else ():
                publication = last_publication(Record(json.loads(row.record)))
                self._publications[row.hash] = publication
                known.append((row, publication))
        if len(self._publications) > PUBLICATIONS:
            self._publications.clear()
        return {
            row.id: replace(publication, retired=row.retired_at is not None)
            for row, publication in known
            if publication is not None
        }

    def sources(self) -> Iterator[Mapping[str, Any]]:
        """Return where each active product's record was made."""
        last = ""
        while page := self.after(last, 500):
            yield from (product.record.get("source") for product in page)
            last = page[-1].id

    def versions(self, id: str) -> Sequence[Version]:
        """Return every version of a product, newest first."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(*VERSIONS.c["version", "hash", "published_at", "commit"])
                .join(PRODUCTS)
                .where(PRODUCTS.c.id == id)
                .order_by(VERSIONS.c.number.desc())
            ).all()
        return [Version(*row) for row in rows]

    def version(self, id: str, hash: str) -> str | None:
        """Return the record of a version, as JSON; None if there is none."""
        with self._database.read() as connection:
            chosen = (PRODUCTS.c.id == id) & (VERSIONS.c.hash == hash)
            return connection.execute(select(VERSIONS.c.record).join(PRODUCTS).where(chosen)).scalar()

    def newest_versions(self, limit: int) -> Sequence[tuple[str, Version]]:
        """Return the newest versions of all products, retired ones too, each with its id."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(PRODUCTS.c.id, *VERSIONS.c["version", "hash", "published_at", "commit"])
                .join(PRODUCTS)
                .order_by(VERSIONS.c.number.desc())
                .limit(limit)
            ).all()
        return [(row[0], Version(*row[1:])) for row in rows]

    def changes(self, since: int) -> Sequence[ProductChange]:
        """Return products that have changed after a revision."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(*PRODUCTS.c["number", "summary", "retired_at"]).where(PRODUCTS.c.revision > since)
            ).all()
        return [
            ProductChange(row.number, json.loads(row.summary), row.retired_at is not None) for row in rows
        ]


def last_publication(record: Record) -> LastPublication:
    """Return what a record says of its last publication, and of a run that failed since."""
    failed = record.get("quality.startedAt") if record.get("quality.outcome") == "failed" else None
    return LastPublication(record.publication, record.consumed, failed if isinstance(failed, str) else None)


def unknown(id: str) -> RequestProblem:
    """Return the answer to a request for a product that the catalog does not have."""
    return RequestProblem(
        404,
        "unknown-product",
        f"The catalog has no product {id}.",
        "Search for it: its name may have changed.",
    )


def _product(row: Row[Any]) -> StoredProduct:
    return StoredProduct(
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


def _without_nul(value: Any) -> str:
    return value.replace("\0", "") if isinstance(value, str) else ""


def _text(record: Record) -> str:
    return json.dumps(record.value, separators=(",", ":"))


def _columns(record: Record, published_at: str) -> dict[str, Any]:
    """Return the columns of an active product that come from its record."""
    return {
        "hash": record.hash,
        "version_hash": record.version_hash,
        "published_at": published_at,
        "record": _text(record),
        "summary": json.dumps(summary(record, published_at), separators=(",", ":")),
        "retired_at": None,
        "reason": None,
        "successor": None,
    }


def _add_version(connection: Connection, number: int, record: Record, published_at: str) -> None:
    """Store the record as a version of its product, if none says the same yet."""
    version = (VERSIONS.c.product == number) & (VERSIONS.c.hash == record.version_hash)
    if connection.execute(select(VERSIONS.c.number).where(version)).first() is not None:
        return
    connection.execute(
        insert(VERSIONS).values(
            product=number,
            hash=record.version_hash,
            version=record.version,
            commit=_without_nul(record.get("source.commit")),
            published_at=published_at,
            record=_text(record),
        )
    )
