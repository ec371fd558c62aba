"""Tokens: who may do what in the catalog. Only their hashes are kept."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from sqlalchemy import delete, insert, select, update

from meshwright.serve import now
from meshwright.serve.catalog_store.database import CatalogDatabase
from meshwright.serve.catalog_store.tables import TOKENS

PREFIX = "mwc"
"""So that scanners for leaked secrets can know one when they see it."""

READ, ASSESS, ADMIN, PRODUCT, SHARE, PERSON = "read", "assess", "admin", "product:", "share:", "person:"
READERS, EMAIL, GROUP = "readers", "email", "group:"


@dataclass(frozen=True)
class Share:
    """What an agreement showed when a token was made for it: another one of the same name is not meant."""

    agreement: str
    role: str
    commit: str
    """The commit with the agreement, by the port's audit record."""
    port: str
    """`<domain>/<name>#<port>`."""

    @property
    def scope(self) -> str:
        return SHARE + ":".join((self.agreement, self.role, self.commit, self.port))


@dataclass(frozen=True)
class Right:
    """What a token may do."""

    scopes: frozenset[str]
    """`read`, `assess`, `admin`, `product:<domain>/<name>`, `share:<agreement>:<role>:<commit>:<domain>/<name>#<port>`,
    `person:<id>`, `group:<name>`, `readers`, `email`."""

    @property
    def is_admin(self) -> bool:
        return ADMIN in self.scopes

    @property
    def may_see_readers(self) -> bool:
        """Return True if the token shows who reads what, by name."""
        return self.is_admin or READERS in self.scopes

    def may_write(self, id: str) -> bool:
        return self.is_admin or PRODUCT + id in self.scopes

    @property
    def may_assess(self) -> bool:
        return self.is_admin or ASSESS in self.scopes

    def may_read(self, id: str = "") -> bool:
        """Return True for one product, or the whole catalog where no id is given, which assessing needs to see."""
        return bool(self.scopes & {READ, ASSESS, ADMIN}) or bool(id and PRODUCT + id in self.scopes)

    @property
    def person(self) -> str:
        """Who has signed in, by a session; empty for a program's token."""
        return unquote(next((s.removeprefix(PERSON) for s in self.scopes if s.startswith(PERSON)), ""))

    @property
    def email(self) -> str:
        """The e-mail address of who has signed in, if the provider has verified it; else empty."""
        return self.person if EMAIL in self.scopes else ""

    @property
    def groups(self) -> frozenset[str]:
        """The groups of agreements that who has signed in belongs to, where the catalog takes the provider's word for that."""
        return frozenset(unquote(s.removeprefix(GROUP)) for s in self.scopes if s.startswith(GROUP))

    @property
    def shared(self) -> Share | None:
        """What the token reads by Delta Sharing; None: nothing."""
        scope = next((scope for scope in self.scopes if scope.startswith(SHARE)), "")
        parts = scope.removeprefix(SHARE).split(":", 3)
        return Share(*parts) if len(parts) == 4 else None


@dataclass(frozen=True)
class Token:
    """What is kept of a token."""

    id: str
    scopes: Collection[str]
    note: str
    created_at: str
    expires_at: str | None
    """RFC 3339; None: it does not expire."""
    revoked_at: str | None


def new() -> tuple[str, str, str]:
    """Return a new token, its id, and what is kept of it."""
    id = secrets.token_hex(4)
    token = f"{PREFIX}_{id}_{secrets.token_urlsafe(32)}"
    return token, id, digest(token)


def id_of(token: str) -> str:
    """Return the id that a text claims to be the token of; empty if it has not the shape of one."""
    prefix, _, rest = token[:200].partition("_")
    id, _, secret = rest.partition("_")
    return id if prefix == PREFIX and secret else ""


def digest(token: str) -> str:
    """Return the SHA-256 in hexadecimal. A slow hash would only be needed for passwords; these are 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def same(kept: str, token: str) -> bool:
    """Return True if a token is the one that is kept, in the same time whatever is wrong with it."""
    return hmac.compare_digest(kept, digest(token))


class Tokens:
    """The tokens of one database."""

    def __init__(self, database: CatalogDatabase) -> None:
        self._database = database

    def create(
        self,
        scopes: Collection[str],
        note: str = "",
        days: int | None = None,
        until: datetime | None = None,
        hours: int | None = None,
    ) -> tuple[str, str]:
        """Make a token that expires after some days or hours, or at a time; return it, which nobody sees again, and its id."""
        token, id, kept = new()
        if days or hours:
            until = datetime.now(UTC) + timedelta(days=days or 0, hours=hours or 0)
        expires = until.astimezone(UTC).isoformat(timespec="milliseconds") if until else None
        with self._database.alone() as connection:
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

    def list(self) -> Sequence[Token]:
        """Return every token, without what would let anybody in."""
        with self._database.read() as connection:
            rows = connection.execute(select(TOKENS).order_by(TOKENS.c.created_at)).all()
        return [
            Token(row.id, row.scopes.split(), row.note, row.created_at, row.expires_at, row.revoked_at)
            for row in rows
        ]

    def revoke(self, id: str) -> bool:
        """End a token at once; return False if there is none with this id."""
        with self._database.alone() as connection:
            done = connection.execute(
                update(TOKENS)
                .where(TOKENS.c.id == id, TOKENS.c.revoked_at.is_(None))
                .values(revoked_at=now())
            )
            return bool(done.rowcount) or bool(
                connection.execute(select(TOKENS.c.id).where(TOKENS.c.id == id)).first()
            )

    def forget_sessions(self) -> None:
        """Remove the sessions that have ended; each sign-in makes one."""
        with self._database.alone() as connection:
            connection.execute(
                delete(TOKENS).where(TOKENS.c.scopes.contains(PERSON), TOKENS.c.expires_at <= now())
            )

    def right(self, token: str) -> Right | None:
        """Return what a token may do; None if it is not one that counts, whatever the reason."""
        row = self._row(id_of(token))
        is_it = same(row.hash if row else "", token)
        return _right(row) if is_it else None

    def right_of_id(self, id: str) -> Right | None:
        """Return what the token with an id may do now; the caller has to know that the holder sent it."""
        return _right(self._row(id))

    def _row(self, id: str) -> Any:
        with self._database.read() as connection:
            return connection.execute(select(TOKENS).where(TOKENS.c.id == id)).first()


def _right(row: Any) -> Right | None:
    if row is None or row.revoked_at or (row.expires_at and row.expires_at <= now()):
        return None
    return Right(frozenset(row.scopes.split()))
