"""What a picture of a map is made of, and its measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

CARD, SYSTEM, USE_CASE, USER = 216.0, 138.0, 198.0, 130.0
"""Widths, in pixels."""
CHANNEL, NARROW_CHANNEL, SIDE_CHANNEL, USER_CHANNEL = 160.0, 108.0, 74.0, 44.0
"""Between two columns of products, at most and at least; beside them; and before the users."""
WINDOW, LEAST_TEXT = 1376.0, 9.0
"""The width that a picture has in a window of 1,440 pixels; no text is smaller there, in pixels."""
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
WIDEST = WINDOW * TINY / LEAST_TEXT
"""A wider picture would have smaller text."""


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
    """`product`, `ghost`, `system`, `case`, `user` or `reader`."""
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
    """`feed` (a system), `share` (a product), `serve` (a use case), `use` (a user) or `read` (a reader by agreement)."""
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
    """All elements, with their positions."""

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


def start_of(line: Line) -> float:
    """Return the height at which a line leaves its source."""
    return line.source.y + line.source.starts.get(line.start, line.source.h / 2)


def end_of(line: Line) -> float:
    """Return the height at which a line reaches its target."""
    return line.target.y + line.target.ends.get(line.end, line.target.h / 2)
