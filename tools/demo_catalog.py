"""The part of `make demo` about the mesh in view: the catalog, the dashboard and the map."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

BIN = Path(sys.executable).parent
PATIENCE = 30.0
"""Seconds until the catalog has to answer."""


class Catalog:
    """The embedded catalog of the demo, while it is served."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder, self._url = folder, url
        self._tokens: dict[str, str] = {}

    def token(self, product: Path) -> str:
        """A token for this very product."""
        identity = f"{_domain(product)}/{product.name}"
        if identity not in self._tokens:
            self._tokens[identity] = _token(_database(self._folder), "--product", identity)
        return self._tokens[identity]

    def lineage(self, product: Path) -> dict[str, str]:
        """The variables with which a run sends its OpenLineage events here."""
        return {"OPENLINEAGE_URL": self._url, "OPENLINEAGE_API_KEY": self.token(product)}

    def publish(
        self, products: Sequence[Path], meshwright: Callable[..., None], say: Callable[[str], None]
    ) -> None:
        """Publishes the products, assesses them with the catalog, and draws them."""
        say("meshwright catalog publish, with a token for this very product")
        for product in products:
            meshwright("catalog", "publish", product, env=_environment(self._url, self.token(product)))
        say("meshwright assess: fitness functions look at the products, their data and the catalog")
        meshwright(
            *("assess", *products, "--catalog", self._url, "--publish"),
            *("--html", self._folder / "fitness.html", "--badges", self._folder / "badges"),
            env=_environment(self._url, _token(_database(self._folder), "--assess")),
        )
        say("meshwright map: who reads whom, and what is wrong about it")
        meshwright("map", self._url, "--output", self._folder / "map.html")


@contextmanager
def catalog(folder: Path, meshwright: Callable[..., None]) -> Iterator[Catalog]:
    """Serves the catalog, and keeps it as pages at the end."""
    with _served(_database(folder)) as url:
        yield Catalog(folder, url)
    meshwright("catalog", "site", folder / "catalog", "--database", _database(folder))


def _database(folder: Path) -> str:
    return f"sqlite:///{folder / 'catalog.db'}"


@contextmanager
def _served(database: str) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [str(BIN / "meshwright"), "catalog", "serve", "--database", database, "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _wait(url, server)
            yield url
        finally:
            server.terminate()


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/api/health", timeout=2):  # noqa: S310 - to this machine
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    sys.exit("The catalog does not answer.")


def _token(database: str, *scope: str) -> str:
    command = [str(BIN / "meshwright"), "catalog", "token", "create", *scope, "--database", database]
    printed: str = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return printed.strip().splitlines()[-1]


def _environment(url: str, token: str) -> dict[str, str]:
    return {**os.environ, "MESHWRIGHT_CATALOG": url, "MESHWRIGHT_CATALOG_TOKEN": token}


def _domain(product: Path) -> str:
    from meshwright.mesh.sources import of_repository

    return of_repository(product).domain
