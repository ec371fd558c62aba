"""Change several files of a product, all of them or none."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from meshwright.core import files as core_files
from meshwright.core.errors import Error
from meshwright.core.yaml import read

PREFIX = ".meshwright-draft-"
"""Of the folder that holds new and old files while they are replaced."""
JOURNAL = "journal.json"
"""In it: path -> whether there was a file before."""


def replace_all(root: Path, files: Mapping[str, bytes | None]) -> None:
    """Write files below `root`, and remove those whose content is None. If one fails, all are as before. Raises Error."""
    for path in files:
        _refuse_outside(root, path)
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=root) as name:
        new, old = Path(name) / "new", Path(name) / "old"
        done: list[str] = []
        made: list[Path] = []
        try:
            for path, content in files.items():
                if content is not None:
                    (new / path).parent.mkdir(parents=True, exist_ok=True)
                    (new / path).write_bytes(content)
                if (root / path).is_file():
                    (old / path).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(root / path, old / path)
            # A process that is killed from here on leaves what `recover` needs to undo it.
            journal = {path: (old / path).exists() for path in files}
            core_files.write(Path(name) / JOURNAL, json.dumps(journal), "Make it writable, and draft again.")
            for path, content in files.items():
                made += _folders(root, (root / path).parent) if content is not None else []
                done.append(path)
                if content is None:
                    (root / path).unlink(missing_ok=True)
                else:
                    if (old / path).exists():
                        shutil.copymode(old / path, new / path)
                    (new / path).replace(root / path)
        except BaseException as error:
            for path in done:
                if (old / path).exists():
                    (old / path).replace(root / path)
                else:
                    (root / path).unlink(missing_ok=True)
            for folder in reversed(made):
                with contextlib.suppress(OSError):
                    folder.rmdir()
            if isinstance(error, OSError):
                place = error.filename or error.filename2 or root
                raise Error(
                    f"{place} cannot be written: {error.strerror}. Nothing was changed.",
                    "Make it writable, and draft again.",
                ) from error
            raise
        (Path(name) / JOURNAL).unlink()  # from here on, the new files hold
        for path, content in files.items():
            if content is None:
                with contextlib.suppress(OSError):  # only if nothing is left in it
                    (root / path).parent.rmdir()


def recover(root: Path) -> bool:
    """Undo what a killed process began to write; return True if there was such. Raises Error."""
    undone = False
    for folder in sorted(root.glob(f"{PREFIX}*")):
        if (folder / JOURNAL).is_file():
            journal = read(folder, JOURNAL).value
            for path, was_there in journal.items() if isinstance(journal, dict) else ():
                _refuse_outside(root, path)
                before = folder / "old" / path
                if was_there and before.is_file():
                    before.replace(root / path)
                elif not was_there:
                    (root / path).unlink(missing_ok=True)
            (folder / JOURNAL).unlink()
            undone = True
        shutil.rmtree(folder, ignore_errors=True)
    return undone


def _folders(root: Path, folder: Path) -> list[Path]:
    """Create a folder and those above it; return the new ones, the outermost first."""
    missing = []
    while folder != root and not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir()
    return missing[::-1]


def _refuse_outside(root: Path, path: str) -> None:
    """Raise Error for a path that a link leads out of the product, or that is not a file."""
    place = root / path
    if not place.resolve().is_relative_to(root.resolve()) or place.is_symlink():
        raise Error(
            f"{path} is a link, or in a folder that is one.", "Replace the link by a file, and draft again."
        )
    if place.is_dir():
        raise Error(f"{path} is a folder.", "Rename it, and draft again.")
