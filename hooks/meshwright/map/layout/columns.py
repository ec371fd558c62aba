"""The columns of a picture: how many products' columns its width has room for, and which ranks share one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from meshwright.map.layout.elements import (
    CARD,
    CHANNEL,
    MARGIN,
    NARROW_CHANNEL,
    PADDING,
    SIDE_CHANNEL,
    SYSTEM,
    USE_CASE,
    USER,
    USER_CHANNEL,
    WIDEST,
    Node,
)


@dataclass(frozen=True)
class Sides:
    """What stands beside the products."""

    systems: bool
    cases: bool
    people: bool

    @classmethod
    def of(cls, map: Mapping[str, Any]) -> Sides:
        cases = any(product["useCases"] for product in map["products"])
        people = bool(map["users"]) or any(product["readers"] for product in map["products"])
        return cls(bool(map["systems"]), cases, people)

    @property
    def columns(self) -> int:
        """How many columns of products there is room for, at least one."""
        return max(1, int((self._room + NARROW_CHANNEL) // (CARD + NARROW_CHANNEL)))

    def left_edges(self, last: int) -> dict[int, float]:
        """Return column -> its left edge, where `last` is the last of the products' columns."""
        channel = max(NARROW_CHANNEL, min(CHANNEL, (self._room - CARD * (last + 1)) / max(1, last)))
        xs = {-1: 0.0}
        x = self._before
        for column in range(last + 1):
            xs[column] = x
            x += CARD + channel
        x += SIDE_CHANNEL - channel
        xs[last + 1] = x
        xs[last + 2] = x + (USE_CASE + USER_CHANNEL if self.cases else 0.0)
        return xs

    @property
    def _before(self) -> float:
        return SYSTEM + SIDE_CHANNEL if self.systems else 0.0

    @property
    def _room(self) -> float:
        after = (USE_CASE if self.cases else 0.0) + (USER if self.people else 0.0)
        after += (SIDE_CHANNEL if after else 0.0) + (USER_CHANNEL if self.cases and self.people else 0.0)
        return WIDEST - self._before - after - 2 * (MARGIN + PADDING)


def share(cards: Mapping[str, Node], reads: Iterable[tuple[str, str]], columns: int) -> None:
    """Let neighbouring ranks share a column, where there are more than `columns`; few lines stay within one.

    `reads`: the products that are read, and who reads them.
    """
    ranks = sorted({node.column for node in cards.values()})
    place = {rank: number for number, rank in enumerate(ranks)}
    if len(ranks) > columns:
        between = Counter(
            tuple(sorted((place[cards[source].column], place[cards[consumer].column])))
            for source, consumer in reads
        )
        place = dict(zip(ranks, _shared(len(ranks), between, columns), strict=True))
    elif ranks and ranks[-1] < columns:
        return  # a gap in the ranks means that nothing is at the source
    for node in cards.values():
        node.column = place[node.column]


def _shared(count: int, between: Mapping[tuple[int, ...], int], columns: int) -> list[int]:
    """Return the column of each of `count` ranks, with the fewest lines between ranks of one column."""
    inside = [[0] * count for _ in range(count)]  # first rank, last rank -> lines within
    for first in range(count):
        for last in range(first + 1, count):
            more = sum(between.get((rank, last), 0) for rank in range(first, last))
            # Columns of like numbers of ranks, where lines do not decide.
            inside[first][last] = inside[first][last - 1] + more + 1
    best: list[tuple[int, list[int]]] = [(inside[0][last], [0]) for last in range(count)]
    for _ in range(1, columns):
        best = [
            min(
                [best[last], *((best[cut][0] + inside[cut + 1][last], [*best[cut][1], cut + 1]) for cut in range(last))]
            )
            for last in range(count)
        ]  # fmt: skip
    starts = best[-1][1]
    return [sum(start <= rank for start in starts) - 1 for rank in range(count)]
