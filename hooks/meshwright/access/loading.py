"""What a command is about: the product as it is committed, the decisions on it, and its output ports."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import click

from meshwright.access.access_decisions import AccessDecisions, decide, named_in_agreements
from meshwright.access.approval import (
    AssumedReviews,
    ForgeReviews,
    RecordedReviews,
    ReviewSource,
    reviews_now,
)
from meshwright.access.directory import Snapshot, read
from meshwright.access.grants import Port
from meshwright.access.last_readable import decide_readable
from meshwright.access.orphans import orphans_of
from meshwright.access.output_ports import variables
from meshwright.access.product_access import ProductAccess, load
from meshwright.access.review_fallback import anchored_records, closed_ports, recorded_reviews
from meshwright.access.run import Run
from meshwright.core.console import stop
from meshwright.core.errors import Error
from meshwright.core.forge import TOKEN, ForgeUnavailable
from meshwright.core.git_history import HistoryError
from meshwright.core.text import printable
from meshwright.core.yaml import Unreadable
from meshwright.product.files import CONTRACT, SAMPLE_DIRECTORY, SPEC

SPECS = 10
"""In how many versions of the spec ports with audit records are looked for."""


def product_at(
    root: Path, replaced: bool = True, commit: str = "HEAD", source: ReviewSource | None = None
) -> ProductAccess:
    """Return the product in a repository. Raises Unreadable, HistoryError, ForgeUnavailable.

    `replaced`: with the variables of its ports. `source`: where approvals by review are read; None: on the forge.
    """
    target = click.get_current_context().meta.get("meshwright.environment", "")
    environment = variables() if replaced else None
    return load(root, commit, environment=environment, target=target, source=source or _forge_reviews(root))


def decisions_at(
    root: Path,
    directory: str | None,
    at: datetime | None,
    also: tuple[str, ...] = (),
    last_readable: bool = False,
) -> AccessDecisions:
    """Return the decisions on what is committed. `also`: principals that are asked for, whoever names them.

    Without a directory nothing is asked, the forge neither. `last_readable`: while the product cannot be read, its last readable version
    counts, and nobody new is let in. Raises Unreadable, HistoryError, Refused, and ForgeUnavailable where no earlier run
    recorded reviews.
    """
    now = at.replace(tzinfo=UTC) if at else datetime.now(UTC)

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

    def decisions_by(source: ReviewSource) -> AccessDecisions:
        def load_product(root: Path, commit: str = "HEAD") -> ProductAccess:
            return product_at(root, replaced=directory is not None, commit=commit, source=source)

        if last_readable:
            return decide_readable(root, load_product, snapshot_of, now)
        product = load_product(root)
        return decide(product, snapshot_of(product), now)

    try:
        decisions = decisions_by(_forge_reviews(root) if directory else AssumedReviews())
    except ForgeUnavailable as away:
        decisions = _without_forge(root, away, now, decisions_by)
    product = decisions.product
    if not directory and reviews_now(product.history):
        click.echo("The forge is not asked: what is merged counts as approved by review.", err=True)
    edited = product.history.uncommitted(["access", SPEC, CONTRACT])
    if dirty := [path for path in edited if path != SAMPLE_DIRECTORY]:
        click.echo(f"Not committed, and so ignored: {', '.join(dirty)}", err=True)
    return decisions


def _without_forge(
    root: Path, away: ForgeUnavailable, now: datetime, decisions_by: Callable[[ReviewSource], AccessDecisions]
) -> AccessDecisions:
    """Return the decisions by the reviews that earlier runs recorded. Raises ForgeUnavailable where there are none."""
    ports, records = _recorded(root, now)
    if not records:
        raise away
    decisions = decisions_by(recorded_reviews(records))
    product = decisions.product
    problem = f"{away} So nothing new is granted, and approvals by review count as the last run recorded them. {away.fix}"
    closed = closed_ports(product.ports, ports, records, away)
    return replace(
        decisions,
        product=replace(product, problems=(*product.problems, problem), closed_ports=closed),
    )


def _recorded(root: Path, now: datetime) -> tuple[Sequence[Port], Mapping[str, Mapping[str, Any]]]:
    """Return the ports of the newest version of the spec that have anchored audit records, and their newest records.

    A version whose ports have none may have moved them without authority.
    """
    history = product_at(root, source=AssumedReviews()).history
    versions = [commit for commit in history.touched(SPEC) if history.continues(commit)]
    for commit in reversed(versions[-SPECS:]):
        try:
            committed = product_at(root, commit=commit, source=AssumedReviews())
        except Unreadable:
            continue
        if records := anchored_records(committed, now):
            return committed.ports, records
    return (), {}


def _forge_reviews(root: Path) -> ForgeReviews:
    def records() -> RecordedReviews:
        return recorded_reviews(_recorded(root, datetime.now(UTC))[1])

    return ForgeReviews(os.environ.get(TOKEN, ""), records)


def with_orphans(done: Run, directory: str, ports: Sequence[Port]) -> Run:
    """Return a run with a note for each reader of earlier runs whom the directory no longer has. Raises Unreadable."""

    def ask(principals: set[str]) -> Snapshot:
        return read(directory, (), principals=principals)

    gone = orphans_of(ports, done.decisions.directory, ask)
    return replace(done, notes=(*done.notes, *(orphan.sentence for orphan in gone)))


def decisions_before(root: Path, at: datetime | None, commit: str) -> AccessDecisions | None:
    """Return the decisions at another commit, to compare with; None, with a line on stderr, where it cannot be read."""
    try:
        return decide(
            load(root, commit, source=AssumedReviews()),
            None,
            at.replace(tzinfo=UTC) if at else datetime.now(UTC),
        )
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
