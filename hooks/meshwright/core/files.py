"""Write files atomically: readers see the old content or the new, also after a power cut."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from meshwright.core.errors import Error


class Unwritable(Error):
    """A file cannot be written."""


def write(
    path: Path,
    content: str | bytes,
    fix: str = "Choose another path.",
    *,
    parents: bool = False,
    flushed: bool = True,
) -> None:
    """Replace a file. Raises Unwritable.

    Text is encoded as UTF-8; a lone surrogate becomes a question mark. `parents` creates missing folders.
    `flushed=False` is for many small files that can be written again: after a power cut they may be empty.
    """
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    try:
        if parents:
            path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, flushed=flushed) as partial:
            partial.write_bytes(data)
    except OSError as error:
        raise Unwritable(f"{path} cannot be written: {error.strerror}.", fix) from error


@contextlib.contextmanager
def replacing(path: Path, partial: Path | None = None, flushed: bool = True) -> Iterator[Path]:
    """Yield a file to write, beside `path` or at `partial` on the same volume; it replaces `path` at the end."""
    if partial is None:
        import tempfile

        handle, name = tempfile.mkstemp(prefix=f".{path.name[:200]}.", dir=path.parent)
        os.close(handle)
        partial = Path(name)
        partial.chmod(0o666 & ~_umask())
    try:
        yield partial
        if flushed:
            _flush(partial)
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
    if flushed:
        with contextlib.suppress(OSError):  # some file systems cannot flush a folder
            _flush(path.parent)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
