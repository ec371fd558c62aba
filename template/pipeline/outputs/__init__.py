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
def alone(folder: Path) -> Iterator[bool]:
    """One run at a time writes to a folder, whatever repository it is of. Raises UnreadableInput for the second one.

    Yields whether that is sure: some network file systems have no locks.
    """
    try:
        with locked(folder.with_name(f".{folder.name}.lock")) as sure:
            yield sure
    except Busy:
        raise UnreadableInput(
            f"Another run publishes to {folder} now.", fix="Wait until it has ended, and run again."
        ) from None


def replacing(file: Path, target: Path) -> Iterator[None]:
    """Puts a file that the run has made where readers look for it: made ready up to the `yield`, replaced after it."""
    remove_unused(target.parent, f".{target.stem}.*.partial")
    partial = target.with_name(f".{target.name}.{uuid4().hex}.partial")
    with contextlib.ExitStack() as stack:
        stack.enter_context(marked(partial))
        stack.callback(partial.unlink, missing_ok=True)
        try:
            # What was verified, and not a copy of it: a run changes no file that it has written.
            os.link(file, partial)
        except OSError:  # another file system, or one that has no such links
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
