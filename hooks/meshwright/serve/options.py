"""Options that several commands of the embedded catalog have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

DATABASE = click.option(
    "--database", envvar="MESHWRIGHT_CATALOG_DATABASE", default="catalog.db", show_default=True, metavar="FILE|URL", help="A file for SQLite, or postgresql://… (if it has a password, set it in MESHWRIGHT_CATALOG_DATABASE, because process lists show options)."
)  # fmt: skip


def shares_option(required: bool = False) -> Callable[[Any], Any]:
    """Return the option that names the file of shared ports."""
    return click.option(
        "--shares",
        required=required,
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Which file ports are shared by Delta Sharing, in the form of an address registry.",
    )
