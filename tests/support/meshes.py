"""Meshes of any size for tests and benchmarks: plausible, fictional, the same for the same arguments, and fast to make."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import records

from meshwright.product.record import Record

FIELDS = ("airport", "cargo", "crew", "fleet", "lounge", "baggage", "customer", "network", "revenue", "safety", "fuel", "catering")  # fmt: skip
AREAS = ("operations", "planning", "experience", "finance", "compliance", "logistics", "insight", "partners", "training")  # fmt: skip
KINDS = (
    "daily",
    "hourly",
    "planned",
    "actual",
    "regional",
    "yearly",
    "expected",
    "audited",
    "combined",
    "live",
)
THINGS = ("departures", "arrivals", "turnarounds", "delays", "bookings", "rosters", "costs", "complaints", "movements", "forecasts", "inspections", "deliveries", "loads", "contacts", "fares")  # fmt: skip
SYSTEMS = ("flight-operations", "reference-data", "fleet-register", "crew-planner", "booking-engine", "ledger", "service-desk", "warehouse-floor", "weather-feed", "gate-sensors")  # fmt: skip
USERS = ("Operations control", "Customer relations", "Network planning", "Finance desk", "Station managers", "Safety board", "Crew control", "Revenue analysts")  # fmt: skip
ACTIONS = (
    ("Delay analysis", "Re-plan turnarounds before they run late"),
    ("League table", "Tell travellers what to expect"),
    ("Cost review", "Cut what nobody needs"),
    ("Demand forecast", "Set next week's capacity"),
    ("Audit", "Answer the regulator with numbers"),
    ("Roster check", "Swap shifts before anyone is overworked"),
)
PORTS = (("lake", "parquet@1"), ("tables", "delta@1"), ("database", "postgres@1"))
LOCATIONS = {
    "parquet@1": {"path": "${LAKE:-build/ports/lake}"},
    "delta@1": {"path": "${TABLES:-build/ports/tables}"},
    "postgres@1": {"dsn": "${DATABASE:-}"},
}


def values(count: int, domains: int = 0, seed: int = 1) -> list[dict[str, Any]]:
    """The values of `count` records in `domains` domains (one for every twenty products, if 0), without an issue in
    their lineage: each product reads earlier ones or systems. Documents that are alike are one object: copy before
    you change them (`changed` does)."""
    dice = random.Random(seed)  # noqa: S311 - no secret, but the same each time
    domains = domains or max(3, count // 20)
    base = {kind: records.value(kind=kind) for kind in ("source-oriented", "consumer-oriented")}
    made: list[dict[str, Any]] = []
    names: dict[str, int] = {}
    read: set[int] = set()
    for index in range(count):
        place = (
            index if index < domains else int(domains * dice.random() ** 1.6)
        )  # some are larger than others
        domain = f"{FIELDS[place % len(FIELDS)]}-{AREAS[place // len(FIELDS) % len(AREAS)]}"
        if place >= len(FIELDS) * len(AREAS):
            domain += f"-{place // (len(FIELDS) * len(AREAS)) + 1}"
        name = f"{dice.choice(KINDS)}-{dice.choice(THINGS)}"
        again = names[f"{domain}/{name}"] = names.get(f"{domain}/{name}", 0) + 1
        name += f"-{again}" if again > 1 else ""
        source = index < max(1, count * 2 // 5)
        kind = "source-oriented" if source else "consumer-oriented"
        picked = [] if source else _picked(dice, index)
        read |= set(picked)
        reads = [made[number] for number in picked]
        made.append(_value(base[kind], kind, domain, name, reads, dice))
    for index, value in enumerate(made):
        if index not in read or dice.random() < 0.1:
            _used(value, dice)
    return agreed(made)


def agreed(made: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same, where every input from another of them names an agreement that is approved there."""
    by_id = {id_of(value): value for value in made}
    for value in made:
        spec = value["product"]["spec"]
        inputs = []
        for entry in spec["inputs"]:
            source = by_id.get(entry["from"].removeprefix("dp:").partition("#")[0])
            if source is not None and source is not value and "agreement" not in entry.get("properties", {}):
                granted = source.get("readers", [])
                name = f"{value['product']['metadata']['name'][:50]}-reads-{len(granted) + 1}"
                source["readers"] = [
                    *granted,
                    {"agreement": name, "role": "service", "principals": [f"id:svc-{id_of(value)}"], "until": "2036-01-01T00:00:00Z", "consumer": id_of(value)},
                ]  # fmt: skip
                entry = {**entry, "properties": {**entry.get("properties", {}), "agreement": name}}
            inputs.append(entry)
        value["product"] = {**value["product"], "spec": {**spec, "inputs": inputs}}
    return made


