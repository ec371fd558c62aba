"""The order of the boxes and of what stands in a column, so that lines are short."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from meshwright.map.layout.elements import DOMAIN_GAP, GAP, HEADER, PADDING, Box, Line, Node, end_of, start_of


def order(boxes: list[Box], lines: Sequence[Line], feeds: Sequence[Line]) -> None:
    """Put boxes and the cards in them where the lines are short."""
    _stack(boxes)
    best = (_length(lines), _snapshot(boxes))
    for sweep in range(6):
        forwards = sweep % 2 == 0
        pulls: dict[str, list[float]] = {}
        for line in (*lines, *feeds):
            if forwards and line.kind == "share":
                pulls.setdefault(line.target.key, []).append(start_of(line))
            elif not forwards or line.kind == "share":
                pulls.setdefault(line.source.key, []).append(end_of(line))
        for box in boxes:
            for column in box.columns.values():
                column.sort(key=lambda node: (_mean(pulls.get(node.key, ()), node.middle), node.key))
        drawn = [pull for box in boxes for pull in _pulls(box, lines)]
        ideal = {box.name: _mean([pull for name, pull in drawn if name == box.name], box.y + box.h / 2) for box in boxes} if len(boxes) < 200 else {}  # fmt: skip
        boxes.sort(key=lambda box: (ideal.get(box.name, 0.0), box.span[0], box.name))
        best = _better(boxes, lines, best)
    _restore(boxes, best[1])
    _swap(boxes, lines)


def _pulls(box: Box, lines: Sequence[Line]) -> Iterable[tuple[str, float]]:
    for line in lines:
        if line.target.domain == box.name != line.source.domain:
            yield box.name, start_of(line)
        elif line.source.domain == box.name != line.target.domain:
            yield box.name, end_of(line)


def _swap(boxes: list[Box], lines: Sequence[Line]) -> None:
    """Try every box at every place, while that makes lines shorter."""
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
                _stack(boxes)
                if (length := _length(lines)) < best - 1:
                    best, tried = length, list(boxes)
            boxes[:] = tried if len(tried) == len(before) else before
            _stack(boxes)


def _stack(boxes: Sequence[Box]) -> None:
    """Stack the boxes in their order, each as high up as the columns that it spans leave it."""
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
    return sum(abs(start_of(line) - end_of(line)) for line in lines)


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _snapshot(boxes: Sequence[Box]) -> list[tuple[Box, dict[int, list[Node]]]]:
    return [(box, {column: list(nodes) for column, nodes in box.columns.items()}) for box in boxes]


def _better(boxes: list[Box], lines: Sequence[Line], best: tuple[float, Any]) -> tuple[float, Any]:
    _stack(boxes)
    length = _length(lines)
    return (length, _snapshot(boxes)) if length < best[0] else best


def _restore(boxes: list[Box], snapshot: list[tuple[Box, dict[int, list[Node]]]]) -> None:
    boxes[:] = [box for box, _ in snapshot]
    for box, columns in snapshot:
        box.columns = columns
    _stack(boxes)


def place_beside(nodes: list[Node], lines: Sequence[Line], ends: Any) -> None:
    """Put nodes of one column as near to what they are tied to as they can be without touching."""
    pulls: dict[str, list[float]] = {}
    for line in lines:
        mine, other = ends(line)
        pulls.setdefault(mine.key, []).append(end_of(line) if other is line.target else start_of(line))
    ideal = {node.key: _mean(pulls.get(node.key, ()), 0.0) - node.h / 2 for node in nodes}
    nodes.sort(key=lambda node: (ideal[node.key], node.key))
    # Neighbours that would touch move apart together, by as little as possible (pool adjacent violators).
    blocks: list[list[Any]] = []  # [ideal top, height, nodes]
    for node in nodes:
        blocks.append([ideal[node.key], node.h + GAP / 2, [node]])
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
