"""Whether a file of a product is still as the template wrote it."""

from __future__ import annotations

import contextlib
from hashlib import sha256
from pathlib import Path

from meshwright.core.yaml import Unreadable, inside, read
from meshwright.product.files import SAMPLE_FILES


def is_untouched(root: Path, path: str) -> bool:
    """Return True if a file of the product at `root` has the content that `copier copy` gave it.

    False for a file that the template did not write, and for all files of a product that an older template made. Line
    ends count as one, because git may write them as Windows does.
    """
    with contextlib.suppress(Unreadable, OSError):
        written = read(root, SAMPLE_FILES).value
        known = written.get(path) if isinstance(written, dict) else None
        if isinstance(known, list) and inside(root, path):
            content = (root / path).read_bytes()
            return bool(
                {fingerprint(content), fingerprint(content.replace(b"\r\n", b"\n"))} & {*map(str, known)}
            )
    return False


def fingerprint(content: bytes) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    return sha256(content).hexdigest()


def written_files(root: Path) -> list[str]:
    """Return the paths of the files that are the template's example for a start, sorted. Raises Unreadable."""
    value = read(root, SAMPLE_FILES).value
    return sorted(map(str, value)) if isinstance(value, dict) else []
