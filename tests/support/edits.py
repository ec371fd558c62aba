"""Changes of documents."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml


def merged(value: Any, patch: Any) -> Any:
    """RFC 7396: a mapping merges, null removes, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = dict(value) if isinstance(value, dict) else {}
    for key, change in patch.items():
        if change is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), change)
    return result


def edit(file: Path, change: Callable[[Any], Any]) -> None:
    value = yaml.safe_load(file.read_text("utf-8"))
    file.write_text(yaml.safe_dump(change(copy.deepcopy(value)), sort_keys=False), "utf-8")


def extended(spec: str, *lines: str) -> str:
    """Return the text of a product's spec with more fields of an organisation's own, which are its last."""
    return "\n  ".join([spec.replace("extensions: {}", "extensions:").rstrip(), *lines]) + "\n"
