"""A throw-away MariaDB server for tests: a folder of its own, on a unix socket, gone at the end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

USER, PASSWORD = "reader", "s3cret-7f3a"
SETTINGS = {
    "skip-networking": "1",
    "innodb-buffer-pool-size": "16M",
    "innodb-log-file-size": "8M",
    "innodb-flush-log-at-trx-commit": "2",  # what is committed outlives the server, if not the machine
    "character-set-server": "utf8mb4",
    "default-time-zone": "+05:30",  # a server's own zone is nothing to rely on
}

HOSTILE = {
    "sql_select_limit": "2",
    "group_concat_max_len": "4",
    "sql_mode": "concat(@@global.sql_mode, ',PAD_CHAR_TO_FULL_LENGTH')",
}
"""Settings of a server that change or cut what a session reads, unless it overrides them."""


class Server:
    """A server that everybody may administer over its socket, with an account that has a password and may read."""

    def __init__(self) -> None:
        self.program = shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin")
        self.client = shutil.which("mariadb")
        if not self.program or not self.client or not shutil.which("mariadb-install-db"):
            pytest.skip("no MariaDB server (mariadbd, mariadb-install-db) on this machine")
        # Short, because the path of a socket has to stay below 100 bytes; closed to everybody else.
        self.folder = Path(tempfile.mkdtemp(prefix="my-"))
        self.process: subprocess.Popen[bytes] | None = None
        self.databases = 0
        me = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        self.as_me = ["--no-defaults", f"--user={me}", f"--datadir={self.folder / 'data'}"]
        subprocess.run(
            ["mariadb-install-db", *self.as_me, "--skip-test-db", "--auth-root-authentication-method=normal"],
            check=True,
            capture_output=True,
        )
        self.start()
        self.run(
            f"create user {USER}@localhost identified by '{PASSWORD}'; grant select on *.* to {USER}@localhost"
        )

    def start(self) -> None:
        """Returns when it can be connected to."""
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    self.program,
                    *self.as_me,
                    f"--socket={self.socket}",
                    f"--pid-file={self.folder / 'pid'}",
                    *settings,
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the tests; the server is stopped by them
            )
        deadline = time.monotonic() + 30
        while self._client("select 1").returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.05)
        self.run("".join(f"set global {name} = {value};" for name, value in HOSTILE.items()))

    def kill(self) -> None:
        """As a crash does it: nothing is written, nobody is told."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, statements: str, database: str = "mysql") -> None:
        done = self._client(statements, database)
        assert done.returncode == 0, done.stderr

    def _client(self, statements: str, database: str = "mysql") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                self.client,
                "--no-defaults",
                f"--socket={self.socket}",
                "--user=root",
                "--default-character-set=utf8mb4",
                database,
            ],
            input=statements,
            capture_output=True,
            text=True,
        )

    @property
    def socket(self) -> Path:
        return self.folder / "socket"

    def url(self, database: str = "mysql") -> str:
        """For SQLAlchemy, and for an input's `url`: without the password."""
        return f"mariadb://{USER}@localhost/{database}?unix_socket={quote(str(self.socket), safe='')}&charset=utf8mb4"

    def database(self) -> str:
        """Makes a database and returns its name."""
        self.databases += 1
        name = f"test_{self.databases}"
        self.run(f"create database {name}")
        return name


def running() -> Iterator[Server]:
    """For a fixture of scope `session`: `yield from running()`. One server, and a database for each test."""
    server = Server()
    try:
        yield server
    finally:
        server.remove()
