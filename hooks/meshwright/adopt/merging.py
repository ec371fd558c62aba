"""Merge the team's file with the template's of the same path, so that no line of the team's is lost."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatch
from typing import Any

import yaml

from meshwright.adopt.toml_merge import merged_toml
from meshwright.core.errors import Error
from meshwright.core.text import listed


class Unmergeable(Exception):
    """The two cannot be merged; the message says why."""


Merged = tuple[str, list[str]]
"""The text, and notes on what a person may want to know."""
Merge = Callable[[str, str, frozenset[str]], Merged]
"""Of the team's text, the template's, and the paths that git tracks."""


def merge(
    path: str, theirs: bytes, template: bytes, tracked: frozenset[str] = frozenset()
) -> tuple[bytes, list[str]]:
    """Return the merged content of a shared file, in the team's encoding and line ends, and notes. Raises Unmergeable."""
    how = MERGES.get(path)
    if how is None:
        raise Unmergeable("files of this kind are not merged")
    try:
        mine = theirs.decode("utf-8")
    except UnicodeDecodeError:
        raise Unmergeable("it is not UTF-8") from None
    mark = "\ufeff" if mine.startswith("\ufeff") else ""
    windows = "\r\n" in mine
    if windows and re.search(r"(?<!\r)\n", mine):
        raise Unmergeable("its line ends are mixed")
    plain = mine.removeprefix(mark).replace("\r\n", "\n")
    if "\r" in plain:
        raise Unmergeable("its line ends are those of no system")
    text, notes = how(plain, template.decode("utf-8"), tracked)
    return (mark + (text.replace("\n", "\r\n") if windows else text)).encode(), notes