def id_of(value: Mapping[str, Any]) -> str:
    meta = value["product"]["metadata"]
    return f"{meta['domain']}/{meta['name']}"


def mesh(count: int, domains: int = 0, seed: int = 1) -> list[Record]:
    """The same as records."""
    return [Record(value) for value in values(count, domains, seed)]


def changed(value: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """A copy of one value with `changes`, as in `records.value`; what it shares with others stays as it is."""
    import copy

    made = copy.deepcopy(dict(value))
    for path, said in changes.items():
        records._set(made, path.split("__"), said)
    return made


def _picked(dice: random.Random, index: int) -> list[int]:
    """Mostly near ones: meshes have neighbourhoods."""
    wanted = dice.choice((1, 1, 2, 2, 3))
    found = {
        max(0, index - 1 - int(dice.expovariate(1 / (1 + index / 3)))) if dice.random() < 0.7 else dice.randrange(index)
        for _ in range(wanted)
    }  # fmt: skip
    return sorted(found)


def _value(
    base: Mapping[str, Any],
    kind: str,
    domain: str,
    name: str,
    reads: Sequence[Mapping[str, Any]],
    dice: random.Random,
) -> dict[str, Any]:
    title = name.replace("-", " ").capitalize()
    ports = (
        PORTS[: dice.choice((1, 1, 2))] if kind == "consumer-oriented" else PORTS[: dice.choice((1, 2, 2))]
    )
    spec = dict(base["product"]["spec"])
    spec["description"] = {**spec["description"], "purpose": f"{title} of the domain {domain}, for each day."}
    spec["owner"] = {"name": "Ada Example", "email": "ada@example.org", "team": domain}
    spec["outputs"] = [{"name": port, "uses": uses, "properties": LOCATIONS[uses]} for port, uses in ports]
    spec["useCases"] = []
    if reads:
        settings = spec["inputs"][0]["properties"]
        spec["inputs"] = [
            {"name": source["product"]["metadata"]["name"].replace("-", "_"), "uses": "data-product@1", "from": _port(source, dice), "properties": settings}
            for source in reads
        ]  # fmt: skip
        _told_apart(spec["inputs"])
    else:
        spec["inputs"] = [
            {"name": entry["name"], "uses": entry["uses"], "from": f"system:{system}", "properties": entry["properties"]}
            for entry, system in zip(spec["inputs"], dice.sample(SYSTEMS, dice.choice((1, 1, 2))), strict=False)
        ]  # fmt: skip
    identity = {"name": name, "domain": domain, "version": "1.0.0", "title": title}
    (table,) = base["contract"]["schema"]
    # A column that no other product has: reading a product is not copying it.
    own = {"name": f"{domain}-{name}-note".replace("-", "_"), "logicalType": "string", "classification": "public", "description": "A remark."}  # fmt: skip
    contract = {
        **base["contract"], "domain": domain, "dataProduct": name, "id": f"urn:contract:{domain}:{name}", "name": title,
        "schema": [{**table, "properties": [*table["properties"][:-1], own]}],
    }  # fmt: skip
    addresses = {
        f"dp:{domain}/{name}#{port}": {"uses": uses, "location": f"https://data.example.org/{domain}/{name}/{port}.parquet", "version": "1.0.0"}
        for port, uses in ports
    }  # fmt: skip
    return {
        **base,
        "product": {**base["product"], "metadata": identity, "spec": spec},
        "contract": contract,
        "addresses": addresses,
        "measurement": {**base["measurement"], "product": f"{domain}/{name}"},
        "source": {"repository": f"https://git.example.org/{domain}/{name}.git", "branch": "main"},
    }


def _port(source: Mapping[str, Any], dice: random.Random) -> str:
    meta = source["product"]["metadata"]
    port = dice.choice([port["name"] for port in source["product"]["spec"]["outputs"]])
    return f"dp:{meta['domain']}/{meta['name']}#{port}"


def _told_apart(inputs: list[dict[str, Any]]) -> None:
    """Two products of two domains may have one name; two inputs of one product may not."""
    seen: set[str] = set()
    for entry in inputs:
        entry["name"] += "_2" if entry["name"] in seen else ""
        seen.add(entry["name"])


def _used(value: dict[str, Any], dice: random.Random) -> None:
    spec = value["product"]["spec"]
    name, action = dice.choice(ACTIONS)
    spec["useCases"] = [
        {"name": f"{name}: {value['product']['metadata']['title'].lower()}", "users": dice.sample(USERS, dice.choice((1, 1, 2))),
         "action": action, "outputs": [spec["outputs"][0]["name"]]}
    ]  # fmt: skip


def small() -> list[dict[str, Any]]:
    """Five products in three domains, with names and people one would put on a slide, and nothing wrong."""
    return agreed(_small())


def _small() -> list[dict[str, Any]]:
    source, consumer = "source-oriented", "consumer-oriented"
    departures, aircraft = "airport-operations/departures", "fleet-management/aircraft"
    punctuality, utilisation = "customer-experience/punctuality", "fleet-management/aircraft-utilisation"
    return [
        _slide(departures, source, "Flight departures"),
        _slide(aircraft, source, "Aircraft", inputs=[{"name": "planes", "uses": "file@1", "from": "system:fleet-register", "properties": {"path": "p"}}], useCases=[]),
        _slide(punctuality, consumer, "Punctuality", reads=[departures]),
        _slide(
            utilisation, consumer, "Aircraft utilisation", reads=[departures, aircraft], classification="confidential",
            useCases=[{"name": "Which aircraft to sell", "users": ["Fleet board", "Finance desk"], "action": "Take what flies too little out of the fleet", "outputs": ["lake"]}],
        ),
        _slide(
            "customer-experience/airline-scorecards", consumer, "Airline scorecards", reads=[punctuality],
            useCases=[{"name": "Scorecards", "users": ["Airlines", "Travellers"], "action": "Choose an airline that leaves on time", "outputs": ["lake"]}],
        ),
    ]  # fmt: skip


def flawed() -> list[dict[str, Any]]:
    """The same with one of each: a missing product, a missing port, a cycle, a product that nobody uses, and a consumer
    that is less sensitive than its source."""
    made = small()
    spec = [value["product"]["spec"] for value in made]
    spec[3]["inputs"][1]["from"] = "dp:fleet-management/hangars#lake"
    spec[4]["inputs"][0]["from"] = "dp:customer-experience/punctuality#gone"
    spec[2]["classification"] = "public"
    rosters, swaps = "crew-planning/rosters", "crew-planning/swaps"
    made[1]["readers"] = []
    open_ = {"mode": "open", "policy": "access/policy.yaml"}
    return [
        *made,
        _slide("airport-operations/gates", "source-oriented", "Gates, and who was where for how long and why", useCases=[]),
        _slide(rosters, "consumer-oriented", "Rosters", reads=[swaps], access=open_),
        _slide(swaps, "consumer-oriented", "Swaps", reads=[rosters], access=open_),
    ]  # fmt: skip


def _slide(id: str, kind: str, title: str, reads: Sequence[str] = (), **spec: Any) -> dict[str, Any]:
    made = records.value(id, kind, product__metadata__title=title)
    made["product"]["spec"]["owner"]["team"] = id.partition("/")[0]
    inputs = made["product"]["spec"]["inputs"]
    if reads:
        shape = inputs[0]
        made["product"]["spec"]["inputs"] = [
            {**shape, "name": one.rpartition("/")[2].replace("-", "_"), "from": f"dp:{one}#lake"}
            for one in reads
        ]
    made["product"]["spec"] |= spec
    return made
