"""The contract (ODCS) of a record with the product's service levels as `slaProperties` and its ports as `servers`, for readers that
know the contract alone.

https://bitol-io.github.io/open-data-contract-standard. The standard's own words are `latency`, which its example measures
on a column of times, and `availability`; other indicators keep their names. It has no field for a window: the sentence in
`description` says it, and from 3.2 on `customProperties`, with the vendor `meshwright`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from meshwright.product.contract_servers import published_servers, servers, with_servers
from meshwright.product.grammar import objective
from meshwright.product.record import Record, ServiceLevel

WORDS = {"freshness": "latency"}
"""Indicator -> the standard's word, where it has another one."""
UNITS = {"m": "min"}
"""Unit of an objective -> the standard's, in which m may be a month."""
WITH_CUSTOM_PROPERTIES = re.compile(r"v3\.(?!0\.|1\.)\d+\.\d+")


def document(record: Record, role: str = "", port: str = "", published: bool = False) -> dict[str, Any]:
    """Return the contract's value. Service levels and servers of the contract itself come first, unchanged.

    `role`, `port`: as in contract_servers. `published`: for others than those who have the repository.
    """
    offered = (published_servers if published else servers)(record, role, port)
    contract = with_servers(record.get("contract") or {}, offered)
    custom = bool(WITH_CUSTOM_PROPERTIES.fullmatch(str(contract.get("apiVersion"))))
    levels = (_level(level, record.dataset, custom) for level in record.service_levels)
    promised = _added(contract.get("slaProperties"), levels, "id")
    if role and offered and all(server["type"] == "postgres" for server in offered):
        contract["schema"] = [_of_role(table, record.dataset, role) for table in contract.get("schema") or ()]
    return contract | ({"slaProperties": promised} if promised else {})


def _added(own: Any, more: Iterable[dict[str, Any]], name: str) -> list[Any]:
    """Return the entries of a contract, and after them those of `more` whose name it does not have."""
    own = own if isinstance(own, list) else []
    names = {item.get(name) for item in own if isinstance(item, dict)}
    return [*own, *(item for item in more if item and item[name] not in names)]


def _of_role(table: Any, dataset: str, role: str) -> Any:
    """Return a table of a contract under the name that it has for a role in PostgreSQL: the role's."""
    is_dataset = isinstance(table, dict) and table.get("name") == dataset
    return table | {"physicalName": role} if is_dataset else table


def _level(level: ServiceLevel, dataset: str, custom: bool) -> dict[str, Any]:
    """Return a service level as the standard writes it; empty if its objective is no comparison."""
    goal = objective(level.objective)
    if goal is None:
        return {}
    made: dict[str, Any] = {
        "id": level.name,
        "property": WORDS.get(level.indicator)
        or re.sub(r"-(.)", lambda sign: sign[1].upper(), level.indicator),
        "value": int(goal.value) if goal.value.is_integer() else goal.value,
        "unit": UNITS.get(goal.unit, goal.unit),
    }
    if level.column:
        made["element"] = f"{dataset}.{level.column}"
    of = f" of {level.column}" if level.column else ""
    share = (
        f"{100 * level.target.share:.6g}% of the runs in {level.target.days} days"
        if level.target
        else "Every run"
    )
    made["description"] = f"{share}: {level.indicator}{of} {level.objective}"
    if custom and level.target:
        known = {"target": level.target.share, "window": f"{level.target.days}d"}
        made["customProperties"] = [
            {"property": name, "value": value, "vendor": "meshwright"} for name, value in known.items()
        ]
    return made
