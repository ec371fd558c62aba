"""Where everything of a map stands: columns from the systems to the users, domains as boxes, lines around the boxes.

A layered layout of our own, in the way of Sugiyama: ranks are columns, a barycenter orders each column within its
domain, lines that pass a column go through a gap between what stands there. Libraries that lay out layers know no
containers, and those that know containers are no Python.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from meshwright.map.text import clipped, width, wrapped

CARD, SYSTEM, USE_CASE, USER = 216.0, 138.0, 198.0, 130.0
"""Widths, in pixels."""
CHANNEL, SIDE_CHANNEL, USER_CHANNEL = 160.0, 74.0, 44.0
"""Between two columns of products, beside them, and before the users."""
PADDING, HEADER = 14.0, 28.0
"""Of a domain's box: around its cards, and for its name."""
ROW, PILL, OVERHANG = 25.0, 20.0, 8.0
"""A port: the room it has, its height, and how far it stands out of its card."""
GAP, DOMAIN_GAP = 22.0, 26.0
"""Between two cards, and between two boxes."""
RUN = 86.0
"""How far a line runs straight before it reaches a product: its pattern and its issue stand there."""
LANE = 7.0
"""Between two lines that go through one gap."""
TOGETHER = 70.0
"""How far from its way a line goes to run with others that come from the same port."""
MARGIN = 24.0
SHOWN_PORTS, SHOWN_CASES = 6, 4
"""Of one product; what is left out is counted."""
TITLE, SMALL, TINY = 14.5, 11.5, 10.5
"""Sizes of fonts."""


@dataclass(frozen=True)
class Pill:
    """A port on the edge of a card, or a capability."""

    x: float
    """From the left of the card; so is `y` from its top."""
    y: float
    w: float
    text: str
    whole: str
    kind: str
    """`input`, `output`, `missing` or `more`."""


@dataclass
class Node:
    """A product, something that is missing, a system, a use case or a user."""

    key: str
    kind: str
    """`product`, `ghost`, `system`, `case` or `user`."""
    column: int
    w: float
    h: float
    lines: Sequence[str]
    """Of its title."""
    whole: str
    domain: str = ""
    value: Mapping[str, Any] = field(default_factory=dict)
    rest: Sequence[str] = ()
    """What stands below the title."""
    pills: Sequence[Pill] = ()
    starts: Mapping[str, float] = field(default_factory=dict)
    """Output port -> how far below its top a line leaves it."""
    ends: Mapping[str, float] = field(default_factory=dict)
    """Input -> how far below its top a line reaches it."""
    x: float = 0.0
    y: float = 0.0

    @property
    def middle(self) -> float:
        return self.y + self.h / 2


@dataclass
class Line:
    """From one node to another."""

    source: Node
    target: Node
    start: str = ""
    end: str = ""
    kind: str = "feed"
    """`feed` (a system), `share` (a product), `serve` (a use case) or `use` (a user)."""
    value: Mapping[str, Any] = field(default_factory=dict)
    path: str = ""
    """As SVG has it."""
    tag: tuple[float, float] = (0.0, 0.0)
    """Where the sharing pattern stands: its middle."""


@dataclass
class Box:
    """A domain."""

    name: str
    columns: dict[int, list[Node]]
    issues: int = 0
    x: float = 0.0
    y: float = 0.0
    w: float = 0.0
    h: float = 0.0

    @property
    def span(self) -> range:
        return range(min(self.columns), max(self.columns) + 1)


@dataclass
class Picture:
    """Everything, with its place."""

    x: float
    y: float
    w: float
    h: float
    nodes: Sequence[Node]
    boxes: Sequence[Box]
    lines: Sequence[Line]
    headings: Sequence[tuple[float, float, str]]
    """x, y and text."""
    layer: Sequence[Pill]
    """The capabilities of the platform, with places in the picture."""
    layer_y: float


