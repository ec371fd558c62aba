"""The registry of capabilities: one for each folder below blueprints/."""

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
    "infrastructure": "infrastructure",
}
"""Folder below blueprints/ -> word for its capabilities."""


@dataclass(frozen=True)
class Capability:
    """One entry of the registry, as its blueprint.yaml defines it."""

    kind: str
    """The folder it is in: a key of KINDS."""
    name: str
    version: str
    summary: str
    description: str
    owner: str
    maturity: str
    """`experimental`, `stable` or `deprecated`."""
    properties: dict[str, Any]
    """JSON Schema of the `properties` in the spec for this capability."""
    files: tuple[str, ...]
    """The files that it adds to a product, as paths in the product."""
    requirements: tuple[str, ...]
    example: str
    """YAML, as written into the spec of a fresh product."""
    consumer_example: str = ""
    """The same for a consumer-oriented product, where its sample has other columns."""
    of_columns: bool = False
    """True if its example names columns of the sample, so that a product without a sample starts without it."""
    reads: str = ""
    """Inputs only: `system` or `data-product`, the kind of source in `from`."""
    in_place: bool = False
    """Inputs only: whether a query can read the data where it is (the module has `reader_sql`), so that a view can too."""
    own_data: str = ""
    """Inputs only: the variable that replaces the example data by the user's own, as the README shows it."""
    opens: tuple[str, ...] = ()
    """Inputs that read data products only: the outputs, as `<name>@<major>`, that they can read."""
    platform: str = ""
    """Platforms and outputs: the kind of storage they use, such as `files`. If two have the same, one can read what the
    other has written without a copy."""
    borrows: dict[str, list[str]] = field(default_factory=dict)
    """Files that it takes from other blueprints: their folder, from the template's root -> paths in the product."""
    replaces: tuple[str, ...] = ()
    """Files of other blueprints that a product with this capability does not have: it does what they do."""
    optional: tuple[str, ...] = ()
    """Those of its files that a product is whole without: only work by hand needs them."""
    offers: tuple[str, ...] = ()
    """Outputs only: how consumers can use the data without a copy, `virtual` or `native` (sharing.py)."""
    templated: tuple[str, ...] = ()
    """Those of its files that Copier renders with the answers; the others are the same in every product."""
    readme: str = ""
    """Infrastructure, and traits that start runs: what a product's README says of where it runs, and the next step; Markdown."""
    folder: Path = field(default=Path(), compare=False)

    @property
    def uses(self) -> str:
        """The reference to it in a spec: `<name>@<major>`."""
        return f"{self.name}@{self.version.partition('.')[0]}"


def folder() -> Path:
    """Return the folder blueprints/, of the installed package or of a checkout of the template."""
    package = Path(__file__).parent.parent
    installed = package / "blueprints"
    return installed if installed.is_dir() else package.parent.parent / "blueprints"


@cache
def capabilities() -> tuple[Capability, ...]:
    """Return all capabilities, by kind and name."""
    return tuple(_capability(kind, name) for kind in KINDS for name in _definitions(kind))


def find(kind: str, uses: str) -> Capability | None:
    """Return the capability for `uses` in a spec, or None if the registry does not have it."""
    name = uses.partition("@")[0]
    entry = _capability(kind, name) if name in _definitions(kind) else None
    return entry if entry and entry.uses == uses else None


@cache
def _definitions(kind: str) -> dict[str, Path]:
    """Return the definition of each capability of a kind, by its name, which is the name of its folder."""
    return {path.parent.name: path for path in sorted((folder() / kind).glob("*/blueprint.yaml"))}


@cache
def _capability(kind: str, name: str) -> Capability:
    path = _definitions(kind)[name]
    definition = load(path)
    for key in ("files", "requirements", "replaces", "opens", "offers", "templated", "optional"):
        definition[key] = tuple(definition.get(key, ()))
    definition["files"] += tuple(path for paths in definition.get("borrows", {}).values() for path in paths)
    schema = {"type": "object", "additionalProperties": False, **definition.pop("properties")}
    return Capability(kind=kind, folder=path.parent, properties=schema, **definition)
