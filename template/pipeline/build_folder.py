"""The folder build/: one run at a time works in it, and every file in it is whole."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.errors import MAKE_ROOM, UnreadableInput
from pipeline.locks import Busy, locked


class InProgress(UnreadableInput):
    """Another run works in the folder."""

    def __init__(self, lock: Path) -> None:
        super().__init__("Another run of this product is in progress here.", fix="Wait until it has ended.")
        self.lock = lock

    def lasts(self) -> bool:
        """Return True while it has not ended."""
        try:
            with locked(self.lock):
                return False
        except Busy:
            return True


@contextlib.contextmanager
def run_lock(root: Path) -> Iterator[None]:
    """Allow one run at a time, in an empty scratch folder."""
    build = root / "build"
    with contextlib.ExitStack() as stack:
        try:
            build.mkdir(exist_ok=True)
            stack.enter_context(locked(build / ".lock"))
            scratch = build / "scratch"
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir(parents=True)
        except Busy:
            raise InProgress(build / ".lock") from None
        except OSError as error:
            raise UnreadableInput(f"build/ cannot be written: {error}", fix=MAKE_ROOM) from error
        yield


def write(root: Path, name: str, content: dict[str, Any] | str) -> None:
    """Write a file below build/ atomically. Raises UnreadableInput."""
    text = content if isinstance(content, str) else json.dumps(content, indent=2) + "\n"
    partial = root / "build" / f".{name}.partial"
    try:
        partial.write_text(text, "utf-8")
        os.replace(partial, partial.with_name(name))
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise UnreadableInput(f"build/{name} cannot be written: {error}", fix=MAKE_ROOM) from error
