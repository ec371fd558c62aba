"""Add the template's settings to a pyproject.toml, whose own lines stay as they are."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

HEADER = re.compile(r"^\s*\[(?!\[)\s*(?P<name>[^\[\]]+?)\s*\]\s*(#.*)?$")
ANY_HEADER = re.compile(r"^\s*\[")
KEY = re.compile(r"""^\s*(?P<key>[A-Za-z0-9_-]+|"[^"]*"|'[^']*')\s*=""")
PYTHON = "requires-python"
OF_A_PACKAGE = ("build-system", "tool.uv.package", "tool.hatch.build.targets.wheel")
"""Settings for a product that is no package; a team that builds one keeps its own."""
GROUP = "pipeline"
"""Dependency group of what the pipeline needs, in a repository that builds a package of its own."""
GROUPS = "[dependency-groups]\n"
DEPENDENCIES = re.compile(r"^dependencies = (\[\n(?:(?!\]).*\n)*\]\n)", re.MULTILINE)
UV = re.compile(r"^\[tool\.uv\].*\n", re.MULTILINE)


def merged_toml(theirs: str, template: str) -> tuple[str, list[str]]:
    """Return the team's text with the template's tables, keys and items of lists added, and notes. Raises ValueError."""
    own = _parsed(theirs)
    is_package = "build-system" in own
    template = _grouped(template) if is_package else template
    needed = tomllib.loads(template)
    lines = theirs.splitlines()
    notes: list[str] = []
    for name, block in _tables(template):
        path = name.split(".")
        present = _at(own, path)
        if is_package and name in OF_A_PACKAGE:
            continue  # whoever builds the package has decided how
        if is_package:
            left = [
                line for key, text in _keys(block[1:]) if f"{name}.{key}" not in OF_A_PACKAGE for line in text
            ]
            block = [block[0], *left]
            if not left:
                continue
        if present is None:
            lines += ["", *block] if lines else block
            continue
        if not isinstance(present, dict):
            raise ValueError(f"{name} is not a table")
        start = _header(lines, name)
        if start is None:
            raise ValueError(f"the table {name} is not written as [{name}]")
        for key, added in _keys(block[1:]):
            value = _at(needed, [*path, key])
            if key in (present.get("dynamic") or ()):
                continue
            if key not in present:
                end = _end(lines, start)
                lines[end:end] = added
            elif isinstance(value, list) and isinstance(present[key], list):
                _extend(lines, start, key, present[key], value, notes)
            elif key == PYTHON:
                _raise_python(lines, start, str(present[key]), str(value), notes)
    text = "\n".join(lines) + "\n"
    return text, notes + _verified(own, needed, _parsed(text), is_package)


def _verified(own: Any, needed: Any, result: Any, is_package: bool) -> list[str]:
    """Return notes on what the project gets to install. Raises ValueError if something of either side is lost."""
    place = ["dependency-groups", GROUP] if is_package else ["project", "dependencies"]
    packages = _at(needed, place) or []
    if not _kept(result, own) or not _kept(_at(result, place) or [], packages):
        raise ValueError("its tables cannot be merged with the template's")
    notes = [*_clashes(_at(own, ["project", "dependencies"]) or [], packages)] if is_package else []
    names = [re.split(r"[^\w.-]", one)[0] for one in packages if one not in (_at(own, place) or [])]
    where = f"dependency group {GROUP}" if is_package else "dependencies"
    return [*notes, *([f"adds to the {where} {', '.join(names)}"] if names else [])]


def _grouped(template: str) -> str:
    """Return the template's text with its dependencies as a group, so that who installs the team's package gets none of them."""
    found = DEPENDENCIES.search(template)
    if found is None or GROUPS not in template or UV.search(template) is None:
        return template
    text = template.replace(found[0], "", 1).replace(GROUPS, f"{GROUPS}{GROUP} = {found[1]}", 1)
    return UV.sub(rf'\g<0>default-groups = ["dev", "{GROUP}"]\n', text, count=1)


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ValueError(f"it is not TOML: {error}") from None