def _with_end(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def _template_below(theirs: str, template: str, tracked: frozenset[str]) -> Merged:
    """The team's page first and whole, then the template's."""
    if not theirs.strip():
        return template, []
    return _with_end(theirs) + "\n" + template, []


def _template_above(theirs: str, template: str, tracked: frozenset[str]) -> Merged:
    """The template's lines first, so that the team's decide where both match a file."""
    return template + ("\n" + _with_end(theirs) if theirs.strip() else ""), []


def _ignoring(theirs: str, template: str, tracked: frozenset[str]) -> Merged:
    """The same, with the template's lines again that one of the team's would cancel: `!build/`."""
    text, notes = _template_above(theirs, template, tracked)
    shown = [line[1:].strip().strip("/") for line in theirs.splitlines() if line.startswith("!")]
    again = [
        line
        for line in template.splitlines()
        if (name := line.strip().strip("/"))
        and not line.startswith(("#", "!"))
        and any(_cancels(one, name) for one in shown)
    ]
    if again:
        text += "\n" + "\n".join(["# What a run writes stays out, whatever the lines above say", *again, ""])
        notes.append(f"{listed(again)} stays in force after your lines")
    return text, notes


def _cancels(shown: str, ignored: str) -> bool:
    """Return True if a pattern of shown files has some that another one ignores; both without slashes at their ends."""
    return fnmatch(ignored, shown) or fnmatch(shown, ignored) or shown.startswith(f"{ignored}/")


def _hooks(theirs: str, template: str, tracked: frozenset[str]) -> Merged:
    """The template's hooks, then the team's, with the team's other settings at the end."""
    value = _loaded(theirs)
    if value is None:  # nothing, or comments alone
        value = {}
    if not isinstance(value, dict) or not isinstance(value.get("repos", []), list | None.__class__):
        raise Unmergeable("it is not a configuration of pre-commit")
    node = yaml.compose(theirs)
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    if isinstance(node, yaml.MappingNode) and node.flow_style:
        raise Unmergeable("it is written in braces")
    lines = theirs.splitlines()
    starts = [key.start_mark.line for key, _ in pairs]
    repos: list[str] = []
    other = lines[: starts[0]] if starts else lines
    notes = []
    known = yaml.safe_load(template)
    for number, (key, item) in enumerate(pairs):
        end = starts[number + 1] if number + 1 < len(starts) else len(lines)
        block = lines[starts[number] : end]
        if key.value == "repos":
            repos = _indented(block, item, value["repos"])
        elif key.value in known:
            # A key may stand only once.
            other += [f"# {line}" if line.strip() else line for line in block]
            if value[key.value] != known[key.value]:
                notes.append(f"{key.value}: the template's {known[key.value]} replaces {value[key.value]}")
        else:
            other += block
    other = [line for line in other if line.rstrip() not in ("---", "...")]
    text = _with_end(template)
    if any(line.strip() for line in repos):
        text += "\n".join(["", *_trimmed(repos), ""])
    if any(line.strip() for line in other):
        text += "\n".join(["", *_trimmed(other), ""])
    result = _loaded(text)
    if result is None or result["repos"] != known["repos"] + (value.get("repos") or []):
        raise Unmergeable("its hooks cannot be moved below the template's")
    return text, notes


def _indented(block: list[str], node: yaml.Node, value: Any) -> list[str]:
    """Return the items of `repos` as lines, indented by two."""
    if not value:
        return block[1:]  # comments
    if isinstance(node, yaml.CollectionNode) and node.flow_style:
        return _block_of(value)
    by = 2 - node.start_mark.column
    # Comments that stand further left than the items stay there.
    return [
        " " * by + line
        if by > 0 and line.strip()
        else line[min(-by, len(line) - len(line.lstrip())) :]
        if by < 0
        else line
        for line in block[1:]
    ]


def _block_of(value: Any) -> list[str]:
    return [f"  {line}" for line in yaml.safe_dump(value, sort_keys=False, width=1000).splitlines()]


def _trimmed(lines: list[str]) -> list[str]:
    return "\n".join(lines).strip("\n").split("\n")


def _loaded(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise Unmergeable(f"it is not YAML{f', line {mark.line + 1}' if mark else ''}: {what}") from None


def _renovate(theirs: str, template: str, tracked: frozenset[str]) -> Merged:
    """The template's rules first: where several match, Renovate takes the last."""
    try:
        value = json.loads(theirs)
    except (ValueError, RecursionError):
        raise Unmergeable("it is not plain JSON") from None
    if not isinstance(value, dict):
        raise Unmergeable("it is not a JSON object")
    node = yaml.compose(template)
    assert isinstance(node, yaml.MappingNode)
    edits: list[tuple[int, int, str]] = []
    _merge_json(value, json.loads(template), node, 1, edits)
    text = template
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    if not _holds(json.loads(text), value):
        raise Unmergeable("its settings cannot be merged with the template's")
    return text, []


def _merge_json(
    theirs: Any, template: Any, node: yaml.Node, depth: int, edits: list[tuple[int, int, str]]
) -> None:
    """Collect edits of the template's text: (start, end, what takes the place)."""
    if isinstance(theirs, dict) and isinstance(template, dict) and isinstance(node, yaml.MappingNode):
        nodes = {key.value: item for key, item in node.value}
        for key in theirs.keys() & template.keys():
            _merge_json(theirs[key], template[key], nodes[key], depth + 1, edits)
        new = [
            f"{json.dumps(key, ensure_ascii=False)}: {_json(theirs[key], depth)}"
            for key in theirs
            if key not in template
        ]
        _append(node, [item.end_mark.index for _, item in node.value], new, depth, edits)
    elif isinstance(theirs, list) and isinstance(template, list) and isinstance(node, yaml.SequenceNode):
        new = [_json(item, depth) for item in theirs if item not in template]
        _append(node, [item.end_mark.index for item in node.value], new, depth, edits)
    elif theirs != template:
        edits.append((node.start_mark.index, node.end_mark.index, _json(theirs, depth)))


def _json(value: Any, depth: int) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False).replace("\n", "\n" + "  " * depth)


def _append(
    node: yaml.Node, ends: list[int], new: list[str], depth: int, edits: list[tuple[int, int, str]]
) -> None:
    if not new:
        return
    several = node.start_mark.line != node.end_mark.line
    between = ",\n" + "  " * depth if several else ", "
    place = ends[-1] if ends else node.end_mark.index - 1
    text = between.join(new)
    edits.append((place, place, f"{between}{text}" if ends else text))


def _holds(whole: Any, part: Any) -> bool:
    """Return True if all of `part` is in `whole`: keys, items and values."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and _holds(whole[key], value) for key, value in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return all(item in whole for item in part)
    return bool(whole == part)


def _pyproject(theirs: str, template: str, tracked: frozenset[str]) -> Merged:
    try:
        return merged_toml(theirs, template)
    except ValueError as error:
        raise Unmergeable(str(error)) from None


LISTS = {"macro-paths": ["macros"], "snapshot-paths": ["snapshots"]}
"""Settings of dbt_project.yml that need the template's folders too -> dbt's defaults."""
VENDORED = "dbt_packages"


def _dbt_project(theirs: str, template: str, tracked: frozenset[str]) -> Merged:
    """The team's project, and what the pipeline needs of it: its macros, its snapshots, and no packages outside of build/."""
    from meshwright.core.yaml_edit import edited

    known, value = _loaded(template), _loaded(theirs)
    if not isinstance(value, dict):
        raise Unmergeable("it is not a mapping")
    notes: list[str] = []

    def change(project: Any) -> None:
        for key, default in LISTS.items():
            needed = [item for item in known.get(key, ()) if item.startswith(("pipeline/", "build/"))]
            present = project.get(key)
            if present is None:
                project[key] = [*default, *needed]
            elif isinstance(present, list):
                missing = [item for item in needed if item not in present]
                shared: Any = present
                if missing and shared.anchor.value:  # another setting has the same list by its anchor
                    project[key] = [*present, *missing]
                else:
                    present += missing
            else:
                raise Unmergeable(f"{key} is not a list")
        if "packages-install-path" not in value:
            if any(path.startswith(f"{VENDORED}/") for path in tracked):
                notes.append(f"{VENDORED}/ stays where the packages are, because it is committed")
            else:
                project["packages-install-path"] = known["packages-install-path"]
        flags = project.setdefault("flags", {})
        if not isinstance(flags, dict):
            raise Unmergeable("flags is not a mapping")
        for key, setting in known.get("flags", {}).items():
            flags.setdefault(key, setting)

    try:
        text = edited(theirs, change)
    except Error as error:
        raise Unmergeable(str(error)) from None
    result = _loaded(text)
    if not _holds(result, value):
        raise Unmergeable("the pipeline's settings cannot be added")
    notes += _new_layout(theirs, text)
    old = [key for key in ("source-paths", "data-paths") if key in value]
    if old:
        notes.append(f"{listed(old)} is of dbt before 1.0: rename it to model-paths or seed-paths")
    return text, notes


def _new_layout(theirs: str, text: str) -> list[str]:
    """Return a note if other lines of the team's project than those with the template's settings are written anew."""
    kept = {*text.splitlines()}
    lines = [line for line in theirs.splitlines() if line.strip() and not line.startswith((*LISTS, "flags"))]
    return [] if kept.issuperset(lines) else ["its layout changes, and every setting of yours stays"]


MERGES: Mapping[str, Merge] = {
    "README.md": _template_below,
    ".gitignore": _ignoring,
    ".gitattributes": _template_above,
    ".dockerignore": _ignoring,
    "infra/.gitignore": _ignoring,
    ".pre-commit-config.yaml": _hooks,
    "renovate.json": _renovate,
    "pyproject.toml": _pyproject,
    "dbt_project.yml": _dbt_project,
}
"""Path in a product -> how it is merged."""
