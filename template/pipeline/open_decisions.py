"""Keep what nobody has decided yet within build/: a proposal of `meshwright draft` is not published."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from pipeline import spec
from pipeline.dbt_folders import described
from pipeline.errors import PromiseBroken
from pipeline.proposal_marks import MARK, marks
from pipeline.spec import CHECK, Product


def refuse(product: Product) -> None:
    """Raises PromiseBroken if a port is outside of build/ while a proposed value waits for its decision."""
    outside = [port.name for port in product.outputs if not _in_build(product, port.properties)]
    if not outside:
        return
    if waiting := [f"{file}: {field}" for file, field in _open(product)]:
        shown = ", ".join(waiting[:3]) + (f" and {len(waiting) - 3} more" if len(waiting) > 3 else "")
        raise PromiseBroken(
            f"{len(waiting)} proposals are not decided yet ({shown}), so nothing is published to {', '.join(outside)}.",
            fix=f"{CHECK} lists them, each with the command that accepts it. Until then, ports below build/ can be written.",
        )


def _in_build(product: Product, properties: dict[str, Any]) -> bool:
    place = str(properties.get("path") or properties.get("url") or "")
    if "://" in place or "catalog" in properties:
        return False
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        return (product.root / place).resolve().is_relative_to(product.build.resolve())
    return False


def _open(product: Product) -> Iterator[tuple[str, str]]:
    """Yield file and field of every proposal. Files that cannot be read are reported by their own readers."""
    for file in (product.root / spec.FILE, product.contract, *described(product.root)):
        for mark in marks(_value(file)):
            yield file.relative_to(product.root).as_posix(), ".".join((*mark.names, mark.field))


def _value(file: Path) -> Any:
    with contextlib.suppress(OSError, ValueError, yaml.YAMLError, RecursionError):
        if MARK in (text := file.read_text("utf-8")):
            return yaml.safe_load(text)
    return None
