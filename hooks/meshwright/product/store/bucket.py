"""Objects in S3, or in a store with the same interface (AWS_ENDPOINT_URL)."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from meshwright.product.store import MAX_NAMES, UNLIMITED, Absent, Changed, Content, Limits, Unseen

NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
GONE = {"404", "NoSuchKey", "NoSuchBucket"}
CLOSED = {"403", "401", "AccessDenied", "AllAccessDisabled", "Forbidden", "Unauthorized"}
CHANGED = {"412", "PreconditionFailed"}


class Bucket:
    """A prefix of a bucket, read with the credentials of the environment, or unsigned."""

    def __init__(
        self,
        bucket: str,
        prefix: str,
        limits: Limits = UNLIMITED,
        scratch: Path | None = None,
        *,
        signed: bool = True,
    ) -> None:
        """`scratch`: a folder for copies. Raises Unseen."""
        if not NAME.fullmatch(bucket):
            raise Unseen("The address names no bucket.", "Fix the path.")
        self.bucket, self.prefix, self.limits, self.scratch, self.signed = (
            bucket,
            prefix,
            limits,
            scratch,
            signed,
        )

    @cached_property
    def client(self) -> Any:
        with self.reading(""):
            import boto3
            from botocore import UNSIGNED
            from botocore.config import Config

            seconds = self.limits.seconds
            limited = {
                "connect_timeout": seconds,
                "read_timeout": seconds,
                "retries": {"total_max_attempts": 2},
            }
            unsigned = {} if self.signed else {"signature_version": UNSIGNED}
            return boto3.client("s3", config=Config(**(limited if seconds else {}), **unsigned))

    def address(self, name: str) -> str:
        return f"s3://{self.bucket}/{self.prefix}{name}"

    def names(self, folder: str) -> Sequence[str]:
        prefix = f"{self.prefix}{folder}/"
        keys: list[str] = []
        for page in self._pages(prefix, Delimiter="/"):
            keys += [entry["Key"].removeprefix(prefix) for entry in page]
            if len(keys) > MAX_NAMES:
                break
        return sorted(filter(None, keys))

    def files(self, prefix: str) -> Mapping[str, str]:
        """Return name -> tag of all objects below a prefix. Raises Absent, Unseen."""
        return {
            entry["Key"].removeprefix(self.prefix): f"{entry['ETag']} {entry['Size']}"
            for page in self._pages(self.prefix + prefix)
            for entry in page
            if entry["Size"] or not entry["Key"].endswith("/")  # what some tools leave for a folder
        }

    @contextlib.contextmanager
    def opened(self, name: str, *, tag: str | None = None, first: int | None = None) -> Iterator[Content]:
        """Open an object; only if it still has the tag, and only its `first` bytes. Raises Absent, Changed, Unseen."""
        only = ({} if tag is None else {"IfMatch": tag}) | ({} if first is None else {"Range": f"bytes=0-{first - 1}"})  # fmt: skip
        with self.reading(name):
            answer = self.client.get_object(Bucket=self.bucket, Key=self.prefix + name, **only)
            with contextlib.closing(answer["Body"]) as body:
                yield Content(body, answer["ContentLength"], answer["ETag"])

    def tail(self, name: str, size: int) -> bytes:
        """Return the last bytes of an object. Raises Absent, Unseen."""
        with self.reading(name):
            answer = self.client.get_object(
                Bucket=self.bucket, Key=self.prefix + name, Range=f"bytes=-{size}"
            )
            with contextlib.closing(answer["Body"]) as body:
                return bytes(body.read())

    def local(self, name: str) -> Path:
        """Return a copy of an object in `scratch`. Raises Absent, Unseen."""
        assert self.scratch
        target = self.scratch / hashlib.sha256(self.address(name).encode()).hexdigest()
        with self.opened(name) as content:
            return content.copy(target, self.limits, self.address(name))

    def _pages(self, prefix: str, **more: str) -> Iterator[Sequence[Mapping[str, Any]]]:
        with self.reading(prefix.removeprefix(self.prefix)):
            pages = self.client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket, Prefix=prefix, **more):
                yield page.get("Contents", ())

    @contextlib.contextmanager
    def reading(self, name: str) -> Iterator[None]:
        """Turn errors of boto3 into Absent, Changed and Unseen."""
        try:
            from botocore.exceptions import BotoCoreError, ClientError
        except ImportError as error:
            raise Unseen(
                "boto3, which reads and writes s3://, is not installed.", "Install boto3."
            ) from error
        where = self.address(name)
        try:
            yield
        except ClientError as error:
            code = error_code(error)
            if code in GONE:
                raise Absent(
                    f"{where} does not exist ({code}).", "Run the pipeline, which writes it."
                ) from None
            if code in CHANGED:
                raise Changed(f"{where} was replaced while it was read.", "Run again.") from None
            fix = "Let this account read it, or run it with credentials."
            raise (Closed if code in CLOSED else Unseen)(f"{where} cannot be read ({code}).", fix) from None
        except (BotoCoreError, OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise Unseen(f"{where} cannot be read ({reason}).") from None


class Closed(Unseen):
    """The store refuses these credentials, or a request without any."""


def error_code(error: Any) -> str:
    """Return the code of a ClientError of boto3."""
    return str(error.response.get("Error", {}).get("Code", ""))[:40]