def picture(map: Mapping[str, Any]) -> Picture:
    """The whole map, product by product."""
    cards = _cards(map)
    boxes = _boxes(cards)
    lines = list(_shares(map, cards))
    systems = [_system(one["name"]) for one in map["systems"]]
    feeds = list(_feeds(map, cards, {node.whole: node for node in systems}))
    last = max((node.column for node in cards.values()), default=0)
    cases, serves = _cases(map, cards, last + 1)
    users, uses = _users(cases, last + 2)
    xs = _columns(last, bool(systems), bool(cases))
    for node in (*cards.values(), *systems, *cases, *users):
        node.x = xs[node.column]
    _ordered(boxes, lines, feeds)
    for box in boxes:
        box.x = xs[box.span[0]] - PADDING
        box.w = xs[box.span[-1]] + CARD + PADDING - box.x
    _beside(systems, feeds, lambda line: (line.source, line.target))
    _beside(cases, serves, lambda line: (line.target, line.source))
    _beside(users, uses, lambda line: (line.target, line.source))
    nodes = [*cards.values(), *systems, *cases, *users]
    every = [*uses, *serves, *feeds, *lines]
    _routed(every, nodes, boxes, xs)
    return _framed(map, nodes, boxes, every, xs, last)


# -- what stands there --------------------------------------------------------------------------------


def _cards(map: Mapping[str, Any]) -> dict[str, Node]:
    missing_ports: dict[str, dict[str, None]] = {}
    ghosts: dict[str, dict[str, None]] = {}
    ranks = {product["id"]: product["rank"] for product in map["products"]}
    columns: dict[str, int] = {}
    for edge in map["edges"]:
        if edge["missing"] == "port":
            missing_ports.setdefault(edge["source"], {})[edge["port"]] = None
        elif edge["missing"] == "product":
            ghosts.setdefault(edge["source"], {})[edge["port"]] = None
            rank = ranks[edge["consumer"]]
            columns[edge["source"]] = max(0, min(columns.get(edge["source"], rank), rank - 1))
    cards = {one["id"]: _card(one, list(missing_ports.get(one["id"], ()))) for one in map["products"]}
    for id, ports in ghosts.items():
        cards[id] = _ghost(id, list(ports), columns[id])
    return cards


def _card(product: Mapping[str, Any], missing: Sequence[str]) -> Node:
    room = CARD - 24 - (26 if product["issues"] else 0)
    lines = wrapped(product["title"], room, TITLE, 2, bold=True) or ("",)
    top = 14 + 19 * len(lines) + 26
    inputs = [(one["name"], one["uses"], "input") for one in product["inputs"]]
    outputs = [(one["name"], one["uses"], "output") for one in product["outputs"]]
    outputs = [(name, "missing", "missing") for name in missing] + outputs
    left, ends = _ports(inputs, top, right=False)
    right, starts = _ports(outputs, top, right=True)
    rows = max(len(left), len(right))
    return Node(
        f"p:{product['id']}", "product", product["rank"], CARD, top + ROW * rows + (8 if rows else 4), lines,
        product["title"], product["domain"], product, (), (*left, *right), starts, ends,
    )  # fmt: skip


def _ghost(id: str, ports: Sequence[str], column: int) -> Node:
    domain, _, name = id.partition("/")
    lines = wrapped(name or id, CARD - 24, TITLE, 2, bold=True) or ("",)
    top = 14 + 19 * len(lines) + 26
    pills, starts = _ports([(port, "", "missing") for port in ports], top, right=True)
    height = top + ROW * len(pills) + 8
    return Node(
        f"p:{id}", "ghost", column, CARD, height, lines, id, domain, {}, ("not in the mesh",), pills, starts
    )


def _ports(
    ports: Sequence[tuple[str, str, str]], top: float, right: bool
) -> tuple[list[Pill], dict[str, float]]:
    room = (0.56 if right else 0.42) * CARD + OVERHANG
    shown = ports if len(ports) <= SHOWN_PORTS else ports[: SHOWN_PORTS - 1]
    pills: list[Pill] = []
    places: dict[str, float] = {}
    for name, uses, kind in shown:
        whole = " · ".join(filter(None, (name, uses)))
        text = whole if width(whole, TINY) <= room - 16 else clipped(name, room - 16, TINY)
        pills.append(_pill(text, whole, kind, top + ROW * len(pills), right))
        places.setdefault(name, pills[-1].y + PILL / 2)
    if len(shown) < len(ports):
        text = f"{len(ports) - len(shown)} more"
        whole = ", ".join(name for name, *_ in ports[len(shown) :][:20])
        pills.append(_pill(text, whole, "more", top + ROW * len(pills), right))
        for name, *_ in ports[len(shown) :]:
            places.setdefault(name, pills[-1].y + PILL / 2)
    return pills, places


