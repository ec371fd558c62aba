"""Adapters to the catalogs that companies have: each module or package in this folder that no underscore hides is one."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from meshwright.catalog import Adapter


def names() -> tuple[str, ...]:
    """Return what `--to` may name, sorted."""
    modules = (module.name for module in iter_modules([str(Path(__file__).parent)]))
    return tuple(sorted(name.replace("_", "-") for name in modules if not name.startswith("_")))


def find(name: str) -> Adapter:
    """Return the adapter of that name; raises Unreadable."""
    if name not in names():
        from meshwright.core.text import printable
        from meshwright.core.yaml import Unreadable

        raise Unreadable(
            f"There is no adapter for a catalog {printable(name)[:100]!r}.",
            f"Give one of {', '.join(names())}.",
        )
    return cast("Adapter", import_module(f"{__name__}.{name.replace('-', '_')}"))
