"""One attempt to sign in: what the browser keeps of it between leaving for the provider and coming back."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import asdict, dataclass

SECONDS = 600
"""How long somebody may take at the provider."""


@dataclass(frozen=True)
class Attempt:
    """One attempt. In a signed cookie, so that any server of the catalog can end what another one began."""

    state: str
    """Comes back from the provider: the answer belongs to this browser."""
    nonce: str
    """Comes back in the provider's token: the token belongs to this attempt."""
    verifier: str
    """PKCE: a stolen code is worth nothing without it."""
    path: str
    """Where to go afterwards, below the catalog's address."""
    ends: float
    """Seconds since 1970."""

    @property
    def challenge(self) -> str:
        """What the provider is given of the verifier."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def begin(path: str) -> Attempt:
    """Return a new attempt. `path`: of the page to see afterwards; one of another server counts as the first page."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return Attempt(state, nonce, verifier, local_path(path), time.time() + SECONDS)


def local_path(path: str) -> str:
    """Return a path of this catalog, without any other server in it: `/` where it is none."""
    is_plain = path.isascii() and path.isprintable() and "\\" not in path
    return path if path.startswith("/") and not path.startswith("//") and is_plain else "/"


def sealed(attempt: Attempt, key: bytes) -> str:
    """Return an attempt as the value of a cookie."""
    content = json.dumps(asdict(attempt), sort_keys=True).encode()
    return base64.urlsafe_b64encode(hmac.digest(key, content, "sha256") + content).decode()


def opened(cookie: str, key: bytes) -> Attempt | None:
    """Return the attempt that a cookie holds; None if it was not sealed with the key, or has ended."""
    try:
        raw = base64.urlsafe_b64decode(cookie.encode())
    except (binascii.Error, ValueError):
        return None
    if not hmac.compare_digest(raw[:32], hmac.digest(key, raw[32:], "sha256")):
        return None
    attempt = Attempt(**json.loads(raw[32:]))
    return attempt if time.time() < attempt.ends else None
