"""What has changed, as an Atom feed that any reader of feeds can follow. https://www.rfc-editor.org/rfc/rfc4287"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree import ElementTree

from meshwright.core.text import without_forbidden

ATOM = "http://www.w3.org/2005/Atom"


@dataclass(frozen=True)
class FeedEntry:
    """One change."""

    id: str
    """The same for ever."""
    title: str
    at: str
    """RFC 3339."""
    link: str
    lines: tuple[str, ...] = ()
    author: str = ""


def atom(title: str, link: str, entries: Iterable[FeedEntry], at: str) -> bytes:
    """Return a feed. `link`: the page that it is about; `at`: when it changed, if it has no entries. Texts may be untrusted."""
    ElementTree.register_namespace("", ATOM)
    entries = list(entries)
    feed = ElementTree.Element(f"{{{ATOM}}}feed")
    _add(feed, "title", title)
    _add(feed, "id", link)
    _add(feed, "updated", max((entry.at for entry in entries), default=at))
    _add(feed, "link", href=link)
    for entry in entries:
        made = ElementTree.SubElement(feed, f"{{{ATOM}}}entry")
        _add(made, "title", entry.title)
        _add(made, "id", entry.id)
        _add(made, "updated", entry.at)
        _add(made, "link", href=entry.link)
        _add(ElementTree.SubElement(made, f"{{{ATOM}}}author"), "name", entry.author or "unknown")
        _add(made, "content", "\n".join(entry.lines), type="text")
    document: bytes = ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True)
    return document


def _add(parent: ElementTree.Element, name: str, text: str = "", **attributes: str) -> None:
    clean = {key: without_forbidden(value) for key, value in attributes.items()}
    child = ElementTree.SubElement(parent, f"{{{ATOM}}}{name}", clean)
    child.text = without_forbidden(text) or None
