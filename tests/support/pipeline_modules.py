"""Modules of a product's package `pipeline`, imported from the template and its blueprints, where no product is made."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from checkout import ROOT


@contextmanager
def pipeline_modules(*blueprints: str) -> Iterator[Any]:
    """A function that imports a module by its name, such as `spec`. Whatever package `pipeline` was imported before is back afterwards."""
    before = _taken()
    folders = ["template", *(f"blueprints/{blueprint}" for blueprint in blueprints)]
    sys.path.insert(0, str(ROOT / "template"))
    try:
        package = importlib.import_module("pipeline")
        package.__path__[:] = [str(ROOT / folder / "pipeline") for folder in folders]

        def module(name: str) -> ModuleType:
            return importlib.import_module(f"pipeline.{name}")

        yield module
    finally:
        sys.path.remove(str(ROOT / "template"))
        _taken()
        sys.modules.update(before)


def _taken() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name == "pipeline" or name.startswith("pipeline.")]
    return {name: sys.modules.pop(name) for name in names}
