"""Where messages may be sent: the mail server and the hosts of webhooks, from the environment of whoever runs the catalog."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from meshwright.core.http.addresses import split
from meshwright.core.yaml import Unreadable

SMTP, SENDER, HOSTS = "MESHWRIGHT_SMTP", "MESHWRIGHT_SMTP_FROM", "MESHWRIGHT_WEBHOOK_HOSTS"
ADDRESS = re.compile(r"(?!.*=\?)[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(\.[\w-]+)*")
"""Addresses that a header reads as they are: no groups, comments, literals, quotes and encoded words."""
LONGEST = 1_000


@dataclass(frozen=True)
class Places:
    """Where messages may go."""

    smtp: str = ""
    """`host:port` of the mail server; empty: no mail is sent."""
    sender: str = ""
    hosts: frozenset[str] = frozenset()
    """Hosts of webhooks, each with its port unless that is 443."""

    def webhook(self, url: str) -> str:
        """Return the address of a webhook. Raises Unreadable unless it is https, on one of the hosts."""
        if len(url) > LONGEST:
            raise Unreadable("The address is too long.", f"Give one of at most {LONGEST} characters.")
        split(url)  # raises for what is no address, and for one with credentials
        place = urlsplit(url.strip())
        host = (place.hostname or "").lower()
        named = host if place.port in (None, 443) else f"{host}:{place.port}"
        if place.scheme != "https" or place.fragment:
            raise Unreadable(
                "Webhooks are sent to https addresses only.", "Give one that begins with https://."
            )
        if named not in self.hosts:
            allowed = ", ".join(sorted(self.hosts)) or "none"
            raise Unreadable(
                f"The catalog sends nothing to {named[:200]}.", f"Hosts that it sends to: {allowed}."
            )
        return url.strip()


def places_of(environment: Mapping[str, str] = os.environ) -> Places:
    """Return where messages may go. Raises Unreadable where a part of it is missing."""
    smtp, sender = environment.get(SMTP, "").strip(), environment.get(SENDER, "").strip()
    if bool(smtp) != bool(sender) or (sender and not ADDRESS.fullmatch(sender)):
        raise Unreadable(
            f"Mail needs both {SMTP} and {SENDER}.", f"Set {SMTP}=host:587 and {SENDER}=mesh@example.org."
        )
    hosts = environment.get(HOSTS, "").lower().split()
    return Places(smtp, sender, frozenset(one.removesuffix(":443") for one in hosts))
