"""What a command is about: the product as it is committed, the decisions on it, and its output ports."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import click

from meshwright.access.access_decisions import AccessDecisions, decide, named_in_agreements
from meshwright.access.directory import Snapshot, read
from meshwright.access.grants import Port
from meshwright.access.last_readable import decide_readable
from meshwright.access.output_ports import variables
from meshwright.access.product_access import ProductAccess, load
from meshwright.core.console import stop
from meshwright.core.errors import Error
from meshwright.core.git_history import HistoryError
from meshwright.core.text import printable
from meshwright.core.yaml import Unreadable
from meshwright.product.files import CONTRACT, SAMPLE_DIRECTORY, SPEC


def product_at(root: Path, replaced: bool = True, commit: str = "HEAD") -> ProductAccess:
    """Return the product in a repository. `replaced`: with the variables of its ports. Raises Unreadable, HistoryError."""
    target = click.get_current_context().meta.get("meshwright.environment", "")
    return load(root, commit, environment=variables() if replaced else None, target=target)


def decisions_at(
    root: Path,
    directory: str | None,
    at: datetime | None,
    also: tuple[str, ...] = (),
    last_readable: bool = False,
) -> AccessDecisions:
    """Return the decisions on what is committed. `also`: principals that are asked for, whoever names them.

    Without a directory nothing is asked. `last_readable`: while the product cannot be read, its last readable version
    counts, and nobody new is let in. Raises Unreadable, HistoryError, Refused.
    """
    now = at.replace(tzinfo=UTC) if at else datetime.now(UTC)

    def load_product(root: Path, commit: str = "HEAD") -> ProductAccess:
        return product_at(root, replaced=directory is not None, commit=commit)

    def snapshot_of(product: ProductAccess) -> Snapshot | None:
        if not directory:
            return None
        try:
            return read(
                directory,
                named_in_agreements(product, "group"),
                everybody=product.mode == "open",
                principals={*named_in_agreements(product, "id"), *also},
            )
        except Unreadable as error:
            raise error.of(directory) from error

    if last_readable:
        decisions = decide_readable(root, load_product, snapshot_of, now)
    else:
        product = load_product(root)
        decisions = decide(product, snapshot_of(product), now)
    product = decisions.product
    edited = product.history.uncommitted(["access", SPEC, CONTRACT])
    if dirty := [path for path in edited if path != SAMPLE_DIRECTORY]:
        click.echo(f"Not committed, and so ignored: {', '.join(dirty)}", err=True)
    return decisions


def decisions_before(root: Path, at: datetime | None, commit: str) -> AccessDecisions | None:
    """Return the decisions at another commit, to compare with; None, with a line on stderr, where it cannot be read."""
    try:
        return decide(load(root, commit), None, at.replace(tzinfo=UTC) if at else datetime.now(UTC))
    except HistoryError:
        raise
    except Error as error:
        click.echo(printable(f"Compared with nothing, because {commit} cannot be read: {error}"), err=True)
        return None


def chosen_ports(product: ProductAccess, names: tuple[str, ...]) -> list[Port]:
    """Return the output ports with these names; all of them if there are none."""
    existing = [port.name for port in product.ports]
    if unknown := [name for name in names if name not in existing]:
        stop(f"The product has no output port {unknown[0]}.", f"It has {', '.join(existing)}.")
    return [port for port in product.ports if not names or port.name in names]


def sample_directory(root: Path) -> str:
    """Return the path of the sample directory; without one, stop."""
    return str(root / SAMPLE_DIRECTORY) if (root / SAMPLE_DIRECTORY).is_file() else no_directory()


def no_directory() -> NoReturn:
    stop(
        "No directory is named that has the people and the groups.",
        f"Name it with --directory, or in MESHWRIGHT_DIRECTORY (to try it out: {SAMPLE_DIRECTORY}).",
    )
