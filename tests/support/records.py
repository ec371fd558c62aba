"""Records of products for tests: real documents, changed where a test wants them to be."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

from checkout import ROOT
from copier import run_copy

from meshwright.mesh.sources import of_repository
from meshwright.product.record import Record

OWNER = {"owner_name": "Ada Example", "owner_email": "ada@example.org"}
MEASURED_AT = "2026-11-22T10:00:00+00:00"


@cache
def _made(kind: str) -> dict[str, Any]:
    """The record of a fresh product, made once from the work tree's template."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "product"
        run_copy(str(ROOT), target, data={**OWNER, "type": kind}, defaults=True, quiet=True, vcs_ref="HEAD")
        return dict(of_repository(target).value)


def value(
    id: str = "airport-operations/departures",
    kind: str = "source-oriented",
    reads: str | None = None,
    measured: bool = True,
    **changes: Any,
) -> dict[str, Any]:
    """The value of a record that keeps every rule, with an id of its own.

    `reads`: the address of the port that a consumer-oriented product reads. `changes`: a dotted path with `__` instead
    of dots (`product__spec__classification="secret"`) -> what stands there; None removes it.
    """
    domain, _, name = id.partition("/")
    made = copy.deepcopy(_made(kind))
    made["product"]["metadata"] |= {"domain": domain, "name": name}
    made["contract"] |= {"domain": domain, "dataProduct": name, "id": f"urn:contract:{domain}:{name}"}
    made["source"] = {"repository": f"https://git.example.org/{domain}/{name}.git", "branch": "main"}
    if reads:
        made["product"]["spec"]["inputs"][0]["from"] = reads
    if measured:
        _measure(made, domain, name)
    for path, said in changes.items():
        _set(made, path.split("__"), said)
    return made


def record(*arguments: Any, **changes: Any) -> Record:
    """The same as a record."""
    return Record(value(*arguments, **changes))


def _measure(made: dict[str, Any], domain: str, name: str) -> None:
    units = {"freshness": ("h", 1.0), "completeness": ("%", 100.0)}
    levels = made["product"]["spec"]["serviceLevels"]
    made["measurement"] = {
        "product": f"{domain}/{name}",
        "version": "1.0.0",
        "measuredAt": MEASURED_AT,
        "serviceLevels": [
            {
                "name": level["name"],
                "indicator": level["indicator"],
                "objective": level["objective"],
                "value": units[level["indicator"]][1],
                "unit": units[level["indicator"]][0],
                "kept": True,
            }
            for level in levels
        ],
    }
    made["quality"] = {"startedAt": MEASURED_AT, "outcome": "published", "rows": 1667, "checks": 57, "failed": []}  # fmt: skip
    made["addresses"] = {
        f"dp:{domain}/{name}#{port['name']}": {
            "uses": port["uses"],
            "location": f"https://data.example.org/{domain}/{name}/{port['name']}.parquet",
            "version": "1.0.0",
        }
        for port in made["product"]["spec"]["outputs"]
    }


def _set(node: Any, keys: list[str], said: Any) -> None:
    *way, last = keys
    for key in way:
        node = node[int(key)] if isinstance(node, list) else node.setdefault(key, {})
    if said is None:
        node.pop(int(last) if isinstance(node, list) else last, None)
    elif isinstance(node, list):
        node[int(last)] = said
    else:
        node[last] = said
