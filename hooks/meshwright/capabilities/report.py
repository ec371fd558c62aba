"""Print the registry for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from meshwright.product.registry import KINDS, Capability


def listed(entries: Sequence[Capability]) -> str:
    """Return a table with a line for each capability."""
    width = max(len(entry.uses) for entry in entries)
    return "\n".join(
        f"{KINDS[entry.kind]:<{max(map(len, KINDS.values()))}}  {entry.uses:<{width}}  {entry.maturity:<12}  {entry.summary}"
        for entry in entries
    )


def explained(entry: Capability) -> str:
    """Return the content of a blueprint, and how to use it in a spec."""
    lines = [
        f"{entry.uses} ({KINDS[entry.kind]}, {entry.maturity}, version {entry.version}, owner {entry.owner})",
        "",
        entry.description,
    ]
    shared = {"Platform": [entry.platform], "Offers": entry.offers, "Opens": entry.opens}
    facts = [f"{what}: {', '.join(values)}" for what, values in shared.items() if any(values)]
    lines += ["", *facts] if facts else []
    described = list(properties(entry))
    if described:
        lines += ["", "Properties:"]
        lines += [
            f"  {name}{' (required)' if required else ''}: {text}" for name, required, text in described
        ]
    lines += ["", "Example:", *(f"  {line}" for line in entry.example.rstrip().splitlines())]
    return "\n".join(lines)


def properties(entry: Capability) -> Iterator[tuple[str, bool, str]]:
    """Yield each property's name, whether it is required, and its description."""
    required = entry.properties.get("required", [])
    for name, schema in entry.properties.get("properties", {}).items():
        choices = f" One of: {', '.join(map(str, schema['enum']))}." if "enum" in schema else ""
        yield name, name in required, schema.get("description", "") + choices


def as_json(entries: Sequence[Capability]) -> str:
    """Return the registry's entries unchanged."""

    def plain(entry: Capability) -> dict[str, Any]:
        fields = asdict(entry) | {"uses": entry.uses}
        del fields["folder"]
        return fields

    return json.dumps([plain(entry) for entry in entries], indent=2)
