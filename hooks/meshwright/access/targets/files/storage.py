"""The storage of a file port: a folder of this machine, or a bucket; names are relative to the port's path.

Both know the same verbs. What a name leads to is never followed out of the port: a symbolic link below `roles/`
is something that has to go, and not a way to elsewhere.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Protocol

from meshwright.access.grants import Port, Refused
from meshwright.core import files
from meshwright.product.store import CHUNK, Absent, Content, Corrupt, Store, bucket, folder

NO_FILE = "no regular file"
"""The identity of a symbolic link, a pipe and the like: equal to no content's."""

BUCKET = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/[A-Za-z0-9_=.-]+)*)/*")
"""No user, no query, no `%`, and nothing that a bucket policy reads as a pattern or a variable."""


class Storage(Store, Protocol):
    def identity(self, name: str) -> str | None:
        """Return what identifies the content of one file; None if there is none."""

    def identities(self, prefix: str, only: Collection[str] | None = None) -> dict[str, str]:
        """Return name -> identity of all files below a prefix. `only`: of these names."""

    def read(self, name: str) -> bytes | None:
        """Return the content of a small file; None if there is none."""

    def write(self, name: str, content: bytes) -> None:
        """Write a small file; readers see the old one or the new one."""

    def replacing(self, name: str) -> contextlib.AbstractContextManager[Path]:
        """Yield a file of this machine to write; it becomes `name` when the block ends without an error."""

    def fetched(self, name: str) -> contextlib.AbstractContextManager[tuple[Path, str]]:
        """Yield a file of this machine with the content, and its identity. Raises Refused if it changes meanwhile."""

    def tail(self, name: str, size: int) -> bytes:
        """Return the last bytes of a file. Raises Blocker."""

    def remove(self, names: Iterable[str]) -> None:
        """Remove files, and the folders that are empty then."""

    def locked(self) -> contextlib.AbstractContextManager[None]:
        """Keep others from changing the port until the block ends. Raises Refused if somebody does."""


def storage(port: Port) -> Storage:
    """Return the storage of a port. Raises Refused."""
    path = str(port.properties["path"])
    if path.startswith("s3://"):
        place = BUCKET.fullmatch(path)
        if not place or {".", ".."} & set(place[2].split("/")):
            raise Refused(
                f"The path of {port.name} is not a plain s3://bucket/prefix.",
                "Use letters, digits, _, =, . and - in it; credentials come from the environment.",
            )
        return Bucket(place[1], f"{place[2].strip('/')}/".lstrip("/"))
    if "://" in path:
        raise Refused(
            f"Meshwright cannot grant access to {path.partition('://')[0]}:// addresses.",
            "Use s3:// or a folder, or write a module in access/targets for this storage.",
        )
    root = Path(port.root).resolve()
    folder = (root / path).resolve()
    if not Path(path).is_absolute() and not folder.is_relative_to(root):
        raise Refused(
            f"The path of {port.name} leaves the repository.",
            "Give a path below it, an absolute path, or a URL.",
        )
    return Folder(folder)


class Folder(folder.Folder):
    """A folder of this machine. What is granted on it says who should read; the folder itself enforces nothing."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.work = root / ".roles.work"

    def identity(self, name: str) -> str | None:
        try:
            with self.opened(name) as content:
                return _sha256(content)
        except Absent:
            return None
        except Corrupt:
            return NO_FILE

    def identities(self, prefix: str, only: Collection[str] | None = None) -> dict[str, str]:
        try:
            names = [name for name in self.files(prefix) if only is None or name in only]
        except Corrupt as error:
            raise Refused(str(error), error.fix) from error
        return {name: self.identity(name) or NO_FILE for name in names}

    def read(self, name: str) -> bytes | None:
        try:
            with self.opened(name) as content:
                return content.file.read()
        except Absent:
            return None
        except Corrupt:
            return b""

    def write(self, name: str, content: bytes) -> None:
        with self.replacing(name) as partial:
            partial.write_bytes(content)

    @contextlib.contextmanager
    def replacing(self, name: str) -> Iterator[Path]:
        self.work.mkdir(mode=0o700, exist_ok=True)
        partial = self.work / "partial"
        partial.unlink(missing_ok=True)
        target = self.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with files.replacing(target, partial):
            yield partial

    @contextlib.contextmanager
    def fetched(self, name: str) -> Iterator[tuple[Path, str]]:
        before = self._status(name)
        identity = self.identity(name)
        if identity is None or identity == NO_FILE:
            raise Refused(f"{self.address(name)} is no regular file.", "Run the pipeline, which writes it.")
        try:
            yield self.root / name, identity
        finally:
            # Whatever came of reading half of one file and half of another does not matter.
            if self._status(name) != before:
                raise _changed(self.address(name))

    def remove(self, names: Iterable[str]) -> None:
        for name in names:
            path = self.root / name
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # The folder has something else in it.
                for folder in path.parents:
                    if folder == self.root:
                        break
                    folder.rmdir()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        if not self.root.is_dir():
            raise Refused(f"There is no folder {self.root}.", "Run the pipeline first.")
        flags = os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.root / ".roles.lock", flags, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise _busy(str(self.root)) from error
            self._clean()
            try:
                yield
            finally:
                self._clean()
        finally:
            os.close(descriptor)

    def _clean(self) -> None:
        if self.work.is_symlink():
            self.work.unlink()
        shutil.rmtree(self.work, ignore_errors=True)

    def _status(self, name: str) -> tuple[int, ...]:
        try:
            status = os.lstat(self.root / name)
        except FileNotFoundError:
            return ()
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


class Bucket(bucket.Bucket):
    """A bucket that is written, too. An object's identity is the tag that the store gave it."""

    def __init__(self, name: str, prefix: str) -> None:
        super().__init__(name, prefix)
        self.tags: dict[str, str] = {}
        """Name -> ETag, as this run has read or written it last."""

    def identity(self, name: str) -> str | None:
        return self.files(name).get(name)

    def identities(self, prefix: str, only: Collection[str] | None = None) -> dict[str, str]:
        return {name: tag for name, tag in self.files(prefix).items() if only is None or name in only}

    def read(self, name: str) -> bytes | None:
        try:
            with self.opened(name) as content:
                self.tags[name] = content.tag
                return content.file.read()
        except Absent:
            self.tags.pop(name, None)
            return None

    def write(self, name: str, content: bytes) -> None:
        # A bucket has no lock: whoever wrote it since we read it has won, and we stop.
        unless = {"IfMatch": self.tags[name]} if name in self.tags else {"IfNoneMatch": "*"}
        try:
            answer = self.client.put_object(
                Bucket=self.bucket, Key=self.prefix + name, Body=content, **unless
            )
        except self.client.exceptions.ClientError as error:
            if bucket.error_code(error) in ("PreconditionFailed", "ConditionalRequestConflict"):
                raise _busy(self.address("")) from error
            raise
        self.tags[name] = answer["ETag"]

    def link(self, name: str, seconds: int) -> str:
        """Return an address that gives one object to everybody who has it, for some seconds."""
        parameters = {"Bucket": self.bucket, "Key": self.prefix + name}
        url: str = self.client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=seconds)
        return url

    @contextlib.contextmanager
    def replacing(self, name: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="meshwright-") as folder:
            partial = Path(folder) / "partial"
            yield partial
            # An object shows when its upload is complete, not before; boto3 gives up a part of one.
            self.client.upload_file(str(partial), self.bucket, self.prefix + name)

    @contextlib.contextmanager
    def fetched(self, name: str) -> Iterator[tuple[Path, str]]:
        identity = self.identity(name)
        if identity is None:
            raise Refused(f"{self.address(name)} is not there.", "Run the pipeline, which writes it.")
        with tempfile.TemporaryDirectory(prefix="meshwright-") as scratch:
            copy = Path(scratch) / "fetched"
            with self.opened(name, tag=identity.rpartition(" ")[0]) as content:
                content.copy(copy, self.limits, self.address(name))
            yield copy, identity

    def remove(self, names: Iterable[str]) -> None:
        for name in names:
            self.client.delete_object(Bucket=self.bucket, Key=self.prefix + name)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        # The state is written on the condition that nobody else wrote it: see `write`.
        yield


def _sha256(content: Content) -> str:
    digest = hashlib.sha256()
    while chunk := content.file.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _busy(where: str) -> Refused:
    return Refused(f"Another run is at work on {where}.", "Apply again when it has ended.")


def _changed(where: str) -> Refused:
    return Refused(f"{where} was replaced while it was read.", "Apply again.")
