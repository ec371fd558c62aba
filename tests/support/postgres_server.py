"""A throw-away PostgreSQL server for tests: a cluster in a folder of its own, on a unix socket, gone at the end."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

ANOTHER_USER = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
SETTINGS = {"listen_addresses": "", "fsync": "off", "max_connections": "50"}


def programs() -> Path:
    """The folder with `initdb` and `postgres`; skips the test where there is none."""
    folders = [Path(found).resolve().parent for found in [shutil.which("postgres")] if found]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -float(path.parent.name))
    if configured := shutil.which("pg_config"):
        said = subprocess.run([configured, "--bindir"], capture_output=True, text=True)
        folders.append(Path(said.stdout.strip()))
    for folder in folders:
        if (folder / "postgres").is_file() and (folder / "initdb").is_file():
            return folder
    pytest.skip("no PostgreSQL server (postgres, initdb) on this machine")


def as_ordinary_user() -> list[str]:
    """What to put before a command that refuses to run as root; skips the test where nothing helps."""
    if os.geteuid() != 0:
        return []
    if (
        not shutil.which("unshare")
        or subprocess.run([*ANOTHER_USER, "true"], capture_output=True).returncode != 0
    ):
        pytest.skip("PostgreSQL refuses to run as root, and `unshare --user` does not work here")
    return ANOTHER_USER


IN_USE = "shared memory block"
"""What the server reports while a process of the one before is left."""


class Server:
    """A cluster whose superuser is `postgres`; everybody who reaches its socket is believed (trust)."""

    def __init__(self) -> None:
        self.programs, self.prefix = programs(), as_ordinary_user()
        # Short, because the path of a socket has to stay below 100 bytes; closed to everybody else.
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self.process: subprocess.Popen[bytes] | None = None
        self.databases = 0
        subprocess.run(
            [
                *self.prefix,
                *map(str, [self.programs / "initdb", "--pgdata", self.folder / "data"]),
                *["--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--locale", "C"],
                "--no-sync",
            ],
            check=True,
            capture_output=True,
        )
        self.start()

    def start(self) -> None:
        """Returns when it can be connected to."""
        deadline = time.monotonic() + 30
        self._launch()
        while True:
            try:
                psycopg.connect(self.url()).close()
                return
            except psycopg.OperationalError:
                is_over = self.process is None or self.process.poll() is not None
                log = (self.folder / "log").read_text()
                if time.monotonic() > deadline or (is_over and IN_USE not in log[-1000:]):
                    raise RuntimeError(log) from None
                time.sleep(0.02)
                if is_over:  # a process of the server before has not ended yet
                    self._launch()

    def _launch(self) -> None:
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *self.prefix,
                    *map(str, [self.programs / "postgres", "-D", self.folder / "data", "-k", self.folder]),
                    *settings,
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the tests; the server is stopped by them
            )

    def stop(self) -> None:
        """Ends all connections and the server; `start` starts it again with its data."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """As a crash does it: nothing is written, nobody is told."""
        # A server process that is at work outlives the postmaster until it looks for it.
        backends = self._children()
        self._end(signal.SIGKILL)
        for backend in backends:
            with contextlib.suppress(ProcessLookupError):
                os.kill(backend, signal.SIGKILL)

    def _children(self) -> list[int]:
        if self.process is None:
            return []
        listed = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True)
        return [int(line) for line in listed.stdout.split()]

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait()
            self.process = None

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """For libpq, for `psql`, and for a port's `url`."""
        return f"postgresql://{quote(user, safe='')}@/{quote(database, safe='')}?host={quote(str(self.folder), safe='')}"

    def database(self) -> str:
        """Makes a database and returns its name. Roles are the server's: two tests need other names for them."""
        self.databases += 1
        name = f"test_{self.databases}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        return name


def running() -> Iterator[Server]:
    """For a fixture of scope `session`: `yield from running()`. One server, and a database for each test."""
    server = Server()
    try:
        yield server
    finally:
        server.remove()
