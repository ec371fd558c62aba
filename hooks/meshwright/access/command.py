"""The `access` verb's commands."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from meshwright.core.console import Verbs, stop
from meshwright.core.files import write
from meshwright.product.files import CONTRACT, SAMPLE_DIRECTORY, SPEC

if TYPE_CHECKING:
    from meshwright.access.grants import Port
    from meshwright.access.product import Product
    from meshwright.access.resolve import Decided

COMMAND = TypeVar("COMMAND", bound=Callable[..., Any])


@click.group(cls=Verbs, extra="access")
def access() -> None:
    """Who may read a data product: asks, plans, grants on real storage, and proves it.

    Decides on what is committed, not on what lies in the work tree. Exit codes: 0 all is as it should be; 1 somebody
    can read what they should not, or cannot what they should, or an administrator has to do something; 2 the product
    or the directory cannot be read.
    """


PRODUCT = click.option(
    "--product", "root", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path(), show_default="here", help="The product's repository."
)  # fmt: skip


def _target(context: click.Context, _: click.Parameter, name: str | None) -> None:
    context.meta["meshwright.environment"] = name or ""


ENVIRONMENT = click.option(
    "--environment", envvar="PIPELINE_ENVIRONMENT", metavar="NAME", callback=_target, expose_value=False, help="The ports as they are in one of the spec's environments (or PIPELINE_ENVIRONMENT)."
)  # fmt: skip
DIRECTORY = click.option(
    "--directory", envvar="MESHWRIGHT_DIRECTORY", metavar="FILE", help=f"The corporate directory, or how to ask it (or MESHWRIGHT_DIRECTORY); to look on, {SAMPLE_DIRECTORY} will do."
)  # fmt: skip
PORTS = click.option(
    "--port", "names", multiple=True, metavar="NAME", help="Only this output port (repeatable)."
)
FORMAT = click.option(
    "--format", "form", type=click.Choice(["human", "json", "markdown"]), default="human", show_default=True
)
AT = click.option(
    "--at", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"]), help="At another moment than now (UTC)."
)


def _options(*options: Callable[[COMMAND], COMMAND]) -> Callable[[COMMAND], COMMAND]:
    def decorate(command: COMMAND) -> COMMAND:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@access.command()
@click.argument("agreement")
@click.option("--role", required=True, help="A role of access/policy.yaml.")
@click.option(
    "--principal",
    "principals",
    multiple=True,
    required=True,
    metavar="group:NAME|id:ID",
    help="Who will read (repeatable).",
)
@click.option("--for", "purpose", required=True, metavar="TEXT", help="What for.")
@click.option("--purpose", "code", metavar="NAME", help="One of the role's purposes, where it has any.")
@click.option(
    "--until", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The day on which access ends."
)
@click.option(
    "--from",
    "start",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day on which it begins; today, if none is given.",
)
@click.option("--team", required=True, help="The consumer's team.")
@click.option("--requester", required=True, metavar="E-MAIL", help="Who asks.")
@click.option("--output", "port", metavar="NAME", help="The output port; all of them, if none is given.")
@_options(PRODUCT)
def request(root: Path, **options: Any) -> None:
    """Writes access/agreements/AGREEMENT.yaml, a request to read this product, for a pull request."""
    from meshwright.access import ask

    click.echo(ask.request(root, **options))


@access.command()
@click.argument("agreement")
@_options(PRODUCT)
def approve(root: Path, agreement: str) -> None:
    """Sets an agreement's status to `approved`, and tells how to sign: the signature is what counts."""
    from meshwright.access import ask

    click.echo(ask.approve(root, agreement))


@access.command()
@_options(PRODUCT, ENVIRONMENT, DIRECTORY, PORTS, AT, FORMAT)
@click.option(
    "--against",
    metavar="COMMIT",
    help="What this commit would change against another one; asks neither storage nor directory.",
)
def plan(
    root: Path,
    directory: str | None,
    names: tuple[str, ...],
    at: datetime | None,
    form: str,
    against: str | None,
) -> None:
    """What would be granted and revoked on each output port, and by which agreement. Changes nothing."""
    from meshwright.access import compare, run

    if against:
        _report(compare.against(_base(root, at, against), _decided(root, None, at)), form)
    decided = _decided(root, directory or _sample(root), at)
    _report(run.plan(decided, _ports(decided.product, names)), form)