def _pill(text: str, whole: str, kind: str, y: float, right: bool) -> Pill:
    w = round(width(text, TINY) + 16, 1)
    return Pill(CARD + OVERHANG - w if right else -OVERHANG, y, w, text, whole, kind)


def _system(name: str) -> Node:
    lines = wrapped(name, SYSTEM - 22, SMALL, 2) or ("",)
    return Node(f"s:{name}", "system", -1, SYSTEM, 22 + 15.0 * len(lines), lines, name)


def _boxes(cards: Mapping[str, Node]) -> list[Box]:
    boxes: dict[str, Box] = {}
    for node in cards.values():
        box = boxes.setdefault(node.domain, Box(node.domain, {}))
        box.issues += len(node.value.get("issues", ()))
        box.columns.setdefault(node.column, []).append(node)
    return sorted(boxes.values(), key=lambda box: (box.span[0], box.name))


def _shares(map: Mapping[str, Any], cards: Mapping[str, Node]) -> Iterable[Line]:
    for edge in map["edges"]:
        yield Line(cards[edge["source"]], cards[edge["consumer"]], edge["port"], edge["input"], "share", edge)


def _feeds(map: Mapping[str, Any], cards: Mapping[str, Node], systems: Mapping[str, Node]) -> Iterable[Line]:
    for product in map["products"]:
        for entry in product["inputs"]:
            if entry["system"]:
                yield Line(systems[entry["system"]], cards[product["id"]], "", entry["name"])


def _cases(map: Mapping[str, Any], cards: Mapping[str, Node], column: int) -> tuple[list[Node], list[Line]]:
    nodes, lines = [], []
    for product in map["products"]:
        cases = product["useCases"]
        for number, case in enumerate(cases[:SHOWN_CASES]):
            title = wrapped(case["name"], USE_CASE - 24, SMALL + 1, 2, bold=True) or ("",)
            rest = list(wrapped(case["action"], USE_CASE - 24, SMALL, 3))
            if number == SHOWN_CASES - 1 and len(cases) > SHOWN_CASES:
                rest.append(f"and {len(cases) - SHOWN_CASES} more")
            height = 18 + 17.0 * len(title) + 15.0 * len(rest)
            node = Node(
                f"c:{product['id']}/{number}", "case", column, USE_CASE, height, title, case["name"], "", case, rest
            )  # fmt: skip
            nodes.append(node)
            card = cards[product["id"]]
            known = [port for port in case["outputs"] if port in card.starts]
            lines += [Line(card, node, port, "", "serve") for port in dict.fromkeys(known)] or [
                Line(card, node, "", "", "serve")
            ]
    return nodes, lines


def _users(cases: Sequence[Node], column: int) -> tuple[list[Node], list[Line]]:
    users: dict[str, Node] = {}
    lines = []
    for case in cases:
        for name in dict.fromkeys(case.value["users"][:SHOWN_PORTS]):
            if name not in users:
                title = wrapped(name, USER - 26, SMALL, 2) or ("",)
                users[name] = Node(f"u:{name}", "user", column, USER, 16 + 15.0 * len(title), title, name)
            lines.append(Line(case, users[name], "", "", "use"))
    return list(users.values()), lines


def _columns(last: int, systems: bool, cases: bool) -> dict[int, float]:
    """Column -> its left edge."""
    xs = {-1: 0.0}
    x = SYSTEM + SIDE_CHANNEL if systems else 0.0
    for column in range(last + 1):
        xs[column] = x
        x += CARD + CHANNEL
    x += SIDE_CHANNEL - CHANNEL
    xs[last + 1] = x
    xs[last + 2] = x + USE_CASE + USER_CHANNEL
    return xs


# -- in which order -----------------------------------------------------------------------------------


