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


def publish(
    folder: Path, products: Sequence[Path], meshwright: Callable[..., None], say: Callable[[str], None]
) -> None:
    """Publishes the products to a catalog of their own, assesses them with it, draws them, and keeps it all as pages."""
    database = f"sqlite:///{folder / 'catalog.db'}"
    with _served(database) as url:
        say("meshwright catalog publish, with a token for this very product")
        for product in products:
            domain = _domain(product)
            token = _token(database, "--product", f"{domain}/{product.name}")
            meshwright("catalog", "publish", product, env=_environment(url, token))
        say("meshwright assess: fitness functions look at the products, their data and the catalog")
        meshwright(
            *("assess", *products, "--catalog", url, "--publish"),
            *("--html", folder / "fitness.html", "--badges", folder / "badges"),
            env=_environment(url, _token(database, "--assess")),
        )
        say("meshwright map: who reads whom, and what is wrong about it")
        meshwright("map", url, "--output", folder / "map.html")
    meshwright("catalog", "site", folder / "catalog", "--database", database)


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
