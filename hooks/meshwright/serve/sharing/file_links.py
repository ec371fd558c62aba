"""Links to single files that the catalog itself serves, for ports in a folder. Each ends after some minutes.

A bucket makes such links itself. A link is signed with a key that this process alone has: after a restart, clients
ask for new ones.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

SECONDS = 300
"""How long a link to a file counts."""


@dataclass(frozen=True)
class FileLink:
    """What a link gives: one file, with the content that it had, to the holder of one token."""

    token: str
    """The token's id."""
    name: str
    stamp: str
    """Changes with the file."""
    ends: float
    """Seconds since 1970."""


class FileLinks:
    """Writes links and reads them."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._turn = threading.Lock()
        self._used: set[FileLink] = set()

    def written(self, link: FileLink) -> str:
        """Return a link as text that fits into an address."""
        content = json.dumps(asdict(link), sort_keys=True).encode()
        return base64.urlsafe_b64encode(self._signature(content) + content).decode()

    def read(self, text: str, at: float) -> FileLink | None:
        """Return the link that a text is; None if it was not written here, or has ended."""
        try:
            raw = base64.urlsafe_b64decode(text.encode())
        except (binascii.Error, ValueError):
            return None
        signature, content = raw[:32], raw[32:]
        if not hmac.compare_digest(signature, self._signature(content)):
            return None
        link = FileLink(**json.loads(content))
        return link if at < link.ends else None

    def record_once(self, link: FileLink, record: Callable[[], None]) -> None:
        """Record the first use of a link, however often it is used, however it is spelled, and however late the record succeeds."""
        now = time.time()
        with self._turn:
            self._used = {used for used in self._used if now < used.ends}
            if link not in self._used:
                record()
                self._used.add(link)

    def _signature(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, hashlib.sha256)
