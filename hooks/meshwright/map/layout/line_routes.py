"""How the lines run: straight to a gap, through it, and on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from meshwright.map.layout.elements import (
    CARD,
    HEADER,
    LANE,
    OVERHANG,
    PADDING,
    RUN,
    TOGETHER,
    Box,
    Line,
    Node,
    end_of,
    start_of,
)


class _Gaps:
    """Where lines may pass through the columns."""

    def __init__(self, nodes: Iterable[Node], boxes: Iterable[Box]) -> None:
        taken: dict[int, list[tuple[float, float]]] = {}
        for node in nodes:
            taken.setdefault(node.column, []).append((node.y - 8, node.y + node.h + 8))
        for box in boxes:
            taken.setdefault(box.span[0], []).append((box.y - 4, box.y + HEADER - 4))
        self._gaps = {column: _between(sorted(spans)) for column, spans in taken.items()}
        self._taken: dict[int, dict[int, float]] = {}
        """Column -> lane -> the height at which a line runs there."""
        self._bundles: dict[tuple[int, str], list[float]] = {}

    def through(self, column: int, ideal: float, bundle: str) -> float:
        """Return a height near to `ideal`. Lines of one bundle go together."""
        together = self._bundles.setdefault((column, bundle), [])
        near = min(together, key=lambda y: abs(y - ideal), default=None)
        if near is not None and abs(near - ideal) < TOGETHER:
            return near
        taken = self._taken.setdefault(column, {})
        gaps = self._gaps.get(column, [(float("-inf"), float("inf"))])
        best: float | None = None
        for low, high in sorted(gaps, key=lambda gap: max(gap[0] - ideal, ideal - gap[1], 0.0)):
            start = min(max(ideal, low), high)
            if best is not None and abs(start - ideal) >= abs(best - ideal):
                break
            lane_height = _free(taken, low, high, start)
            if lane_height is not None and (best is None or abs(lane_height - ideal) < abs(best - ideal)):
                best = lane_height
        if best is None:  # everything is full: lines are drawn over each other rather than over cards
            low, high = min(gaps, key=lambda gap: max(gap[0] - ideal, ideal - gap[1], 0.0))
            best = min(max(ideal, low), high)
        taken[round(best / LANE)] = best
        together.append(best)
        return best


def _free(taken: Mapping[int, float], low: float, high: float, start: float) -> float | None:
    """Return the height nearest to `start` at which no other line runs."""
    for step in range(80):
        for y in (start + step * LANE, start - step * LANE):
            lane = round(y / LANE)
            beside = (taken[one] for one in (lane - 1, lane, lane + 1) if one in taken)
            if low <= y <= high and all(abs(y - other) >= LANE - 1 for other in beside):
                return y
    return None


def _between(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    gaps, low = [], float("-inf")
    for top, bottom in spans:
        if top > low:
            gaps.append((low, top))
        low = max(low, bottom)
    return [*gaps, (low, float("inf"))]


def route(
    lines: Sequence[Line], nodes: Sequence[Node], boxes: Sequence[Box], xs: Mapping[int, float]
) -> None:
    gaps = _Gaps(nodes, boxes)
    widths = {node.column: node.w for node in nodes}
    for line in sorted(lines, key=lambda line: (line.kind, start_of(line), end_of(line), line.target.key)):
        source, target = line.source, line.target
        x, y = source.x + source.w + (OVERHANG if line.start in source.starts else 0.0), start_of(line)
        end, height = target.x - (OVERHANG if line.end in target.ends else 0.0), end_of(line)
        run = RUN if line.kind == "share" else 0.0
        path = [f"M{x:.1f} {y:.1f}"]
        forwards = target.column > source.column
        way = range(source.column + 1, target.column) if forwards else range(source.column, target.column - 1, -1)  # fmt: skip
        bundle = f"{source.key}#{line.start}"
        for number, column in enumerate(way, 1):
            ideal = y + (height - y) / (len(way) + 2 - number)
            passed = gaps.through(column, ideal, bundle)
            left, right = xs[column] - 10, xs[column] + widths.get(column, CARD) + 10
            near, far = (left, right) if forwards else (right, left)
            path.append(_curve(x, y, near, passed, turns=number == 1 and not forwards) + f"L{far:.1f} {passed:.1f}")  # fmt: skip
            x, y = far, passed
        path.append(_curve(x, y, end - run, height, turns=not forwards, back=not forwards))
        path.append(f"L{end:.1f} {height:.1f}" if run else "")
        line.path = "".join(path)
        line.tag = (target.x - PADDING - OVERHANG - 26, height)


def _curve(x: float, y: float, to_x: float, to_y: float, turns: bool = False, back: bool = False) -> str:
    """Return a curve from one point to another, level at both; one that `turns` ends in the direction opposite to its start."""
    if turns:
        swing = -46.0 if back else 46.0
        return f"C{x + swing:.1f} {y:.1f} {to_x + swing:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
    half = (to_x - x) / 2
    return f"C{x + half:.1f} {y:.1f} {to_x - half:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
