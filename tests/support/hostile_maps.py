"""Maps of meshes in which whatever can be named is named with ill intent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import meshes

from meshwright.map.model import model
from meshwright.product.record import Record

HOSTILE = (
    '"]; click n0 "javascript:alert(1)"',
    "--> end",
    "</script><script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "'\"` {{7*7}} ${x} #quot; %%{init: {}}%% \\",
    'a"\n}\nmodel { evil = domain "x" }\n',
    "\u202egnp.exe \u2066\x1b[31m\x00",
    "﷽" * 30 + "𒐫" * 30,
    "end",
    "x" * 1_000_000,
)


def mapped(values: Sequence[Mapping[str, Any]], **narrowed: Any) -> dict[str, Any]:
    return model([Record(value) for value in values], **narrowed)


def hostile(words: str) -> list[dict[str, Any]]:
    """A mesh in which whatever can be named is named so."""
    made = meshes.flawed()
    for value in made:
        meta, spec = value["product"]["metadata"], value["product"]["spec"]
        meta["title"] = words
        spec["description"]["purpose"] = words
        spec["owner"] = {"name": words, "email": words, "team": words}
        spec["useCases"] = [{"name": words, "users": [words], "action": words, "outputs": [words]}]
        for port in spec["outputs"]:
            port["name"] = words
        for entry in spec["inputs"]:
            entry["name"] = words
            if entry["from"].startswith("system:"):
                entry["from"] = f"system:{words}"
        value["source"]["repository"] = words
    made[0]["product"]["metadata"] |= {"domain": words, "name": words, "version": words}
    made[0]["product"]["spec"] |= {"type": words, "classification": words}
    made[5]["product"]["spec"]["inputs"] = [
        {"name": words, "uses": words, "from": words, "properties": {}}
    ] * 30
    made[5]["product"]["spec"]["traits"] = [{"uses": words}]
    return made
