"""A server on 127.0.0.1 that takes metrics, and answers as a test asks; and the real ones of Debian."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import URLError
from urllib.request import urlopen


@dataclass
class Receiver:
    """What was received, and what is answered: each code once, the last one from then on."""

    url: str = ""
    codes: list[int] = field(default_factory=lambda: [200])
    answer: bytes = b""
    pause: float = 0
    """Seconds between two bytes of the answer."""
    received: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    """Method, path, headers and body of each request."""


@contextlib.contextmanager
def receiver() -> Iterator[Receiver]:
    known = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            known.received.append((self.command, self.path, headers, body))
            code = known.codes.pop(0) if len(known.codes) > 1 else known.codes[0]
            self.send_response(code)
            if 300 <= code < 400:
                self.send_header("Location", f"{known.url}/elsewhere")
            self.send_header("Content-Length", str(len(known.answer)))
            self.end_headers()
            with contextlib.suppress(OSError):
                for at in range(len(known.answer)):
                    time.sleep(known.pause)
                    self.wfile.write(known.answer[at : at + 1])

        do_PUT = do_GET = do_POST

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    known.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield known
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def program(*command: str) -> Iterator[str]:
    """The address of a program of Prometheus that serves on the port of `--web.listen-address`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    process = subprocess.Popen(
        [*command, f"--web.listen-address={address}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(200):
            with contextlib.suppress(URLError, OSError):
                scraped(f"http://{address}")
                break
            time.sleep(0.05)
        yield f"http://{address}"
    finally:
        process.kill()
        process.wait()


def scraped(url: str) -> str:
    """What the server's /metrics says of data products."""
    with urlopen(f"{url}/metrics", timeout=10) as answer:  # noqa: S310
        text = answer.read().decode()
    return "".join(f"{line}\n" for line in text.splitlines() if "data_product" in line)