@access.command()
@_options(PRODUCT, ENVIRONMENT, DIRECTORY, PORTS, FORMAT)
@click.option(
    "--confirm",
    "confirmed",
    multiple=True,
    metavar="TOKEN",
    help="Goes on in spite of one alarm (repeatable).",
)
def apply(
    root: Path, directory: str | None, names: tuple[str, ...], form: str, confirmed: tuple[str, ...]
) -> None:
    """Grants and revokes, all or nothing on each port, and proves that nobody else can read."""
    from meshwright.access import run

    decided = _decided(root, directory or _no_directory(), None)
    _report(run.apply(decided, _ports(decided.product, names), confirmed), form)


@access.command()
@_options(PRODUCT, ENVIRONMENT, DIRECTORY, PORTS, FORMAT)
def verify(root: Path, directory: str | None, names: tuple[str, ...], form: str) -> None:
    """Whether everybody can read what they should, and nothing else, as the storage itself tells. Changes nothing."""
    from meshwright.access import run

    decided = _decided(root, directory or _no_directory(), None)
    _report(run.verify(decided, _ports(decided.product, names)), form)


@access.command()
@click.argument("principal")
@click.argument("column")
@_options(PRODUCT, ENVIRONMENT, DIRECTORY, AT, FORMAT)
def explain(
    principal: str, column: str, root: Path, directory: str | None, at: datetime | None, form: str
) -> None:
    """Why PRINCIPAL (as the directory calls them) sees COLUMN, or why not. Exit code 1 if they see nothing of it."""
    import json

    from meshwright.access import report

    decided = _decided(root, directory or _sample(root), at, also=(principal,))
    who = decided.asked.principals.get(principal)
    if who is None:
        stop(
            f"The directory does not know {principal}: they see nothing.",
            "Write it as the directory does.",
            code=1,
        )
    what = next((entry for entry in decided.product.columns if entry.name == column), None)
    if what is None:
        known = ", ".join(entry.name for entry in decided.product.columns)
        stop(f"The contract has no column {column}.", f"It has {known}.")
    found = report.explained(decided, who, what)
    click.echo(json.dumps(found, indent=2) if form == "json" else report.explanation(found))
    sys.exit(0 if found["sees"] != "nothing" else 1)


@access.command()
@click.option("--logins", is_flag=True, help="Also the logins of everybody who reads.")
@_options(PRODUCT, ENVIRONMENT, DIRECTORY, PORTS)
def bootstrap(logins: bool, root: Path, directory: str | None, names: tuple[str, ...]) -> None:
    """The SQL that an administrator of the database runs once for this product, and again for a new role."""
    from meshwright.access.targets import postgres

    product = _product(root)
    decided = _decided(root, directory or _sample(root), None) if logins else None
    for port in _ports(product, names):
        if port.uses != "postgres@1":
            continue
        members = decided.desired(port).members if decided else ()
        people = sorted({member.principal.login("postgres") for member in members})
        click.echo(
            postgres.bootstrap(postgres.schema(port, product.dataset), list(product.roles), people), nl=False
        )


