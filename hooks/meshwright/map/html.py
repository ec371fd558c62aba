"""A map as one HTML page: the picture, which needs no script, the issues as text, and every product's facts below."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from meshwright.core import pages
from meshwright.map import svg
from meshwright.map.model import Links, model
from meshwright.mesh.run_events import ObservedRead
from meshwright.product.record import Record

FOLDER = Path(__file__).parent

LISTED = 1000
"""Up to this many products are listed with all facts; in a larger map each has one line, and its facts in the panel."""


def page(
    records: Iterable[Record],
    *,
    focus: str | None = None,
    domains: Sequence[str] = (),
    links: Links | None = None,
    home: str = "",
    observed: Iterable[ObservedRead] = (),
) -> str:
    """Return the page of a mesh, or of a part of it, as for `model`. `links` returns the address of a product's own page,
    `home` is that of the catalog. Raises Unreadable if the mesh does not have the focus or domain."""
    return drawn(model(records, focus, domains, links, observed=observed), home)


def drawn(map: Mapping[str, Any], home: str = "") -> str:
    """Return the page for a map's model."""
    from markupsafe import Markup

    members: dict[str, list[Mapping[str, Any]]] = {}
    for product in map["products"]:
        members.setdefault(product["domain"], []).append(product)
    readers: dict[str, list[Mapping[str, Any]]] = {}
    undeclared: dict[str, list[Mapping[str, Any]]] = {}
    for edge in map["edges"]:
        readers.setdefault(edge["source"], []).append(edge)
        if edge.get("observed") and not edge["input"]:
            undeclared.setdefault(edge["consumer"], []).append(edge)
    return pages.rendered(
        pages.environment(FOLDER).get_template("map.html.jinja"),
        _text("picture.css") + _text("map.css"),
        _text("map.js"),
        map=map,
        home=home,
        members=members,
        readers=readers,
        undeclared=undeclared,
        edges={(edge["consumer"], edge["input"]): edge for edge in map["edges"]},
        issues={issue["number"]: issue for issue in map["issues"]},
        errors=sum(issue["level"] == "error" for issue in map["issues"]),
        picture=Markup(svg.drawn(map)),  # noqa: S704 - svg.drawn escapes every text
        whole=svg.is_whole(map),
        detailed=len(map["products"]) <= LISTED,
        patterns=svg.PATTERNS,
    )


def _text(name: str) -> str:
    return (FOLDER / name).read_text("utf-8")
