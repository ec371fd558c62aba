"""Files behind an address: in a folder, in a bucket, or on a web server. One reader for each, with one interface.

Addresses and bytes may come from somebody who wants this process to read another file, to ask another host, to wait or
to grow. So no reader follows a link or a name that it may not, waits for longer than its limits, or reads more.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from meshwright.core.errors import Error

MAX_NAMES = 20_000
"""Entries of a folder that are listed."""
CHUNK = 1024 * 1024


class Blocker(Error):
    """Something that keeps from reading. Its text is a sentence without values."""


class Unseen(Blocker):
    """It could not be read, which says nothing about whether it is right."""


class Absent(Blocker):
    """It was looked for, and does not exist."""


class Corrupt(Blocker):
    """It exists, and is not what it has to be."""


class Changed(Blocker):
    """It was replaced since it was listed."""


@dataclass(frozen=True)
class Limits:
    """How long one file may take, and how large it may be; None: no limit."""

    seconds: float | None = None
    bytes: int | None = None

    def exceeded(self, address: str) -> Unseen:
        limits = (f"is larger than {self.bytes // 1_000_000} MB" if self.bytes else "", f"took longer than {self.seconds:g} s" if self.seconds else "")  # fmt: skip
        return Unseen(f"{address} {', or '.join(filter(None, limits))}.")


UNLIMITED = Limits()


@dataclass(frozen=True)
class Content:
    """An open file."""

    file: BinaryIO
    size: int
    tag: str = ""
    """Changes with the content, where the store has such a tag."""

    def copy(self, target: Path, limits: Limits, address: str) -> Path:
        """Return `target`, with the content. Raises Unseen where it exceeds the limits."""
        deadline = time.monotonic() + limits.seconds if limits.seconds else float("inf")
        most = limits.bytes or float("inf")
        if self.size > most:
            raise limits.exceeded(address)
        size = 0
        with target.open("wb") as sink:
            while chunk := self.file.read(CHUNK):
                size += len(chunk)
                if size > most or time.monotonic() > deadline:
                    raise limits.exceeded(address)
                sink.write(chunk)
        return target


class Store(Protocol):
    """A folder wherever it is; names are relative to it."""

    def address(self, name: str) -> str:
        """Return what people call a file."""

    def names(self, folder: str) -> Sequence[str]:
        """Return the names directly in a folder, in order; none if it does not exist. Raises Unseen."""

    def files(self, prefix: str) -> Iterable[str]:
        """Return the names of all files below a prefix. Raises Corrupt, Unseen."""

    def opened(self, name: str) -> AbstractContextManager[Content]:
        """Open a file. Raises Absent, Corrupt, Unseen."""

    def local(self, name: str) -> Path:
        """Return a file of this machine with the content: the file itself, or a copy. Raises Absent, Corrupt, Unseen."""
