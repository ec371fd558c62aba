"""The `export` verb's commands."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from meshwright.product.record import Record


@click.group()
def export() -> None:
    """Writes a product in the formats that others exchange.

    Exit codes: 0 done; 1 the product breaks a promise, so there is nothing to exchange; 2 wrong usage or unreadable
    input.
    """


PRODUCT = click.argument(
    "product", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path()
)
OUTPUT = click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file; standard output if none is given.",
)


@export.command()
@PRODUCT
@OUTPUT
def odps(product: Path, output: Path | None) -> None:
    """Open Data Product Standard 1.1 (Bitol), of PRODUCT (a repository; the current one if none)."""
    from meshwright.export.odps import document, rendered

    _export(product, output, lambda record: rendered(document(record)))


@export.command()
@PRODUCT
@OUTPUT
def dprod(product: Path, output: Path | None) -> None:
    """DPROD in JSON-LD, of PRODUCT (a repository; the current one if none)."""
    from meshwright.export import as_json
    from meshwright.export.dprod import document

    _export(product, output, lambda record: f"{as_json(document(record))}\n")


def _export(product: Path, output: Path | None, rendered: Callable[[Record], str]) -> None:
    from meshwright.check.engine import check
    from meshwright.check.findings import human
    from meshwright.core.text import printable
    from meshwright.mesh.sources import of_repository

    errors = [finding for finding in check([product]) if finding.level == "error"]
    if errors:
        click.echo(printable(human(errors), lines=True), err=True)
        _stop("The product breaks a promise, so it is not exported.", "Mend what is named above.", 1)
    record = of_repository(product)
    if record.problem:
        _stop(printable(record.problem), "Mend the file.")
    text = rendered(record)
    if output is None:
        click.echo(text, nl=False)
        return
    fresh = output.with_name(f".{output.name}.new")
    try:
        fresh.write_text(text, "utf-8")
        os.replace(fresh, output)
    except OSError as error:
        _stop(f"{output} cannot be written: {error.strerror}.", "Name another file with --output.")
    click.echo(f"wrote {output}", err=True)


def _stop(problem: str, mend: str, code: int = 2) -> NoReturn:
    click.echo(f"{problem}\n    mend: {mend}", err=True)
    sys.exit(code)
