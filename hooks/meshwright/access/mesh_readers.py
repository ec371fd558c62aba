"""Collects who can read what from the newest audit records of many products' ports."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from meshwright.access.anchor import Anchors
from meshwright.access.chain_alarms import examine
from meshwright.access.grants import Refused
from meshwright.access.product_access import ProductAccess
from meshwright.access.readers import ReadersReport, Reading, readings, report
from meshwright.access.targets import target
from meshwright.core.errors import Error


def of_products(roots: Iterable[Path], load: Callable[[Path], ProductAccess]) -> ReadersReport:
    """Return who reads the products in these repositories. `load` returns a product; it raises Error."""
    entries: list[Reading] = []
    unknown = []
    for root in roots:
        try:
            product = load(root)
        except Error as error:
            unknown.append(f"{root}: {error}")
            continue
        anchors = Anchors(product.root)
        for port in product.ports:
            try:
                storage = target(port.uses)
                address = storage.address(port)
                anchors.tip(address)  # before the records: another run may be adding one
                chain = storage.audit_records(port)
                state = examine(product.id, port, address, chain, anchors, datetime.now(UTC))
                unknown += [f"{product.id} {port.name}: {alarm.sentence}" for alarm in state.alarms]
                if not chain:
                    unknown.append(f"{product.id} {port.name}: nothing was applied there yet.")
                elif not state.alarms:
                    entries += readings(product.id, port.name, chain[-1])
            except Refused as refused:
                unknown.append(f"{product.id} {port.name}: {refused}")
    return report(entries, unknown, datetime.now(UTC))