def _ordered(boxes: list[Box], lines: Sequence[Line], feeds: Sequence[Line]) -> None:
    """Puts boxes and the cards in them where the lines are short."""
    _placed(boxes)
    best = (_length(lines), _kept(boxes))
    for sweep in range(6):
        forwards = sweep % 2 == 0
        pulls: dict[str, list[float]] = {}
        for line in (*lines, *feeds):
            if forwards and line.kind == "share":
                pulls.setdefault(line.target.key, []).append(_from(line))
            elif not forwards or line.kind == "share":
                pulls.setdefault(line.source.key, []).append(_to(line))
        for box in boxes:
            for column in box.columns.values():
                column.sort(key=lambda node: (_mean(pulls.get(node.key, ()), node.middle), node.key))
        drawn = [pull for box in boxes for pull in _pulls(box, lines)]
        wanted = {box.name: _mean([pull for name, pull in drawn if name == box.name], box.y + box.h / 2) for box in boxes} if len(boxes) < 200 else {}  # fmt: skip
        boxes.sort(key=lambda box: (wanted.get(box.name, 0.0), box.span[0], box.name))
        best = _better(boxes, lines, best)
    _restored(boxes, best[1])
    _swapped(boxes, lines)


def _pulls(box: Box, lines: Sequence[Line]) -> Iterable[tuple[str, float]]:
    for line in lines:
        if line.target.domain == box.name != line.source.domain:
            yield box.name, _from(line)
        elif line.source.domain == box.name != line.target.domain:
            yield box.name, _to(line)


def _swapped(boxes: list[Box], lines: Sequence[Line]) -> None:
    """Tries every box at every place, while that makes lines shorter."""
    best = _length(lines)
    if len(boxes) > 24:
        return
    for _ in range(2):
        for box in sorted(boxes, key=lambda box: box.name):
            before = list(boxes)
            tried = [box]
            for place in range(len(boxes)):
                others = [one for one in before if one is not box]
                boxes[:] = [*others[:place], box, *others[place:]]
                _placed(boxes)
                if (length := _length(lines)) < best - 1:
                    best, tried = length, list(boxes)
            boxes[:] = tried if len(tried) == len(before) else before
            _placed(boxes)


def _placed(boxes: Sequence[Box]) -> None:
    """Stacks the boxes in their order, each as high up as the columns that it spans leave it."""
    floor: dict[int, float] = {}
    for box in boxes:
        heights = {
            column: sum(node.h for node in nodes) + GAP * (len(nodes) - 1)
            for column, nodes in box.columns.items()
        }
        tallest = max(heights.values())
        box.y = max((floor.get(column, 0.0) for column in box.span), default=0.0)
        box.h = HEADER + tallest + PADDING
        for column, nodes in box.columns.items():
            y = box.y + HEADER + (tallest - heights[column]) / 2
            for node in nodes:
                node.y = y
                y += node.h + GAP
        floor |= dict.fromkeys(box.span, box.y + box.h + DOMAIN_GAP)


def _length(lines: Sequence[Line]) -> float:
    return sum(abs(_from(line) - _to(line)) for line in lines)


def _from(line: Line) -> float:
    return line.source.y + line.source.starts.get(line.start, line.source.h / 2)


def _to(line: Line) -> float:
    return line.target.y + line.target.ends.get(line.end, line.target.h / 2)


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _kept(boxes: Sequence[Box]) -> list[tuple[Box, dict[int, list[Node]]]]:
    return [(box, {column: list(nodes) for column, nodes in box.columns.items()}) for box in boxes]


def _better(boxes: list[Box], lines: Sequence[Line], best: tuple[float, Any]) -> tuple[float, Any]:
    _placed(boxes)
    length = _length(lines)
    return (length, _kept(boxes)) if length < best[0] else best


def _restored(boxes: list[Box], kept: list[tuple[Box, dict[int, list[Node]]]]) -> None:
    boxes[:] = [box for box, _ in kept]
    for box, columns in kept:
        box.columns = columns
    _placed(boxes)


