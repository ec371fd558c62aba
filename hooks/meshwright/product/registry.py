"""The registry of capabilities: what each folder below blueprints/ says of itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from meshwright.core.yaml import load

KINDS = {
    "inputs": "input",
    "transforms": "transform",
    "outputs": "output",
    "traits": "trait",
    "platforms": "platform",
}
"""Folder below blueprints/ -> what one of its capabilities is."""


@dataclass(frozen=True)
class Capability:
    """One entry of the registry, as its blueprint.yaml defines it."""

    kind: str
    """The folder it lies in: a key of KINDS."""
    name: str
    version: str
    summary: str
    description: str
    owner: str
    maturity: str
    """`experimental`, `stable` or `deprecated`."""
    properties: dict[str, Any]
    """JSON Schema of the `properties` of whatever uses the capability."""
    files: tuple[str, ...]
    """What it brings into a product, as paths in the product."""
    requirements: tuple[str, ...]
    example: str
    """YAML, as it is written into the spec of a fresh product."""
    consumer_example: str = ""
    """The same for a consumer-oriented product, where its sample has other columns."""
    reads: str = ""
    """Inputs only: `system` or `data-product`, what `from` may name."""
    own_data: str = ""
    """Inputs only: the variable that points the example at somebody's own data, as a product's README shows it."""
    opens: tuple[str, ...] = ()
    """Inputs that read data products only: the outputs, as `<name>@<major>`, that they can read."""
    platform: str = ""
    """Platforms and outputs: on which kind of storage they work, such as `files`. Two that say the same are on like
    platforms: one reads where it lies what the other has written."""
    borrows: dict[str, list[str]] = field(default_factory=dict)
    """What it brings of other blueprints' files: their folder, from the template's root -> paths in the product."""
    offers: tuple[str, ...] = ()
    """Outputs only: how consumers can share what lies there without a copy, `virtual` or `native` (sharing.py)."""
    folder: Path = field(default=Path(), compare=False)

    @property
    def uses(self) -> str:
        """How a spec refers to it: `<name>@<major>`."""
        return f"{self.name}@{self.version.partition('.')[0]}"


def folder() -> Path:
    """blueprints/, in the installed package or in a checkout of the template."""
    package = Path(__file__).parent.parent
    installed = package / "blueprints"
    return installed if installed.is_dir() else package.parent.parent / "blueprints"


@cache
def capabilities() -> tuple[Capability, ...]:
    """All capabilities, by kind and name."""
    found = []
    for kind in KINDS:
        for path in sorted((folder() / kind).glob("*/blueprint.yaml")):
            definition = load(path)
            for key in ("files", "requirements", "opens", "offers"):
                definition[key] = tuple(definition.get(key, ()))
            definition["files"] += tuple(
                path for paths in definition.get("borrows", {}).values() for path in paths
            )
            schema = {"type": "object", "additionalProperties": False, **definition.pop("properties")}
            found.append(Capability(kind=kind, folder=path.parent, properties=schema, **definition))
    return tuple(found)


def find(kind: str, uses: str) -> Capability | None:
    """The capability that a spec means by `uses`, or None if the registry has no such one."""
    return next((entry for entry in capabilities() if entry.kind == kind and entry.uses == uses), None)