def _tables(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the tables of the template: name and lines, without empty ones at the end."""
    block: list[str] = []
    name = ""
    for line in [*text.splitlines(), "[end]"]:
        if match := HEADER.match(line):
            if name:
                while block and not block[-1].strip():
                    block.pop()
                yield name, block
            name, block = match["name"], []
        block.append(line)


def _keys(block: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each key of a table of the template with its lines, comments above it included."""
    above: list[str] = []
    name = ""
    depth = 0
    for line in block:
        match = KEY.match(line) if depth == 0 else None
        if match:
            name = match["key"].strip("\"'")
        above.append(line)
        if depth or match:
            plain = re.sub(r"\"[^\"]*\"|'[^']*'|#.*", "", line)
            depth += plain.count("[") - plain.count("]")
            if depth == 0:
                yield name, above
                above = []


def _at(value: Any, path: list[str]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _header(lines: list[str], name: str) -> int | None:
    parts_of_name = [part.strip().strip("\"'") for part in name.split(".")]
    for number, line in enumerate(lines):
        match = HEADER.match(line)
        if match and [part.strip().strip("\"'") for part in match["name"].split(".")] == parts_of_name:
            return number
    return None


def _end(lines: list[str], start: int) -> int:
    """Return where a new key of a table goes: after its last line that is not empty."""
    end = start + 1
    while end < len(lines) and not ANY_HEADER.match(lines[end]):
        end += 1
    while not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#"):
        end -= 1
    return end


def _extend(
    lines: list[str], start: int, key: str, present: list[Any], value: list[Any], notes: list[str]
) -> None:
    missing = [item for item in value if item not in present]
    notes += _clashes(present, missing)
    if not missing:
        return
    number = next(
        (
            number
            for number in range(start + 1, _end(lines, start))
            if (match := KEY.match(lines[number])) and match["key"].strip("\"'") == key
        ),
        None,
    )
    if number is None:
        raise ValueError(f"{key} is not written in its table")
    text = "\n".join(lines[number:])
    opening, closing, last = _array(text)
    inside = text[opening + 1 : closing]
    quoted = [_quoted(item) for item in missing]
    if "\n" in inside:
        comma = "" if text[last - 1] in "[," else ","
        head, tail = text[:last] + comma + text[last:closing].rstrip(), text[closing:]
        text = head + "\n" + "\n".join(f"  {item}," for item in quoted) + "\n" + tail
    else:
        before = text[:closing].rstrip()
        comma = "" if before.endswith(("[", ",")) else ","
        text = f"{before}{comma}{' ' if present else ''}{', '.join(quoted)}{text[closing:]}"
    lines[number:] = text.split("\n")


def _array(text: str) -> tuple[int, int, int]:
    """Return the positions of an array's brackets, and of the end of its last item or comma. Raises ValueError."""
    opening = text.index("[", text.index("="))
    place, depth, last = opening, 0, opening + 1
    while place < len(text):
        sign = text[place]
        if sign == "#":
            place = text.find("\n", place)
            if place < 0:
                break
            continue
        if sign in "\"'":
            mark = sign * 3 if text.startswith(sign * 3, place) else sign
            end = place + len(mark)
            while not text.startswith(mark, end):
                end += 2 if text[end : end + 1] == "\\" and sign == '"' else 1
                if end >= len(text):
                    raise ValueError("a text does not end")
            place = last = end + len(mark)
            continue
        depth += (sign in "[{") - (sign in "]}")
        if depth == 0:
            return opening, place, last
        place += 1
        if not sign.isspace():
            last = place
    raise ValueError("an array does not end")


def _quoted(item: Any) -> str:
    if not isinstance(item, str) or re.search(r"[\"\\\x00-\x1f]", item):
        raise ValueError("the template's array holds more than plain texts")
    return f'"{item}"'


def _clashes(present: list[Any], missing: list[Any]) -> Iterator[str]:
    """Yield a note for each package that is pinned to a version that the template does not allow."""
    needed = {
        name: requirement
        for item in missing
        if (requirement := _requirement(item)) and (name := canonicalize_name(requirement.name))
    }
    for item in present:
        own = _requirement(item)
        other = needed.get(canonicalize_name(own.name)) if own else None
        if own is None or other is None:
            continue
        pinned = [one.version for one in own.specifier if one.operator in ("==", "~=", "===")]
        if any(not other.specifier.contains(version.rstrip(".*"), prereleases=True) for version in pinned):
            yield f"{own.name}: your {own.specifier} and the template's {other.specifier} exclude each other"


def _requirement(item: Any) -> Requirement | None:
    try:
        return Requirement(item) if isinstance(item, str) else None
    except InvalidRequirement:
        return None


def _raise_python(lines: list[str], start: int, present: str, needed: str, notes: list[str]) -> None:
    lowest = re.search(r"\d+\.\d+", needed)
    assert lowest
    major, minor = map(int, lowest[0].split("."))
    try:
        if not any(SpecifierSet(present).contains(f"{major}.{older}") for older in range(minor)):
            return
    except InvalidSpecifier:
        return
    for number in range(start + 1, _end(lines, start)):
        if (match := KEY.match(lines[number])) and match["key"] == PYTHON:
            lines[number : number + 1] = [f"# {lines[number].strip()}", f'{PYTHON} = "{needed}"']
            notes.append(f"{PYTHON}: {needed} instead of {present}, which the pipeline needs")
            return


def _kept(whole: Any, part: Any) -> bool:
    """Return True if all of `part` is in `whole`; only Python's version may differ."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(
            key in whole and (key == PYTHON or _kept(whole[key], value)) for key, value in part.items()
        )
    if isinstance(part, list) and isinstance(whole, list):
        return all(item in whole for item in part)
    return bool(whole == part)
