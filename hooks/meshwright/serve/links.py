"""Relative links between pages, so that a catalog can be served at any path, and exported to any folder."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import quote, urlencode

from meshwright.serve.search import Query


class Links(Protocol):
    """Links from one page to the others."""

    live: bool
    """True if the search works."""

    def home(self, query: Query | None = None) -> str: ...

    def access(self, query: Query | None = None) -> str: ...

    def product(self, id: str) -> str: ...

    def version(self, id: str, hash: str) -> str: ...

    def domain(self, name: str) -> str: ...

    def fitness(self) -> str: ...

    def map(self) -> str: ...

    def record(self, id: str) -> str: ...

    def contract(self, id: str) -> str: ...

    def feed(self, id: str = "") -> str:
        """Return the address of the changes of a product, or of all; empty if there is none."""
        ...

    def dcat(self, ending: str, id: str = "") -> str:
        """Return the address of a product, or of all, as DCAT; `ending`: of the file, for its form."""
        ...

    def odps(self, id: str = "") -> str:
        """Return the address of a product, or of all, as documents of the Open Data Product Standard."""
        ...


class Served:
    """Addresses of the served catalog."""

    live = True

    def __init__(self, path: str) -> None:
        """`path`: of the page with the links."""
        self._root = "../" * (path.count("/") - 1) or "./"

    def home(self, query: Query | None = None) -> str:
        return self._root + _query_string(query)

    def access(self, query: Query | None = None) -> str:
        return f"{self._root}access{_query_string(query)}"

    def product(self, id: str) -> str:
        return f"{self._root}products/{quote(id)}"

    def version(self, id: str, hash: str) -> str:
        return f"{self.product(id)}/versions/{quote(hash)}"

    def domain(self, name: str) -> str:
        return f"{self._root}domains/{quote(name, safe='')}"

    def fitness(self) -> str:
        return f"{self._root}fitness"

    def map(self) -> str:
        return f"{self._root}map"

    def account(self) -> str:
        return f"{self._root}account"

    def api(self) -> str:
        return f"{self._root}api"

    def openapi(self) -> str:
        return f"{self._root}openapi.json"

    def record(self, id: str) -> str:
        return f"{self._root}api/products/{quote(id)}"

    def contract(self, id: str) -> str:
        return f"{self.record(id)}/contract.yaml"

    def feed(self, id: str = "") -> str:
        return f"{self._root}products/{quote(id)}/changes.atom" if id else f"{self._root}changes.atom"

    def dcat(self, ending: str, id: str = "") -> str:
        return f"{self._root}products/{quote(id)}/dcat.{ending}" if id else f"{self._root}dcat.{ending}"

    def odps(self, id: str = "") -> str:
        return f"{self._root}products/{quote(id)}/odps.yaml" if id else f"{self._root}odps.json"


class Absolute(Served):
    """Whole addresses of the served catalog, for what leaves it."""

    def __init__(self, url: str) -> None:
        """`url`: the catalog's own address."""
        super().__init__("/")
        self._root = f"{url.rstrip('/')}/"


class Exported:
    """Files in a folder."""

    live = False

    def __init__(self, depth: int) -> None:
        """`depth`: number of folders above the page with the links."""
        self._root = "../" * depth

    def home(self, query: Query | None = None) -> str:
        return f"{self._root}index.html"

    def access(self, query: Query | None = None) -> str:
        return f"{self._root}access.html"

    def product(self, id: str) -> str:
        return f"{self._root}products/{quote(id)}/index.html"

    def version(self, id: str, hash: str) -> str:
        return f"{self._root}products/{quote(id)}/{quote(hash)}.html"

    def domain(self, name: str) -> str:
        return f"{self._root}domains/{quote(name, safe='')}.html"

    def fitness(self) -> str:
        return f"{self._root}fitness.html"

    def map(self) -> str:
        return f"{self._root}map.html"

    def record(self, id: str) -> str:
        return f"{self._root}products/{quote(id)}/record.json"

    def contract(self, id: str) -> str:
        return f"{self._root}products/{quote(id)}/contract.yaml"

    def feed(self, id: str = "") -> str:
        return ""

    def dcat(self, ending: str, id: str = "") -> str:
        return f"{self._root}products/{quote(id)}/dcat.{ending}" if id else f"{self._root}dcat.{ending}"

    def odps(self, id: str = "") -> str:
        return f"{self._root}products/{quote(id)}/odps.yaml" if id else f"{self._root}odps.json"


def _query_string(query: Query | None) -> str:
    if query is None:
        return ""
    parameters = [("q", query.q)] if query.q else []
    parameters += query.chosen
    parameters += [("sort", query.sort)] if query.sort else []
    parameters += [("offset", str(query.offset))] if query.offset else []
    return f"?{urlencode(parameters, errors='replace')}" if parameters else "?"
