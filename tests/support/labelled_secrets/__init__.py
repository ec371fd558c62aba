"""Lines of files with the right label: a secret, or none; one part to tune, and one held out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def lines(part: str) -> Iterator[tuple[bool, str, str]]:
    """Yield whether a line has a secret, the name of its file, and the line. `part`: `tuning` or `held_out`."""
    for line in Path(__file__).with_name(f"{part}.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            label, file, text = line.split(" | ", 2)
            yield label == "+", file, text.replace("¦", "")
