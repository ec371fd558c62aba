"""Connections of urllib3 that end at a deadline, and lead only to addresses that were checked."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from meshwright.core.hosts import is_local
from meshwright.core.yaml import Unreadable

Resolve = Callable[[str, int], str]
"""Host and port -> the IP address to connect to. Raises NoAnswer for one that must not be asked."""


class Attempt:
    """One attempt at a request, as a context: what its connections are limited by.

    A server may send one byte a second, in the TLS handshake, the headers or the body, and no timeout of a socket ends
    that. So the socket is shut when the time is over.
    """

    def __init__(self, seconds: float, resolve: Resolve | None) -> None:
        self.resolve = resolve
        self._end = time.monotonic() + seconds
        self._timer = threading.Timer(seconds, self._shut)
        self._timer.daemon = True
        self._socket: socket.socket | None = None

    def __enter__(self) -> Attempt:
        self._outer = _CURRENT.set(self)
        self._timer.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        self._timer.cancel()
        _CURRENT.reset(self._outer)
        if self._socket:
            self._socket.close()
        # The connection was shut: what came may be a part of the answer, and an error says something else.
        if self.is_over and (error is None or isinstance(error, urllib3.exceptions.HTTPError | OSError)):
            raise urllib3.exceptions.TimeoutError("the answer took longer than the time limit") from error

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._end

    def uses(self, connection: socket.socket) -> None:
        """Shut this connection, too, when the time is over."""
        if self._socket:
            self._socket.close()
        # A duplicate: TLS takes the socket's descriptor over, and http.client closes its socket before the body is read.
        self._socket = socket.socket(fileno=socket.dup(connection.fileno()))
        if self.is_over:
            self._shut()

    def _shut(self) -> None:
        if self._socket:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


_CURRENT: ContextVar[Attempt] = ContextVar("attempt")


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        attempt, name = _CURRENT.get(), self.host
        if attempt.resolve:
            self.host = attempt.resolve(name, self.port)
        try:
            made = super()._new_conn()
        finally:
            self.host = name  # for the Host header and the certificate
        attempt.uses(made)
        return made

    def getresponse(self) -> urllib3.response.HTTPResponse:  # type: ignore[override] # as urllib3 itself has it
        if self.sock:  # a connection that was kept open
            _CURRENT.get().uses(self.sock)
        return super().getresponse()


class _TlsConnection(_Connection, HTTPSConnection):
    pass


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


def pool(url: str, proxy: bool) -> urllib3.PoolManager:
    """Return the connections to a server; by the environment's proxy if `proxy`. Raises Unreadable.

    The environment: HTTPS_PROXY and NO_PROXY, SSL_CERT_FILE.
    """
    made = (_proxy(url) if proxy else None) or urllib3.PoolManager(maxsize=8)
    made.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
    return made


def _proxy(url: str) -> urllib3.ProxyManager | None:
    divided = urlsplit(url)
    proxy = getproxies().get(divided.scheme)
    if not proxy or is_local(divided.hostname or "") or proxy_bypass(divided.netloc):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    try:
        place = urlsplit(proxy)
        login = f"{unquote(place.username)}:{unquote(place.password or '')}" if place.username else None
        return urllib3.ProxyManager(
            proxy, maxsize=8, proxy_headers=urllib3.make_headers(proxy_basic_auth=login)
        )
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        name = f"{divided.scheme.upper()}_PROXY"
        raise Unreadable(f"{name} is not the address of a proxy.", f"Fix {name}.") from error
