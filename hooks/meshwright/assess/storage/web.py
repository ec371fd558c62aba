"""Files behind http(s), asked for as somebody without credentials: none are ever sent."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from meshwright.assess.storage import Absent, Allowed, Refusal, Unseen

REDIRECTS = 3
HEAD = 64
"""Bytes that are enough to see whether there is data."""
CHUNK = 256 * 1024
ASKS, GONE, MOVED = {401, 403, 407}, {404, 410}, {301, 302, 303, 307, 308}


class Web:
    """A folder of a web server; names are relative to it."""

    def __init__(self, base: str, allowed: Allowed, scratch: Path) -> None:
        self.base, self.allowed, self.scratch = base, allowed, scratch

    def fetched(self, name: str) -> Path:
        """A copy of the file. Raises Absent, Unseen."""
        with _answer(self._url(name), self.allowed, {}) as (answer, deadline):
            _refuse_status(answer.status, self._url(name))
            length = answer.headers.get("Content-Length", "")
            if length.isdigit() and int(length) > self.allowed.bytes:
                raise _too_large(self._url(name), self.allowed)
            target = self.scratch / hashlib.sha256(self._url(name).encode()).hexdigest()
            size = 0
            with target.open("wb") as sink:
                while chunk := answer.read1(CHUNK):
                    size += len(chunk)
                    if size > self.allowed.bytes or time.monotonic() > deadline:
                        raise _too_large(self._url(name), self.allowed)
                    sink.write(chunk)
            if time.monotonic() > deadline:  # the connection was ended, and what came may be a part
                raise _too_large(self._url(name), self.allowed)
            if length.isdigit() and size != int(length):
                raise Unseen(f"{self._url(name)} broke off while it was read.")
            return target

    def listed(self, folder: str) -> Sequence[str]:
        raise Unseen(f"{self._url(folder)} is a folder, and HTTP does not say what lies in one.")

    def refusal(self, name: str) -> Refusal:
        """Whether it is given to somebody without credentials. Raises Absent, Unseen."""
        url = self._url(name)
        with _answer(url, self.allowed, {"Range": f"bytes=0-{HEAD - 1}"}) as (answer, _):
            status, kind = answer.status, answer.headers.get("Content-Type", "")
            if status in ASKS:
                return Refusal(False, f"{url} answers {status} to a request without credentials.")
            _refuse_status(status, url)
            if kind.lower().startswith("text/html"):
                return Refusal(
                    False, f"{url} answers a request without credentials with a page, not with data."
                )
            given = len(answer.read(HEAD))
        if not given:
            raise Unseen(f"{url} answers with nothing at all.")
        return Refusal(
            True,
            f"{url} gives the data to a request without credentials (status {status}).",
            "Let the server ask for credentials, or declare the product open.",
        )

    def _url(self, name: str) -> str:
        return f"{self.base}/{name}" if name else self.base


def _refuse_status(status: int, url: str) -> None:
    """Raises what stands for a status that comes without the file."""
    if status in (200, 206):
        return
    if status in GONE:
        raise Absent(f"{url} answers {status}: there is nothing.", "Publish there, or fix the port's path.")
    if status in ASKS:
        raise Unseen(f"{url} answers {status}: it asks for credentials, and none are sent over HTTP.")
    raise Unseen(f"{url} answers {status}.")


def _too_large(url: str, allowed: Allowed) -> Unseen:
    return Unseen(
        f"{url} is larger than {allowed.bytes // 1_000_000} MB, or came more slowly than {allowed.seconds:g} s allow."
    )


@contextlib.contextmanager
def _answer(
    url: str, allowed: Allowed, headers: dict[str, str]
) -> Iterator[tuple[http.client.HTTPResponse, float]]:
    """The answer to a GET, after redirects, and until when it may be read. Raises Absent, Unseen."""
    deadline = time.monotonic() + allowed.seconds
    for _ in range(REDIRECTS + 1):
        with _connected(url, allowed) as (connection, target, host):
            try:
                connection.putrequest("GET", target, skip_host=True, skip_accept_encoding=True)
                for name, value in {"Host": host, "User-Agent": "meshwright assess", "Accept-Encoding": "identity", "Connection": "close", **headers}.items():  # fmt: skip
                    connection.putheader(name, value)
                connection.endheaders()
                answer = connection.getresponse()
                if answer.status not in MOVED:
                    yield answer, deadline
                    return
                url = urljoin(url, answer.headers.get("Location", ""))
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise Unseen(f"{url} does not answer as a web server does ({type(error).__name__}).") from None  # fmt: skip
    raise Unseen(f"{url}: it redirects more than {REDIRECTS} times.")


@contextlib.contextmanager
def _connected(url: str, allowed: Allowed) -> Iterator[tuple[http.client.HTTPConnection, str, str]]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        host.encode("idna"), target.encode("ascii")
    except (ValueError, UnicodeError):
        raise Unseen("The address is no URL.", "Fix the port's path.") from None
    if parts.scheme not in ("http", "https") or not host:
        raise Unseen("It leads to an address that is not one of the web.", "Fix the port's path.")
    if parts.username is not None or parts.password is not None:
        raise Unseen("The address holds credentials, and is not asked.", "Take them out of the port's path.")
    address = reachable(host, port, allowed)
    try:
        plain = socket.create_connection((address, port), timeout=allowed.seconds)
    except ConnectionRefusedError:
        raise Absent(f"Nothing listens at {host}:{port}.", "Fix the port's path, or start its server.") from None  # fmt: skip
    except OSError:
        raise Unseen(f"{host}:{port} does not answer from here.") from None
    watch = threading.Timer(allowed.seconds, _shut, [plain])  # a server may answer one sign a second
    watch.daemon = True
    watch.start()
    connection = http.client.HTTPConnection(host, port, timeout=allowed.seconds)
    try:
        try:
            secure = parts.scheme == "https"
            connection.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=host) if secure else plain  # fmt: skip
        except OSError as error:
            raise Unseen(f"{host}:{port} cannot be spoken to securely ({type(error).__name__}).") from None
        shown = f"[{host}]" if ":" in host else host
        yield connection, target, shown if parts.port is None else f"{shown}:{port}"
    finally:
        watch.cancel()
        connection.close()
        plain.close()


def _shut(plain: socket.socket) -> None:
    with contextlib.suppress(OSError):
        plain.shutdown(socket.SHUT_RDWR)


def reachable(host: str, port: int, allowed: Allowed) -> str:
    """An address of the host that may be asked. Raises Absent, Unseen."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_NONAME:
            raise Absent(f"No host is called {host}.", "Fix the port's address.") from None
        raise Unseen(f"The name {host} cannot be looked up from here.") from None
    except (OSError, UnicodeError, ValueError):
        raise Unseen("The address names no host.", "Fix the port's address.") from None
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        if not _is_public(address) and not allowed.host(host, port):
            raise Unseen(
                f"{host} is an address of this machine or of a private network, and is not asked.",
                "Governance names it in `hosts` of fitness.yaml, if it is to be.",
            )
    return addresses[0]


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None) or ip
    return ip.is_global and not ip.is_multicast
