"""The command `meshwright draft`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from meshwright.core.console import Verb
from meshwright.core.errors import Error

if TYPE_CHECKING:
    from meshwright.draft.missing import Missing
    from meshwright.draft.record import Record
    from meshwright.draft.run import Drafted
    from meshwright.inspection.model import Source

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


@click.command(cls=Verb, extra="draft")
@click.argument("product", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--from",
    "given",
    metavar="NAME=SOURCE",
    multiple=True,
    help="An input's name, and its data: a file, a glob, a URL, a database's table, a product's port, a contract, a dbt "
    "project. Can be repeated; without it, the sources of the last draft.",
)
@click.option("--dry-run", is_flag=True, help="Print what would be written, and write nothing.")
@click.option(
    "--sample-rows",
    type=click.IntRange(1, 10_000),
    help="Rows of an input in the sample. Without it, 200, or all of an input that has at most 300.",
)
@click.option(
    "--accept",
    metavar="ID",
    multiple=True,
    help="Accept a proposal: an id, a kind such as `description`, or a pattern of ids. Can be repeated.",
)
@click.option(
    "--apply",
    "selected",
    metavar="ID",
    multiple=True,
    help="Apply a change at the sources since the last draft: an id, a kind such as `values`, or `all`. Can be repeated.",
)
def draft(
    product: Path,
    given: Sequence[str],
    dry_run: bool,
    sample_rows: int | None,
    accept: Sequence[str],
    selected: Sequence[str],
) -> None:
    """Draft PRODUCT (a repository; default: the current one) from data that is there already: inputs, contract, models,
    tests and a sample without personal data. What only a person can know is marked as a proposal.

    A second draft prints what has changed at the sources since, and applies it only where it is asked to."""
    if accept:
        if given or selected or dry_run or sample_rows:
            raise Error("--accept stands alone.", "Draft first, then accept what is right.")
        _accept(product, accept)
        return
    from meshwright.draft.atomic import recover
    from meshwright.draft.missing import missing, own_inputs
    from meshwright.draft.record import recorded, unstored_passwords
    from meshwright.draft.run import load, of_another_kind, prepare, unignored, without_empty, write

    if recover(product):
        click.echo("A draft that was interrupted has been undone.")
    spec = load(product)
    old = recorded(product)
    if not given and not (old and old.sources):
        raise Error("No source is named.", f"Name one: {_ours()} draft --from orders=../data/orders.csv")
    opened = _opened(product, given) if given or not old else _opened_again(product, old)
    opened, empty = without_empty(opened)
    own = own_inputs(spec, old)
    if there := sorted(own.keys() & opened.keys()):
        if selected:
            raise Error(f"{', '.join(there)}: no draft wrote these inputs.", "Leave out --apply.")
        found = missing(product, own, opened, sample_rows)
        found.notes.extend(empty)
        _add(product, found, opened, dry_run)
        return
    if old and {*old.sources} == {*opened}:
        others = of_another_kind(spec, opened, old)
        if not others:
            _compare(product, opened, sample_rows, selected, dry_run)
            return
        if selected:
            raise Error(
                f"{', '.join(others)}: the source is of another kind than that of the last draft.",
                "Leave out --apply: this needs a new draft, which replaces the inputs, the models and the contract.",
            )
    if selected:
        raise Error("Nothing has been drafted from these sources yet.", "Leave out --apply.")
    drafted = prepare(product, opened, sample_rows)
    passwords = unstored_passwords(where for where, _ in opened.values())
    drafted.plan.notes.extend([*empty, *unignored(product, opened), *passwords])
    if not dry_run:
        write(product, drafted)
    _report(product, drafted, dry_run)


def _opened(product: Path, texts: Sequence[str]) -> dict[str, tuple[str, Source]]:
    """Return the sources by the names of their inputs, with the text that names each. Raises Error."""
    from meshwright.inspection.sources import open_source

    opened: dict[str, tuple[str, Source]] = {}
    for text in texts:
        name, _, where = text.partition("=")
        if not NAME.fullmatch(name) or len(name) > 63 or not where:
            raise Error(
                f"{text!r} is not NAME=SOURCE.",
                "Write a name of small letters, digits and single underscores, and its data: --from orders=../data/orders.csv",
            )
        for source in open_source(name, where, product.resolve()):
            if source.name in opened:
                raise Error(f"Two sources have the name {source.name}.", "Give each one a name of its own.")
            opened[source.name] = (where, source)
    return opened


def _opened_again(product: Path, old: Record) -> dict[str, tuple[str, Source]]:
    """Return the sources of the last draft by the names of their inputs. Raises Error."""
    from meshwright.inspection.sources import open_source

    opened: dict[str, tuple[str, Source]] = {}
    for name, known in old.sources.items():
        if name in opened:
            continue
        where = str(known["from"])
        same = {one for one, source in old.sources.items() if source["from"] == where}
        found = {source.name: source for source in open_source(name, where, product.resolve())}
        if name not in found:
            raise Error(f"{where} has no data for the input {name} any more.", f"Name the sources of all inputs: {_ours()} draft --from {name}=SOURCE")  # fmt: skip
        opened |= {one: (where, source) for one, source in found.items() if one in same}
    return {name: opened[name] for name in old.sources}


def _add(product: Path, found: Missing, opened: Mapping[str, tuple[str, Source]], dry_run: bool) -> None:
    """Write what inputs that the product has already lack: samples, and types of columns."""
    from meshwright.core.text import printable
    from meshwright.draft.atomic import replace_all
    from meshwright.draft.missing import lines
    from meshwright.draft.run import refuse_broken, unignored

    refuse_broken(product, found.files)
    found.notes.extend(unignored(product, opened))
    if not dry_run:
        replace_all(product, found.files)
    for line in lines(found, dry_run):
        click.echo(printable(line))


def _ours() -> str:
    """Return the command as it was called."""
    from meshwright.core.install import is_temporary
    from meshwright.product.files import COMMAND

    return COMMAND if is_temporary() else "meshwright"


def _there(product: Path) -> str:
    """Return what a printed command begins with, so that it runs in the product."""
    return "" if product.resolve() == Path.cwd() else f"cd {shlex.quote(str(product))} && "


def _compare(
    product: Path,
    opened: Mapping[str, tuple[str, Source]],
    sample_rows: int | None,
    selected: Sequence[str],
    dry_run: bool,
) -> None:
    """Print what has changed since the last draft, and apply what is chosen of it."""
    from meshwright.core.text import printable
    from meshwright.draft.compare import chosen
    from meshwright.draft.record import without_password
    from meshwright.draft.run import apply, compare, remember

    found = compare(product, opened, sample_rows)
    for name in [] if dry_run else remember(product, opened):
        click.echo(f"moved   {name}: the next draft reads {printable(without_password(opened[name][0]))}")
    written, notes = apply(product, found, selected, dry_run) if selected else ([], [])
    taken = chosen(found.changes, selected, found.old)
    for one in sorted(found.changes, key=lambda one: one not in taken):
        state = f"{'applied' if one in taken else 'left':8}" if selected else ""
        click.echo(f"{state}{one.id:40} {printable(one.sentence)}")
    if not found.changes:
        click.echo("Nothing that the draft knows has changed at the sources.")
    elif not selected:
        click.echo(
            f"\nNothing was written. To apply: {_there(product)}{_ours()} draft --apply ID, a kind (new, gone, type, values, …) or all"
        )
    if selected:
        for path in written:
            click.echo(f"write   {path}")
        for note in notes:
            click.echo(f"note    {printable(note)}")
        if dry_run:
            click.echo("\nNothing was written.")
        elif written:
            click.echo(f"\nNext:\n  {_there(product)}uv run python -m pipeline\n  {_ours()} check")


def _accept(product: Path, selectors: Sequence[str]) -> None:
    from meshwright.draft.accept import accept

    accepted, left = accept(product, selectors)
    for one in accepted:
        click.echo(f"accepted {one.id}")
    click.echo(f"{len(left)} open decisions are left." if left else "No decision is open.")


def _report(product: Path, drafted: Drafted, dry_run: bool) -> None:
    """Print what was written, or all of it for a dry run; no value of a column that is proposed as personal is in it."""
    from meshwright.core.text import printable
    from meshwright.draft.contract import conclusion

    for path, content in sorted(drafted.changes.items()):
        verb = "remove" if content is None else "change" if (product / path).exists() and dry_run else "write"
        click.echo(f"{verb:8}  {path}")
        if dry_run and content is not None and not path.startswith("sample_data/"):
            for line in content.decode("utf-8").splitlines():
                click.echo(f"          {printable(line, lines=True)}")
    data = drafted.plan.data
    rows = " · ".join(f"{name} {count:,} rows" for name, count in drafted.plan.rows.items())
    click.echo(f"\nsample    {rows}")
    for link in data.joins:
        click.echo(
            f"join      {link.child} to {link.parent} by {', '.join(link.columns)}: {printable(link.reason)}"
        )
    for column in data.columns:
        if column.field.kind:
            click.echo(f"personal  {column.name}: {printable(conclusion(column.field, drafted.plan.level))}")
    for note in drafted.plan.notes:
        click.echo(f"note      {printable(note)}")
    if dry_run:
        click.echo("\nNothing was written.")
        return
    ours = _ours()
    click.echo(
        f"\nNext:\n  {_there(product)}uv run python -m pipeline\n  {ours} check\n  {ours} draft --accept '*'\n"
        "The check lists what is proposed, with its ids; `*` accepts all of it."
    )
