"""A map as SVG: for a page, where a script can move the picture, or as a separate file."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from meshwright.map import overview
from meshwright.map.layout import picture
from meshwright.map.layout.columns import Sides
from meshwright.map.layout.elements import (
    HEADER,
    MARGIN,
    PADDING,
    PILL,
    SMALL,
    TINY,
    TITLE,
    Line,
    Node,
    Picture,
)
from meshwright.map.text import clipped, width

STYLE = Path(__file__).parent / "picture.css"

WHOLE, LINES, SHARED = 60, 400, 24
"""Maximum products, and inputs from other products, that are drawn one by one; a larger map shows domains. More than SHARED
products do so as well if the width has too little room for a column of each step of the data."""

PATTERNS = {
    "native": "shared by the platform",
    "virtual": "read through a virtual port",
    "copy": "copied, the last resort",
}

MARKERS = "".join(
    f'<marker id="{name}" class="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0.5 8 4 0 7.5Z"/></marker>'
    for name in ("arrow", "arrow-bad")
)


def drawn(map: Mapping[str, Any]) -> str:
    """Return the picture as an element of a page; its products link to `#<id>` there."""
    x, y, w, h, parts = _parts(map, links=True)
    return (
        f'<svg class="mesh" viewBox="{x:.0f} {y:.0f} {w:.0f} {h:.0f}" role="group" '
        f'aria-label="The map. The list below has the same content.">'
        f'<defs>{MARKERS}</defs><g id="view">{"".join(parts)}</g></svg>'
    )


def document(map: Mapping[str, Any]) -> str:
    """Return the picture as a file, with its legend and the issues as text."""
    x, y, w, h, parts = _parts(map, links=False)
    notes = list(_notes(map, x + MARGIN, y + h, w - 2 * MARGIN))
    h += 20 * (len(notes) + 1)
    style = STYLE.read_text("utf-8")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="mesh" viewBox="{x:.0f} {y:.0f} {w:.0f} {h:.0f}" '
        f'width="{w:.0f}" height="{h:.0f}" role="img" aria-label="{_summary(map)}"><style>{style}</style>'
        f'<defs>{MARKERS}</defs><rect class="paper" x="{x:.0f}" y="{y:.0f}" width="{w:.0f}" height="{h:.0f}"/>'
        f"{''.join(parts)}{''.join(notes)}</svg>\n"
    )


def is_whole(map: Mapping[str, Any]) -> bool:
    """Return True if the picture shows products instead of domains."""
    products, sides = map["products"], Sides.of(map)
    ranks = len({product["rank"] for product in products})
    room = ranks <= sides.columns or len(products) <= SHARED
    return len(products) <= WHOLE and len(map["edges"]) <= LINES and room


def _parts(map: Mapping[str, Any], links: bool) -> tuple[float, float, float, float, Iterator[str]]:
    if is_whole(map):
        found = picture(map)
        return found.x, found.y, found.w, found.h, _picture(found, map, links)
    domains = overview.overview(map)
    return 0.0, 0.0, domains.w, domains.h, _overview(domains, links)


def _summary(map: Mapping[str, Any]) -> str:
    return (
        f"{len(map['products'])} data products in {len(map['domains'])} domains, {len(map['issues'])} issues"
    )


def _notes(map: Mapping[str, Any], x: float, y: float, w: float) -> Iterator[str]:
    for number, issue in enumerate(map["issues"][:40]):
        text = clipped(f"{issue['number']}  {issue['product']}: {issue['sentence']}", w, SMALL)
        yield f'<text class="small {escape(issue["level"])}" x="{x:.0f}" y="{y + 20 * number + 14:.0f}">{escape(text)}</text>'
    if len(map["issues"]) > 40:
        yield f'<text class="small" x="{x:.0f}" y="{y + 814:.0f}">and {len(map["issues"]) - 40} more</text>'


# -- product by product -------------------------------------------------------------------------------


def _picture(found: Picture, map: Mapping[str, Any], links: bool) -> Iterator[str]:
    levels = {issue["number"]: issue for issue in map["issues"]}
    on_lines = {number for line in found.lines for number in line.value.get("issues", ())}
    for x, y, text in found.headings:
        yield f'<text class="heading" x="{x:.0f}" y="{y:.0f}">{escape(text)}</text>'
    for box in found.boxes:
        name = clipped(box.name, box.w - 28, SMALL + 1, bold=True)
        yield (
            f'<g class="box" data-domain="{escape(box.name)}"><rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.w:.1f}" '
            f'height="{box.h:.1f}" rx="12"/><text class="domain" x="{box.x + PADDING:.1f}" y="{box.y + HEADER - 9:.1f}">'
            f"{escape(name)}{_title(box.name)}</text></g>"
        )
    yield from _layer(found, {one["uses"] for one in map["capabilities"] if one.get("missing")})
    planned = {f"p:{one['id']}" for one in map["products"] if one.get("state", "there") != "there"}
    for line in found.lines:
        yield from _line(line, levels, bool({line.source.key, line.target.key} & planned))
    for node in found.nodes:
        yield from _node(node, levels, on_lines, links)


def _layer(found: Picture, missing: Collection[str]) -> Iterator[str]:
    if not found.layer:
        return
    x, y = found.x + MARGIN, found.layer_y
    w, h = found.w - 2 * MARGIN, found.layer[-1].y + 40 - found.layer_y
    yield (
        f'<g class="layer"><rect class="base" x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="12"/>'
        f'<text class="domain" x="{x + 16:.1f}" y="{y + 22:.1f}">Platform capabilities</text>'
    )
    for pill in found.layer:
        yield (
            f'<g class="node capability{" missing" if pill.kind in missing else ""}" data-n="k:{escape(pill.kind)}" data-name="{escape(pill.kind)}">{_title(pill.whole)}'
            f'<rect x="{pill.x:.1f}" y="{pill.y:.1f}" width="{pill.w:.1f}" height="26" rx="6"/>'
            f'<text class="small" x="{pill.x + 12:.1f}" y="{pill.y + 17:.1f}">{escape(pill.text)}</text></g>'
        )
    yield "</g>"


def _line(line: Line, levels: Mapping[int, Mapping[str, Any]], planned: bool) -> Iterator[str]:
    known = [levels[number] for number in line.value.get("issues", ()) if number in levels]
    pattern = line.value.get("declared") or line.value.get("pattern", "")
    pattern = "planned" if planned and pattern else pattern
    bad = "error" if line.value.get("missing") or line.value.get("cycle") else worst(known)
    names = [line.kind, "planned" if planned else pattern, bad]
    yield (
        f'<g class="line {" ".join(filter(None, names))}" data-a="{escape(line.source.key)}" '
        f'data-b="{escape(line.target.key)}">'
    )
    if line.kind == "read":
        by = [
            f"{one['agreement']}, as {one['role']}, until {one['until']}" for one in line.value["agreements"]
        ]
        yield _title("\n".join([f"{line.target.whole} reads {line.source.whole} under", *by]))
    if line.kind == "share":
        yield _title(
            "\n".join(
                [
                    f"{line.source.whole} → {line.target.whole}: {PATTERNS.get(pattern, pattern)}. {advice(line.value)}",
                    *(f"{issue['number']}: {issue['sentence']}" for issue in known),
                ]
            )
        )
    if pattern == "copy":
        yield f'<path class="hull" d="{line.path}"/>'
    arrow = f' marker-end="url(#arrow{"-bad" if bad == "error" else ""})"' if line.kind == "share" else ""
    yield f'<path d="{line.path}"{arrow}/>'
    if line.kind == "share" and pattern:
        x, y = line.tag
        w = width(pattern, TINY) + 12
        yield (
            f'<rect class="tag" x="{x - w / 2:.1f}" y="{y - 8:.1f}" width="{w:.1f}" height="16" rx="8"/>'
            f'<text class="tag" x="{x:.1f}" y="{y + 3.5:.1f}">{escape(pattern)}</text>'
        )
        yield _badge(known, x - w / 2 - 12, y)
    yield "</g>"


def advice(edge: Mapping[str, Any]) -> str:
    """Return which sharing pattern fits, and why, by which agreement is read, and whether a publication triggers a run."""
    other = edge["declared"] not in ("", edge["pattern"])
    by = f"Read as {edge['role']} by the agreement {edge['agreement']}." if edge.get("agreement") else ""
    starts = {"all": "It triggers a run, once all other inputs have published.", "any": "It triggers a run."}
    texts = (
        f"Better {edge['pattern']}." if other else "",
        edge["reason"],
        edge["unknown"],
        by,
        starts.get(edge.get("triggers", ""), ""),
    )
    return " ".join(filter(None, texts))


def worst(known: Sequence[Mapping[str, Any]]) -> str:
    """Return the most serious level of some issues; empty if there is none."""
    return min((issue["level"] for issue in known), default="")


def _badge(known: Sequence[Mapping[str, Any]], x: float, y: float) -> str:
    """Return the number of the first issue, as in the list of issues."""
    if not known:
        return ""
    text = str(known[0]["number"])
    half = max(9.0, width(text, TINY, bold=True) / 2 + 4)
    return (
        f'<g class="badge {worst(known)}">{_title(chr(10).join(issue["sentence"] for issue in known))}'
        f'<rect x="{x - half:.1f}" y="{y - 9:.1f}" width="{2 * half:.1f}" height="18" rx="9"/>'
        f'<text x="{x:.1f}" y="{y + 3.8:.1f}">{text}</text></g>'
    )


def _node(
    node: Node, levels: Mapping[int, Mapping[str, Any]], on_lines: set[int], links: bool
) -> Iterator[str]:
    product = node.value if node.kind == "product" else {}
    known = [levels[number] for number in product.get("issues", ())]
    names = ["node", node.kind, KINDS.get(product.get("type", ""), ""), worst(known)]
    names += [product["state"]] if product.get("state", "there") != "there" else []
    names += ["unused"] if any(issue["kind"] == "unused" for issue in known) else []
    about = (
        f'class="{" ".join(filter(None, names))}" data-n="{escape(node.key)}" data-name="{escape(node.whole)}"'
        f' transform="translate({node.x:.1f} {node.y:.1f})"'
    )
    about += f' data-domain="{escape(node.domain)}"' if node.domain else ""
    linked = links and bool(product)
    yield f'<a href="#{quote(product["id"])}" {about}>' if linked else f"<g {about}>"
    yield _title(_whole(node, product))
    yield SHAPES.get(node.kind, _card)(node)
    if node.kind in ("product", "ghost"):
        yield from _card_text(node, product)
        own = [issue for issue in known if issue["number"] not in on_lines]
        yield _badge(own, node.w - 18, 21)
    elif node.kind == "case":
        for number, text in enumerate(node.lines):
            yield _text("name", 12, 20 + 17 * number, text)
        for number, text in enumerate(node.rest):
            yield _text("small quiet", 12, 19 + 17 * len(node.lines) + 15 * number, text)
    else:
        x = 22 if node.kind in ("user", "reader") else 11
        first = node.h / 2 + 4 - 7.5 * (len(node.lines) - 1)
        for number, text in enumerate(node.lines):
            yield _text("small", x, first + 15 * number, text)
    yield "</a>" if linked else "</g>"


KINDS = {"source-oriented": "source", "consumer-oriented": "consumer"}


def _whole(node: Node, product: Mapping[str, Any]) -> str:
    if product:
        facts = [
            state_of(product),
            product["type"],
            product["classification"],
            product["team"] or product["owner"],
        ]
        return f"{node.whole} ({product['id']})\n{', '.join(filter(None, facts))}\n{product['purpose'][:300]}"
    if node.kind == "case":
        return f"{node.whole}\n{', '.join(node.value['users'])}: {node.value['action']}"
    return f"{node.whole}: not in the mesh" if node.kind == "ghost" else node.whole


def state_of(product: Mapping[str, Any]) -> str:
    """Return how far a product is, for one that is not there yet."""
    state: str = product.get("state", "there")
    if state == "there":
        return ""
    return f"{state}, doubtful" if product.get("doubts") else state


def _card(node: Node) -> str:
    accent = f'<path class="accent" d="M10 .75H{node.w - 10:.1f}"/>' if node.kind == "product" else ""
    return f'<rect class="body" width="{node.w:.1f}" height="{node.h:.1f}" rx="8"/>{accent}'


def _user(node: Node) -> str:
    middle = node.h / 2
    return (
        f'<rect class="body" width="{node.w:.1f}" height="{node.h:.1f}" rx="{min(middle, 17):.1f}"/>'
        f'<circle class="person" cx="12.5" cy="{middle - 3:.1f}" r="2.8"/>'
        f'<path class="person" d="M7.5 {middle + 6:.1f}a5 4.6 0 0 1 10 0Z"/>'
    )


def _system(node: Node) -> str:
    w, h = node.w, node.h
    side = f"M0 6V{h - 6:.1f}a{w / 2:.1f} 6 0 0 0 {w:.1f} 0V6"
    lid = f"M0 6a{w / 2:.1f} 6 0 0 1 {w:.1f} 0a{w / 2:.1f} 6 0 0 1 -{w:.1f} 0Z"
    return f'<path class="body" d="{side}"/><path class="body" d="{lid}"/>'


SHAPES = {"user": _user, "reader": _user, "system": _system}


def _card_text(node: Node, product: Mapping[str, Any]) -> Iterator[str]:
    for number, text in enumerate(node.lines):
        yield _text("title", 12, 26 + 19 * number, text)
    y = 29 + 19 * len(node.lines)
    if not product:
        yield _text("small error", 12, y, node.rest[0])
    else:
        x = 12.0
        if level := product["classification"]:
            w = width(level, TINY) + 14
            yield (
                f'<g class="level {level}"><rect x="{x:.1f}" y="{y - 12:.1f}" width="{w:.1f}" height="16" rx="4"/>'
                f'<text x="{x + w / 2:.1f}" y="{y - 0.5:.1f}">{level}</text></g>'
            )
            x += w + 8
        yield _text(
            "small quiet",
            x,
            y,
            clipped(state_of(product) or product["team"] or product["owner"], node.w - x - 10, SMALL),
        )
    for pill in node.pills:
        yield (
            f'<g class="pill {pill.kind}">{_title(pill.whole)}<rect x="{pill.x:.1f}" y="{pill.y:.1f}" width="{pill.w:.1f}" '
            f'height="{PILL:.0f}" rx="{PILL / 2:.0f}"/><text x="{pill.x + pill.w / 2:.1f}" y="{pill.y + 13.6:.1f}">'
            f"{escape(pill.text)}</text></g>"
        )


def _text(names: str, x: float, y: float, text: str) -> str:
    return f'<text class="{names}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _title(text: str) -> str:
    return f"<title>{escape(text)}</title>"


# -- domain by domain ---------------------------------------------------------------------------------


def _overview(found: overview.Overview, links: bool) -> Iterator[str]:
    for x, y, text in found.headings:
        yield f'<text class="heading" x="{x:.0f}" y="{y:.0f}">{escape(text)}</text>'
    for source, target, kind, path in found.ties:
        yield f'<g class="line {kind} weak" data-a="{escape(source)}" data-b="{escape(target)}"><path d="{path}"/></g>'
    for entry in found.entries:
        yield from _entry(entry)
    for flow in found.flows:
        names = "line flow" + ("" if flow.strong else " weak") + (" error" if flow.issues else "")
        label = f"{flow.source} → {flow.target}: {flow.count} input{'s' if flow.count > 1 else ''}"
        label += f", {flow.issues} with an issue" if flow.issues else ""
        yield (
            f'<g class="{names}" data-a="d:{escape(flow.source)}" data-b="d:{escape(flow.target)}">{_title(label)}'
            f'<path d="{flow.path}" stroke-width="{flow.width:.1f}"/></g>'
        )
    for tile in found.tiles:
        name = escape(tile.name)
        about = (
            f'class="node tile" data-n="d:{name}" data-name="{name}" data-domain="{name}" '
            f'transform="translate({tile.x:.1f} {tile.y:.1f})"'
        )
        yield f'<a href="#d:{quote(tile.name)}" {about}>' if links else f"<g {about}>"
        yield _title(f"{tile.name}: {tile.summary}")
        yield f'<rect class="body" width="{tile.w:.1f}" height="{tile.h:.1f}" rx="12"/>'
        yield _text("title", 14, 28, clipped(tile.name, tile.w - 28 - (34 if tile.issues else 0), TITLE, bold=True))  # fmt: skip
        for number, line in enumerate(tile.lines):
            yield _text("small quiet", 14, 46 + 15 * number, line)
        if tile.issues:
            half = max(10.0, width(str(tile.issues), TINY, bold=True) / 2 + 5)
            yield (
                f'<g class="badge {tile.level}"><rect x="{tile.w - 14 - 2 * half:.1f}" y="14" width="{2 * half:.1f}" height="18" rx="9"/>'
                f'<text x="{tile.w - 14 - half:.1f}" y="26.8">{tile.issues}</text></g>'
            )
        if tile.more:
            yield _text("small quiet", 14, tile.h - 12, f"and {tile.more} more")
        yield "</a>" if links else "</g>"
        yield f'<g class="dots" transform="translate({tile.x:.1f} {tile.y:.1f})">'
        for dot in tile.dots:
            shape = f'<rect class="dot {dot.kind}" x="{dot.x:.0f}" y="{dot.y:.0f}" width="11" height="11" rx="3">{_title(dot.title)}</rect>'
            shape += _text("small", dot.x + 18, dot.y + 9.5, dot.label) if dot.label else ""
            yield f'<a href="#{quote(dot.id)}" tabindex="-1">{shape}</a>' if links else shape
        yield "</g>"


def _entry(entry: overview.Entry) -> Iterator[str]:
    h = overview.SIDE_ROW - 5
    yield (
        f'<g class="node {entry.kind}" data-n="{escape(entry.key)}" data-name="{escape(entry.whole)}" '
        f'transform="translate({entry.x:.1f} {entry.y:.1f})">{_title(entry.whole)}'
        f'<rect class="body" width="{entry.w:.1f}" height="{h:.1f}" rx="{ROUNDED.get(entry.kind, 6.0):.1f}"/>'
    )
    x = 10.0
    if entry.kind in ("user", "reader"):
        yield f'<circle class="person" cx="12.5" cy="{h / 2 - 3:.1f}" r="2.8"/><path class="person" d="M7.5 {h / 2 + 6:.1f}a5 4.6 0 0 1 10 0Z"/>'
        x = 22.0
    yield _text("small", x, h / 2 + 4, entry.text) + "</g>"


ROUNDED = {"user": 12.5, "reader": 12.5, "system": 2.0}
