"""Adapters to the catalogs that companies have: each module in this folder that no underscore hides is one."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from meshwright.catalog import Adapter


def names() -> tuple[str, ...]:
    """What `--to` may name, sorted."""
    found = (path.stem for path in Path(__file__).parent.glob("*.py"))
    return tuple(sorted(stem.replace("_", "-") for stem in found if not stem.startswith("_")))


def find(name: str) -> Adapter:
    """The adapter of that name. Raises Unreadable."""
    if name not in names():
        from meshwright.core.text import printable
        from meshwright.core.yaml import Unreadable

        raise Unreadable(
            f"There is no adapter for a catalog {printable(name)[:100]!r}.",
            f"Give one of {', '.join(names())}.",
        )
    return cast("Adapter", import_module(f"{__name__}.{name.replace('-', '_')}"))
