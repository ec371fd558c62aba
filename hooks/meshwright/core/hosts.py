"""What the name of a host says by itself."""

from __future__ import annotations

from ipaddress import ip_address


def is_local(host: str) -> bool:
    """Return True if a host is this machine, whatever a resolver answers."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
