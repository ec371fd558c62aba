"""What every route works with: how the catalog is served, what it keeps, and its pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from anyio import CapacityLimiter
from fastapi import Request

from meshwright.serve.catalog_store import CatalogStore
from meshwright.serve.pages import Pages
from meshwright.serve.search import Search
from meshwright.serve.sharing.file_links import FileLinks

if TYPE_CHECKING:
    from meshwright.serve.following.places import Places
    from meshwright.serve.login.provider import Provider
    from meshwright.serve.pull_requests import PullRequests
    from meshwright.serve.search_index import Synonyms
    from meshwright.serve.sharing.shared_ports import SharedPort

T = TypeVar("T")
AT_ONCE = 2
"""Searches that are worked on at once: more threads only keep each other, and all other answers, waiting."""


@dataclass(frozen=True)
class Settings:
    """How a catalog is served."""

    private: bool = False
    """Whether reading needs a token, too."""
    url: str = ""
    """Its address as others see it; that of each request, if empty."""
    template: str | None = None
    """The one that /api/mesh.yaml names."""
    log: bool = True
    provider: Provider | None = None
    """Who lets people sign in; None: only tokens count."""
    readers: Path | None = None
    """The report of who can read what; None: there is no such page."""
    pull_requests: PullRequests | None = None
    """Where the catalog opens pull requests for people who have signed in; None: nowhere."""
    synonyms: Synonyms | None = None
    """Words that mean the same, for the search; None: those of the language."""
    places: Places | None = None
    """Where messages to those who follow products go; None: nobody follows any."""
    shares: Mapping[str, SharedPort] | None = None
    """Address -> port of what is shared by Delta Sharing; None: nothing is."""


@dataclass(frozen=True)
class Context:
    """One catalog that is served."""

    settings: Settings
    store: CatalogStore
    search: Search
    pages: Pages
    links: FileLinks = field(default_factory=FileLinks)
    searches: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(AT_ONCE))

    def write(self, change: Callable[[], T]) -> T:
        """Return what a change of the store returns; the search looks at the store again."""
        try:
            return change()
        finally:
            self.search.wrote()

    def page_address(self, request: Request, id: str) -> str:
        """Return the address of a product's page, as others see it."""
        return f"{(self.settings.url or str(request.base_url)).rstrip('/')}/products/{id}"


def of(request: Request) -> Context:
    """Return the catalog that a request was sent to."""
    context: Context = request.app.state.context
    return context
