"""Addresses of servers: which are valid, which may be sent a secret, and which are public."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from urllib.parse import SplitResult, quote, urlsplit

from meshwright.core.git import without_credentials
from meshwright.core.hosts import is_local
from meshwright.core.http.answers import MAX_TEXT, NoAnswer
from meshwright.core.text import printable
from meshwright.core.yaml import Unreadable


def address(url: str) -> str:
    """Return an http(s) address without a final slash. Raises Unreadable, without the address's credentials."""
    divided, shown = _divided(url)
    if divided.query or divided.fragment:
        raise Unreadable(f"{shown} is more than the address of a server.", FIX)
    return url.strip().rstrip("/")


def split(url: str) -> tuple[str, str]:
    """Return the server's address, and the path and query below it, of an http(s) URL. Raises Unreadable."""
    divided, _ = _divided(url)
    query = f"?{divided.query}" if divided.query else ""
    return f"{divided.scheme}://{divided.netloc}", f"{divided.path}{query}"


FIX = "Give its http(s) address, such as https://catalog.example.org."


def _divided(url: str) -> tuple[SplitResult, str]:
    """Return the parts of an http(s) URL without credentials, and a text that shows it. Raises Unreadable."""
    url = url.strip()
    try:
        divided = urlsplit(url)
        host, _ = divided.hostname, divided.port
    except ValueError as error:
        raise Unreadable("The address is not one of a server.", FIX) from error
    shown = printable(without_credentials(url))[:MAX_TEXT]
    if divided.scheme not in ("http", "https") or not host:
        raise Unreadable(f"{shown} is not the address of a server.", FIX)
    if "@" in divided.netloc:
        fix = "Set the token in the environment."
        raise Unreadable(f"{shown}: an address with credentials ends up in logs.", fix)
    if not url.isascii() or not url.isprintable() or " " in url:
        raise Unreadable(f"{shown} is more than the address of a server.", FIX)
    return divided, shown


def path(*parts: str) -> str:
    """Return a path below a server's address, each part quoted. Raises Unreadable for a part that leads elsewhere."""
    for part in parts:
        if part in ("", ".", ".."):
            raise Unreadable(f"{part!r} cannot be part of an address.", "Give a name.")
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def is_private(url: str) -> bool:
    """Return True if nobody can read along on the way to the server."""
    return url.startswith("https://") or is_local(urlsplit(url).hostname or "")


def public_address(host: str, port: int, is_exempt: Callable[[str, int], bool]) -> str:
    """Return the IP address of a host to connect to. Raises NoAnswer.

    Every address of the host has to be public unless the host is exempt. Connecting to the returned address, and not
    to the host by its name, makes a second look-up with another result harmless (DNS rebinding).
    """
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_NONAME:
            raise NoAnswer(f"No host is called {host}.", "Fix the address.", "unknown host") from None
        problem = f"The name {host} cannot be looked up from here."
        raise NoAnswer(problem, "Run it again later.", "unreachable") from None
    except (OSError, UnicodeError, ValueError):
        raise NoAnswer("The address names no host.", "Fix the address.", "unreachable") from None
    addresses = [str(entry[4][0]) for entry in entries]
    if not is_exempt(host, port) and not all(map(_is_public, addresses)):
        problem = f"{host} is an address of this machine or of a private network."
        raise NoAnswer(problem, "Give a public address.", "not public")
    return addresses[0]


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None) or ip
    return ip.is_global and not ip.is_multicast
