"""Answers that are sent with gzip, to whoever takes it."""

from __future__ import annotations

import gzip

from fastapi import Request

from meshwright.serve.rights import SESSION

SMALL = 1_000
"""Bytes up to which packing saves nothing."""


def takes_packed(request: Request) -> bool:
    """Return True if an answer to a request may be packed.

    What a signed-in browser gets has a secret in it, which the length of a packed page would betray.
    """
    return "gzip" in request.headers.get("accept-encoding", "") and SESSION not in request.cookies


def packed(body: bytes) -> bytes:
    """Return the same for the same body, whenever it is packed."""
    return gzip.compress(body, 6, mtime=0)
