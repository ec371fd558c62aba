"""Change a YAML file that people write by hand: comments, order, quotes and layout of the rest stay."""

from __future__ import annotations

import difflib
import io
from collections.abc import Callable
from typing import Any

from meshwright.core.errors import Error


def edited(text: str, change: Callable[[Any], Any], path: str = "") -> str:
    """Return the text after `change` was applied to its value, a mapping that it modifies in place.

    Lines that the change does not touch stay as they are, even if they are laid out otherwise than this module writes.
    `path`: the file that errors name. Raises Error if the text is not YAML, or if the result would not have the value of the change.
    """
    from ruamel.yaml.error import YAMLError

    try:
        value = _yaml().load(text)
        before = _dumped(value)
        change(value)
        after = _dumped(value)
        result = after if before == text else _transferred(text, before, after)
        if not _is_same(result, after):
            result = after  # the layout of the file differs too much where the change is
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise Error(f"It is not YAML: {what}.", "Fix the syntax here, or just above.", *place).of(
            path
        ) from error
    return result


def _yaml() -> Any:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _is_same(one: str, other: str) -> bool:
    """Return True if both texts have the same value."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    plain = YAML(typ="safe", pure=True)
    try:
        return bool(plain.load(one) == plain.load(other))
    except YAMLError:
        return False


def _dumped(value: Any) -> str:
    stream = io.StringIO()
    _yaml().dump(value, stream)
    return stream.getvalue()


def _transferred(text: str, before: str, after: str) -> str:
    """Return `text` with the changes of lines from `before` to `after`; `before` is the same document in another layout."""
    lines, old, new = (one.splitlines(keepends=True) for one in (text, before, after))
    place = _aligned(lines, old)
    result: list[str] = []
    done = 0
    for kind, low, high, start, end in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        first, last = place[low], place[high]
        if first < done:
            return after
        # The lines that are new have the indentation of the line whose place they take.
        shift = _indent(lines[first]) - _indent(old[low]) if low < high and first < len(lines) else 0
        result += lines[done:first] + [_shifted(line, shift) for line in new[start:end]]
        done = last
    return "".join(result + lines[done:])


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _shifted(line: str, by: int) -> str:
    return line if not line.strip() else " " * by + line if by > 0 else line[min(-by, _indent(line)) :]


def _aligned(lines: list[str], old: list[str]) -> list[int]:
    """Return for each line of `old`, and for its end, the index of the line of `lines` that it corresponds to."""
    place = [0] * (len(old) + 1)
    stripped = difflib.SequenceMatcher(
        None, [line.strip() for line in lines], [line.strip() for line in old], autojunk=False
    )
    for _, first, last, low, high in stripped.get_opcodes():
        for offset in range(high - low):
            place[low + offset] = min(first + offset, last)
    place[len(old)] = len(lines)
    return place
