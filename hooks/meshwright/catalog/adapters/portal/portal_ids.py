"""The ids of what the portal has already, and its administrators make: domains, types, tags, users."""

from __future__ import annotations

from collections.abc import Mapping

from meshwright.catalog.adapters import _common as common
from meshwright.catalog.adapters._common import TextLimiter
from meshwright.catalog.adapters.portal.portal_bodies import NAMESPACE, Ids, namespace_of
from meshwright.catalog.adapters.portal.portal_client import API, listed
from meshwright.core.http import Http, Refused
from meshwright.core.text import printable
from meshwright.product.record import Record

LISTS = {
    "domain": ("configuration/domains", "domains", "name"),
    "type": ("configuration/data_product_types", "data_product_types", "name"),
    "lifecycle": ("configuration/data_product_lifecycles", "data_product_life_cycles", "name"),
    "access type": ("configuration/output_port_access_types", "output_port_access_types", "access_function"),
    "tag": ("configuration/tags", "tags", "value"),
    "user": ("users", "users", "email"),
    "product": ("data_products", "data_products", "namespace"),
}
"""Kind -> where the portal lists it, under which key, and the field to look it up by."""


def known_ids(http: Http) -> dict[str, dict[str, str]]:
    """Return kind -> name -> id, and under `me` whose token it is."""
    known: dict[str, dict[str, str]] = {}
    for kind, (where, key, by) in LISTS.items():
        items = listed(http, f"{API}/{where}", key)
        known[kind] = {str(item.get(by)): str(item.get("id")) for item in items}
        if kind == "lifecycle":
            known[kind][""] = next((str(one.get("id")) for one in items if one.get("is_default")), "")
        if kind == "product":
            known["title"] = {str(item.get("name")): str(item.get("namespace")) for item in items}
    durations = listed(http, f"{API}/configuration/access_durations", "access_durations")
    known["duration"] = {
        str(one.get("abstract_data_product_type")): str(one.get("access_duration_type"))
        for one in durations
        if one.get("is_default")
    }
    known["me"] = {"": str(http.request("GET", f"{API}/users/current").object().get("id"))}
    return known


def title_of(record: Record, known: Mapping[str, Mapping[str, str]], limiter: TextLimiter) -> str:
    """Return the product's title, with its id behind it if another product has it: the portal has each name once."""
    title = limiter.line(record.title, common.SHORT, "The title")
    if known["title"].get(title, namespace_of(record)) == namespace_of(record):
        return title
    return f"{title[: common.SHORT - NAMESPACE - 3]} ({namespace_of(record)})"


def finder(known: Mapping[str, Mapping[str, str]], record: Record, limiter: TextLimiter) -> Ids:
    """Return how the portal's ids are looked up; raises Refused where it has none."""

    def find(kind: str, name: str) -> str:
        id = known[kind].get(name, "")
        if kind == "tag":
            if not id:
                limiter.notes.append(
                    f"The portal has no tag {printable(name)[:100]!r}; an administrator can create it."
                )
        elif not id:
            called = f"{kind} {printable(name)[:100]!r}" if name else f"default {kind}"
            raise Refused(
                f"The portal has no {called}.",
                f"Ask its administrator to add it; or use another one, if there is a setting for it: --set {kind}=NAME.",
            )
        return id

    return find


def owner_ids(record: Record, known: Mapping[str, Mapping[str, str]], limiter: TextLimiter) -> list[str]:
    """Return whose token it is, so that the next run may change it, and whoever owns the product."""
    owners = [known["me"][""]]
    if record.owner.email in known["user"]:
        owners.append(known["user"][record.owner.email])
    else:
        limiter.notes.append(
            f"The owner {printable(record.owner.email)[:100]!r} has not signed in to the portal, so they are not "
            "its owner there yet; a later run adds them."
        )
    return list(dict.fromkeys(owners))
