"""Find the output port that an input reads by its place, whatever system the input names.

A place is compared as one text for all its spellings: variables with their defaults, relative and absolute paths, links,
and the addresses of an object store by its own scheme and by https.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from meshwright.product.files import ADDRESSES
from meshwright.product.grammar import default
from meshwright.product.record import Input, Port, Record

SCHEMES = {"s3a": "s3", "s3n": "s3", "abfs": "abfss", "gcs": "gs"}
"""Scheme -> the usual one of the same store."""
S3_HOST = re.compile(r"(?:(?P<bucket>[a-z0-9.-]+)\.)?s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com")
MARKS = frozenset("*?[")
GLOB = re.compile(r"[^/]*[*?\[].*", re.DOTALL)
LOCATED = ("path", "url", "location", "base_url", "bucket_url")
"""Properties that say where an input or a port is."""


class PortPlaces:
    """The places of the output ports of a mesh."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._ports: dict[str, dict[str, Port]] = {}
        """Place -> id of each product that has a port there -> the port."""
        for record in records:
            for port in record.outputs:
                for where in port_places(record, port):
                    self._ports.setdefault(where, {}).setdefault(record.id, port)

    def resolved(self, record: Record, entry: Input) -> Input:
        """Return an input; with the address of another product's port as its source, if it reads from the place of that port.

        A place that several products have, or the product itself has, says nothing.
        """
        if entry.product or not self._ports:
            return entry
        for text in _located(entry.properties):
            where = place(text, record.root)
            while where:
                if found := self._ports.get(where):
                    if len(found) == 1 and record.id not in found:
                        return replace(entry, source=next(iter(found.values())).address)
                    break
                where = where.rpartition("/")[0]
        return entry


def port_places(record: Record, port: Port) -> Iterator[str]:
    """Yield where a port is: as the last run published it, and as the spec says."""
    registry = record.root / Path(ADDRESSES).parent if record.root else None
    for text, base in ((port.location, registry), *((one, record.root) for one in _located(port.properties))):
        if where := place(text, base):
            yield where


def place(text: str, base: Path | None) -> str:
    """Return one text for all spellings of where files are; empty if it is no such place, or a relative one without a base."""
    text = default(text).strip()
    text = (GLOB.sub("", text) if MARKS.intersection(text) else text).rstrip("/")
    scheme, divided, rest = text.partition("://")
    if not divided:
        return _local(text, base)
    scheme = SCHEMES.get(scheme.lower(), scheme.lower())
    if scheme == "file":
        return _local(unquote(f"/{rest.partition('/')[2]}"), None)
    try:
        host = (urlsplit(text).hostname or "").rstrip(".")
    except ValueError:
        return ""
    path = posixpath.normpath(f"/{unquote(rest.partition('?')[0].partition('/')[2])}").lstrip("/")
    if scheme in ("http", "https"):
        scheme, host, path = _store(scheme, host, path)
    if scheme not in ("s3", "gs", "abfss", "http", "https") or not host or path in ("", "."):
        return ""
    return f"{scheme}://{host}/{path}"


def _store(scheme: str, host: str, path: str) -> tuple[str, str, str]:
    """Return the scheme, the bucket and the path of an object that is addressed by https; anything else unchanged."""
    kind = "gs" if host == "storage.googleapis.com" else "s3" if (known := S3_HOST.fullmatch(host)) else ""
    if not kind:
        return scheme, host, path
    if kind == "s3" and known and known["bucket"]:
        return kind, known["bucket"], path
    bucket, _, key = path.partition("/")
    return kind, bucket, key


def _local(text: str, base: Path | None) -> str:
    if not text or "\0" in text or (base is None and not text.startswith("/")):
        return ""
    found = os.path.realpath(os.path.join(base or "/", text))
    return "" if found == "/" else found


def _located(properties: Mapping[str, object]) -> Iterator[str]:
    for name in LOCATED:
        if isinstance(value := properties.get(name), str) and value:
            yield value
