"""Objects in S3, or in a store that speaks as it does (AWS_ENDPOINT_URL)."""

from __future__ import annotations

import contextlib
import hashlib
import re
import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from meshwright.assess.storage import Absent, Allowed, Refusal, Unseen

NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
MOST = 20_000
CHUNK = 256 * 1024
GONE = {"404", "NoSuchKey", "NoSuchBucket"}
CLOSED = {"403", "401", "AccessDenied", "AllAccessDisabled", "Forbidden", "Unauthorized"}


class Bucket:
    """A prefix of a bucket; names are relative to it. Credentials are those that governance gave this process."""

    def __init__(self, bucket: str, prefix: str, allowed: Allowed, scratch: Path) -> None:
        if not NAME.fullmatch(bucket):
            raise Unseen("The address names no bucket.", "Fix the port's path.")
        self.bucket, self.prefix, self.allowed, self.scratch = bucket, prefix, allowed, scratch

    def _client(self, **more: Any) -> Any:
        import boto3
        from botocore.config import Config

        config = Config(
            connect_timeout=self.allowed.seconds,
            read_timeout=self.allowed.seconds,
            retries={"total_max_attempts": 2},
            **more,
        )
        return boto3.client("s3", config=config)

    @cached_property
    def client(self) -> Any:
        with self._refusing(""):
            return self._client()

    def address(self, name: str) -> str:
        return f"s3://{self.bucket}/{self.prefix}{name}"

    def fetched(self, name: str) -> Path:
        """A copy of the object. Raises Absent, Unseen."""
        deadline = time.monotonic() + self.allowed.seconds
        with self._refusing(name):
            answer = self.client.get_object(Bucket=self.bucket, Key=self.prefix + name)
            target = self.scratch / hashlib.sha256(self.address(name).encode()).hexdigest()
            size = 0
            with contextlib.closing(answer["Body"]) as body, target.open("wb") as sink:
                if answer["ContentLength"] > self.allowed.bytes:
                    raise self._too_large(name)
                while chunk := body.read(CHUNK):
                    size += len(chunk)
                    if size > self.allowed.bytes or time.monotonic() > deadline:
                        raise self._too_large(name)
                    sink.write(chunk)
            return target

    def listed(self, folder: str) -> Sequence[str]:
        """The names directly in a folder. Raises Unseen."""
        found: list[str] = []
        prefix = f"{self.prefix}{folder}/"
        with self._refusing(folder):
            pages = self.client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket, Prefix=prefix, Delimiter="/"):
                found += [entry["Key"].removeprefix(prefix) for entry in page.get("Contents", ())]
                if len(found) > MOST:
                    break
        return sorted(filter(None, found))

    def refusal(self, name: str) -> Refusal:
        """Whether an unsigned request gets the object. Raises Absent, Unseen."""
        from botocore import UNSIGNED
        from botocore.exceptions import ClientError

        where = self.address(name)
        with self._refusing(name):
            try:
                self._client(signature_version=UNSIGNED).get_object(
                    Bucket=self.bucket, Key=self.prefix + name, Range="bytes=0-63"
                )["Body"].close()
            except ClientError as error:
                if _code(error) not in CLOSED:
                    raise
                return Refusal(False, f"{where} refuses an unsigned request ({_code(error)}).")
        return Refusal(
            True,
            f"{where} gives the data to an unsigned request.",
            "Block public access to the bucket, and take `Principal: *` out of its policy and its ACLs.",
        )

    @contextlib.contextmanager
    def _refusing(self, name: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        where = self.address(name)
        try:
            yield
        except ClientError as error:
            code = _code(error)
            if code in GONE:
                raise Absent(f"{where} is not there ({code}).", "Run the pipeline, which writes it.") from None  # fmt: skip
            raise Unseen(f"{where} cannot be looked at ({code}).", "Let the assessment's account read it, or run it with credentials.") from None  # fmt: skip
        except (BotoCoreError, OSError, ValueError) as error:
            raise Unseen(f"{where} cannot be looked at ({type(error).__name__}).") from None

    def _too_large(self, name: str) -> Unseen:
        limit = self.allowed.bytes // 1_000_000
        return Unseen(
            f"{self.address(name)} is larger than {limit} MB, or came more slowly than {self.allowed.seconds:g} s allow."
        )


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))[:40]
