"""What still counts while the forge is away: reviews that every port's newest audit record has as evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from meshwright.access.anchor import Anchors
from meshwright.access.approval import RecordedReviews, ReviewEvidence, evidence_from
from meshwright.access.chain_alarms import examine
from meshwright.access.grants import Port, Refused
from meshwright.access.product_access import ProductAccess
from meshwright.access.targets import target
from meshwright.core.forge import ForgeUnavailable


def anchored_records(product: ProductAccess, now: datetime) -> dict[str, Mapping[str, Any]]:
    """Return port -> the newest audit record that counts, where there is one and nothing is wrong with the records."""
    anchors = Anchors(product.root)
    records = {}
    for port in product.ports:
        try:
            storage = target(port.uses)
            chain, address = storage.audit_records(port), storage.address(port)
            state = examine(product.id, port, address, chain, anchors, now)
        except Refused:
            continue
        if not state.alarms and state.anchor is not None and state.anchored is not None:
            records[port.name] = state.anchored
    return records


def recorded_reviews(records: Mapping[str, Mapping[str, Any]]) -> RecordedReviews:
    """Return the reviews that each of the records has as evidence.

    Each, because an audit record is only as true as its port: with one that somebody made up on a port of their own,
    nothing comes into force on the others.
    """
    by_port = [_by_key(record) for record in records.values()]
    first, *others = by_port or [{}]
    return RecordedReviews(
        {key: one for key, one in first.items() if all(other.get(key) == one for other in others)}
    )


def closed_ports(
    ports: Sequence[Port], read: Sequence[Port], records: Mapping[str, object], away: ForgeUnavailable
) -> dict[str, Refused]:
    """Return port -> why nothing is done there: it has no record yet, or its address is not the one that was read."""
    known = [port for port in read if port.name in records]
    return {
        port.name: Refused(f"{away} This port has no audit record of an earlier run to go by.", away.fix)
        for port in ports
        if port not in known
    }


def _by_key(record: Mapping[str, Any]) -> dict[tuple[str, str, str], ReviewEvidence]:
    reviews = record.get("reviews", [])
    entries = [evidence_from(value) for value in reviews] if isinstance(reviews, list) else []
    return {evidence.key: evidence for evidence in entries if evidence is not None}
