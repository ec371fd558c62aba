"""The address registry with what each agreement gives: where its role reads, which columns, masked how, until when.

`build/addresses.yaml` has the ports, as the last run of the pipeline wrote them; `apply` adds the agreements that are in
force. An entry names agreements, roles and columns, and no person. The storage decides who reads; the registry only says where.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC
from pathlib import Path
from typing import Any

import yaml

from meshwright.access.access_decisions import AccessDecisions, AccessVerdict
from meshwright.access.grants import Port, View
from meshwright.access.renewals import renewals
from meshwright.access.run import Run
from meshwright.access.targets import target
from meshwright.core import files
from meshwright.core.yaml import Unreadable, read
from meshwright.product import metamodel
from meshwright.product.files import ADDRESSES
from meshwright.product.record import PRODUCT


def write_agreements(root: Path, run: Run) -> None:
    """Write the agreements of every port that `apply` has changed or left as it should be; other ports keep theirs."""
    try:
        registry = read(root, ADDRESSES).value
    except Unreadable:  # no run of the pipeline was here, or not a whole one
        registry = {}
    registry = dict(registry) if isinstance(registry, dict) else {}
    ports = {port.name: port for port in run.decisions.product.ports}
    for done in run.ports:
        if done.refused is None:
            port = ports[done.plan.port]
            address = f"{PRODUCT}{run.decisions.product.id}#{port.name}"
            known = registry.get(address)
            known = known if isinstance(known, dict) and known.get("uses") == port.uses else {}
            registry[address] = {**_clear(run.decisions, port), **known} | {
                "agreements": dict(_agreements(run.decisions, port))
            }
    text = yaml.safe_dump(registry, sort_keys=False, allow_unicode=False)
    files.write(root / ADDRESSES, text, "Make the file writable.", parents=True)


def _clear(decisions: AccessDecisions, port: Port) -> dict[str, Any]:
    place = target(port.uses).location(port, decisions.product.dataset, "")
    return {"uses": port.uses, "location": place["location"]}


def _agreements(decisions: AccessDecisions, port: Port) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the agreements by which somebody reads the port now; a name comes last with what lasts longest.

    A renewal is also there by the names of what it renews, if it gives the same to the same: a consumer goes on reading
    without a change of its own.
    """
    views = {view.role: view for view in decisions.views}
    renewed = renewals(decisions.product)
    in_force = [
        (verdict, views[verdict.role])
        for verdict in decisions.verdicts
        if verdict.agreement
        and verdict.until
        and verdict.role in views
        and verdict.agreement.port in (None, port.name)
        and verdict.members
        and not verdict.refused
    ]
    for verdict, view in sorted(in_force, key=lambda pair: pair[0].until or decisions.now):
        entry = _entry(decisions, port, verdict, view)
        names = [verdict.id]
        while (name := renewed.get(names[-1])) and name not in names:
            names.append(name)
        for name in names:
            yield name, entry


def _entry(decisions: AccessDecisions, port: Port, verdict: AccessVerdict, view: View) -> dict[str, Any]:
    assert verdict.agreement and verdict.until
    consumer = verdict.agreement.document.get("consumer.dataProductId")
    return {
        "role": view.role,
        "kind": view.kind,
        **({"consumer": consumer} if consumer else {}),
        **target(port.uses).location(port, decisions.product.dataset, view.role),
        "columns": {visible.column.name: visible.mask for visible in view.columns},
        "classification": _classification(view, decisions.product.roles[view.role]),
        "until": f"{verdict.until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }


def _classification(view: View, role: Mapping[str, Any]) -> str:
    """Return how sensitive what a role shows is: its clear columns; a masked one counts as the most that the role may see."""
    order = metamodel.CLASSIFICATIONS
    shown = {visible.column.classification for visible in view.columns if visible.mask is None}
    if any(visible.mask for visible in view.columns):
        shown.add(max(role["clearance"], key=order.index))
    return max(shown, key=order.index)