def _beside(nodes: list[Node], lines: Sequence[Line], ends: Any) -> None:
    """Puts nodes of one column as near to what they are tied to as they can be without touching."""
    pulls: dict[str, list[float]] = {}
    for line in lines:
        mine, other = ends(line)
        pulls.setdefault(mine.key, []).append(_to(line) if other is line.target else _from(line))
    wanted = {node.key: _mean(pulls.get(node.key, ()), 0.0) - node.h / 2 for node in nodes}
    nodes.sort(key=lambda node: (wanted[node.key], node.key))
    # Neighbours that would touch move apart together, by as little as possible (pool adjacent violators).
    blocks: list[list[Any]] = []  # [wanted top, height, nodes]
    for node in nodes:
        blocks.append([wanted[node.key], node.h + GAP / 2, [node]])
        while len(blocks) > 1 and blocks[-2][0] + blocks[-2][1] > blocks[-1][0]:
            top, height, inside = blocks.pop()
            before = blocks[-1]
            count, more = len(before[2]), len(inside)
            before[0] = (before[0] * count + (top - before[1]) * more) / (count + more)
            before[1] += height
            before[2] += inside
    for top, _, inside in blocks:
        for node in inside:
            node.y = top
            top += node.h + GAP / 2


# -- how the lines run --------------------------------------------------------------------------------


class _Columns:
    """Where lines may pass through the columns."""

    def __init__(self, nodes: Iterable[Node], boxes: Iterable[Box]) -> None:
        taken: dict[int, list[tuple[float, float]]] = {}
        for node in nodes:
            taken.setdefault(node.column, []).append((node.y - 8, node.y + node.h + 8))
        for box in boxes:
            taken.setdefault(box.span[0], []).append((box.y - 4, box.y + HEADER - 4))
        self._gaps = {column: _gaps(sorted(spans)) for column, spans in taken.items()}
        self._taken: dict[int, dict[int, float]] = {}
        """Column -> lane -> the height at which a line runs there."""
        self._bundles: dict[tuple[int, str], list[float]] = {}

    def through(self, column: int, wanted: float, bundle: str) -> float:
        """A height near to `wanted`. Lines of one bundle go together."""
        together = self._bundles.setdefault((column, bundle), [])
        near = min(together, key=lambda y: abs(y - wanted), default=None)
        if near is not None and abs(near - wanted) < TOGETHER:
            return near
        taken = self._taken.setdefault(column, {})
        gaps = self._gaps.get(column, [(float("-inf"), float("inf"))])
        best: float | None = None
        for low, high in sorted(gaps, key=lambda gap: max(gap[0] - wanted, wanted - gap[1], 0.0)):
            start = min(max(wanted, low), high)
            if best is not None and abs(start - wanted) >= abs(best - wanted):
                break
            found = _free(taken, low, high, start)
            if found is not None and (best is None or abs(found - wanted) < abs(best - wanted)):
                best = found
        if best is None:  # everything is full: lines lie on each other rather than on cards
            low, high = min(gaps, key=lambda gap: max(gap[0] - wanted, wanted - gap[1], 0.0))
            best = min(max(wanted, low), high)
        taken[round(best / LANE)] = best
        together.append(best)
        return best


def _free(taken: Mapping[int, float], low: float, high: float, start: float) -> float | None:
    """The height nearest to `start` at which no other line runs."""
    for step in range(80):
        for y in (start + step * LANE, start - step * LANE):
            lane = round(y / LANE)
            beside = (taken[one] for one in (lane - 1, lane, lane + 1) if one in taken)
            if low <= y <= high and all(abs(y - other) >= LANE - 1 for other in beside):
                return y
    return None


