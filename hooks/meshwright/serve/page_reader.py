"""Who reads a product's page: as what, and how they follow the product."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class FollowForm:
    """What the form for following a product shows."""

    proof: str
    """Lets the form be sent; empty: nobody has signed in."""
    email: str
    """Where mail would go; empty: the provider has verified no address."""
    sends_mail: bool
    hosts: Sequence[str]
    """Hosts of webhooks."""
    places: Sequence[str]
    """Where messages go already, as words."""
    sign_in: str
    """Where a browser signs in first."""


@dataclass(frozen=True)
class PageReader:
    """Who reads a page."""

    principals: Collection[str] = ()
    """As agreements name them; none: nobody has signed in."""
    follow: FollowForm | None = None
    """None: nobody follows products in this catalog."""


NOBODY = PageReader()
