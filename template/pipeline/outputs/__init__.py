"""The outputs that this product can use: one module a capability, each with `publish`, `read`, `location`."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from pipeline.errors import UnreadableInput
from pipeline.locks import Busy, locked, marked, remove_unused
from pipeline.spec import Product


def refuse_impossible(product: Product) -> None:
    """Raises UnreadableInput for a port that cannot serve this product, whatever its data is.

    Such a port's module has `refuse(port, product)`.
    """
    for port in product.outputs:
        refuse = getattr(port.module(), "refuse", None)
        if refuse is None:
            continue
        try:
            refuse(port, product)
        except UnreadableInput as error:
            raise UnreadableInput(
                f"The port {port.name} ({port.uses}) cannot be served: {error}",
                fix=f"{error.fix} Nothing was read.",
            ) from error


@contextlib.contextmanager
def output_lock(folder: Path) -> Iterator[bool]:
    """Allow one run at a time to write to a folder, across repositories. Raises UnreadableInput for the second one.

    Yields True if the lock is reliable: some network file systems have no locks.
    """
    try:
        with locked(folder.with_name(f".{folder.name}.lock")) as sure:
            yield sure
    except Busy:
        raise UnreadableInput(
            f"Another run is publishing to {folder}.", fix="Wait until it has ended, and run again."
        ) from None


def replacing(file: Path, target: Path) -> Iterator[None]:
    """Put a file of the run at its published path: prepared before the `yield`, replaced after it."""
    remove_unused(target.parent, f".{target.stem}.*.partial")
    partial = target.with_name(f".{target.name}.{uuid4().hex}.partial")
    with contextlib.ExitStack() as stack:
        stack.enter_context(marked(partial))
        stack.callback(partial.unlink, missing_ok=True)
        try:
            # The verified file itself, not a copy: a run never changes a file that it has written.
            os.link(file, partial)
        except OSError:  # another file system, or one without hard links
            with file.open("rb") as source, partial.open("xb") as sink:
                shutil.copyfileobj(source, sink, 8 * 1024 * 1024)
        with partial.open("rb+") as written:
            os.fsync(written.fileno())
        yield
        os.replace(partial, target)
    with contextlib.suppress(OSError):  # Some systems cannot sync a folder.
        descriptor = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
