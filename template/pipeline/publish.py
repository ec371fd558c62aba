"""Stage 4: the verified file goes to every output port."""

from __future__ import annotations

import contextlib
import errno
import re

import yaml

from pipeline import port_types
from pipeline.dataset import Dataset
from pipeline.errors import UnreadableInput
from pipeline.spec import Capability, Product


def publish(product: Product, dataset: Dataset) -> dict[str, str]:
    """Publishes to every port; returns the location of each.

    Each port makes ready first and commits after, and all are ready before the first commits: a run
    that dies in between leaves every port as it was, or serving the new version.
    """
    port_types.refuse(product, dataset)
    ports = [(port, port.module()) for port in product.outputs]
    with contextlib.ExitStack() as stack:
        # Whatever goes wrong at one of them, each tidies up what it has made ready.
        publications = [
            (port, stack.enter_context(contextlib.closing(module.publish(port, product, dataset))))
            for port, module in ports
        ]
        for step in ("made ready", "replaced"):
            for port, publication in publications:
                try:
                    next(publication, None)
                except Exception as error:  # Each storage has errors of its own.
                    raise _failed(port, step, error) from error
    return {port.name: module.location(port, product) for port, module in ports}


CAUSES = (
    (
        r"no space|not enough space|disk (is )?full|quota|file too large|os error (27|28|122)\b",
        (errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
        "Make room where the port writes, and run again.",
    ),
    (
        r"permission denied|access ?denied|forbidden|read-?only|not authorized|unauthorized|os error (1|13|30)\b",
        (errno.EACCES, errno.EPERM, errno.EROFS),
        "Give the account of this run the right to write there, or give the port another path, and run again.",
    ),
    (
        r"timed? ?out|connection (refused|reset|aborted|closed)|could not resolve|name resolution|unreachable"
        r"|could ?n.t connect|failed to connect|error sending request|dns error|server closed",
        (errno.ECONNREFUSED, errno.ECONNRESET, errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH),
        "Run again when it can be reached; if it stays so, correct the address in data-product.yaml.",
    ),
    (
        r"conflict|commit failed|commitfailed|concurrent|locked|another run",
        (errno.EAGAIN, errno.EBUSY),
        "Run again when whoever else writes there has ended.",
    ),
    (
        r"file name too long|not a directory|is a directory|no such file|file exists|os error (2|17|20|21|36)\b",
        (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ENOENT, errno.EEXIST),
        "Correct the path of the port in data-product.yaml, and run again.",
    ),
)
"""What the many errors of storages are about: words in the message, numbers of the system, and what to do."""
OTHER = (
    "Run again; if it fails again, this is an error of the port, and not of the data: report it to the platform's team"
    " with the message."
)
LONGEST = 400


def _failed(port: Capability, step: str, error: Exception) -> UnreadableInput:
    """What became of a port, in one paragraph, with what to do about it."""
    message, kind, fix = str(error).strip() or type(error).__name__, UnreadableInput, ""
    if isinstance(error, UnreadableInput):
        kind, fix = type(error), error.fix
    else:
        # Some libraries end their message with the stack of another language.
        message = " ".join(re.split(r"\n\s*(?:0:|stack backtrace)", message, flags=re.IGNORECASE)[0].split())
        message = message if len(message) <= LONGEST else f"{message[:LONGEST]}…"
    if not fix:
        number, other = getattr(error, "errno", None), "" if isinstance(error, UnreadableInput) else OTHER
        fix = next(
            (
                fix
                for words, numbers, fix in CAUSES
                if number in numbers or re.search(words, message, re.IGNORECASE)
            ),
            other,
        )
    whole = "Its readers see the old data set or the new one, whole."
    return kind(
        f"The port {port.name} ({port.uses}) could not be {step}: {message}", fix=f"{fix} {whole}".strip()
    )


def address_registry(product: Product, locations: dict[str, str]) -> str:
    """Where each port lies, for the products that read them (see `data-product@1`)."""
    registry = {
        product.address(port.name): {
            "uses": port.uses,
            "location": locations[port.name],
            "version": product.version,
        }
        for port in product.outputs
    }
    return yaml.safe_dump(registry, sort_keys=False)