@access.command()
@click.argument("engine")
@click.option(
    "--table", required=True, metavar="CATALOG.SCHEMA.TABLE", help="What the data set is called there."
)
@click.option(
    "--to",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the files go.",
)
@_options(PRODUCT, ENVIRONMENT, DIRECTORY, PORTS, AT)
def export(
    engine: str,
    table: str,
    folder: Path,
    root: Path,
    directory: str | None,
    names: tuple[str, ...],
    at: datetime | None,
) -> None:
    """The same decision for another ENGINE: trino (an OPA bundle), snowflake, unity-catalog, lake-formation."""
    from meshwright.access.exports import EXPORTS
    from meshwright.access.grants import Refused

    if engine not in EXPORTS:
        raise click.BadParameter(
            f"there is no {engine}; there are {', '.join(EXPORTS)}.", param_hint="ENGINE"
        )
    decided = _decided(root, directory or _sample(root), at)
    ports = _ports(decided.product, names)
    if len(ports) != 1:
        stop(
            "The product has several output ports, and each can have readers of its own.",
            "Name one with --port.",
        )
    try:
        files = EXPORTS[engine](decided.desired(ports[0]), table)
        _refuse_others(folder, files)
    except Refused as refused:
        stop(str(refused), refused.fix, code=1)
    for name, text in files.items():
        file = folder / name
        write(file, text, parents=True)
        click.echo(f"wrote {file}")


def _refuse_others(folder: Path, files: dict[str, str]) -> None:
    """Many products share a folder; none takes over what another one wrote there. Raises Refused."""
    import json

    from meshwright.access.grants import Refused

    for name, text in files.items():
        if name.endswith("data.json") and (folder / name).exists():
            was, will = json.loads((folder / name).read_text("utf-8")), json.loads(text)
            if was.get("product") != will.get("product"):
                raise Refused(
                    f"{folder / name} is {was.get('product')}'s, not {will.get('product')}'s.",
                    "Name your own table with --table, or remove that file if its product has gone.",
                )


def _base(root: Path, at: datetime | None, commit: str) -> Decided | None:
    """What to compare with; None where nobody could be let in at that commit."""
    from meshwright.access.product import load
    from meshwright.access.resolve import decide
    from meshwright.core.errors import Error
    from meshwright.core.git_history import HistoryError
    from meshwright.core.text import printable

    try:
        return decide(load(root, commit), None, at.replace(tzinfo=UTC) if at else datetime.now(UTC))
    except HistoryError:
        raise
    except Error as error:
        click.echo(printable(f"Compared with nothing, because {commit} cannot be read: {error}"), err=True)
        return None


def _product(root: Path, replaced: bool = True) -> Product:
    from meshwright.access.product import load, variables

    target = click.get_current_context().meta.get("meshwright.environment", "")
    return load(root, environment=variables() if replaced else None, target=target)


def _decided(root: Path, directory: str | None, at: datetime | None, also: tuple[str, ...] = ()) -> Decided:
    """Decides on what is committed; `also`: principals that are asked for, whoever names them."""
    from meshwright.access.directory import read
    from meshwright.access.resolve import decide, named
    from meshwright.core.yaml import Unreadable

    product = _product(root, replaced=directory is not None)
    now = at.replace(tzinfo=UTC) if at else datetime.now(UTC)
    try:
        snapshot = directory and read(
            directory,
            named(product, "group"),
            everybody=product.mode == "open",
            principals={*named(product, "id"), *also},
        )
        decided = decide(product, snapshot or None, now)
    except Unreadable as error:
        raise error.of(directory) from error
    edited = product.history.uncommitted(["access", SPEC, CONTRACT])
    if dirty := [path for path in edited if path != SAMPLE_DIRECTORY]:
        click.echo(f"Not committed, and so not looked at: {', '.join(dirty)}", err=True)
    return decided


def _ports(product: Product, names: tuple[str, ...]) -> list[Port]:
    known = [port.name for port in product.ports]
    if unknown := [name for name in names if name not in known]:
        stop(f"The product has no output port {unknown[0]}.", f"It has {', '.join(known)}.")
    return [port for port in product.ports if not names or port.name in names]


def _sample(root: Path) -> str:
    return str(root / SAMPLE_DIRECTORY) if (root / SAMPLE_DIRECTORY).is_file() else _no_directory()


def _no_directory() -> NoReturn:
    stop(
        "It is not said which directory knows the people and the groups.",
        f"Name it with --directory, or in MESHWRIGHT_DIRECTORY (to try it out: {SAMPLE_DIRECTORY}).",
    )


def _report(done: Any, form: str) -> None:
    from meshwright.access.report import FORMATS

    click.echo(FORMATS[form](done))
    sys.exit(0 if done.well else 1)
