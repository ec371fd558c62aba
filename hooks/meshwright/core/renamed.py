"""Keys of JSON that were renamed in 0.3.0. Both names are written until 0.4.0, and both are read."""

from __future__ import annotations

from typing import Any

OLD = {"fix": "mend", "issues": "flaws", "manualActions": "residuals"}
"""New name -> old name."""
NEW = {old: new for new, old in OLD.items()}


def with_old(value: Any) -> Any:
    """Return the value with each renamed key under its old name, too."""
    return _copied(value, OLD)


def with_new(value: Any) -> Any:
    """Return the value, possibly written by an older release, with each renamed key under its new name, too."""
    return _copied(value, NEW)


def _copied(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, list | tuple):
        return [_copied(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    copied = {key: _copied(item, names) for key, item in value.items()}
    more = {names[key]: item for key, item in copied.items() if key in names and names[key] not in copied}
    return copied | more
