"""Where the state of runs can be kept: a folder, or a bucket. state_branch.py has the third place, a branch of a git repository.

A store has small records, which are only replaced by who knows what they were (compare and swap), and files by the hash of
their content.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

from pipeline.errors import MAKE_ROOM, UnreadableInput

DAY = 86_400
BLOCK = 1024 * 1024


class Lost(Exception):
    """Somebody else has replaced the record meanwhile; nothing was overwritten."""


class Damaged(Exception):
    """A file of the state is missing, or is not what it was; the message says which."""


@dataclass(frozen=True)
class Entry:
    """A record, and what the store calls this version of it."""

    content: bytes
    tag: str


class Store(Protocol):
    """A place for the state of one product in one environment. All methods raise UnreadableInput if it cannot be used."""

    name: str
    """For messages; without a password."""
    removal: str
    """The command that removes all of it."""
    is_repository: bool
    """True if whoever may read a repository may read the state."""
    is_deferred: bool
    """True if nobody else sees what this run changes here before it has ended."""
    lease: float
    """Seconds after which the lease of a run that has been killed counts as ended."""

    def read(self, record: str) -> Entry | None:
        """Return a record as it is now; None if there is none."""
        ...

    def swap(
        self, record: str, content: bytes, before: Entry | None, keep: Collection[str] | None = None
    ) -> Entry:
        """Replace a record if it still is `before`; raises Lost otherwise. `keep`: the only files that are needed from now on."""
        ...

    def add(self, digest: str, file: Path) -> None:
        """Store a file by the SHA-256 of its content, unless it is there."""
        ...

    def fetch(self, digest: str, size: int, target: Path) -> None:
        """Write a stored file to `target`. Raises Damaged if it is missing or has another content."""
        ...

    def forget(self, digests: Collection[str]) -> None:
        """Remove files that nothing names any more, as far as that succeeds."""
        ...

    def close(self) -> None:
        """Hand over what was changed, if the store is deferred."""
        ...


def copy_checked(blocks: Iterator[bytes], digest: str, size: int, target: Path) -> None:
    """Write blocks to a new file. Raises Damaged if they are not the content with this hash and size."""
    known, left = hashlib.sha256(), size
    with target.open("xb") as file:
        for block in blocks:
            left -= len(block)
            if left < 0:  # whatever it is, it must not fill the disk
                raise Damaged(f"{digest} is longer than {size:,} bytes")
            known.update(block)
            file.write(block)
    if left or known.hexdigest() != digest:
        raise Damaged(
            f"{digest} has {size - left:,} of {size:,} bytes" if left else f"{digest} has another content"
        )


def blocks_of(stream: Any) -> Iterator[bytes]:
    """Yield what a stream has, in blocks."""
    while block := stream.read(BLOCK):
        yield block


class Folder:
    """A folder that several machines see, such as a mounted claim.

    Each version of a record is a folder of its own with a number, which only one run can make: that needs no lock of the
    file system.
    """

    is_repository = False
    is_deferred = False
    lease = 600.0

    def __init__(self, place: Path, *inside: str) -> None:
        self.name = f"file://{place.as_posix()}"
        self._place, self._base = place.joinpath(*inside), place
        self.removal = f"rm -r {quote(str(self._place))}"

    def read(self, record: str) -> Entry | None:
        with self._usable():
            while versions := self._versions(record):
                with contextlib.suppress(FileNotFoundError):  # replaced between looking and reading
                    content = (self._place / f"{record}.{versions[-1]}" / "content").read_bytes()
                    return Entry(content, str(versions[-1]))
            return None

    def swap(
        self, record: str, content: bytes, before: Entry | None, keep: Collection[str] | None = None
    ) -> Entry:
        number = int(before.tag) + 1 if before else 1
        prepared, target = self._place / f".{uuid4().hex}", self._place / f"{record}.{number}"
        with self._usable():
            prepared.mkdir(parents=True)
            _write_through(prepared / "content", content)
            try:
                if self._versions(record)[-1:] != ([number - 1] if before else []):
                    raise Lost(record)
                os.rename(prepared, target)  # fails if another run has made it
            except OSError:
                if not target.exists():
                    raise
                raise Lost(record) from None
            finally:
                shutil.rmtree(prepared, ignore_errors=True)
            versions = self._versions(record)
            if versions[-1] != number:  # it was made, replaced and removed while this run looked away
                shutil.rmtree(target, ignore_errors=True)
                raise Lost(record)
            for old in versions[:-1]:
                shutil.rmtree(self._place / f"{record}.{old}", ignore_errors=True)
            if keep is not None:
                self._sweep(keep)
        return Entry(content, str(number))

    def add(self, digest: str, file: Path) -> None:
        target = self._place / "files" / digest
        with self._usable():
            if target.exists() and target.stat().st_size == file.stat().st_size:
                os.utime(target)
                return
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_name(f"{digest}.{uuid4().hex}")
            with file.open("rb") as source, partial.open("wb") as sink:
                shutil.copyfileobj(source, sink, BLOCK)
                sink.flush()
                os.fsync(sink.fileno())
            os.replace(partial, target)

    def fetch(self, digest: str, size: int, target: Path) -> None:
        try:
            stream = (self._place / "files" / digest).open("rb")
        except FileNotFoundError:
            raise Damaged(f"{digest} is missing") from None
        except OSError as error:
            raise _unusable(self.name, error) from error
        with stream:
            copy_checked(blocks_of(stream), digest, size, target)

    def close(self) -> None:
        """Nothing to do."""

    def _versions(self, record: str) -> list[int]:
        ends = [path.name.rpartition(".") for path in self._place.glob(f"{record}.*")]
        return sorted(int(end) for name, _, end in ends if name == record and end.isdecimal())

    def _sweep(self, keep: Collection[str]) -> None:
        """Remove the files that nobody needs. What is younger than a day may be of a run that took over."""
        for file in (self._place / "files").glob("*"):
            with contextlib.suppress(OSError):
                if file.name not in keep and time.time() - file.stat().st_mtime > DAY:
                    file.unlink()

    def forget(self, digests: Collection[str]) -> None:
        for digest in digests:
            with contextlib.suppress(OSError):
                (self._place / "files" / digest).unlink()

    @contextlib.contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            if (
                not self._base.is_dir()
            ):  # a claim that is not mounted would be a folder that goes with the container
                raise FileNotFoundError(f"{self._base} is not a folder")
            yield
        except OSError as error:
            raise _unusable(self.name, error) from error


def _unusable(name: str, error: OSError) -> UnreadableInput:
    gone = isinstance(error, FileNotFoundError)
    return UnreadableInput(
        f"The state at {name} cannot be used: {error}",
        fix="Mount or create the folder that PIPELINE_STATE names." if gone else MAKE_ROOM,
    )


def _write_through(file: Path, content: bytes) -> None:
    with file.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


class Bucket:
    """A prefix in S3, or in a store with the same interface (AWS_ENDPOINT_URL), that knows conditional writes."""

    is_repository = False
    is_deferred = False
    lease = 600.0

    def __init__(self, address: str, *inside: str) -> None:
        import boto3
        import boto3.exceptions
        import botocore.exceptions

        url = urlsplit(address)
        self.name = f"s3://{url.netloc}{url.path}".rstrip("/")
        self._bucket = url.netloc
        self._prefix = "/".join((*(part for part in url.path.split("/") if part), *inside))
        self.removal = f"aws s3 rm --recursive s3://{self._bucket}/{self._prefix}/"
        self._errors = (
            botocore.exceptions.BotoCoreError,
            botocore.exceptions.ClientError,
            boto3.exceptions.Boto3Error,
        )
        self._is_proved = False
        with self._usable():
            self._client = boto3.client("s3")

    def read(self, record: str) -> Entry | None:
        with self._usable():
            try:
                found = self._client.get_object(Bucket=self._bucket, Key=self._key(record))
            except self._errors as error:
                if _code(error) in ("NoSuchKey", "404"):
                    return None
                raise
            return Entry(found["Body"].read(), str(found["ETag"]))

    def swap(
        self, record: str, content: bytes, before: Entry | None, keep: Collection[str] | None = None
    ) -> Entry:
        entry = self._put(record, content, before)
        if not self._is_proved:  # a store that ignores the condition would lose what two runs write
            with contextlib.suppress(Lost):
                self._put(record, content + b"\n", before)
                raise UnreadableInput(
                    f"The state cannot be kept at {self.name}: the store ignores `If-Match` and `If-None-Match`, so that two runs"
                    " could overwrite each other's.",
                    fix="Give PIPELINE_STATE a bucket of a store that knows conditional writes, as S3 does, or a folder (file:///…).",
                )
            self._is_proved = True
        if keep is not None:
            self._sweep(keep)
        return entry

    def _put(self, record: str, content: bytes, before: Entry | None) -> Entry:
        condition = {"IfMatch": before.tag} if before else {"IfNoneMatch": "*"}
        with self._usable():
            try:
                done = self._client.put_object(
                    Bucket=self._bucket, Key=self._key(record), Body=content, **condition
                )
                return Entry(content, str(done["ETag"]))
            except self._errors as error:
                if _code(error) not in ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"):
                    raise
        now = self.read(record)
        if now and now.content == content:  # the answer was lost, and boto3 asked again
            return now
        raise Lost(record)

    def add(self, digest: str, file: Path) -> None:
        key = self._key(f"files/{digest}")
        with self._usable():
            try:
                known = self._client.head_object(Bucket=self._bucket, Key=key)
                if known["ContentLength"] == file.stat().st_size:
                    return
            except self._errors as error:
                if _code(error) not in ("404", "NoSuchKey"):
                    raise
            self._client.upload_file(str(file), self._bucket, key)

    def fetch(self, digest: str, size: int, target: Path) -> None:
        with self._usable():
            try:
                found = self._client.get_object(Bucket=self._bucket, Key=self._key(f"files/{digest}"))
            except self._errors as error:
                if _code(error) in ("NoSuchKey", "404"):
                    raise Damaged(f"{digest} is missing") from None
                raise
            copy_checked(blocks_of(found["Body"]), digest, size, target)

    def _sweep(self, keep: Collection[str]) -> None:
        """Remove the files that nobody needs. What is younger than a day may be of a run that took over."""
        prefix, now = self._key("files/"), time.time()
        with contextlib.suppress(*self._errors):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            for one in (one for page in pages for one in page.get("Contents", [])):
                if (
                    one["Key"].removeprefix(prefix) not in keep
                    and now - one["LastModified"].timestamp() > DAY
                ):
                    self._client.delete_object(Bucket=self._bucket, Key=one["Key"])

    def forget(self, digests: Collection[str]) -> None:
        with contextlib.suppress(*self._errors):
            for digest in digests:
                self._client.delete_object(Bucket=self._bucket, Key=self._key(f"files/{digest}"))

    def close(self) -> None:
        """Nothing to do."""

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}"

    @contextlib.contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            old = type(error).__name__ == "ParamValidationError"
            raise UnreadableInput(
                f"The state at {self.name} cannot be used: {' '.join(str(error).split())}",
                fix="`uv lock --upgrade-package boto3`: conditional writes need boto3 1.36 or newer."
                if old
                else "Correct PIPELINE_STATE, or let the role of the run list the bucket, and read, write and delete objects below"
                f" {self.name}; a store other than AWS's is named by AWS_ENDPOINT_URL.",
            ) from error


def _code(error: Any) -> str:
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))
