"""Fetch a file from a URL into a temporary folder that is gone at the end of the process."""

from __future__ import annotations

import atexit
import re
import shlex
import shutil
import tempfile
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from meshwright.core.errors import Error
from meshwright.core.http import Http
from meshwright.core.text import printable

MOST_BYTES = 20 * 2**30
HOURS = 6 * 3600.0
SECRET = re.compile(
    r"(^|[-_]|(?<=[a-z])(?=(?-i:[A-Z])))(sig|signature|token|secret|password|passwd|pwd|api[-_]?key|access[-_]?key|credential|auth)$",
    re.IGNORECASE,
)
"""A name of a URL's parameter whose value gives access."""


def fetched(url: str, name: str) -> Path:
    """Return the file at an http(s) URL. Raises Error."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise Error(
            f"{printable(url)}: only http and https are read here.",
            "Copy the files to this machine, and name them.",
        )
    if "@" in parts.netloc:
        raise Error(
            f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}: the address has a user or a password.",
            "Leave them out: an input's path is written to a file.",
        )
    secrets = [key for key, _ in parse_qsl(parts.query, keep_blank_values=True) if SECRET.search(key)]
    if secrets:
        raise Error(
            f"{parts.scheme}://{parts.netloc}{printable(parts.path)}: its {printable(secrets[0])} gives access to the file.",
            f"Fetch it, and name the copy: an input's path is written to a file. curl -o {shlex.quote(name)} 'https://…'",
        )
    folder = Path(tempfile.mkdtemp(prefix="meshwright-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = folder / (Path(name).name or "download")
    client = Http(
        f"{parts.scheme}://{parts.netloc}",
        headers={"Accept": "*/*"},
        redirects=5,
        most=MOST_BYTES,
        total=HOURS,
        tries=3,
        patience=20.0,
    )
    query = f"?{parts.query}" if parts.query else ""
    with file.open("wb") as sink:
        client.request("GET", f"{parts.path or '/'}{query}", sink=sink)
    if not file.stat().st_size:
        raise Error(f"{printable(url)} is empty.", "Correct the address.")
    return file
