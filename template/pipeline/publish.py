"""Stage 4: write the verified files to every output port."""

from __future__ import annotations

import contextlib
import errno
import re
from collections.abc import Callable
from typing import Any

import yaml

from pipeline import port_types
from pipeline.dataset import Dataset
from pipeline.errors import UnreadableInput
from pipeline.spec import Capability, Product

before_commit: list[Callable[[], None]] = []
"""Called when all ports are prepared: each raises UnreadableInput if nothing may be published any more."""


def publish(product: Product, dataset: Dataset) -> dict[str, str]:
    """Publish to every port; return the location of each.

    All ports are prepared before the first one commits: after a crash in between, every port serves either the old
    version or the new one.
    """
    port_types.refuse(product, dataset)
    ports = [(port, port.module()) for port in product.outputs]
    with contextlib.ExitStack() as stack:
        # If one of them fails, each cleans up what it has prepared.
        publications = [
            (port, stack.enter_context(contextlib.closing(module.publish(port, product, dataset))))
            for port, module in ports
        ]
        for step in ("made ready", "replaced"):
            for refuse in before_commit if step == "replaced" else []:
                refuse()
            for port, publication in publications:
                try:
                    next(publication, None)
                except Exception as error:  # Each storage has its own errors.
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
        "Allow the account of this run to write there, or give the port another path, and run again.",
    ),
    (
        r"timed? ?out|connection (refused|reset|aborted|closed)|could not resolve|name resolution|unreachable"
        r"|could ?n.t connect|failed to connect|error sending request|dns error|server closed",
        (errno.ECONNREFUSED, errno.ECONNRESET, errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH),
        "Run again when it can be reached; if the error persists, correct the address in data-product.yaml.",
    ),
    (
        r"conflict|commit failed|commitfailed|concurrent|locked|another run",
        (errno.EAGAIN, errno.EBUSY),
        "Run again when the other writer has ended.",
    ),
    (
        r"file name too long|not a directory|is a directory|no such file|file exists|os error (2|17|20|21|36)\b",
        (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ENOENT, errno.EEXIST),
        "Correct the path of the port in data-product.yaml, and run again.",
    ),
)
"""Causes of storages' errors: words in the message or system error numbers, and the fix."""
OTHER = (
    "Run again; if it fails again, it is an error in the port's code, not in the data: report it to the platform team"
    " with the message."
)
LONGEST = 400


def _failed(port: Capability, step: str, error: Exception) -> UnreadableInput:
    """Return the error of a port, in one paragraph, with the fix."""
    message, kind, fix = str(error).strip() or type(error).__name__, UnreadableInput, ""
    if isinstance(error, UnreadableInput):
        kind, fix = type(error), error.fix
    else:
        # Some libraries append a stack trace of another language.
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
    whole = "Its readers see either the old data set or the new one, complete."
    return kind(
        f"The port {port.name} ({port.uses}) could not be {step}: {message}", fix=f"{fix} {whole}".strip()
    )


def address_registry(product: Product, locations: dict[str, str]) -> str:
    """Return the address registry: where each port is, for the products that read it (see `data-product@1`).

    The agreements that `meshwright access apply` added to the last one stay: a run moves no variant of a role.
    """
    registry = {
        product.address(port.name): {
            "uses": port.uses,
            "location": locations[port.name],
            "version": product.version,
            **_agreements(product, port),
        }
        for port in product.outputs
    }
    return yaml.safe_dump(registry, sort_keys=False)


def _agreements(product: Product, port: Capability) -> dict[str, Any]:
    """Return `agreements` of a port as the last registry has them; nothing if it has none, or served another kind of port."""
    try:
        last = yaml.safe_load((product.build / "addresses.yaml").read_text("utf-8"))
        entry = last[product.address(port.name)]
        return {"agreements": entry["agreements"]} if entry["uses"] == port.uses else {}
    except (OSError, ValueError, LookupError, TypeError, yaml.YAMLError):
        return {}
