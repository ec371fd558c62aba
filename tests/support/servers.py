"""What a server of a test needs: a port, a certificate, a moment to start."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path


def ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    found = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return found


def certificate(folder: Path, name: str) -> Path:
    """A certificate of nobody's authority but its own, and its key beside it."""
    subject = ["-subj", "/CN=test", "-addext", f"subjectAltName={name}"]
    target = folder / "server.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         *subject, "-keyout", str(folder / "server.key"), "-out", str(target)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return target


def wait_for(port: int) -> None:
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < end, "the server does not start"
            time.sleep(0.02)
