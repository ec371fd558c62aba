"""Short constructors for verdicts of fitness functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from meshwright.assess import Verdict, as_text
from meshwright.product.record import Port

if TYPE_CHECKING:
    from meshwright.assess.evidence import Evidence

NAMED = 5
"""Names in a sentence; the others are only counted."""
PLACES = 20
"""Number of places of one kind that are listed one by one."""


def kept(evidence: str, place: str = "") -> Verdict:
    return Verdict("kept", evidence, "", place)


def broken(evidence: str, fix: str, place: str = "") -> Verdict:
    return Verdict("broken", evidence, fix, place)


def unknown(evidence: str, fix: str = "", place: str = "") -> Verdict:
    return Verdict("inconclusive", evidence, fix, place)


def some(names: Iterable[str]) -> str:
    """Return names for a sentence, each of them short, and not all if there are many."""
    names = list(names)
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(as_text(name) for name in names[:NAMED]) + more


def at_ports(product: Evidence, look: Callable[[Port], Iterator[Verdict]]) -> Iterator[Verdict]:
    """Yield the verdicts on each output port; a blocker at a port gives a verdict on that port."""
    from meshwright.assess.storage import Blocker

    for port in product.record.outputs:
        try:
            yield from look(port)
        except Blocker as blocker:
            yield unknown(str(blocker), blocker.fix, port.name)
