"""The embedded catalog as it is served, for tests: `with catalog(folder) as server`."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from meshwright.cli import main


@dataclass
class Answer:
    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Catalog:
    """A catalog of its own process, and its database."""

    folder: Path
    database: str
    options: tuple[str, ...] = ()
    url: str = ""
    """Without a slash at its end."""
    process: subprocess.Popen[bytes] | None = None
    tokens: dict[tuple[str, ...], str] = field(default_factory=dict)

    @property
    def log(self) -> str:
        return (self.folder / "catalog.log").read_text()

    def start(self) -> None:
        """Returns when it answers."""
        command = [sys.executable, "-m", "meshwright", "catalog", "serve", "--port", "0", *self.options]
        before = len(self.log) if (self.folder / "catalog.log").exists() else 0
        with (self.folder / "catalog.log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                env={**os.environ, "MESHWRIGHT_CATALOG_DATABASE": self.database},
                start_new_session=True,
            )
        deadline = time.monotonic() + 30
        while not (found := re.search(r"Catalog at (http://\S+)/ ", self.log[before:])):
            assert self.process.poll() is None and time.monotonic() < deadline, self.log
            time.sleep(0.02)
        self.url = found[1]

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code."""
        assert self.process
        self.process.send_signal(how)
        return self.process.wait(20)

    def kill(self) -> None:
        """As a crash does it."""
        self.stop(signal.SIGKILL)

    def token(self, *scopes: str) -> str:
        """A token: `admin`, `read`, `assess`, or the id of a product that it may write. Made once for the same scopes."""
        if scopes not in self.tokens:
            asked = [
                part
                for scope in scopes
                for part in (["--product", scope] if "/" in scope else [f"--{scope}"])
            ]
            self.tokens[scopes] = self.run("token", "create", *asked).splitlines()[-1]
        return self.tokens[scopes]

    def run(self, *arguments: str, code: int = 0) -> str:
        """`meshwright catalog ...` on its database; what it prints to stdout."""
        done = CliRunner(env={"MESHWRIGHT_CATALOG_DATABASE": self.database}).invoke(
            main, ["catalog", *arguments]
        )
        assert done.exit_code == code, (done.exit_code, done.output, done.exception)
        return done.stdout if code == 0 else done.output

    def ask(
        self, method: str, path: str, value: Any = None, token: str | None = None, **headers: str
    ) -> Answer:
        """One request; `value` is sent as JSON, or as it is if it is bytes."""
        body = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
        sent = {name.replace("_", "-"): said for name, said in headers.items()}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(self.url + path, body, sent, method=method)  # noqa: S310 - our own
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read())

    def get(self, path: str, token: str | None = None, **headers: str) -> Answer:
        return self.ask("GET", path, None, token, **headers)

    def put(self, record: Mapping[str, Any], token: str | None = None) -> Answer:
        """Publishes a record (its value) to its own address, as the administrator if no token is given."""
        metadata = record["product"]["metadata"]
        path = f"/api/products/{metadata['domain']}/{metadata['name']}"
        return self.ask("PUT", path, record, token or self.token("admin"))


@contextlib.contextmanager
def catalog(
    folder: Path, database: str | None = None, private: bool = False, *options: str
) -> Iterator[Catalog]:
    """A catalog that runs until the end of the block; in a file of `folder` if no database is given."""
    options = (*options, "--private") if private else options
    folder.mkdir(parents=True, exist_ok=True)
    served = Catalog(folder, database or str(folder / "catalog.db"), options)
    served.start()
    try:
        yield served
    finally:
        if served.process and served.process.poll() is None:
            served.kill()
