"""Compare the product's address, and the types and locations of its output ports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from meshwright.core.yaml import Document, Keys
from meshwright.product.breaking.contract_paths import mapping
from meshwright.product.breaking.kinds_of_change import PromiseChange

LOCATION_PROPERTIES = (
    *("path", "bucket", "container", "database", "dbname", "schema", "table", "host", "port", "server"),
    *("location", "url", "catalog", "namespace", "warehouse", "project", "dataset", "account"),
    *("connection", "prefix"),
)
"""Properties of a port for its location."""


def of_ports(was: Document, now: Document) -> Iterator[PromiseChange]:
    """Return changes of the product's address, and of which output ports there are."""
    for key in ("name", "domain"):
        before, after = was.get(f"metadata.{key}"), now.get(f"metadata.{key}")
        if before != after:
            detail = f"The product's {key} was {before}, and its address was made of it; now it is {after}."
            yield PromiseChange(now, ("metadata", key), detail, "address")
    ports = {item.get("name"): (keys, item.get("uses")) for keys, item in now.items("spec.outputs")}
    for _, port in was.items("spec.outputs"):
        name, uses = port.get("name"), port.get("uses")
        if name not in ports:
            yield PromiseChange(now, ("spec", "outputs"), f"The output port {name} is gone.", "port")
        elif ports[name][1] != uses:
            keys, then = ports[name]
            yield PromiseChange(
                now, (*keys, "uses"), f"The output port {name} was {uses}; now it is {then}.", "port"
            )


def of_locations(was: Document, now: Document) -> Iterator[PromiseChange]:
    """Return changes of the output ports' locations, outside of environments and in each."""
    present = {item.get("name"): (keys, item) for keys, item in now.items("spec.outputs")}
    for _, port in was.items("spec.outputs"):
        if port.get("name") in present:
            keys, then = present[port.get("name")]
            if port.get("uses") == then.get("uses"):
                yield from _moved(now, str(port.get("name")), keys, port, then)
    before, after = (mapping(document.get("spec.environments")) for document in (was, now))
    for name, environment in before.items():
        place: Keys = ("spec", "environments", name)
        if name not in after:
            yield PromiseChange(now, place[:-1], f"The environment {name} is gone.", "environment")
            continue
        old, new = (mapping(mapping(one).get("outputs")) for one in (environment, after[name]))
        for port_name in old.keys() | new.keys():
            if port_name not in present:
                continue
            former, today = (mapping(outputs.get(port_name)) for outputs in (old, new))
            here, of = (*place, "outputs", port_name), f"{port_name} in {name}"
            if former.get("uses") != today.get("uses"):
                detail = f"The output port {of} was {former.get('uses') or 'as everywhere'}; now it is {today.get('uses') or 'as everywhere'}."
                yield PromiseChange(now, here, detail, "port")
            else:
                yield from _moved(now, of, here, former, today)


def _moved(
    now: Document, name: str, keys: Keys, was: Mapping[str, Any], then: Mapping[str, Any]
) -> Iterator[PromiseChange]:
    before, after = (mapping(port.get("properties")) for port in (was, then))
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            place = any(key.lower().endswith(word) for word in LOCATION_PROPERTIES)
            kind = "port-moved" if place else "port-changed"
            detail = f"The {key} of the output port {name} has changed" + (
                ", and its readers there no longer find it." if place else "."
            )
            yield PromiseChange(now, (*keys, "properties", key), detail, kind)
