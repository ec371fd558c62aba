"""Stage 4: the verified file goes to every output port."""

from __future__ import annotations

import contextlib

import yaml

from pipeline.dataset import Dataset
from pipeline.errors import UnreadableInput
from pipeline.spec import Product


def publish(product: Product, dataset: Dataset) -> dict[str, str]:
    """Publishes to every port; returns the location of each.

    Each port makes ready first and commits after, and all are ready before the first commits: a run
    that dies in between leaves every port as it was, or serving the new version.
    """
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
                    mend = "Make room for it, or mend its path or its permissions, and run again;"
                    raise UnreadableInput(
                        f"The port {port.name} could not be {step}: {error}",
                        mend=getattr(error, "mend", "") or f"{mend} its readers see no half of it.",
                    ) from error
    return {port.name: module.location(port, product) for port, module in ports}


def address_book(product: Product, locations: dict[str, str]) -> str:
    """Where each port lies, for the products that read them (see `data-product@1`)."""
    book = {
        product.address(port.name): {
            "uses": port.uses,
            "location": locations[port.name],
            "version": product.version,
        }
        for port in product.outputs
    }
    return yaml.safe_dump(book, sort_keys=False)
