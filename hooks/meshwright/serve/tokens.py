"""Tokens: who may do what in the catalog. Only their hashes are kept."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass

PREFIX = "mwc"
"""So that scanners for leaked secrets can know one when they see it."""

READ, ASSESS, ADMIN, PRODUCT = "read", "assess", "admin", "product:"


@dataclass(frozen=True)
class Right:
    """What a token may do."""

    scopes: frozenset[str]
    """`read`, `assess`, `admin`, `product:<domain>/<name>`."""

    @property
    def is_admin(self) -> bool:
        return ADMIN in self.scopes

    def may_write(self, id: str) -> bool:
        return self.is_admin or PRODUCT + id in self.scopes

    @property
    def may_assess(self) -> bool:
        return self.is_admin or ASSESS in self.scopes

    def may_read(self, id: str = "") -> bool:
        """One product, or the whole catalog where no id is given; assessing needs to see the whole of it."""
        return bool(self.scopes & {READ, ASSESS, ADMIN}) or bool(id and PRODUCT + id in self.scopes)


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


def made() -> tuple[str, str, str]:
    """A new token, its id, and what is kept of it."""
    id = secrets.token_hex(4)
    token = f"{PREFIX}_{id}_{secrets.token_urlsafe(32)}"
    return token, id, digest(token)


def id_of(token: str) -> str:
    """The id that a text claims to be the token of; empty if it has not the shape of one."""
    prefix, _, rest = token[:200].partition("_")
    id, _, secret = rest.partition("_")
    return id if prefix == PREFIX and secret else ""


def digest(token: str) -> str:
    """SHA-256 in hexadecimal. A slow hash would protect words that people think up; these are 256 bits of chance."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def same(kept: str, token: str) -> bool:
    """Whether a token is the one that is kept, in the same time whatever is wrong with it."""
    return hmac.compare_digest(kept, digest(token))
