"""Words that mean the same: of the language, and an organisation's own, from a YAML file."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from meshwright.core.yaml import MAX_BYTES, Unreadable, decode, parse
from meshwright.serve.search_index import Synonyms

FILE = Path(__file__).with_name("synonyms.yaml")
FIX = "Write `synonyms:`, and below it lists such as `- [aircraft, plane, jet]`."


@cache
def known_synonyms(path: Path | None = None) -> Synonyms:
    """Return the synonyms of the language, and those of a file. Raises Unreadable, with the place."""
    return Synonyms([*_groups(FILE), *(_groups(path) if path else ())])


def _groups(path: Path) -> list[list[str]]:
    try:
        with path.open("rb") as file:
            document = parse(str(path), decode(file.read(MAX_BYTES + 1)))
    except OSError as error:
        raise Unreadable(f"{path}: it cannot be read: {error.strerror}.", "Give another file.") from error
    value: Any = document.value
    groups = value.get("synonyms") if isinstance(value, dict) else None
    if not isinstance(groups, list) or value.keys() != {"synonyms"}:
        raise Unreadable(f"{path}: it has no list `synonyms`, or more than that.", FIX)
    for number, group in enumerate(groups):
        if not isinstance(group, list) or len(group) < 2 or not all(isinstance(one, str) for one in group):
            line, column = document.place(("synonyms", number))
            raise Unreadable(
                f"{path}:{line}:{column}: this is no list of at least two words.", FIX, line, column
            )
    return groups
