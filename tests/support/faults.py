"""A network that fails as it is told to, in front of a real server or of none."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Say:
    """Answers so, without asking the server behind."""

    status: int
    value: Any = None
    headers: dict[str, str] = field(default_factory=dict)


RESET, LOST, HALF, SILENCE, DRIP = "reset", "lost", "half", "silence", "drip"
"""Breaks the connection before it reads; does what is asked, and breaks it; sends half of the answer; says nothing;
sends an answer that does not end."""


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float


class Network:
    """`faults` are used up, one a request; after them, everything gets through."""

    def __init__(self, behind: str = "") -> None:
        self.behind, self.faults, self.asked = behind, [], []  # type: ignore[var-annotated]
        self.open = threading.Event()
        network = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def _serve(self) -> None:
                network.serve(self)

            do_GET = do_PUT = do_POST = do_DELETE = _serve

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        self.asked.append(Asked(handler.command, handler.path, dict(handler.headers), body, time.monotonic()))
        fault = self.faults.pop(0) if self.faults else None
        handler.close_connection = True
        if fault == RESET:
            _reset(handler.connection)
        elif fault == SILENCE:
            self.open.wait(20)
        elif fault == DRIP:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            with contextlib.suppress(OSError):
                while not self.open.wait(0.02):
                    handler.wfile.write(b" ")
        elif isinstance(fault, Say):
            said = fault.value if isinstance(fault.value, bytes) else json.dumps(fault.value).encode()
            _answer(handler, fault.status, fault.headers, said)
        else:
            status, headers, said = self._behind(handler, body)
            if fault == LOST:
                _reset(handler.connection)
            else:
                _answer(handler, status, headers, said, cut=fault == HALF)

    def _behind(self, handler: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
        if not self.behind:
            return 200, {"Content-Type": "application/json"}, b'{"outcome": "right"}'
        connection = http.client.HTTPConnection(urlsplit(self.behind).netloc, timeout=30)
        kept = {
            name: said for name, said in handler.headers.items() if name.lower() not in ("connection", "host")
        }
        connection.request(handler.command, handler.path, body or None, kept)
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        headers = {
            name: value for name, value in answer.getheaders() if name.lower() in ("content-type", "etag")
        }
        return answer.status, headers, said

    @property
    def calls(self) -> list[str]:
        return [asked.method for asked in self.asked]


def _answer(
    handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], said: bytes, cut: bool = False
) -> None:
    with contextlib.suppress(OSError):  # whoever asked may have gone
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Connection", "close")
        if status != 304:
            handler.send_header("Content-Length", str(len(said) + 10 if cut else len(said)))
        handler.end_headers()
        handler.wfile.write(said)


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.shutdown(socket.SHUT_RD)
    connection.close()


@contextlib.contextmanager
def network(behind: str = "", certificate: Path | None = None) -> Iterator[Network]:
    """A network in front of the server at `behind`; it speaks TLS if it has a certificate (a file with its key)."""
    made = Network(behind)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        made.server.socket = context.wrap_socket(made.server.socket, server_side=True)
        made.url = made.url.replace("http://127.0.0.1", "https://localhost")
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.open.set()
        made.server.shutdown()
        made.server.server_close()
