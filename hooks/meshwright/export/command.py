"""The commands of `meshwright export`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from meshwright.core import files
from meshwright.core.console import Verbs, stop
from meshwright.product.files import SPEC

if TYPE_CHECKING:
    from meshwright.product.record import Record


@click.group(cls=Verbs, extra="mesh")
def export() -> None:
    """Write a product in formats for interchange.

    Exit codes: 0 done; 1 the product breaks a promise, so it is not exported; 2 wrong usage or unreadable
    input.
    """


PRODUCT = click.argument(
    "product", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path()
)
OUTPUT = click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write (default: standard output).",
)


@export.command()
@PRODUCT
@OUTPUT
def odps(product: Path, output: Path | None) -> None:
    """Export PRODUCT (a repository; default: the current one) as Open Data Product Standard 1.1 (Bitol)."""
    from meshwright.export.odps import document, rendered

    _export(product, output, lambda record: rendered(document(record)))


@export.command()
@PRODUCT
@OUTPUT
@click.option(
    "--role", default="", help="The role whose places are the servers (default: the product's own)."
)
@click.option("--port", default="", help="The output port to write servers of (default: all).")
def odcs(product: Path, output: Path | None, role: str, port: str) -> None:
    """Export the contract of PRODUCT (ODCS) with its service levels as slaProperties, and its ports as servers.

    `datacontract test --server PORT` reads them. They hold no credentials.
    """
    from meshwright.export.odcs import document
    from meshwright.export.odps import rendered

    def contract(record: Record) -> str:
        _is_one_of(role, tuple(record.roles), "role", "the product's access policy", "--role")
        _is_one_of(port, tuple(one.name for one in record.outputs), "output port", SPEC, "--port")
        return rendered(document(record, role, port))

    _export(product, output, contract)


def _is_one_of(name: str, known: tuple[str, ...], what: str, where: str, option: str) -> None:
    """End the command with 2 if a name is given that is not known."""
    if name and name not in known:
        listed = f"Give {option} one of: {', '.join(known)}." if known else f"Leave out {option}."
        stop(f"{where} has no {what} {name!r}.", listed)


@export.command()
@PRODUCT
@OUTPUT
def dprod(product: Path, output: Path | None) -> None:
    """Export PRODUCT (a repository; default: the current one) as DPROD in JSON-LD."""
    from meshwright.export import as_json
    from meshwright.export.dprod import document

    _export(product, output, lambda record: f"{as_json(document(record))}\n")


@export.command()
@PRODUCT
@OUTPUT
def kubernetes(product: Path, output: Path | None) -> None:
    """Export what Kustomize needs of PRODUCT (a repository; default: the current one) as a ConfigMap.

    It is the product's infra/kubernetes/values.yaml.
    """
    from meshwright.core.yaml import read
    from meshwright.product.kubernetes_values import CAPABILITY, on_kubernetes, values, values_file

    spec = read(product, SPEC)
    if not on_kubernetes(spec):
        stop(f"{SPEC} has another spec.infrastructure than {CAPABILITY}.", "Nothing is to be exported.", 1)
    named = values(spec)
    if named is None:
        stop(f"{SPEC} breaks the metamodel.", "Fix what `meshwright check` finds in it.", 1)
    _written(output, values_file(named))


def _export(product: Path, output: Path | None, rendered: Callable[[Record], str]) -> None:
    from meshwright.check.engine import check
    from meshwright.check.findings import human
    from meshwright.core.text import printable
    from meshwright.mesh.sources import of_repository

    errors = [finding for finding in check([product]) if finding.level == "error"]
    if errors:
        click.echo(printable(human(errors), lines=True), err=True)
        stop("The product breaks a promise, so it is not exported.", "Fix the findings above.", 1)
    record = of_repository(product)
    if record.problem:
        stop(record.problem, "Fix the file.")
    _written(output, rendered(record))


def _written(output: Path | None, text: str) -> None:
    if output is None:
        click.echo(text, nl=False)
        return
    files.write(output, text, "Give another file with --output.")
    click.echo(f"wrote {output}", err=True)
