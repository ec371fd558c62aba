"""What surveys add to a map: products that are planned or missing, and capabilities that the registry does not have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meshwright.core.yaml import Document, Unreadable, strict_json, valued
from meshwright.product import schema
from meshwright.product.record import Record
from meshwright.product.validate import misshapen

PORT = "lake"
"""Output port of a product that is not there yet."""
READERS = {"database": "database@1", "files": "file@1"}
"""Kind of a source -> the capability that reads it."""


@dataclass(frozen=True)
class Overlay:
    """What surveys add to the products of a mesh."""

    records: tuple[Record, ...] = ()
    """The products that are planned or missing, and those that are there and that the mesh does not have."""
    states: Mapping[str, str] = field(default_factory=dict)
    """Id -> `there`, `planned` or `missing`, of every candidate and product of the surveys."""
    doubts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    needs: Mapping[str, int] = field(default_factory=dict)
    """Capability that the registry does not have -> number of candidates that need it."""

    def is_planned(self, id: str) -> bool:
        """Return True for a product that is not there yet."""
        return self.states.get(id, "there") != "there"


def overlay(paths: Iterable[Path], records: Iterable[Record]) -> Overlay:
    """Return what surveys, as `meshwright survey --format json` writes them, add to the products of a mesh.

    Raises Unreadable.
    """
    ports = {record.id: [port.name for port in record.outputs] for record in records}
    added: dict[str, Record] = {}
    states: dict[str, str] = {}
    doubts: dict[str, Sequence[str]] = {}
    needs: dict[str, int] = {}
    for path in paths:
        survey = _read(path)
        kinds = {one["name"]: one["kind"] for one in survey["sources"]}
        states |= {one["id"]: "there" for one in survey["products"]}
        for one in survey["candidates"]:
            planned = one["state"] != "there" and one["id"] not in ports
            states[one["id"]] = one["state"] if planned else "there"
            if planned:
                doubts[one["id"]] = one["doubts"]
            if one["id"] not in ports:
                added[one["id"]] = _record(one, ports, kinds.get(one["source"], ""))
        for product in survey["products"]:
            if product["id"] not in ports and product["id"] not in added:
                added[product["id"]] = Record(
                    {"product": _spec(product["id"], product["title"], product["type"])}
                )
        for need in survey["needs"]:
            needs[need["name"]] = needs.get(need["name"], 0) + len(need["candidates"])
    return Overlay(tuple(added.values()), states, doubts, needs)


def _read(path: Path) -> Mapping[str, Any]:
    fix = "Write it with `meshwright survey … --format json`."
    try:
        found: Document = valued(str(path), strict_json(path.read_text("utf-8")))
    except OSError as error:
        raise Unreadable(f"{path}: it cannot be read: {error.strerror}.", fix) from error
    except ValueError as error:
        raise Unreadable(f"{path}: it is not JSON: {error}", fix) from error
    problem = next(misshapen(found, schema.survey), None)
    if problem is not None:
        raise Unreadable(f"{path}: it is no survey: {problem.detail}", fix)
    value: Mapping[str, Any] = found.value
    return value


def _spec(id: str, title: str, type: str) -> dict[str, Any]:
    domain, _, name = id.partition("/")
    return {"metadata": {"domain": domain, "name": name, "title": title}, "spec": {"type": type}}


def _record(candidate: Mapping[str, Any], ports: Mapping[str, Sequence[str]], kind: str) -> Record:
    """Return a record of a candidate, as far as the survey derives it. `kind`: of its source."""
    derived = {one["rule"]: one["value"] for one in candidate["attributes"] if one["state"] == "derivable"}
    product = _spec(candidate["id"], candidate["name"].replace("-", " ").capitalize(), candidate["type"])
    inputs = [
        {"name": id.rpartition("/")[2], "uses": "data-product@1", "from": f"dp:{id}#{next(iter(ports.get(id, ())), PORT)}"}
        for id in candidate["reads"]
    ]  # fmt: skip
    if not inputs:
        inputs = [
            {
                "name": candidate["source"],
                "uses": READERS.get(kind, ""),
                "from": f"system:{candidate['source']}",
            }
        ]
    product["spec"] |= {
        "description": {"purpose": derived.get("DescriptionGiven", "")},
        "owner": {"name": derived.get("OwnerAndStewardNamed", "")},
        "classification": derived.get("ClassificationGiven", ""),
        "inputs": inputs,
        "outputs": [{"name": PORT, "uses": derived.get("PortsGiven", "")}],
    }
    return Record({"product": product})