def _gaps(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    gaps, low = [], float("-inf")
    for top, bottom in spans:
        if top > low:
            gaps.append((low, top))
        low = max(low, bottom)
    return [*gaps, (low, float("inf"))]


def _routed(
    lines: Sequence[Line], nodes: Sequence[Node], boxes: Sequence[Box], xs: Mapping[int, float]
) -> None:
    columns = _Columns(nodes, boxes)
    widths = {node.column: node.w for node in nodes}
    for line in sorted(lines, key=lambda line: (line.kind, _from(line), _to(line), line.target.key)):
        source, target = line.source, line.target
        x, y = source.x + source.w + (OVERHANG if line.start in source.starts else 0.0), _from(line)
        end, height = target.x - (OVERHANG if line.end in target.ends else 0.0), _to(line)
        run = RUN if line.kind == "share" else 0.0
        path = [f"M{x:.1f} {y:.1f}"]
        forwards = target.column > source.column
        way = range(source.column + 1, target.column) if forwards else range(source.column, target.column - 1, -1)  # fmt: skip
        bundle = f"{source.key}#{line.start}"
        for number, column in enumerate(way, 1):
            wanted = y + (height - y) / (len(way) + 2 - number)
            passed = columns.through(column, wanted, bundle)
            left, right = xs[column] - 10, xs[column] + widths.get(column, CARD) + 10
            near, far = (left, right) if forwards else (right, left)
            path.append(_curve(x, y, near, passed, turns=number == 1 and not forwards) + f"L{far:.1f} {passed:.1f}")  # fmt: skip
            x, y = far, passed
        path.append(_curve(x, y, end - run, height, turns=not forwards, back=not forwards))
        path.append(f"L{end:.1f} {height:.1f}" if run else "")
        line.path = "".join(path)
        line.tag = (target.x - PADDING - OVERHANG - 26, height)


def _curve(x: float, y: float, to_x: float, to_y: float, turns: bool = False, back: bool = False) -> str:
    """From one point to another, level at both; one that `turns` ends in the direction opposite to its start."""
    if turns:
        swing = -46.0 if back else 46.0
        return f"C{x + swing:.1f} {y:.1f} {to_x + swing:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
    half = (to_x - x) / 2
    return f"C{x + half:.1f} {y:.1f} {to_x - half:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"


# -- the frame ----------------------------------------------------------------------------------------


def _framed(
    map: Mapping[str, Any],
    nodes: Sequence[Node],
    boxes: Sequence[Box],
    lines: Sequence[Line],
    xs: Mapping[int, float],
    last: int,
) -> Picture:
    present = {node.column for node in nodes} or {0}
    left = xs[min(present)] - (PADDING if min(present) >= 0 else 0.0) - MARGIN
    right = max((node.x + node.w for node in nodes), default=CARD) + PADDING + MARGIN
    tops = [node.y for node in nodes] + [box.y for box in boxes]
    bottoms = [node.y + node.h for node in nodes] + [box.y + box.h for box in boxes]
    heights = _passing(lines)
    top = min([*tops, *heights], default=0.0) - 22
    bottom = max([*bottoms, *heights], default=0.0) + 34
    headings = [(xs[column], top, text) for column, text in _headings(map, present, last)]
    layer, end = _layer(map["capabilities"], left + MARGIN, right - MARGIN, bottom)
    return Picture(
        left, top - 34, right - left, end + MARGIN - top + 34, nodes, boxes, lines, headings, layer, bottom
    )


def _passing(lines: Sequence[Line]) -> list[float]:
    return [float(part.split("C")[0].split(" ")[1]) for line in lines for part in line.path.split("L")[1:]]


def _headings(map: Mapping[str, Any], present: set[int], last: int) -> Iterable[tuple[int, str]]:
    kinds = [
        {one["type"] for one in map["products"] if (one["rank"] > 0) == behind} for behind in (False, True)
    ]
    if -1 in present:
        yield -1, "Source systems"
    if kinds[0] <= {"source-oriented"} and kinds[1] <= {"consumer-oriented"}:
        yield from [(0, "Source-oriented products")] if kinds[0] else []
        yield from [(1, "Consumer-oriented products")] if kinds[1] else []
    elif map["products"]:
        yield 0, "Data products"
    if last + 1 in present:
        yield last + 1, "Use cases"
    if last + 2 in present:
        yield last + 2, "Users"


def _layer(
    capabilities: Sequence[Mapping[str, Any]], left: float, right: float, top: float
) -> tuple[list[Pill], float]:
    """The capabilities, in rows, below everything."""
    x, y = left + 16, top + 36
    pills: list[Pill] = []
    for one in capabilities[:60]:
        count = f" ×{one['products']}"
        text = clipped(one["uses"], 240, SMALL) + count
        w = round(width(text, SMALL) + 24, 1)
        if pills and x + w > right - 16:
            x, y = left + 16, y + 36
        whole = f"{one['uses']} ({one['kind'] or 'not in the registry'}), used by {one['products']} products"
        pills.append(Pill(x, y, w, text, whole, one["uses"]))
        x += w + 10
    return pills, y + 44 if pills else top
