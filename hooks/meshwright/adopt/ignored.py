"""Files of the product that .gitignore files of the team hide, and the lines that show them again."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from meshwright.core.git import CAREFUL, ISOLATED, run, text
from meshwright.core.text import listed, printable

NAME = ".gitignore"
ROUNDS = 5
"""A line that shows a folder may leave files in it that another line hides."""


def sentences(contents: Mapping[str, str], paths: Iterable[str], folder: Path) -> Iterator[str]:
    """Yield for each line that hides any of `paths` what to write. `contents`: the .gitignore files, by path.

    `folder` is a temporary one. Raises GitError.
    """
    command = ["git", *CAREFUL, "-c", f"core.excludesFile={os.devnull}"]
    paths = list(paths)
    folder.mkdir(parents=True)
    run([*command, "init", "--quiet", str(folder)], ISOLATED)
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
    for path, content in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, "utf-8")
    hidden: dict[tuple[str, str], list[str]] = {}
    shown: dict[tuple[str, str], list[str]] = {}
    for _ in range(ROUNDS):
        found = list(_hidden(command, folder, paths))
        if not found:
            break
        more: dict[str, list[str]] = {}
        for file, number, pattern, path, what in found:
            key = f"{file}:{number}" if number <= len(contents.get(file, "").splitlines()) else file, pattern
            line = _shows(PurePosixPath(what).relative_to(PurePosixPath(file).parent), what != path, pattern)
            if path not in hidden.setdefault(key, []):
                hidden[key].append(path)
            if line not in shown.setdefault(key, []):
                shown[key].append(line)
            if line not in more.setdefault(file, []):
                more[file].append(line)
        for file, lines in more.items():
            with (folder / file).open("a", encoding="utf-8") as opened:
                opened.write("".join(f"\n{line}" for line in lines) + "\n")
    for (place, pattern), named in hidden.items():
        yield (
            f"{place}: `{printable(pattern)}` hides {listed(printable(path) for path in named)}, so git leaves out what is new"
            f" there. Write at its end: {', '.join(f'`{printable(line)}`' for line in shown[place, pattern])}"
        )


def _hidden(
    command: list[str], folder: Path, paths: Iterable[str]
) -> Iterator[tuple[str, int, str, str, str]]:
    """Yield the .gitignore file, line and pattern that hides a path, the path, and what of it is hidden: it, or a folder."""
    ways = {path: [*_folders(path), path] for path in paths}
    feed = b"".join(
        os.fsencode(one) + b"\0" for one in dict.fromkeys(one for ones in ways.values() for one in ones)
    )
    check = [*command, "-C", str(folder), "check-ignore", "--no-index", "--verbose", "-z", "--stdin"]
    words = text(run(check, ISOLATED, feed, ok=(0, 1)).stdout).split("\0")[:-1]
    found = {
        path: (file, int(number), pattern)
        for file, number, pattern, path in zip(*[iter(words)] * 4, strict=True)
    }
    for path, ones in ways.items():
        what = next((one for one in ones if one in found and not found[one][2].startswith("!")), None)
        if what is not None:
            yield *found[what], path, what


def _folders(path: str) -> list[str]:
    parents = [parent.as_posix() for parent in PurePosixPath(path).parents]
    return [parent for parent in reversed(parents) if parent != "."]


def _shows(what: PurePosixPath, is_folder: bool, pattern: str) -> str:
    """Return the line that shows a folder, or the files of a folder that the pattern hides."""
    name = pattern.rpartition("/")[2]
    if is_folder or not any(sign in name for sign in "*?["):
        return f"!/{what.as_posix()}{'/' * is_folder}"
    if not name.strip("*?"):  # all files: those of the same ending
        name = f"*{what.suffix}" if len(what.parts) > 1 and what.suffix else what.name
    return "!/" + (what.parent / name).as_posix()
