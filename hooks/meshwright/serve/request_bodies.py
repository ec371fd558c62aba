"""The bodies of requests: how large they may be, how they are unpacked, and how JSON is read."""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator
from typing import Any

from anyio import move_on_after
from fastapi import Request

from meshwright.serve import RequestProblem

EXCESS, PATIENCE = 5, 2.0
"""How many times the limit is read before a body is refused, and for how many seconds."""


async def json_of(request: Request, most: int) -> Any:
    """Return the JSON that was sent, of at most so many bytes; raises RequestProblem."""
    return parse(await body_of(request, most))


async def body_of(request: Request, most: int, packed: int = 0) -> bytes:
    """Return what was sent, of at most so many bytes; raises RequestProblem. `packed`: the same where it is sent with gzip;
    0: that is refused.

    The bytes are counted on arrival and while they are unpacked, because the length in a header may be wrong.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding == "gzip" and packed:
        return _unpacked(await _received(request, packed), most)
    if encoding != "identity":
        detail = f"The content coding {encoding[:50]} is not taken here."
        raise RequestProblem(415, "unsupported-encoding", detail, "Send the body without Content-Encoding.")
    return await _received(request, most)


def _unpacked(body: bytes, most: int) -> bytes:
    """Return what gzip has packed, of at most so many bytes; raises RequestProblem."""
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        content = unpacking.decompress(body, most + 1)
    except zlib.error as error:
        raise RequestProblem(400, "malformed", "The body is not gzip.", "Send it again.") from error
    if len(content) > most:
        raise _too_large(most)
    if not unpacking.eof:
        raise RequestProblem(400, "malformed", "The body ends in the middle of gzip.", "Send it again.")
    return content


def _too_large(most: int) -> RequestProblem:
    detail = f"The body is larger than {most:,} bytes."
    return RequestProblem(413, "too-large", detail, "Send less: shorten texts, leave out examples.")


async def _received(request: Request, most: int) -> bytes:
    header = request.headers.get("content-length", "")
    announced = int(header) if header.isascii() and header.isdigit() and len(header) < 20 else 0
    parts, size = [], 0
    if announced <= EXCESS * most:
        stream = request.stream()
        async for part in stream:
            size += len(part)
            if size > most:
                await _discard(stream, EXCESS * most - size)
                break
            parts.append(part)
    if max(size, announced) > most:
        raise _too_large(most)
    return b"".join(parts)


async def _discard(stream: AsyncIterator[bytes], most: int) -> None:
    """Read more bytes: a client that is cut off while sending does not read the answer."""
    with move_on_after(PATIENCE):
        async for part in stream:
            most -= len(part)
            if most < 0:
                return


def parse(body: bytes) -> Any:
    """Return the JSON of a body, if every library would read the same and any database can keep it; raises RequestProblem."""
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_number, object_pairs_hook=_once)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
        raise RequestProblem(
            400, "malformed", f"The body is not plain JSON: {reason}.", "Send JSON in UTF-8."
        ) from error
    return value


def _no_number(name: str) -> Any:
    raise ValueError(f"JSON has no {name}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("an object has a duplicate key")
    return value
